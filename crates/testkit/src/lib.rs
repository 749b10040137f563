//! What tests of several crates need: a clock that a test moves ([`SimClock`]), a database of its own
//! ([`TestDb`]), a [`camera`] that is not there and a [`fleet`] of labelled scenes. A development dependency only; nothing here runs in production.

mod bench;
mod camera;
mod clock;
mod database;
pub mod fleet;

pub use bench::bench_arguments;
pub use camera::camera;
pub use clock::SimClock;
pub use database::{SHARED_SERVER, SharedServer, TestDb};
