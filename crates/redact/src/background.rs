//! The background view: the road without its users, at a scale at which nothing can be read, with
//! whatever the detector still suspects in it filled flat.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;
use image::{ExtendedColorType, RgbImage};
use wayside_types::{BBox, FrameSize};

/// A box is grown by this share of its size on every side before it is filled.
pub(crate) const GROW_SHARE: f32 = 0.2;
/// What is painted where nothing may be shown or nothing is known.
pub(crate) const FILL: [u8; 3] = [128, 128, 128];
const JPEG_QUALITY: u8 = 70;

/// A running background picture as `ingest` keeps it.
pub struct BackgroundPicture<'a> {
    /// Width and height of `rgb`.
    pub size: FrameSize,
    /// Packed R, G, B; `3 * width * height` bytes.
    pub rgb: &'a [u8],
    /// Which pixels have been seen free of road users; `width * height`.
    pub known: &'a [bool],
}

/// A picture that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// The buffers do not fit the size.
    #[error(
        "background of {width} × {height} needs {want} bytes of RGB and a flag a pixel, got {got} and {flags}"
    )]
    Shape {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes wanted.
        want: usize,
        /// Bytes given.
        got: usize,
        /// Flags given.
        flags: usize,
    },
    /// The JPEG could not be written.
    #[error("background could not be encoded: {0}")]
    Encode(#[from] image::ImageError),
}

/// Makes the JPEG that may be shown. `boxes` are what one more detector pass at score 0.1 found in this
/// picture, in its own pixels; `width_px` is what [`crate::still_width`] allows.
///
/// # Errors
/// [`RedactError`] when the buffers don't fit together or the picture can't be scaled or encoded.
pub fn background_jpeg(
    picture: &BackgroundPicture<'_>,
    boxes: &[BBox],
    width_px: u32,
) -> Result<Vec<u8>, RedactError> {
    let FrameSize { width, height } = picture.size;
    let pixels = width as usize * height as usize;
    if pixels == 0 || picture.rgb.len() != pixels * 3 || picture.known.len() != pixels {
        let (want, got, flags) = (pixels * 3, picture.rgb.len(), picture.known.len());
        return Err(RedactError::Shape { width, height, want, got, flags });
    }
    let mut rgb = picture.rgb.to_vec();
    for (pixel, known) in rgb.chunks_exact_mut(3).zip(picture.known) {
        if !known {
            pixel.copy_from_slice(&FILL);
        }
    }
    for bbox in boxes {
        fill(&mut rgb, picture.size, &bbox.grown(GROW_SHARE));
    }
    let out_width = width_px.clamp(1, width);
    let out_height = (u64::from(height) * u64::from(out_width) / u64::from(width)).max(1);
    let out_height = u32::try_from(out_height).unwrap_or(height);
    let (want, got, flags) = (pixels * 3, rgb.len(), picture.known.len());
    let whole = RgbImage::from_raw(width, height, rgb).ok_or(RedactError::Shape {
        width,
        height,
        want,
        got,
        flags,
    })?;
    // Every pixel of the result is the mean of those it covers: nothing finer survives.
    let small = thumbnail(&whole, out_width, out_height);
    let mut jpeg = Vec::with_capacity(32 * 1024);
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode(
        &small,
        out_width,
        out_height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(jpeg)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clipped to the picture before")]
pub(crate) fn fill(rgb: &mut [u8], size: FrameSize, bbox: &BBox) {
    let inside = bbox.clipped(size.width as f32, size.height as f32);
    let (x1, x2) = (inside.x1.floor() as usize, inside.x2.ceil() as usize);
    let (y1, y2) = (inside.y1.floor() as usize, inside.y2.ceil() as usize);
    let width = size.width as usize;
    for row in rgb.chunks_exact_mut(width * 3).take(y2).skip(y1) {
        for pixel in row.chunks_exact_mut(3).take(x2).skip(x1) {
            pixel.copy_from_slice(&FILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FrameSize = FrameSize { width: 64, height: 36 };

    fn decode(jpeg: &[u8]) -> image::RgbImage {
        image::load_from_memory(jpeg).unwrap().to_rgb8()
    }

    #[test]
    fn suspected_and_unknown_places_are_flat() {
        let rgb = vec![255_u8; 64 * 36 * 3];
        let mut known = vec![true; 64 * 36];
        known[..64 * 6].fill(false);
        let picture = BackgroundPicture { size: SIZE, rgb: &rgb, known: &known };
        let seen = decode(&background_jpeg(&picture, &[BBox::new(30.0, 20.0, 40.0, 30.0)], 480).unwrap());
        assert_eq!(seen.dimensions(), (64, 36));
        let near = |x, y, want: i32| {
            let got = i32::from(seen.get_pixel(x, y)[0]);
            assert!((got - want).abs() < 12, "pixel {x},{y} is {got}, not about {want}");
        };
        near(10, 2, 128);
        near(35, 25, 128);
        near(29, 19, 128); // Inside the box only once it is grown by 20 %.
        near(10, 20, 255);
    }

    #[test]
    fn it_is_brought_to_the_width_allowed_and_carries_no_metadata() {
        let rgb = vec![90_u8; 64 * 36 * 3];
        let known = vec![true; 64 * 36];
        let picture = BackgroundPicture { size: SIZE, rgb: &rgb, known: &known };
        let jpeg = background_jpeg(&picture, &[], 32).unwrap();
        assert_eq!(decode(&jpeg).dimensions(), (32, 18));
        let has = |needle: &[u8]| jpeg.windows(needle.len()).any(|w| w == needle);
        assert!(!has(b"Exif") && !has(b"http") && !has(b"Photoshop"));
    }

    #[test]
    fn buffers_that_do_not_fit_are_refused() {
        let picture = BackgroundPicture { size: SIZE, rgb: &[0; 5], known: &[] };
        assert!(matches!(background_jpeg(&picture, &[], 32), Err(RedactError::Shape { .. })));
    }
}
