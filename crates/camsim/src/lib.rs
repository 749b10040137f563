//! Simulated RTSP cameras: video files that loop without being re-encoded, and a drawn street with
//! known truth. Everything is served on loopback only. Analysing what they show is other crates' work;
//! this crate knows nothing of detectors.

mod error;
pub mod rtsp;

pub use error::CamsimError;
pub use rtsp::{CamServer, CamsimOptions, MountedCamera};
