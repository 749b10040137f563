//! Tests of the whole router: requests in, answers out. Tests of one function stand beside it.

mod incidents;
mod live;
mod measurements;
mod openapi;
mod privacy;
mod refusals;
mod routes;
