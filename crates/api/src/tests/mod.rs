//! Tests of the whole router: requests in, answers out. Tests of one function stand beside it.

mod audits;
mod datex;
mod exports;
mod geojson;
mod incidents;
mod live;
pub(crate) mod measurements;
mod openapi;
mod privacy;
mod refusals;
mod routes;
mod silhouette;
mod sta;
mod typical;
