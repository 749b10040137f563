//! Frame memory seen with suspicion: whether the planes are as long as they must be, and their resizing
//! with any stride. Nothing here trusts a stride or a length from outside.

use std::fmt::Debug;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::InnerPixel;
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use wayside_types::{Frame, PixelFormat};

/// Frames larger than this on a side are a mistake of the source.
const MAX_SIDE_PX: u32 = 16_384;

/// Size of a plane: pixels across and down, bytes a pixel.
fn plane_size(frame: &Frame, index: usize) -> (u32, u32, usize) {
    let (w, h) = (frame.size.width, frame.size.height);
    let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
    match (frame.format, index) {
        (PixelFormat::Rgb8, _) => (w, h, 3),
        (_, 0) => (w, h, 1),
        (PixelFormat::I420, _) => (half_w, half_h, 1),
        (PixelFormat::Nv12, _) => (half_w, half_h, 2),
    }
}

pub(super) fn check(frame: &Frame) -> Result<(), String> {
    let (w, h) = (frame.size.width, frame.size.height);
    if !(1..=MAX_SIDE_PX).contains(&w) || !(1..=MAX_SIDE_PX).contains(&h) {
        return Err(format!("size {w}x{h} px; each side must be 1 to {MAX_SIDE_PX}"));
    }
    for index in 0..frame.format.planes() {
        let (width, height, bytes) = plane_size(frame, index);
        let plane = frame.pixels.plane(index);
        let row = width as usize * bytes;
        if plane.stride < row {
            return Err(format!("plane {index} has a stride of {} bytes, a row needs {row}", plane.stride));
        }
        let needed = plane.stride.checked_mul(height as usize - 1).and_then(|n| n.checked_add(row));
        if needed.is_none_or(|needed| plane.data.len() < needed) {
            return Err(format!(
                "plane {index} is cut short: {} bytes for {height} rows of stride {}",
                plane.data.len(),
                plane.stride
            ));
        }
    }
    Ok(())
}

/// Resizes one plane to its size in the input. `packed` is used where the stride is no whole
/// number of pixels or the last row is short; `out` becomes `size` (width, height) pixels without padding.
pub(super) fn resize<P>(
    resizer: &mut Resizer,
    frame: &Frame,
    index: usize,
    packed: &mut Vec<u8>,
    out: &mut Vec<u8>,
    size: (u32, u32),
) -> Result<(), String>
where
    P: PixelTrait + InnerPixel + Debug,
{
    let (width, height, bytes) = plane_size(frame, index);
    let plane = frame.pixels.plane(index);
    let row = width as usize * bytes;
    let whole = plane.stride.is_multiple_of(bytes)
        && plane.data.len() >= plane.stride.saturating_mul(height as usize);
    let (data, pitch) = if whole {
        (plane.data, plane.stride / bytes)
    } else {
        packed.clear();
        for line in plane.data.chunks(plane.stride).take(height as usize) {
            packed.extend_from_slice(line.get(..row).ok_or("a row is cut short")?);
        }
        (packed.as_slice(), width as usize)
    };
    let pitch = u32::try_from(pitch).map_err(|_| "stride too large".to_owned())?;
    let source = TypedImageRef::<P>::from_buffer(pitch, height, data).map_err(|e| e.to_string())?;
    // Cropping keeps the padding behind each row out of the kernel.
    let source = TypedCroppedImage::new(source, 0, 0, width, height).map_err(|e| e.to_string())?;
    out.resize(size.0 as usize * size.1 as usize * bytes, 0);
    let mut target = TypedImage::<P>::from_buffer(size.0, size.1, out).map_err(|e| e.to_string())?;
    let options = ResizeOptions::new().resize_alg(algorithm((width, height), size)).use_alpha(false);
    resizer.resize_typed(&source, &mut target, &options).map_err(|e| e.to_string())
}

/// Down to a half, plain bilinear interpolation still reads every pixel, and it is what detectors are
/// trained with. Beyond that it would skip pixels and small vehicles would flicker, so the kernel is widened
/// with the scale.
fn algorithm(from: (u32, u32), to: (u32, u32)) -> ResizeAlg {
    if from.0 <= 2 * to.0 && from.1 <= 2 * to.1 {
        ResizeAlg::Interpolation(FilterType::Bilinear)
    } else {
        ResizeAlg::Convolution(FilterType::Bilinear)
    }
}
