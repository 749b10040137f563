//! Trying every camera of a site once, for `wayside check`: what it sends, and whether that suits the
//! detector that is to look at it. Nothing is decoded beyond the first picture, and that is not looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use wayside_detect::Model;
use wayside_engine::{IngestSources, OpenSource};
use wayside_ingest::{FrameSink, SourceChange};
use wayside_types::{CameraId, CameraSpec, Frame, FrameSize, SharedClock, SystemClock};

use crate::process::say;

/// A camera that sends no picture for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Cameras that are tried at a time.
const AT_ONCE: usize = 32;
/// Pictures with more than this many times the pixels that the detector sees are decoded in vain.
const WASTE: f64 = 4.0;

/// How large the pictures are of those cameras that sent one.
pub type Sizes = BTreeMap<CameraId, FrameSize>;

/// Tries the cameras and says what each sends. One that can't be had is worth a warning only: it may be off.
pub fn cameras(cameras: &[CameraSpec], sources: &IngestSources, models: &[Model]) -> Sizes {
    let clock = SystemClock::shared();
    let mut sizes = Sizes::new();
    for group in cameras.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let tried: Vec<_> = group
                .iter()
                .map(|camera| {
                    let clock = clock.clone();
                    scope.spawn(move || first_picture(camera, sources, clock))
                })
                .collect();
            for (camera, tried) in group.iter().zip(tried) {
                let model = models.iter().find(|model| model.name() == camera.profile.model);
                let found = tried.join().unwrap_or_else(|_| Err("could not be tried".to_owned()));
                if let Ok(sent) = &found {
                    sizes.insert(camera.id.clone(), sent.size);
                }
                tell(camera, model, found);
            }
        });
    }
    sizes
}

/// What a camera sends.
struct Sent {
    size: FrameSize,
    codec: String,
}

fn first_picture(camera: &CameraSpec, sources: &IngestSources, clock: SharedClock) -> Result<Sent, String> {
    let (changes, heard) = channel();
    let source = sources.open(camera, clock.clone(), 0, Arc::new(Ear(changes)));
    let _source = source.map_err(|error| error.to_string())?;
    let until = clock.monotonic() + PATIENCE;
    loop {
        let left = until.saturating_sub(clock.monotonic());
        match heard.recv_timeout(left) {
            Ok(SourceChange::Live { size, codec, .. }) => return Ok(Sent { size, codec }),
            Ok(SourceChange::Lost { reason, .. } | SourceChange::Failed { reason, .. }) => {
                return Err(reason);
            }
            Ok(SourceChange::Ended) => return Err("ended without a picture".to_owned()),
            Ok(SourceChange::Connecting | SourceChange::SizeChanged { .. }) => {}
            Err(_) => return Err(format!("sent no picture within {} s", PATIENCE.as_secs())),
        }
    }
}

/// Hears what becomes of a source; frames are dropped where they come in.
struct Ear(Sender<SourceChange>);

impl FrameSink for Ear {
    fn frame(&self, _: Frame) {}

    fn state(&self, change: SourceChange) {
        // Whoever asked may have heard enough.
        drop(self.0.send(change));
    }
}

fn tell(camera: &CameraSpec, model: Option<&Model>, found: Result<Sent, String>) {
    let id = &camera.id;
    match found {
        Err(reason) => say(&format!("warning: camera {id}: {reason}")),
        Ok(Sent { size, codec }) => {
            say(&format!("camera {id}: sends {size}, {codec}"));
            if let Some(waste) = model.and_then(|model| too_large(size, model.shown(size))) {
                say(&format!("warning: camera {id}: {waste}"));
            }
        }
    }
}

/// Why a picture is larger than it need be, if it is.
fn too_large(sent: FrameSize, shown: FrameSize) -> Option<String> {
    let pixels = |size: FrameSize| f64::from(size.width) * f64::from(size.height);
    let times = pixels(sent) / pixels(shown).max(1.0);
    (times > WASTE).then(|| {
        format!(
            "sends {sent}, of which the detector sees {shown}: {times:.0} times the pixels are decoded for \
             nothing; take the camera's sub-stream (640x360 or near it)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_stream_is_told_from_a_sub_stream() {
        let size = |width, height| FrameSize { width, height };
        let message = too_large(size(1920, 1080), size(416, 234)).unwrap();
        assert!(message.contains("1920x1080") && message.contains("416x234") && message.contains("21 times"));
        assert!(too_large(size(1280, 720), size(416, 234)).is_some());
        assert_eq!(too_large(size(704, 576), size(416, 340)), None);
        assert_eq!(too_large(size(640, 360), size(416, 234)), None);
        assert_eq!(too_large(size(1280, 720), size(1280, 720)), None);
    }
}
