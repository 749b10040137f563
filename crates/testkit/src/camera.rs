//! A camera as small as it can be. What a test is about it sets itself: `CameraSpec { lines, ..camera("a") }`.

use std::sync::Arc;

use wayside_types::{CameraId, CameraSpec, Department, Profile, SourceUrl};

/// A camera of the department `traffic` with a file for a source, a profile of 10 frames a second whose settings are as they are
/// where nothing is said, nothing drawn, no place and no calibration; of configuration `v1`.
///
/// # Panics
/// When `id` is none that a camera may have.
#[must_use]
#[track_caller]
#[expect(clippy::unwrap_used, reason = "a helper of tests fails them")]
pub fn camera(id: &str) -> CameraSpec {
    let profile = Profile {
        name: "intersection".to_owned(),
        rate_fps: 10.0,
        model: "yolox-nano-416".to_owned(),
        decode: Default::default(),
        motion: Default::default(),
        detect: Default::default(),
        track: Default::default(),
        count: Default::default(),
        hazard: Default::default(),
    };
    CameraSpec {
        id: CameraId::new(id).unwrap(),
        name: format!("Camera {id}"),
        source: SourceUrl::File("/nowhere.mp4".into()),
        transport: Default::default(),
        department: Department::new("traffic").unwrap(),
        profile: Arc::new(profile),
        location: None,
        calibration: None,
        lines: Vec::new(),
        zones: Vec::new(),
        config_version: "v1".to_owned(),
    }
}
