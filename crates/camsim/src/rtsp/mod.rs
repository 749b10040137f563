//! Simulated cameras over RTSP: one GStreamer RTSP server on loopback, one shared media per mount. What
//! a mount shows comes from a [`Feed`]: [`file`] loops a video file without re-encoding it, [`scene`]
//! draws one. Drawing and the scenes' truth live in the crate's other modules.

pub mod feed;
pub mod file;
pub mod scene;
mod server;

pub use server::{CamServer, CamsimOptions, MountedCamera};
