//! A decoded picture on its way from `ingest` to `detect`. It wraps the decoder's own memory, is dropped
//! as soon as it is analysed, and has no way to disk.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::CameraId;
use crate::time::Timestamp;

/// How pixels lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Planes Y, U, V; chroma halved both ways. BT.601 or BT.709, limited range.
    I420,
    /// Planes Y and interleaved UV; chroma halved both ways.
    Nv12,
    /// One plane of packed R, G, B.
    Rgb8,
}

impl PixelFormat {
    /// Number of planes.
    #[must_use]
    pub const fn planes(self) -> usize {
        match self {
            Self::I420 => 3,
            Self::Nv12 => 2,
            Self::Rgb8 => 1,
        }
    }
}

/// One plane: rows of `stride` bytes, top first. The last row may be shorter than the stride.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// The bytes.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Memory that holds a picture, most often a mapped buffer of the decoder.
pub trait PixelBuffer: Send + Sync + 'static {
    /// The plane with this index, below [`PixelFormat::planes`].
    fn plane(&self, index: usize) -> Plane<'_>;
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FrameSize {
    /// What most cameras' sub-streams are shaped like: what is assumed before a frame was seen.
    pub const USUAL: Self = Self { width: 1280, height: 720 };
}

/// A decoded frame with its camera, time and number.
#[derive(Clone)]
pub struct Frame {
    /// Whose it is.
    pub camera: CameraId,
    /// When the light fell in: RTP/NTP time where the camera gives it, else arrival. For files: the
    /// file's time base plus the frame's time stamp.
    pub captured_at: Timestamp,
    /// The stream's own time since its first frame. Analysis runs on this, never on frame counts.
    pub media_time: Duration,
    /// Number of the decoded frame since the stream began, gaps included.
    pub seq: u64,
    /// Size in pixels.
    pub size: FrameSize,
    /// Layout of `pixels`.
    pub format: PixelFormat,
    /// The decoder's memory.
    pub pixels: Arc<dyn PixelBuffer>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("camera", &self.camera)
            .field("captured_at", &self.captured_at)
            .field("seq", &self.seq)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A picture in plain memory: planes one after another, no padding. For tests, stills and drawn scenes.
#[derive(Clone)]
pub struct OwnedPixels {
    planes: Vec<(Vec<u8>, usize)>,
}

impl OwnedPixels {
    /// Packed RGB, `3 * width` bytes a row.
    #[must_use]
    pub fn rgb8(data: Vec<u8>, width: u32) -> Self {
        Self { planes: vec![(data, width as usize * 3)] }
    }

    /// Planes with their strides, in the order of the format.
    #[must_use]
    pub fn planar(planes: Vec<(Vec<u8>, usize)>) -> Self {
        Self { planes }
    }
}

impl PixelBuffer for OwnedPixels {
    fn plane(&self, index: usize) -> Plane<'_> {
        self.planes
            .get(index)
            .map_or(Plane { data: &[], stride: 0 }, |(data, stride)| Plane { data, stride: *stride })
    }
}
