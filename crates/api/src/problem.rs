//! The one error envelope: RFC 9457 problem details. Every refusal of the API is one of the kinds below;
//! endpoints keep their own error types beside their handlers and turn them into a [`Problem`] here.

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of RFC 9457.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Longest piece of a caller's own input that is repeated in an answer, in characters.
const ECHO_MAX_CHARS: usize = 80;

/// Every kind of refusal, each with its status, its `type` and its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidParameter,
    BrowserOnly,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    PayloadTooLarge,
    UriTooLong,
    WrongHost,
    Internal,
    TooManyStreams,
    DatabaseAway,
    NotReady,
    TimedOut,
}

impl Kind {
    const fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidParameter => {
                (StatusCode::BAD_REQUEST, "invalid-parameter", "A parameter is not acceptable")
            }
            Self::BrowserOnly => (StatusCode::FORBIDDEN, "browser-only", "For the web page only"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Not by this method")
            }
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "not-acceptable", "No such representation"),
            Self::PayloadTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "The request body is too large")
            }
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri-too-long", "The address is too long"),
            Self::WrongHost => {
                (StatusCode::MISDIRECTED_REQUEST, "wrong-host", "This server goes by another name")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke inside Wayside")
            }
            Self::TooManyStreams => {
                (StatusCode::SERVICE_UNAVAILABLE, "too-many-streams", "Too many live streams are open")
            }
            Self::DatabaseAway => {
                (StatusCode::SERVICE_UNAVAILABLE, "database-away", "The database does not answer")
            }
            Self::NotReady => {
                (StatusCode::SERVICE_UNAVAILABLE, "not-ready", "What is counted is not kept safely")
            }
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed-out", "The answer took too long"),
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The query parameter, path segment or header at fault.
    #[schema(example = "bin")]
    pub(crate) field: String,
    /// What was given, cut to 80 characters; null when it is missing.
    #[schema(example = "2m", required)]
    pub(crate) value: Option<String>,
    /// What may be given.
    #[schema(example = "one of: 1m 5m 15m 1h 1d")]
    pub(crate) accepted: String,
}

/// An error, as RFC 9457 problem details (media type `application/problem+json`).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body {
    /// Which kind of problem, as a URN.
    #[serde(rename = "type")]
    #[schema(example = "urn:wayside:problem:invalid-parameter")]
    pub(crate) kind: String,
    /// The kind in words; the same for every problem of this type.
    pub(crate) title: &'static str,
    /// The HTTP status code.
    #[schema(example = 400)]
    pub(crate) status: u16,
    /// What is wrong with this very request, and what to do about it.
    pub(crate) detail: String,
    /// Every field at fault with its value and the accepted range; absent when no field is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
}

/// A refusal on its way to the caller.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
}

impl Problem {
    /// A problem that is no single field's fault.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new() }
    }

    /// A field whose value is not acceptable.
    pub(crate) fn field(kind: Kind, field: &str, value: &str, accepted: impl Display) -> Self {
        Self::fields(kind, vec![FieldError::new(field, Some(value), accepted)])
    }

    /// Several fields at once; `errors` is not empty.
    pub(crate) fn fields(kind: Kind, errors: Vec<FieldError>) -> Self {
        let sentences: Vec<String> = errors.iter().map(FieldError::sentence).collect();
        Self { kind, detail: sentences.join("; "), errors }
    }

    /// Something broke on our side: the cause goes to the log, the caller learns only that it did.
    pub(crate) fn internal(cause: &dyn Display) -> Self {
        tracing::error!(%cause, "a request failed inside");
        Self::new(Kind::Internal, "Nothing is wrong with the request; the server's log names the cause")
    }

    /// Another detail than the one put together from the fields.
    pub(crate) fn saying(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl FieldError {
    pub(crate) fn new(field: &str, value: Option<&str>, accepted: impl Display) -> Self {
        Self { field: field.to_owned(), value: value.map(cut), accepted: accepted.to_string() }
    }

    fn sentence(&self) -> String {
        match &self.value {
            Some(value) => format!("{} is {value:?}; accepted: {}", self.field, self.accepted),
            None => format!("{} is missing; accepted: {}", self.field, self.accepted),
        }
    }
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(ECHO_MAX_CHARS) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.facts();
        let body = Body {
            kind: format!("urn:wayside:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            errors: self.errors,
        };
        // The body holds strings and a number only, so that it always has a JSON form.
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_field_value_and_range() {
        let long = "x".repeat(500);
        let problem = Problem::fields(
            Kind::InvalidParameter,
            vec![
                FieldError::new("bin", Some("2m"), "one of: 1m 5m"),
                FieldError::new("from", Some(&long), "an RFC 3339 time"),
                FieldError::new("to", None, "an RFC 3339 time"),
            ],
        );
        assert!(problem.detail.starts_with(r#"bin is "2m"; accepted: one of: 1m 5m; from is "xxx"#));
        assert!(problem.detail.ends_with("to is missing; accepted: an RFC 3339 time"));
        assert_eq!(problem.errors[1].value.as_ref().unwrap().chars().count(), ECHO_MAX_CHARS + 1);
    }
}
