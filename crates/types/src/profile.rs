//! How a kind of view is processed. The shipped profiles are files in `pipelines/`, read by `config`;
//! the meaning of each setting is where it is used (`ingest`, `detect`, `track`, `measure`).

use serde::{Deserialize, Serialize};

use crate::rules::HazardSettings;

/// A profile: rate, model and the settings of each stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name, also the file's.
    pub name: String,
    /// Analysed frames a second, by frame time.
    pub rate_fps: f64,
    /// Name of the manifest in `models/`.
    pub model: String,
    /// Decoding.
    pub decode: DecodeSettings,
    /// Which frames the detector is spared.
    pub motion: MotionSettings,
    /// Detection.
    pub detect: DetectSettings,
    /// Tracking.
    pub track: TrackSettings,
    /// Counting.
    pub count: CountSettings,
    /// Incident rules. They change no count, so they have no part in a camera's `config_version`.
    #[serde(skip)]
    pub hazard: HazardSettings,
}

/// What is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct DecodeSettings {
    /// Decode keyframes only (profile `watch`).
    pub keyframes_only: bool,
}

/// Which frames the detector is spared: those that show nothing new since the last it looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MotionSettings {
    /// Whether it is spared any.
    pub gate: bool,
    /// After this long it looks at a frame in any case.
    pub refresh_ms: u32,
}

/// What the detector is shown, and which detections go on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DetectSettings {
    /// Detections below this score are not even tried in the second association.
    pub low_score: f32,
    /// Whether dark pictures are brightened for the detector.
    pub brighten: bool,
}

/// Association and motion filter; see crate `track`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrackSettings {
    /// Detections from this score on take part in the first association.
    pub high_score: f32,
    /// A new track starts from this score on.
    pub start_score: f32,
    /// A track without detections ends after this long.
    pub lost_ms: u32,
}

/// Guards of counting; see crate `measure`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CountSettings {
    /// A road user counts once it has moved at least this share of its own box's size.
    pub min_travel_boxes: f64,
    /// The same line counts the same road user again after this long at the earliest.
    pub recount_ms: u32,
}

impl Default for MotionSettings {
    fn default() -> Self {
        Self { gate: true, refresh_ms: 4_000 }
    }
}

impl Default for DetectSettings {
    fn default() -> Self {
        Self { low_score: 0.1, brighten: true }
    }
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self { high_score: 0.4, start_score: 0.1, lost_ms: 1_500 }
    }
}

impl Default for CountSettings {
    fn default() -> Self {
        Self { min_travel_boxes: 1.0, recount_ms: 3_000 }
    }
}
