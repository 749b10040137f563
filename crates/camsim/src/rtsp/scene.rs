//! A drawn scene as a camera: drawn and encoded while somebody watches, from its beginning each time,
//! so that what is seen in the first minute is always the same.

use std::time::Duration;

use super::feed::{Feed, Gone, Outlet};
use crate::error::CamsimError;
use crate::scene::SceneSpec;
use crate::scene::record::{picture_buffer, picture_caps};
use crate::scene::stage::Stage;

/// Later than this, frames are left out as a camera that can't keep up would.
const LATE: Duration = Duration::from_millis(300);

/// A scene that is drawn live.
pub struct SceneFeed {
    spec: SceneSpec,
}

impl SceneFeed {
    /// A scene whose ranges were checked.
    #[must_use]
    pub fn new(spec: &SceneSpec) -> Self {
        Self { spec: spec.clone() }
    }
}

impl Feed for SceneFeed {
    fn launch(&self) -> String {
        // Constant quality like a camera's variable bit rate; one thread, because cameras share cores.
        let key = self.spec.fps * 2;
        format!(
            "( appsrc name=source is-live=true format=time block=true max-buffers=2 \
             ! x264enc tune=zerolatency speed-preset=ultrafast pass=quant quantizer=24 key-int-max={key} \
               threads=1 sliced-threads=false \
             ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
        )
    }

    fn run(&mut self, outlet: &Outlet) -> Result<Gone, CamsimError> {
        let mut stage = Stage::new(&self.spec)?;
        let caps = picture_caps(self.spec.size, self.spec.fps)?;
        outlet.set_caps(&caps);
        // Painting the background took a moment: the first frame is due now.
        let start = outlet.running_time().unwrap_or_default();
        let first = (start.as_secs_f64() * f64::from(self.spec.fps)).ceil() as u64;
        for frame in 0u64.. {
            let due = Duration::from_secs_f64((first + frame) as f64 / f64::from(self.spec.fps));
            if outlet.wait_until(due).is_err() {
                break;
            }
            if outlet.running_time().is_some_and(|now| now > due + LATE) {
                stage.skip();
                continue;
            }
            let picture = stage.next_frame();
            if outlet.push(picture_buffer(&picture, first + frame, self.spec.fps)?).is_err() {
                break;
            }
        }
        Ok(Gone)
    }
}
