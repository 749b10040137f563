//! The live view of one camera: its running background, how small it must be shown, when to make
//! the next picture, and the silhouette of what is not the background, where somebody tallies by it. The picture itself is made by `redact`, the background kept by `ingest`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wayside_detect::{DetectError, Detector, Lift};
use wayside_ingest::background::Background;
use wayside_measure::{Homography, Pose};
use wayside_redact::{
    BackgroundPicture, MAX_WIDTH_PX, RedactError, SeenSizes, background_jpeg, calibrated_grid, still_width,
    uncalibrated_grid,
};
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    BBox, Calibration, Detection, Frame, FrameSize, PixelFormat, Silhouette, SilhouetteGrid,
};

/// The background takes in a frame this often.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// A new picture is made this often, the first one after [`FIRST_PICTURE_AFTER`].
const PICTURE_EVERY: Duration = Duration::from_secs(30);
pub(crate) const FIRST_PICTURE_AFTER: Duration = Duration::from_secs(8);
/// A silhouette is made this often, for those who watch it.
const SILHOUETTE_EVERY: Duration = Duration::from_millis(240);
/// The further detector pass keeps every suspicion from this score on.
pub(crate) const SUSPICION_SCORE: f32 = 0.1;
/// Faces and plates are at most this far above the ground; there a pixel covers least.
const HEAD_HEIGHT_M: f64 = 2.5;

/// What a camera may be shown as.
pub struct LiveView {
    background: Background,
    seen: SeenSizes,
    calibration: Option<Calibration>,
    /// What the calibration says of frames of a size: the finest metres a pixel.
    finest: Option<(FrameSize, Option<f64>)>,
    /// How a silhouette of pictures of these sizes (small, frame) is cut by the calibration.
    cut: Option<((FrameSize, FrameSize), Arc<SilhouetteGrid>)>,
    next_silhouette: Duration,
    next_sample: Duration,
    next_picture: Duration,
}

/// A live view that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The further detector pass failed.
    #[error("background check: {0}")]
    Detect(#[from] DetectError),
    /// The picture could not be made.
    #[error(transparent)]
    Redact(#[from] RedactError),
}

impl LiveView {
    /// A view of a camera, with its calibration if it has one.
    #[must_use]
    pub fn new(calibration: Option<Calibration>, now: Duration) -> Self {
        Self {
            background: Background::new(MAX_WIDTH_PX),
            seen: SeenSizes::default(),
            calibration,
            finest: None,
            cut: None,
            next_silhouette: now,
            next_sample: now,
            next_picture: now + FIRST_PICTURE_AFTER,
        }
    }

    /// Takes in a frame with everything that the detector suspects in it: how large road users are from every
    /// one, the picture about once a second.
    pub fn sample(&mut self, now: Duration, frame: &Frame, detections: &[Detection]) {
        self.seen.observe(detections, frame.size);
        if now < self.next_sample {
            return;
        }
        self.next_sample = now + SAMPLE_EVERY;
        let boxes: Vec<BBox> = detections.iter().map(|d| d.bbox).collect();
        self.background.update(frame, &boxes);
    }

    /// Makes the picture when it is due, with one more pass of the detector over the background itself, brightened as
    /// frames of the moment are.
    ///
    /// # Errors
    /// [`ViewError`] when that pass or the making of the picture fails; the next try is as usual.
    pub fn picture(
        &mut self,
        now: Duration,
        frame: &Frame,
        (detector, lift): (&mut Detector, Lift),
    ) -> Result<Option<Bytes>, ViewError> {
        if now < self.next_picture {
            return Ok(None);
        }
        self.next_picture = now + PICTURE_EVERY;
        let Some(view) = self.background.view() else { return Ok(None) };
        let still = Frame {
            size: view.size,
            format: PixelFormat::Rgb8,
            pixels: Arc::new(OwnedPixels::rgb8(view.rgb.clone(), view.size.width)),
            ..frame.clone()
        };
        let suspected = detector.detect_lifted(&[still], &[lift], SUSPICION_SCORE)?;
        let boxes: Vec<BBox> = suspected.into_iter().flatten().map(|d| d.bbox).collect();
        let picture = BackgroundPicture { size: view.size, rgb: &view.rgb, known: &view.known };
        let width_px = self.still_width_px(frame.size);
        Ok(Some(Bytes::from(background_jpeg(&picture, &boxes, width_px)?)))
    }

    /// The silhouette of a frame when one is due; `None` also while the background is not known.
    pub fn silhouette(&mut self, now: Duration, frame: &Frame) -> Option<Silhouette> {
        if now < self.next_silhouette {
            return None;
        }
        let sizes = self.background.sizes().filter(|(_, source)| *source == frame.size)?;
        let grid = self.cut(sizes);
        let shape = self.background.shape(frame, &grid)?;
        self.next_silhouette = now + SILHOUETTE_EVERY;
        let (at, known_share) = (frame.captured_at, shape.known_share);
        Some(Silhouette { at, grid, cells: shape.cells, known_share })
    }

    /// The cells of a small picture of frames, by the calibration or by the road users seen.
    fn cut(&mut self, (small, source): (FrameSize, FrameSize)) -> Arc<SilhouetteGrid> {
        if let Some((_, grid)) = self.cut.as_ref().filter(|(sizes, _)| *sizes == (small, source)) {
            return grid.clone();
        }
        let fitted = self.calibration.as_ref().and_then(|c| Homography::fit(c, source).ok());
        let pose =
            fitted.and_then(|h| Pose::of(&h)).filter(|p| p.finest_metres_per_px(HEAD_HEIGHT_M).is_some());
        let Some(pose) = pose else {
            // Not kept: it changes with what is seen.
            return Arc::new(uncalibrated_grid(small, source, &self.seen));
        };
        let finest = |rows: (f64, f64)| pose.finest_metres_per_px_in_rows(HEAD_HEIGHT_M, rows);
        let grid = Arc::new(calibrated_grid(small, source, &finest));
        self.cut = Some(((small, source), grid.clone()));
        grid
    }

    /// How wide a picture of frames of this size may be, by what is known by now.
    pub fn still_width_px(&mut self, size: FrameSize) -> u32 {
        let finest = self.finest_metres_per_px(size);
        still_width(size, finest, &self.seen)
    }

    /// What a pixel of frames of this size covers at the finest place, 2.5 m above the ground; `None` without a
    /// calibration that says so. Lenses bend by the frame's shape, so this waits until the size is known.
    fn finest_metres_per_px(&mut self, size: FrameSize) -> Option<f64> {
        if let Some((_, finest)) = self.finest.filter(|(known, _)| *known == size) {
            return finest;
        }
        let fitted = self.calibration.as_ref().and_then(|c| Homography::fit(c, size).ok());
        let finest = fitted.and_then(|h| Pose::of(&h)?.finest_metres_per_px(HEAD_HEIGHT_M));
        self.finest = Some((size, finest));
        finest
    }
}
