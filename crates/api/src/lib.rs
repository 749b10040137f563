//! HTTP: queries, live events, the API's description, and the embedded web app. Start at `router`, which
//! puts the routes together; each endpoint is one file under `routes`. What is measured lives in
//! `measure`, what is kept in `store`, the page itself in `web`; the engine's live state is read through
//! the channels in `types`.

mod export;
mod guard;
mod host;
mod listen;
mod page;
mod params;
mod problem;
mod router;
mod routes;
mod session;
mod sta;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use export::Exports;
pub use listen::serve;
pub use router::{openapi_json, router};
pub use session::{RandomSource, os_random};
pub use state::{ApiParts, ApiState, GroundMap, Publisher};
