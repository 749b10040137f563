//! From a frame's planes to the model's input tensor in one pass: row by row, planes are scaled, turned
//! from YUV into RGB or BGR, and written as floats. The picture is never stored in between. Where
//! the frame came to lie in the input is a [`Fit`], by which boxes find their way back.

mod convert;
mod lift;
mod pairs;
mod plane;
mod sample;

use wayside_types::{BBox, Frame, FrameSize, PixelFormat};

use crate::manifest::{InputSpec, ResizeMode, TensorOrder};
use convert::{Chroma, Matrix, Rows, Target};
use lift::Curve;
pub use lift::Lift;
use plane::Plane;
use sample::Sampler;

/// Where a frame came to lie in the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit {
    /// Frame size in pixels.
    pub frame: FrameSize,
    /// Left edge of the picture in the input, pixels.
    pub left: u32,
    /// Top edge.
    pub top: u32,
    /// Width of the picture in the input, at least 1.
    pub width: u32,
    /// Height of the picture in the input, at least 1.
    pub height: u32,
}

impl Fit {
    /// Fits a frame of at least 1 × 1 into the input.
    pub(crate) fn new(spec: &InputSpec, frame: FrameSize) -> Self {
        let (in_w, in_h) = (u64::from(spec.width), u64::from(spec.height));
        let (w, h) = (u64::from(frame.width.max(1)), u64::from(frame.height.max(1)));
        // Whole numbers, so that no rounding of a factor can cost a row or column.
        let (width, height) = match spec.resize {
            ResizeMode::Stretch => (in_w, in_h),
            _ if w * in_h >= h * in_w => (in_w, (h * in_w / w).max(1)),
            _ => ((w * in_h / h).max(1), in_h),
        };
        let to_u32 = |v: u64| u32::try_from(v).unwrap_or(u32::MAX);
        let (width, height) = (to_u32(width), to_u32(height));
        let (left, top) = match spec.resize {
            ResizeMode::LetterboxCentre => ((spec.width - width) / 2, (spec.height - height) / 2),
            ResizeMode::LetterboxTopLeft | ResizeMode::Stretch => (0, 0),
        };
        Self { frame, left, top, width, height }
    }

    /// Size of the picture in the input.
    fn size(self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Chroma stays halved both ways, as the camera sent it: to resize it to the full size would cost as much
    /// again as the luma plane and show the model nothing more.
    fn chroma_size(self) -> (u32, u32) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    /// From pixels of the input to pixels of the frame.
    #[expect(clippy::cast_precision_loss, reason = "sides are far below 2^24")]
    pub(crate) fn to_frame(self, [x1, y1, x2, y2]: [f32; 4]) -> BBox {
        let scale_x = self.frame.width as f32 / self.width as f32;
        let scale_y = self.frame.height as f32 / self.height as f32;
        let (left, top) = (self.left as f32, self.top as f32);
        BBox::new((x1 - left) * scale_x, (y1 - top) * scale_y, (x2 - left) * scale_x, (y2 - top) * scale_y)
    }
}

/// Writes frames into a tensor. Keeps its scratch memory from frame to frame.
pub(crate) struct Preprocessor {
    spec: InputSpec,
    samplers: [Sampler; 3],
    rows: Rows,
    curve: Curve,
    /// Which part of each slot holds the picture; the rest was padded when that last changed.
    painted: Vec<Option<Fit>>,
}

impl Preprocessor {
    pub(crate) fn new(spec: InputSpec, slots: usize) -> Self {
        Self {
            spec,
            samplers: Default::default(),
            rows: Rows::default(),
            curve: Curve::new(),
            painted: vec![None; slots],
        }
    }

    /// Floats of one frame in the tensor.
    pub(crate) fn slot_len(&self) -> usize {
        3 * self.spec.width as usize * self.spec.height as usize
    }

    /// Whether the frame's planes hold what its size and format promise.
    ///
    /// # Errors
    /// What does not fit.
    pub(crate) fn check(frame: &Frame) -> Result<(), String> {
        plane::check(frame)
    }

    /// Writes a frame into the tensor's slot with this index, brightened by the lift.
    ///
    /// # Errors
    /// When the planes don't fit the frame's size and format, or the slot is not [`Self::slot_len`] long.
    pub(crate) fn write(
        &mut self,
        frame: &Frame,
        lift: Lift,
        index: usize,
        slot: &mut [f32],
    ) -> Result<Fit, String> {
        plane::check(frame)?;
        if slot.len() != self.slot_len() {
            return Err(format!("slot of {} floats instead of {}", slot.len(), self.slot_len()));
        }
        let fit = Fit::new(&self.spec, frame.size);
        let target = Target::new(&self.spec, fit);
        if self.painted.get(index) != Some(&Some(fit)) {
            target.pad(self.spec.pad, slot);
            if let Some(painted) = self.painted.get_mut(index) {
                *painted = Some(fit);
            }
        }
        let matrix = Matrix::for_height(frame.size.height);
        self.curve.set(lift);
        let [first, second, third] = &mut self.samplers;
        let soft = lift != Lift::NONE;
        let mut whole = first.begin(Plane::of(frame, 0), fit.size(), soft);
        match frame.format {
            PixelFormat::I420 => {
                let u = second.begin(Plane::of(frame, 1), fit.chroma_size(), soft);
                let v = third.begin(Plane::of(frame, 2), fit.chroma_size(), soft);
                target.write_yuv(
                    matrix,
                    &mut whole,
                    &mut Chroma::Planar(u, v),
                    &self.curve,
                    &mut self.rows,
                    slot,
                );
            }
            PixelFormat::Nv12 => {
                let uv = second.begin(Plane::of(frame, 1), fit.chroma_size(), soft);
                target.write_yuv(
                    matrix,
                    &mut whole,
                    &mut Chroma::Interleaved(uv),
                    &self.curve,
                    &mut self.rows,
                    slot,
                );
            }
            PixelFormat::Rgb8 => target.write_rgb(&mut whole, &self.curve, &mut self.rows, slot),
        }
        Ok(fit)
    }
}

impl TensorOrder {
    /// Dimensions of the input tensor.
    pub(crate) fn shape(self, batch: usize, width: u32, height: u32) -> [usize; 4] {
        let (width, height) = (width as usize, height as usize);
        match self {
            Self::Nchw => [batch, 3, height, width],
            Self::Nhwc => [batch, height, width, 3],
        }
    }
}

#[cfg(test)]
mod tests;
