//! How dark a camera's pictures are, from the cells that the motion gate has anyway, and how much the detector's are
//! brightened for it. The road is part of what is darker in a picture, the sky and lamps are not, so the darker third says;
//! evened out over some seconds of the frames' own time, so that nobody who passes changes anything and a file always
//! gives the same.

use std::time::Duration;

use wayside_detect::Lift;
use wayside_types::{DetectSettings, Frame, LumaCells};

/// Brightness is evened out over about this long.
const EVEN_S: f32 = 5.0;
/// After a hole longer than this it is as dark as the next frame is.
const HOLE: Duration = Duration::from_secs(10);
/// Every so-manieth cell says how bright the picture is.
const CELL_STEP: usize = 3;

/// The brightness of one camera.
#[derive(Debug)]
pub(crate) struct Light {
    brighten: bool,
    /// When the last frame was, and how bright the darker third was at most until then.
    known: Option<(Duration, f32)>,
    cells: Vec<u16>,
}

impl Light {
    pub fn new(settings: DetectSettings) -> Self {
        Self { brighten: settings.brighten, known: None, cells: Vec::new() }
    }

    /// Takes the next frame with its cells, and says how much it is brightened for the detector.
    pub fn see(&mut self, frame: &Frame, cells: Option<&LumaCells>) -> Lift {
        if !self.brighten {
            return Lift::NONE;
        }
        let at = frame.media_time;
        if let Some(now) = cells.and_then(|cells| self.darker_third(cells)) {
            let luma = match self.known {
                Some((last, luma)) if at >= last && at - last <= HOLE => {
                    luma + (now - luma) * ((at - last).as_secs_f32() / EVEN_S).min(1.0)
                }
                _ => now,
            };
            self.known = Some((at, luma));
        }
        self.known.map_or(Lift::NONE, |(_, luma)| Lift::for_luma(luma))
    }

    /// The stream broke: what comes next may be of another hour.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// How bright the darker third of the picture is at most, grey levels.
    fn darker_third(&mut self, cells: &LumaCells) -> Option<f32> {
        self.cells.clear();
        self.cells.extend(cells.means.iter().step_by(CELL_STEP));
        let third = self.cells.len() / 3;
        (!self.cells.is_empty()).then(|| f32::from(*self.cells.select_nth_unstable(third).1) / 16.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wayside_types::frame::OwnedPixels;
    use wayside_types::{CameraId, FrameSize, PixelFormat, Timestamp};

    use super::*;

    fn frame(at_ms: u64) -> Frame {
        Frame {
            camera: CameraId::new("light").unwrap(),
            captured_at: Timestamp::UNIX_EPOCH,
            media_time: Duration::from_millis(at_ms),
            seq: 0,
            size: FrameSize { width: 64, height: 36 },
            format: PixelFormat::Rgb8,
            pixels: Arc::new(OwnedPixels::rgb8(Vec::new(), 64)),
        }
    }

    /// Cells of which a fifth is of another brightness.
    fn cells(level: u16, other: u16) -> LumaCells {
        let means = (0..900).map(|i| if i % 5 < 1 { other * 16 } else { level * 16 }).collect();
        LumaCells { columns: 30, rows: 30, side_px: 8, means }
    }

    fn lifts(light: &mut Light, frames: impl Iterator<Item = (u64, LumaCells)>) -> Vec<f32> {
        frames.map(|(at_ms, cells)| light.see(&frame(at_ms), Some(&cells)).gamma()).collect()
    }

    #[test]
    fn the_night_is_brightened_and_the_day_is_not() {
        let settings = DetectSettings::default();
        let mut light = Light::new(settings);
        assert_eq!(light.see(&frame(0), None), Lift::NONE, "nothing is known yet");
        let night = lifts(&mut light, (0..50).map(|i| (i * 100, cells(35, 240))));
        assert!(night.iter().all(|gamma| *gamma > 1.5), "lamps are no day: {night:?}");
        let day = lifts(&mut Light::new(settings), (0..50).map(|i| (i * 100, cells(90, 20))));
        assert!(day.iter().all(|gamma| *gamma == 1.0), "dark loads are no night: {day:?}");
        let mut off = Light::new(DetectSettings { brighten: false, ..settings });
        assert_eq!(lifts(&mut off, (0..5).map(|i| (i * 100, cells(40, 40)))), [1.0; 5]);
    }

    #[test]
    fn it_follows_slowly_and_begins_anew_after_a_hole() {
        let mut light = Light::new(DetectSettings::default());
        lifts(&mut light, std::iter::once((0, cells(90, 90))));
        let passing = lifts(&mut light, (1..10).map(|i| (i * 100, cells(30, 30))));
        assert!(passing.iter().all(|gamma| *gamma == 1.0), "a second of dark is a lorry: {passing:?}");
        let night = lifts(&mut light, (10..250).map(|i| (i * 100, cells(30, 30))));
        assert!(night.windows(2).all(|w| w[0] <= w[1]) && night.last().unwrap() > &1.9, "{night:?}");
        let day = lifts(&mut light, std::iter::once((60_000, cells(90, 90))));
        assert_eq!(day, [1.0]);
        lifts(&mut light, (0..2).map(|i| (61_000 + i * 100, cells(30, 30))));
        light.forget();
        assert!(lifts(&mut light, std::iter::once((61_300, cells(30, 30))))[0] > 1.9);
    }
}
