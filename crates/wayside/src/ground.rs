//! How the cameras' pictures lie on the ground, for the API: the calibrations' fits by `measure`, made when first asked for
//! and again when a camera turns out to send pictures of another shape.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use wayside_api::GroundMap;
use wayside_measure::Homography;
use wayside_types::{Calibration, CameraId, CameraSpec, FrameSize, LiveHub};

/// A fit and the size of the pictures that it is for; `None` where the pairs can't be used.
type Fit = (FrameSize, Option<Homography>);

/// The map of these cameras.
pub fn map(cameras: &[CameraSpec], hub: LiveHub) -> GroundMap {
    let calibrations: HashMap<CameraId, Calibration> =
        cameras.iter().filter_map(|camera| Some((camera.id.clone(), camera.calibration.clone()?))).collect();
    let fits: Mutex<HashMap<CameraId, Fit>> = Mutex::default();
    Arc::new(move |camera, point| {
        let calibration = calibrations.get(camera)?;
        let size = hub.status(camera).and_then(|status| status.size_px);
        let size = size.map_or(FrameSize::USUAL, |[width, height]| FrameSize { width, height });
        let mut fits = fits.lock().unwrap_or_else(PoisonError::into_inner);
        if fits.get(camera).is_none_or(|(fitted, _)| *fitted != size) {
            fits.insert(camera.clone(), (size, Homography::fit(calibration, size).ok()));
        }
        let (_, homography) = fits.get(camera)?;
        homography.as_ref()?.to_ground(point)
    })
}
