//! Trying every camera of a site once, for `wayside check`: what it sends, and whether that suits the
//! detector that is to look at it. No more is decoded than the pictures up to the first with colours, and of those nothing
//! else is looked at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use wayside_detect::Model;
use wayside_engine::{IngestSources, OpenSource};
use wayside_ingest::{FrameSink, SourceChange};
use wayside_types::{CameraId, CameraSpec, Frame, FrameSize, PixelFormat, SharedClock, SystemClock};

use crate::process::{say, warn};

/// A camera that sends no picture for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Cameras that are tried at a time.
const AT_ONCE: usize = 32;
/// Pictures with more than this many times the pixels that the detector sees are decoded in vain.
const WASTE: f64 = 4.0;
/// For so long, and in so many pictures at least, colours are looked for: what comes before a stream's first whole picture
/// may be grey.
const LOOK: Duration = Duration::from_secs(2);
const LOOKED_AT: usize = 3;
/// Colours whose strength varies by less over the picture (standard deviation, of 255) are none.
const COLOURLESS: f64 = 1.0;

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
    /// Whether its pictures have colours; unknown where too few came.
    colours: Option<bool>,
}

/// What is heard of a source.
enum Heard {
    Change(SourceChange),
    /// A picture came: whether it has colours.
    Colours(bool),
}

fn first_picture(camera: &CameraSpec, sources: &IngestSources, clock: SharedClock) -> Result<Sent, String> {
    let (changes, heard) = channel();
    let source = sources.open(camera, clock.clone(), 0, Arc::new(Ear(changes)));
    let _source = source.map_err(|error| error.to_string())?;
    let until = clock.monotonic() + PATIENCE;
    loop {
        let left = until.saturating_sub(clock.monotonic());
        let change = match heard.recv_timeout(left) {
            Ok(Heard::Change(change)) => change,
            Ok(Heard::Colours(_)) => continue,
            Err(_) => return Err(format!("sent no picture within {} s", PATIENCE.as_secs())),
        };
        match change {
            SourceChange::Live { size, codec, .. } => {
                return Ok(Sent { size, codec, colours: colours(&heard, &clock) });
            }
            SourceChange::Lost { reason, .. } | SourceChange::Failed { reason, .. } => return Err(reason),
            SourceChange::Ended => return Err("ended without a picture".to_owned()),
            SourceChange::Connecting | SourceChange::SizeChanged { .. } => {}
        }
    }
}

/// What the next pictures show of colours.
fn colours(heard: &Receiver<Heard>, clock: &SharedClock) -> Option<bool> {
    let until = clock.monotonic() + LOOK;
    let mut without = 0;
    loop {
        match heard.recv_timeout(until.saturating_sub(clock.monotonic())) {
            Ok(Heard::Colours(true)) => return Some(true),
            Ok(Heard::Colours(false)) => without += 1,
            Ok(Heard::Change(_)) => {}
            Err(_) => return (without >= LOOKED_AT).then_some(false),
        }
    }
}

/// Hears what becomes of a source; frames are dropped where they come in.
struct Ear(Sender<Heard>);

impl Ear {
    fn tell(&self, heard: Heard) {
        // Whoever asked may have heard enough.
        drop(self.0.send(heard));
    }
}

impl FrameSink for Ear {
    fn frame(&self, frame: Frame) {
        self.tell(Heard::Colours(has_colours(&frame)));
    }

    fn state(&self, change: SourceChange) {
        self.tell(Heard::Change(change));
    }
}

/// Whether a picture is more than shades of one colour.
fn has_colours(frame: &Frame) -> bool {
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    let rows = |index: usize, bytes: usize, rows: usize| {
        let plane = frame.pixels.plane(index);
        let row = move |row: usize| plane.data.get(row * plane.stride..)?.get(..bytes);
        (0..rows).filter_map(row).flatten().copied().collect::<Vec<u8>>()
    };
    let (half, low) = (width.div_ceil(2), height.div_ceil(2));
    let apart = |mixed: &[u8], every: usize, nth: usize| -> Vec<f64> {
        mixed.iter().skip(nth).step_by(every).map(|&value| f64::from(value)).collect()
    };
    let [u, v] = match frame.format {
        PixelFormat::I420 => [1, 2].map(|index| apart(&rows(index, half, low), 1, 0)),
        PixelFormat::Nv12 => {
            let mixed = rows(1, 2 * half, low);
            [0, 1].map(|nth| apart(&mixed, 2, nth))
        }
        PixelFormat::Rgb8 => {
            let mixed = rows(0, 3 * width, height);
            let [r, g, b] = [0, 1, 2].map(|nth| apart(&mixed, 3, nth));
            [b, r].map(|other| other.iter().zip(&g).map(|(a, b)| a - b).collect())
        }
    };
    let variance = |values: &[f64]| {
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n
    };
    (variance(&u) + variance(&v)).sqrt() >= COLOURLESS
}

fn tell(camera: &CameraSpec, model: Option<&Model>, found: Result<Sent, String>) {
    let id = &camera.id;
    match found {
        Err(reason) => warn(&format!("camera {id}: {reason}")),
        Ok(Sent { size, codec, colours }) => {
            say(&format!("camera {id}: sends {size}, {codec}"));
            if let Some(waste) = model.and_then(|model| too_large(size, model.shown(size))) {
                warn(&format!("camera {id}: {waste}"));
            }
            if colours == Some(false) {
                warn(&format!(
                    "camera {id}: its picture has no colours (infrared by night?); the detectors that come with \
                     Wayside were trained on colours and miss up to a third of the vehicles without them"
                ));
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
    use wayside_types::frame::OwnedPixels;

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

    #[test]
    fn shades_of_one_colour_are_no_colours() {
        let clock = SystemClock::shared();
        let colours = |format, planes: Vec<(Vec<u8>, usize)>| {
            has_colours(&Frame {
                camera: CameraId::new("a").unwrap(),
                captured_at: clock.now(),
                media_time: Duration::ZERO,
                seq: 0,
                size: FrameSize { width: 4, height: 4 },
                format,
                pixels: Arc::new(OwnedPixels::planar(planes)),
            })
        };
        let luma = || ((0..16).map(|n| n * 15).collect(), 4);
        for (u, v, some) in [(vec![128; 4], vec![128; 4], false), (vec![120; 4], vec![140; 4], false)]
            .into_iter()
            .chain([(vec![128, 120, 128, 128], vec![128, 128, 140, 128], true)])
        {
            let mixed = u.iter().zip(&v).flat_map(|(u, v)| [*u, *v]).collect();
            assert_eq!(colours(PixelFormat::Nv12, vec![luma(), (mixed, 4)]), some, "{u:?} {v:?}");
            assert_eq!(colours(PixelFormat::I420, vec![luma(), (u, 2), (v, 2)]), some);
        }
        let shades: Vec<u8> = (0..16).flat_map(|n| [n * 15; 3]).collect();
        let mut red = shades.clone();
        red.iter_mut().step_by(3).take(5).for_each(|r| *r = 250);
        assert!(!colours(PixelFormat::Rgb8, vec![(shades, 12)]));
        assert!(colours(PixelFormat::Rgb8, vec![(red, 12)]));
        // What a broken source hands over is no reason to fail.
        assert!(!colours(PixelFormat::I420, vec![luma(), (vec![], 2), (vec![], 2)]));
    }
}
