//! `/` and the web app's files, which crate `web` embeds. The document sets the session cookie that tells
//! the page in a browser from a program that calls the API.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// Files whose names hold a hash of what is in them never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Everything that no other route takes: the page, its files, or a 404.
pub(crate) async fn handler(State(state): State<ApiState>, request: Request) -> Result<Response, Problem> {
    let path = request.uri().path();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::new(Kind::NotFound, "there is nothing here that takes this method"));
    }
    let name = match path {
        "/" => "index.html",
        path => path.strip_prefix('/').unwrap_or(path),
    };
    let Some(asset) = wayside_web::asset(name) else {
        return Err(Problem::field(
            Kind::NotFound,
            "path",
            path,
            "the page / or a route of /api/openapi.json",
        ));
    };
    if name == "index.html" {
        return document(&state, &request, asset);
    }
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    let keep = if asset.immutable { FOREVER } else { HeaderValue::from_static("no-cache") };
    headers.insert(header::CACHE_CONTROL, keep);
    Ok(response)
}

/// The page itself, with a session unless the browser has one already.
fn document(state: &ApiState, request: &Request, asset: wayside_web::Asset) -> Result<Response, Problem> {
    let cookie = state.sessions.open(request.headers()).map_err(|error| Problem::internal(&error))?;
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
