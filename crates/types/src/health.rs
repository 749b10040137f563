//! How the machine keeps up with its cameras, as it may be shown: times and shares over the last seconds. Nothing
//! here says what a camera sees.

use serde::Serialize;

/// How long a camera's frames spent in each stage: means over the last seconds, in milliseconds. `None` where no
/// frame went through the stage, or the stage can't be timed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct StageTimes {
    /// From the decoder being given data to its giving a picture.
    pub decode_ms: Option<f64>,
    /// From a due frame's arrival to a worker taking it.
    pub wait_ms: Option<f64>,
    /// The detector's run that the frame was part of.
    pub detect_ms: Option<f64>,
    /// Tracking, measuring and looking for hazards.
    pub track_ms: Option<f64>,
    /// From capture to result; only as true as the camera's clock.
    pub result_ms: Option<f64>,
}

/// Shares of the frames due for analysis that were dropped over the last seconds, by reason; each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct DroppedShares {
    /// No worker was free in time.
    pub behind: f64,
    /// The machine is overloaded and the camera was slowed down a step.
    pub slowed: f64,
    /// The detector failed, or its detections could not be measured.
    pub failed: f64,
}

/// How the whole machine keeps up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct MachineStatus {
    /// Threads that look at frames.
    pub workers: u32,
    /// Share of their time that was spent on frames in the last second, 0 to 1.
    pub busy_share: f64,
    /// Frames that wait for one of them.
    pub waiting_frames: u64,
    /// Share of their profiles' rates at which cameras are analysed; below 1 while the machine is overloaded.
    pub rate_share: f64,
    /// The last batch of rows to the database, in milliseconds; `None` before the first.
    pub store_ms: Option<f64>,
    /// Rows that wait on disk for the database.
    pub spooled_rows: u64,
}
