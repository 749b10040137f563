//! Posting a file: over HTTP or HTTPS, with a bearer token if there is one. Redirects are not followed, so that the token
//! reaches nobody but the address that was configured. Neither token nor query of the address is ever printed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use wayside_config::Secret;

/// A receiver that takes longer than this has failed.
const LONGEST: Duration = Duration::from_secs(300);
const CONNECT: Duration = Duration::from_secs(15);

/// What is sent along with a file.
pub(super) struct Post {
    pub(super) url: String,
    pub(super) bearer: Option<Secret>,
    /// Authorities to trust instead of the machine's, PEM. Read again for each attempt, so that a mended one is used.
    pub(super) ca_file: Option<PathBuf>,
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
    let ca_file = post.ca_file.as_deref();
    let tls = TlsConfig::builder().root_certs(trusted(ca_file)?).build();
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
        let reason = error.to_string().replace(&post.url, shown);
        // Whichever way the error comes, these are rustls's words.
        let of_certificate = reason.contains("invalid peer certificate");
        let advice = match ca_file {
            _ if !of_certificate => String::new(),
            Some(path) => format!("; the authority that signed it must be in ca_file ({})", path.display()),
            None => {
                "; the authority that signed it must be known to the machine, or named in ca_file".to_owned()
            }
        };
        format!("{shown} can't be reached: {reason}{advice}")
    })?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(format!("{shown} answered {}", status.as_u16())) }
}

/// Those of the machine, so that a city's own certificate authority counts, unless a file names others.
fn trusted(ca_file: Option<&Path>) -> Result<RootCerts, String> {
    let Some(path) = ca_file else { return Ok(RootCerts::PlatformVerifier) };
    let bad = |reason: String| format!("ca_file ({}) {reason}", path.display());
    let pem = std::fs::read(path).map_err(|error| bad(format!("can't be read: {error}")))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        match item.map_err(|error| bad(format!("is no PEM file of certificates: {error}")))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            _ => return Err(bad("holds something that is no certificate".to_owned())),
        }
    }
    if certificates.is_empty() {
        return Err(bad("holds no certificate; PEM of one or more is wanted".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}
