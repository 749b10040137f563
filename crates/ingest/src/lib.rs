//! Cameras and files to time-stamped frames, through GStreamer.
//!
//! What belongs here: connecting and reconnecting, choice of decoder, frame times, which frames are due for
//! analysis ([`RateGate`]), whether they show anything new ([`motion`]), and the running [`background`]. What frames
//! mean is `detect`'s and everybody's after it; queues between stages are `engine`'s.
//!
//! | module | what |
//! | --- | --- |
//! | [`options`] | how a source is read |
//! | [`live`] | one camera that is connected again whenever it is lost |
//! | [`offline`] | a whole file, as fast as the caller takes it |
//! | [`rate`] | which frames are due, by their time stamps |
//! | `timeline`, `capture` | media time that never goes back; capture time from RTP/NTP |
//! | `pipeline` | the GStreamer pipelines, and `tap`, where frames leave them |
//! | `spare`, `units` | pictures that need not be decoded, or not yet |
//! | `opening` | pictures that were guessed, before a connection's first keyframe |
//! | `reason`, `secret` | failures in an operator's words, without credentials |
//! | [`background`] | the running background picture, without road users |
//! | [`motion`] | whether a frame shows anything new |
//! | [`view`], `steps` | what a frame's brightness says of the camera itself, and where it has steep edges |

pub mod background;
pub mod error;
pub mod live;
pub mod motion;
pub mod offline;
pub mod options;
pub mod rate;
pub mod view;

mod backoff;
mod capture;
mod cells;
mod decoder;
mod opening;
mod pipeline;
mod pixels;
mod plugins;
mod reason;
mod secret;
mod spare;
mod steps;
mod supervisor;
mod tap;
mod timeline;
mod units;

pub use error::IngestError;
pub use live::{FrameSink, LiveSource, SourceChange, SourceStats};
pub use motion::MotionGate;
pub use offline::{FileSummary, read_file};
pub use options::{Backoff, SourceOptions};
pub use plugins::init;
pub use rate::RateGate;
pub use view::ViewMeter;
pub use wayside_types::camera::RtspTransport;
