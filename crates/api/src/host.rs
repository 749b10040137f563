//! Which names this server answers to. While it listens on loopback only, a request that was addressed to
//! any other name is refused: a foreign site that points its own name at 127.0.0.1 (DNS rebinding) must
//! not read counts through somebody's browser.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// Refuses requests for other names while the server listens on loopback only.
pub(crate) async fn check(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if state.listen.ip().to_canonical().is_loopback() {
        let host = request.headers().get(header::HOST);
        let host = host.map(|h| String::from_utf8_lossy(h.as_bytes()).into_owned()).unwrap_or_default();
        if !is_loopback_name(&host) {
            let accepted = "localhost, 127.0.0.1 or [::1], with or without a port";
            return Problem::field(Kind::WrongHost, "Host", &host, accepted).into_response();
        }
    }
    next.run(request).await
}

/// Whether a `Host` header names this machine's loopback. Any port will do: a tunnel (`ssh -L`) changes
/// it, and the attack that this stops can change the name's address but not the name.
pub(crate) fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if port.is_empty() || port.strip_prefix(':').is_some_and(is_port) => name,
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if is_port(port) => name,
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_goes_by_few_names() {
        for good in ["localhost", "LocalHost:8080", "127.0.0.1:80", "127.0.0.2", "[::1]", "[::1]:8080"] {
            assert!(is_loopback_name(good), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "localhost:",
            "localhost:x",
            "127.0.0.1.nip.io",
            "[::1",
            "[::1]x",
            "10.0.0.1",
            "0.0.0.0:8080",
            "[::]:1",
            "localhost:99999",
            "user@localhost",
            "::1",
        ] {
            assert!(!is_loopback_name(bad), "{bad}");
        }
    }
}
