//! What tests of several crates need: a clock that a test moves ([`SimClock`]) and a database of its own
//! ([`TestDb`]). A development dependency only; nothing here runs in production.

mod clock;
mod database;

pub use clock::SimClock;
pub use database::{SHARED_SERVER, SharedServer, TestDb};
