//! What can be wrong with a source, in words that name the file or setting at fault. Errors of a running
//! camera are no `Err`: they are [`crate::SourceChange::Lost`] and `Failed`, because the camera is tried
//! again.

use std::path::PathBuf;

/// Why a source can't be read. No message ever holds credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// GStreamer itself did not start.
    #[error("GStreamer could not be started: {reason}")]
    Init {
        /// What it says.
        reason: String,
    },
    /// Elements are missing from this machine.
    #[error("GStreamer lacks {elements}: install the Debian package {packages}")]
    MissingPlugins {
        /// The missing elements, comma-separated.
        elements: String,
        /// The Debian packages that hold them, space-separated.
        packages: String,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value}, but must be {accepted}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What is accepted.
        accepted: String,
    },
    /// No decoder of the preference list works here.
    #[error("no decoder for {codec} works on this machine (tried {tried}); {advice}")]
    NoDecoder {
        /// `H.264` or `H.265`.
        codec: &'static str,
        /// Names that were tried.
        tried: String,
        /// What to do.
        advice: &'static str,
    },
    /// There is no such file.
    #[error("{}: no such file", path.display())]
    FileMissing {
        /// Which.
        path: PathBuf,
    },
    /// The file can't be opened, or is no regular file.
    #[error("{}: cannot be read: {reason}", path.display())]
    FileUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file has no bytes.
    #[error("{}: the file is empty (0 bytes)", path.display())]
    FileEmpty {
        /// Which.
        path: PathBuf,
    },
    /// The file is nothing that GStreamer knows as video.
    #[error("{}: not a video ({found})", path.display())]
    NotVideo {
        /// Which.
        path: PathBuf,
        /// What it seems to be.
        found: String,
    },
    /// A media file without a picture.
    #[error("{}: has no video stream, only {found}", path.display())]
    NoVideoStream {
        /// Which.
        path: PathBuf,
        /// What it has.
        found: String,
    },
    /// A video in a codec that nothing here decodes.
    #[error("{}: codec {codec} cannot be decoded on this machine; install a GStreamer plugin for it, or re-encode to H.264", path.display())]
    FileCodec {
        /// Which.
        path: PathBuf,
        /// Its codec.
        codec: String,
    },
    /// The file ends before the first frame: what is needed to read it is cut off.
    #[error("{}: the file is cut off or damaged before its first frame: {reason}", path.display())]
    FileTruncated {
        /// Which.
        path: PathBuf,
        /// What GStreamer says.
        reason: String,
    },
    /// Decoding failed on the way, after frames were delivered.
    #[error("{}: decoding failed after {frames} frames: {reason}", path.display())]
    FileBroken {
        /// Which.
        path: PathBuf,
        /// Frames decoded before.
        frames: u64,
        /// What GStreamer says.
        reason: String,
    },
    /// A part of the machinery could not be made: a fault of this machine, not of the source.
    #[error("cannot build the {what}: {reason}")]
    Build {
        /// Which part.
        what: &'static str,
        /// Why.
        reason: String,
    },
}
