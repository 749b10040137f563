//! Frame memory seen with suspicion: whether the planes are as long as they must be, and their rows with
//! any stride. Nothing here trusts a stride or a length from outside.

use wayside_types::{Frame, PixelFormat};

/// Frames larger than this on a side are a mistake of the source.
const MAX_SIDE_PX: u32 = 16_384;

/// One plane of a frame: `height` rows of `width` pixels of `channels` bytes.
#[derive(Clone, Copy)]
pub(super) struct Plane<'a> {
    data: &'a [u8],
    stride: usize,
    pub width: usize,
    pub height: usize,
    pub channels: usize,
}

impl<'a> Plane<'a> {
    /// The plane with this index, as its frame's size and format want it.
    pub(super) fn of(frame: &'a Frame, index: usize) -> Self {
        let (w, h) = (frame.size.width as usize, frame.size.height as usize);
        let (width, height, channels) = match (frame.format, index) {
            (PixelFormat::Rgb8, _) => (w, h, 3),
            (_, 0) => (w, h, 1),
            (PixelFormat::I420, _) => (w.div_ceil(2), h.div_ceil(2), 1),
            (PixelFormat::Nv12, _) => (w.div_ceil(2), h.div_ceil(2), 2),
        };
        let plane = frame.pixels.plane(index);
        Self { data: plane.data, stride: plane.stride, width, height, channels }
    }

    /// Bytes of a row without what pads it.
    fn row_bytes(self) -> usize {
        self.width * self.channels
    }

    /// The pixels of a row; nothing for one that the plane doesn't have.
    pub(super) fn row(self, index: usize) -> &'a [u8] {
        let start = index * self.stride;
        self.data.get(start..start + self.row_bytes()).unwrap_or_default()
    }
}

/// Whether the frame's planes hold what its size and format promise.
///
/// # Errors
/// What does not fit.
pub(super) fn check(frame: &Frame) -> Result<(), String> {
    let (w, h) = (frame.size.width, frame.size.height);
    if !(1..=MAX_SIDE_PX).contains(&w) || !(1..=MAX_SIDE_PX).contains(&h) {
        return Err(format!("size {w}x{h} px; each side must be 1 to {MAX_SIDE_PX}"));
    }
    for index in 0..frame.format.planes() {
        let plane = Plane::of(frame, index);
        let row = plane.row_bytes();
        if plane.stride < row {
            return Err(format!("plane {index} has a stride of {} bytes, a row needs {row}", plane.stride));
        }
        let needed = plane.stride.checked_mul(plane.height - 1).and_then(|n| n.checked_add(row));
        if needed.is_none_or(|needed| plane.data.len() < needed) {
            return Err(format!(
                "plane {index} is cut short: {} bytes for {} rows of stride {}",
                plane.data.len(),
                plane.height,
                plane.stride
            ));
        }
    }
    Ok(())
}
