//! Keeps what was measured and what went wrong: PostgreSQL, given or private ([`cluster`]), with its schema (`migrations/`), the
//! writer that no outage stops ([`writer`], [`checkpoint`], [`epoch`]), and the questions that may be asked
//! ([`query`]). Cutting events into bins is `measure`'s work, when to save a checkpoint the engine's, showing
//! results `api`'s. Only this crate sees sqlx.
//!
//! What is stored is aggregates and incidents: bins, coverage, and hazards by place and time. The schema itself refuses a class or a bin finer than the
//! privacy rules allow, and a test compares every column with a reviewed list (`tests/columns.txt`).
//!
//! Start at [`Database::open`]. The order at start and the promise that no closed bin is lost or doubled are
//! described in [`writer`].

pub mod audit;
mod cameras;
pub mod checkpoint;
pub mod cluster;
pub mod database;
mod days;
pub mod epoch;
mod error;
mod lengths;
mod months;
pub mod query;
mod secret;
mod spool;
#[cfg(test)]
mod testing;
pub mod upkeep;
pub mod writer;

pub use checkpoint::{Checkpoint, OpenState};
pub use cluster::{Cluster, ClusterOptions};
pub use database::{Database, DatabaseHandle, DatabaseOptions};
pub use error::StoreError;
pub use secret::SecretUrl;
pub use upkeep::Upkeep;
pub use writer::{Writer, WriterOptions, WriterStats};
