//! Simulated RTSP cameras: video files that loop without being re-encoded, and a drawn street with
//! known truth. Everything is served on loopback only. Analysing what they show is other crates' work;
//! this crate knows nothing of detectors.

pub mod draw;
mod error;
pub mod rtsp;
pub mod scene;

pub use error::CamsimError;
pub use rtsp::{CamServer, CamsimOptions, MountedCamera};
pub use scene::camera_file::camera_toml;
pub use scene::record::{Encoder, foresee, record};
pub use scene::truth::Truth;
pub use scene::{Hazard, SceneKind, SceneSpec};
