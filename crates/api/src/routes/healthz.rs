//! `GET /healthz`: whether the process answers at all. Whether it can do its work is `/readyz`'s to say.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::ApiState;

/// The process is alive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`: a process that is not answers nothing.
    #[schema(example = "ok")]
    status: &'static str,
    /// The version of the binary.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Is the process alive?
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "operation",
    responses((status = 200, body = Health, description = "It is"))
)]
pub(crate) async fn handler(State(state): State<ApiState>) -> Json<Health> {
    Json(Health { status: "ok", version: state.version })
}
