//! `GET /api/openapi.json`: the description of this API. The same text is committed as
//! `docs/reference/openapi.json`.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};

static TEXT: LazyLock<String> = LazyLock::new(crate::openapi_json);

/// This description
///
/// OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "openapi",
    tag = "description",
    responses((status = 200, content_type = "application/json", body = serde_json::Value, description = "The description"))
)]
pub(crate) async fn handler() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
