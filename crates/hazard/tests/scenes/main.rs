//! Road scenes with tracks as a tracker would give them, at several rates: what each rule must tell, and what it must
//! not. `world` makes them; faults of the camera are in `view`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod congestion;
mod dim;
mod people;
mod stopped;
mod things;
mod view;
mod watched;
mod world;
mod wrong_way;
