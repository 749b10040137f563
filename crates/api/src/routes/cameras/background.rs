//! `GET /api/v1/cameras/{id}/background`: the picture that a camera is shown as. `redact` made it free of
//! people and readable plates (design rule 1.5); it is kept in memory only and given to the page only.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::{NoSuchCamera, camera_of_path};
use crate::params::Params;
use crate::problem::{Body, Kind, Problem};
use crate::state::ApiState;

/// Why there is no background to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request does not come from the page.
    #[error(
        "the background view is for the web page in a browser only; open the page, which gets a session \
         of its own"
    )]
    NotThePage,
    /// The camera is not configured.
    #[error(transparent)]
    NoSuchCamera(#[from] NoSuchCamera),
    /// The running median needs more frames.
    #[error("camera {0} has no background yet: it is learnt from the first minutes of frames")]
    NotYet(String),
    /// A parameter is at fault.
    #[error("a parameter is not acceptable")]
    Parameters(Problem),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotThePage => Self::new(Kind::BrowserOnly, detail),
            Error::NoSuchCamera(error) => error.into(),
            Error::NotYet(_) => Self::new(Kind::NotFound, detail),
            Error::Parameters(problem) => problem,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// A camera's background
///
/// The running median of the view, without road users and coarse enough that no plate or face could be
/// read. For browser sessions of the page only.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{id}/background",
    operation_id = "get_background",
    tag = "cameras",
    params(
        ("id" = String, Path, description = "The camera's id", example = "hp-07"),
        ("at" = Option<String>, Query, description = "Ignored; a page may give any value to ask anew"),
    ),
    responses(
        (status = 200, content_type = "image/jpeg", body = Vec<u8>, description = "The newest background"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 403, body = Body, content_type = "application/problem+json", description = "Not the page"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such camera, or no background yet"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut params = Params::parse(query.as_deref());
    params.one("at");
    params.finish().map_err(Error::Parameters)?;
    state.sessions.of(&headers).ok_or(Error::NotThePage)?;
    let spec = camera_of_path(&state, &id)?;
    let jpeg = state.hub.background(&spec.id).ok_or_else(|| Error::NotYet(spec.id.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, jpeg).into_response())
}
