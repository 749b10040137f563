//! What can go wrong with simulated cameras, each naming the input at fault and what would be taken.

use std::path::PathBuf;

/// A simulated camera could not be started, served or recorded.
#[derive(Debug, thiserror::Error)]
pub enum CamsimError {
    /// Neither videos nor scenes were given.
    #[error("nothing to serve: give at least one video file (H.264 or H.265) or a scene")]
    NothingToServe,
    /// A number is outside its range.
    #[error("{setting} is {value}; accepted: {accepted}")]
    OutOfRange {
        /// The setting's name.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        accepted: &'static str,
    },
    /// The file isn't there or can't be read.
    #[error("video {path:?} can't be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a video that GStreamer opens, or it is cut off.
    #[error("video {path:?} can't be opened as a video: {reason}")]
    NotAVideo {
        /// The file.
        path: PathBuf,
        /// GStreamer's words.
        reason: String,
    },
    /// The file's video is neither H.264 nor H.265. Files are never re-encoded.
    #[error(
        "video {path:?} holds {codec}; files are sent as they are, so H.264 or H.265 is needed: convert it once, for example with x264enc"
    )]
    Codec {
        /// The file.
        path: PathBuf,
        /// The codec's media type.
        codec: String,
    },
    /// The port is taken or may not be used.
    #[error("port {port} of 127.0.0.1 can't be used: {reason}; give another one, or 0 for a free one")]
    Port {
        /// The port asked for.
        port: u16,
        /// The system's words.
        reason: String,
    },
    /// The user or password can't be used in RTSP basic authentication.
    #[error("credentials: the user must not be empty or hold a colon")]
    Credentials,
    /// A drawing of ours could not be rasterised.
    #[error("drawing {name:?} can't be rasterised: {reason}")]
    Drawing {
        /// The asset's name.
        name: &'static str,
        /// The rasteriser's words.
        reason: String,
    },
    /// A file of a recording could not be written.
    #[error("{path:?} can't be written: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A GStreamer element is missing or failed.
    #[error(
        "GStreamer: {0}; the Debian packages gstreamer1.0-plugins-{{base,good,bad,ugly}} and libgstrtspserver-1.0-0 are needed"
    )]
    Gstreamer(String),
}

impl From<gstreamer::glib::BoolError> for CamsimError {
    fn from(error: gstreamer::glib::BoolError) -> Self {
        Self::Gstreamer(error.message.into_owned())
    }
}

impl From<gstreamer::glib::Error> for CamsimError {
    fn from(error: gstreamer::glib::Error) -> Self {
        Self::Gstreamer(error.to_string())
    }
}

impl From<gstreamer::StateChangeError> for CamsimError {
    fn from(error: gstreamer::StateChangeError) -> Self {
        Self::Gstreamer(error.to_string())
    }
}
