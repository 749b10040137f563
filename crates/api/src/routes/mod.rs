//! The endpoints, one file each: its error, its API description, its handler. A route is mounted and
//! described in one step, so that neither can be without the other.

pub(crate) mod cameras;
pub(crate) mod datex;
pub(crate) mod docs;
pub(crate) mod geojson;
pub(crate) mod healthz;
pub(crate) mod incidents;
pub(crate) mod live;
pub(crate) mod measurements;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod readyz;
pub(crate) mod sta;
pub(crate) mod web;
