//! `GET /metrics`: the process's metrics in Prometheus' text format. They hold no counts by class or line
//! (design rule 1.3); each stage keeps to that where it registers its own.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::state::ApiState;

/// The process's metrics
///
/// Prometheus text format. Nothing here is counted by class or line: measurements are read from
/// `/api/v1/measurements`.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses((status = 200, content_type = "text/plain; version=0.0.4", body = String, description = "The metrics"))
)]
pub(crate) async fn handler(State(state): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)()).into_response()
}
