//! What happens to every request whatever its route: limits, time-outs, caught panics, security headers,
//! the request log and the request metrics. Which names are answered to is `host`'s business, sessions are
//! `session`'s.

use std::any::Any;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// Longest path and query taken, in bytes. Room for a hundred cameras of forty characters.
const URI_MAX_BYTES: usize = 8_192;

/// Largest request body, in bytes. The longest that is read is a tally of a camera's lines.
pub(crate) const BODY_MAX_BYTES: usize = 16 * 1_024;

/// Longest time until an answer begins, for every route.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Scripts, styles, pictures and connections of this server only; no frames, no plugins, no forms.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), display-capture=()",
    ),
];

/// Adds the security headers, and `no-store` unless the answer says how long it may be kept. A route that
/// sets one of them itself (the API's own documentation page does) keeps its own.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses addresses that are too long to be meant.
pub(crate) async fn uri_limit(request: Request, next: Next) -> Response {
    let length = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    if length > URI_MAX_BYTES {
        let detail = format!("path and query are {length} bytes long; accepted: at most {URI_MAX_BYTES}");
        return Problem::new(Kind::UriTooLong, detail).into_response();
    }
    next.run(request).await
}

/// Refuses bodies that say that they are too large. One that says nothing is cut off by the limit of the
/// router as soon as a handler reads it.
pub(crate) async fn body_limit(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    match length {
        Some(length) if length > BODY_MAX_BYTES as u64 => {
            let detail = format!("the body is {length} bytes long; accepted: at most {BODY_MAX_BYTES}");
            Problem::new(Kind::PayloadTooLarge, detail).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Gives up on an answer that does not begin in time. A stream that has begun goes on.
pub(crate) async fn time_out(State(longest): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            Kind::TimedOut,
            format!("no answer within {} s; a shorter range is answered sooner", longest.as_secs_f64()),
        )
        .into_response(),
    }
}

/// Answers for a handler that panicked. What it said goes to the log, not to the caller.
pub(crate) fn caught_panic(cause: Box<dyn Any + Send>) -> Response {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("without a message");
    tracing::error!(panic = text, "a handler panicked");
    Problem::new(Kind::Internal, "Nothing is wrong with the request; the server's log names the cause")
        .into_response()
}

/// Says what the request metrics mean, for `# HELP` in `/metrics`.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!("wayside_http_requests_total", "Requests answered, by route template");
    metrics::describe_histogram!(
        "wayside_http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time until an answer began"
    );
    metrics::describe_gauge!("wayside_http_live_streams", "Streams of live events that are open");
}

/// Counts and times requests by route template, method and status, and logs them at debug. The query is
/// left out of the log, the path stands as its template: neither can then hold anybody's secret.
pub(crate) async fn observe(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = method_name(&request);
    let started = state.clock.monotonic();
    let response = next.run(request).await;
    let took = state.clock.monotonic().saturating_sub(started);
    let status = response.status().as_u16();
    tracing::debug!(method, route, status, took_ms = took.as_millis(), "answered a request");
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("wayside_http_requests_total", &labels).increment(1);
    metrics::histogram!("wayside_http_request_duration_seconds", &labels[..2]).record(took.as_secs_f64());
    response
}

/// The method, from a closed list so that a caller can't make up labels.
fn method_name(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn answer(path: &str) -> (u16, String, HeaderValue) {
        async fn panics() -> &'static str {
            panic!("a secret of the inside")
        }
        async fn hangs() -> &'static str {
            std::future::pending().await
        }
        let router = Router::new()
            .route("/panics", get(panics))
            .route("/hangs", get(hangs))
            .layer(from_fn_with_state(Duration::from_millis(20), time_out))
            .layer(CatchPanicLayer::custom(caught_panic))
            .layer(from_fn(headers));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let (head, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (head.status.as_u16(), body, head.headers[header::X_FRAME_OPTIONS].clone())
    }

    #[tokio::test]
    async fn a_panic_and_a_hang_become_problems() {
        let (status, body, frame) = answer("/panics").await;
        assert_eq!((status, frame.to_str().unwrap()), (500, "DENY"));
        assert!(body.contains("urn:wayside:problem:internal") && !body.contains("secret"), "{body}");
        let (status, body, _) = answer("/hangs").await;
        assert_eq!(status, 504);
        assert!(body.contains("urn:wayside:problem:timed-out") && body.contains("0.02 s"), "{body}");
    }
}
