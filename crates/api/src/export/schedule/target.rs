//! Posting a file: over HTTP or HTTPS, with a bearer token if there is one. Redirects are not followed, so that the token
//! reaches nobody but the address that was configured. Neither token nor query of the address is ever printed.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use wayside_config::Secret;

/// A receiver that takes longer than this has failed.
const LONGEST: Duration = Duration::from_secs(300);
const CONNECT: Duration = Duration::from_secs(15);

/// What is sent along with a file.
pub(super) struct Post {
    pub(super) url: String,
    pub(super) bearer: Option<Secret>,
    pub(super) media_type: &'static str,
    pub(super) name: String,
    /// The same for the same period: a receiver that has it already may ignore a repetition.
    pub(super) key: String,
}

/// Posts a file.
///
/// # Errors
/// Why it was not taken, without secrets.
pub(super) async fn post(post: Post, file: PathBuf) -> Result<(), String> {
    let sent = tokio::task::spawn_blocking(move || send(&post, file)).await;
    sent.unwrap_or_else(|error| Err(format!("the request did not end well: {error}")))
}

fn send(post: &Post, file: PathBuf) -> Result<(), String> {
    // Those of the machine, so that a city's own certificate authority counts.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let agent = ureq::Agent::config_builder()
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(LONGEST))
        .tls_config(tls)
        .build()
        .new_agent();
    let body = File::open(file).map_err(|error| format!("the file can't be read: {error}"))?;
    let length = body.metadata().map_err(|error| format!("the file can't be read: {error}"))?.len();
    let mut request = agent
        .post(&post.url)
        .header("content-type", post.media_type)
        .header("content-length", length.to_string())
        .header("content-disposition", format!("attachment; filename=\"{}\"", post.name))
        .header("idempotency-key", format!("\"{}\"", post.key));
    if let Some(bearer) = &post.bearer {
        request = request.header("authorization", format!("Bearer {}", bearer.expose()));
    }
    let shown = post.url.split(['?', '#']).next().unwrap_or_default();
    let response = request.send(body).map_err(|error| {
        // An address in an error may hold a query.
        format!("{shown} can't be reached: {}", error.to_string().replace(&post.url, shown))
    })?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(format!("{shown} answered {}", status.as_u16())) }
}
