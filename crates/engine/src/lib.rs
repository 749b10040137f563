//! Wires the stages together: sources, the one queue of all cameras, detectors, tracking, measuring,
//! bins, the live view. [`live`] runs many cameras, [`offline`] one file; both send detections through
//! [`analysis`]; [`backdrop`] makes one camera's background for a drawing. What each stage does is in the
//! crate of its name.
//!
//! ```text
//! LiveSource ─▶ queue::FairQueue ─▶ worker::run ─▶ analysis::CameraAnalysis ─▶ Binner ─▶ Writer
//! read_file  ─────────────▶ offline::analyze ───▶ analysis::CameraAnalysis ─▶ report::Report
//! ```

pub mod analysis;
pub mod backdrop;
mod camera;
pub mod evidence;
mod incidents;
pub mod light;
mod live;
mod load;
pub mod offline;
mod pace;
mod plan;
mod queue;
pub mod report;
mod sink;
pub mod source;
mod status;
mod ticker;
pub mod view;
mod watched;
mod worker;

pub use backdrop::{Backdrop, BackdropError, backdrop};
pub use live::{DetectorSetup, Engine, EngineError, EngineParts};
pub use offline::{AnalyzeError, analyze};
pub use plan::Workers;
pub use report::Report;
pub use source::{IngestSources, OpenSource, Source};
