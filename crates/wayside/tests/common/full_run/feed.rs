//! A camera whose frames the test pushes itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use wayside_engine::{OpenSource, Source};
use wayside_ingest::{FrameSink, IngestError, SourceChange, SourceStats};
use wayside_types::{CameraSpec, FrameSize, SharedClock};

/// What the run's camera is fed through.
#[derive(Default)]
pub struct Feed {
    pub sink: Mutex<Option<Arc<dyn FrameSink>>>,
    pub frames: Mutex<u64>,
}

struct FeedSource(Arc<Feed>);

pub struct OpenFeed(pub Arc<Feed>);

impl Source for FeedSource {
    fn stats(&self) -> SourceStats {
        let frames = *self.0.frames.lock().unwrap();
        SourceStats {
            frames,
            decoded: 0,
            decode_time: Duration::ZERO,
            due: frames,
            reconnects: 0,
            discontinuities: 0,
            newest_captured_at: None,
            camera_clock_used: true,
        }
    }
}

impl OpenSource for OpenFeed {
    fn open(
        &self,
        _: &CameraSpec,
        _: SharedClock,
        _: u64,
        sink: Arc<dyn FrameSink>,
    ) -> Result<Box<dyn Source>, IngestError> {
        let size = FrameSize { width: 640, height: 360 };
        sink.state(SourceChange::Live { size, codec: "drawn".to_owned(), decoder: "none".to_owned() });
        *self.0.sink.lock().unwrap() = Some(sink);
        Ok(Box::new(FeedSource(self.0.clone())))
    }
}
