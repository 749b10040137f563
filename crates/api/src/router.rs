//! The routes, put together, and what is around them. Each route's own code is in `routes`.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Kind, Problem};
use crate::routes::{
    cameras, datex, docs, geojson, healthz, incidents, live, measurements, metrics, openapi, readyz, sta, web,
};
use crate::state::{ApiParts, ApiState};
use crate::{guard, host};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Wayside",
        description = "Traffic measurements of a city's fixed cameras, live and from the store. Only \
                       aggregates leave Wayside: nobody is recognised or followed. Times are UTC (RFC 3339); \
                       bins are aligned to the clock of the site's time zone. Errors are RFC 9457 problem \
                       details; lists are paged by cursor.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "cameras", description = "Cameras and their state"),
        (name = "measurements", description = "Counts in bins"),
        (name = "incidents", description = "Hazards on roads and faults of cameras"),
        (name = "live", description = "What happens right now"),
        (name = "operation", description = "For those who run it"),
        (name = "description", description = "This description"),
    ),
    components(schemas(
        live::Hello, live::CameraEvent, live::MachineEvent, live::BinsEvent, live::IconsEvent, live::IncidentEvent,
        live::Lagged, cameras::silhouette::SilhouetteGridEvent, cameras::silhouette::SilhouetteCellsEvent,
    )),
)]
struct Description;

/// The described routes: what is mounted here is in the description and the other way round.
fn described() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(cameras::list::handler))
        .routes(routes!(cameras::get::handler))
        .routes(routes!(cameras::background::handler))
        .routes(routes!(cameras::silhouette::handler))
        .routes(routes!(cameras::audits::listed, cameras::audits::create))
        .routes(routes!(incidents::list::handler))
        .routes(routes!(incidents::get::handler))
        .routes(routes!(incidents::still::handler))
        .routes(routes!(live::handler))
        .routes(routes!(measurements::handler))
        .routes(routes!(measurements::matrix::handler))
        .routes(routes!(measurements::typical::handler))
        .routes(routes!(measurements::typical::movers_handler))
        .routes(routes!(measurements::peaks::handler))
        .routes(routes!(measurements::gaps::handler))
        .routes(routes!(geojson::handler))
        .routes(routes!(datex::sites::handler))
        .routes(routes!(datex::measured::handler))
        .routes(routes!(sta::root))
        .routes(routes!(sta::entities))
        .routes(routes!(healthz::handler))
        .routes(routes!(readyz::handler))
        .routes(routes!(metrics::handler))
        .routes(routes!(openapi::handler))
}

/// The API's description as OpenAPI 3.1: pretty JSON with a newline at its end, the same every time.
#[must_use]
pub fn openapi_json() -> String {
    let (_, api) = described().split_for_parts();
    // A description is plain data, which always has a JSON form.
    let mut text = api.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// All that Wayside serves: the API, its description, the web app. Call it after the metrics recorder is
/// installed, because it says what the request metrics mean.
pub fn router(parts: ApiParts) -> Router {
    guard::describe_metrics();
    let state = ApiState::new(parts);
    let (api, _) = described().split_for_parts();
    api.route("/api/docs", get(docs::redirect))
        .route("/api/docs/", get(docs::index))
        .route("/api/docs/{file}", get(docs::file))
        .route("/api/v1/sta/v1.1/", get(sta::root))
        .route("/api/v1/sta/v1.1/{resource}/{*rest}", get(sta::further))
        .fallback(web::handler)
        .method_not_allowed_fallback(method_not_allowed)
        // The innermost first: compression sees what the handlers answer.
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(guard::ANSWER_MAX, guard::time_out))
        .layer(RequestBodyLimitLayer::new(guard::BODY_MAX_BYTES))
        .layer(from_fn(guard::body_limit))
        .layer(from_fn(guard::uri_limit))
        .layer(from_fn_with_state(state.clone(), host::check))
        .layer(CatchPanicLayer::custom(guard::caught_panic))
        .layer(from_fn(guard::headers))
        .layer(from_fn_with_state(state.clone(), guard::observe))
        .with_state(state)
}

async fn method_not_allowed() -> Response {
    Problem::new(
        Kind::MethodNotAllowed,
        "this route is not for that: accepted is what the header Allow names",
    )
    .into_response()
}
