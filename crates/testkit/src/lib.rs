//! What tests of several crates need: a clock that a test moves ([`SimClock`]), a database of its own
//! ([`TestDb`]) and a [`fleet`] of labelled scenes. A development dependency only; nothing here runs in production.

mod clock;
mod database;
pub mod fleet;

pub use clock::SimClock;
pub use database::{SHARED_SERVER, SharedServer, TestDb};
