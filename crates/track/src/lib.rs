//! Association and motion filter: the detections of one camera's frames in, tracks out. Pure and
//! deterministic: no clock, no randomness, no I/O; time is whatever the frames carry. Counting what the
//! tracks do is `measure`'s work; what the method is and why is told in `docs/tracking.md`.
//!
//! The map: [`tracker`] runs a frame through cleaning (`clean`), association (`associate` over `assign`),
//! and the life of each track (`tracklet` over the filters in `motion`); `flow` holds what the camera has
//! learnt about the usual motion at each place, `shake` takes out the camera's own movement.

mod assign;
mod associate;
mod clean;
mod flow;
mod motion;
mod shake;
pub mod tracker;
mod tracklet;

pub use tracker::Tracker;
