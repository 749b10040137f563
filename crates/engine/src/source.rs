//! What the engine wants of a camera's source: that it can be started with a sink and asked for figures.
//! In production that is `ingest`; a test may bring frames of its own.

use std::sync::Arc;

use wayside_ingest::{FrameSink, IngestError, LiveSource, SourceOptions, SourceStats};
use wayside_types::{CameraSpec, SharedClock};

/// A running source. Dropping it stops it, and no frame comes after that.
pub trait Source: Send + Sync {
    /// Figures since the start.
    fn stats(&self) -> SourceStats;
}

/// Starts sources.
pub trait OpenSource: Send + Sync {
    /// Starts a camera's source; frames and changes go to `sink`. `seed` shapes the jitter of its pauses.
    ///
    /// # Errors
    /// [`IngestError`] when it can never work as configured.
    fn open(
        &self,
        spec: &CameraSpec,
        clock: SharedClock,
        seed: u64,
        sink: Arc<dyn FrameSink>,
    ) -> Result<Box<dyn Source>, IngestError>;
}

/// Cameras and files through GStreamer. Rate, transport and keyframes come from each camera, the rest from
/// these options.
#[derive(Debug, Clone, Default)]
pub struct IngestSources(pub SourceOptions);

impl Source for LiveSource {
    fn stats(&self) -> SourceStats {
        Self::stats(self)
    }
}

impl OpenSource for IngestSources {
    fn open(
        &self,
        spec: &CameraSpec,
        clock: SharedClock,
        seed: u64,
        sink: Arc<dyn FrameSink>,
    ) -> Result<Box<dyn Source>, IngestError> {
        let options = SourceOptions {
            rate_fps: spec.profile.rate_fps,
            keyframes_only: spec.profile.decode.keyframes_only,
            transport: spec.transport,
            ..self.0.clone()
        };
        let source = LiveSource::start(spec.id.clone(), spec.source.clone(), options, clock, seed, sink)?;
        Ok(Box::new(source))
    }
}
