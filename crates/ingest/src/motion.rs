//! Whether a frame shows anything that the last one looked at did not: cell means of the luma plane, compared
//! with those of the frame that went through the detector last. Where nothing changed, the detector would say
//! what it said then, so it need not be asked. Pure; what is done with the answer is `engine`'s.

use std::time::Duration;

use wayside_types::{Frame, LumaCells, MotionSettings};

use crate::cells::{Cells, FRACTION};

/// Something moves when this many cells have changed, or one by twice as much as it takes.
const LEAST_CELLS: u32 = 2;
/// A cell has changed when its mean moved by this many grey levels …
const LEAST_CHANGE: u16 = 3 << FRACTION;
/// … or by this many times its usual change from frame to frame, if that is more …
const NOISE_FACTOR: u16 = 5;
/// … but never is a larger change than this many grey levels overlooked.
const MOST_CHANGE: u16 = 6 << FRACTION;
/// The estimate of the usual change starts here, and moves by one step a frame.
const FIRST_NOISE: u16 = 1 << (FRACTION - 1);
/// A change keeps frames coming for this long: what moves slowly changes little from one to the next.
const HOLD: Duration = Duration::from_millis(300);
/// From the first frame on, every frame is looked at for this long: noise is learnt, the background settles.
const WARM_UP: Duration = Duration::from_secs(10);

/// Compares a camera's frames with the last one that was looked at.
///
/// The comparison costs some 60 µs at 640×360 and 220 µs at 1920×1080. A change of all cells alike, as the camera's exposure makes
/// it, is none. The noise of each cell is learnt as the median of its changes from frame to frame
/// (by steps up and down, as in sigma-delta background estimation: Manzanera and Richefeu 2007).
#[derive(Debug)]
pub struct MotionGate {
    settings: MotionSettings,
    running: Option<Running>,
}

struct Running {
    cells: Cells,
    began: Duration,
    last: Duration,
    looked_at: Duration,
    changed_at: Duration,
    /// Cell means of the frame that was looked at last, of the frame before and of this one.
    reference: Vec<u16>,
    previous: Vec<u16>,
    current: Vec<u16>,
    noise: Vec<u16>,
    shifts: Vec<i16>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("size", &self.cells.size).finish_non_exhaustive()
    }
}

impl MotionGate {
    /// A gate that has seen nothing.
    #[must_use]
    pub fn new(settings: MotionSettings) -> Self {
        Self { settings, running: None }
    }

    /// Whether the detector must look at this frame. If so, it is what later frames are compared with. Frames
    /// come in the order of their times; a stream that begins anew, and a frame of another size, are always
    /// looked at, as is a frame whose plane is shorter than its size says.
    pub fn must_look(&mut self, frame: &Frame) -> bool {
        let at = frame.media_time;
        let goes_on = |running: &&mut Running| running.cells.size == frame.size && at >= running.last;
        let Some(running) = self.running.as_mut().filter(goes_on) else {
            self.running = Running::new(frame);
            return true;
        };
        if !running.cells.means(frame, &mut running.current) {
            self.running = None;
            return true;
        }
        running.last = at;
        if !self.settings.gate {
            return true;
        }
        if running.changed() {
            running.changed_at = at;
        }
        let refresh = Duration::from_millis(u64::from(self.settings.refresh_ms));
        let look = at < running.changed_at + HOLD
            || at < running.began + WARM_UP
            || at >= running.looked_at + refresh;
        if look {
            running.looked_at = at;
            running.reference.clone_from(&running.current);
        }
        look
    }

    /// The cells of the frame that it was last asked about; `None` where that had none.
    #[must_use]
    pub fn cells(&self) -> Option<LumaCells> {
        self.running.as_ref().map(|running| running.cells.of(&running.current))
    }

    /// Forgets what it compared with: the next frame is looked at.
    pub fn forget(&mut self) {
        self.running = None;
    }
}

impl Running {
    /// `None` for a picture without pixels.
    fn new(frame: &Frame) -> Option<Self> {
        let mut cells = Cells::new(frame.size, frame.format)?;
        let mut current = vec![0; cells.columns * cells.rows];
        if !cells.means(frame, &mut current) {
            return None;
        }
        let at = frame.media_time;
        Some(Self {
            began: at,
            last: at,
            looked_at: at,
            changed_at: at,
            reference: current.clone(),
            previous: current.clone(),
            noise: vec![FIRST_NOISE; current.len()],
            shifts: Vec::with_capacity(current.len()),
            current,
            cells,
        })
    }

    /// Whether cells changed since the reference; learns the noise on the way.
    fn changed(&mut self) -> bool {
        self.learn_noise();
        let shift = common_shift(&self.reference, &self.current, &mut self.shifts);
        let pairs = self.reference.iter().zip(&self.current).zip(&self.noise);
        let mut changed = 0;
        for ((&before, &now), &noise) in pairs {
            let change = (step(before, now) - shift).unsigned_abs();
            let accepted = (NOISE_FACTOR * noise).clamp(LEAST_CHANGE, MOST_CHANGE);
            changed += u32::from(change >= accepted) * if change >= 2 * accepted { LEAST_CELLS } else { 1 };
        }
        changed >= LEAST_CELLS
    }

    fn learn_noise(&mut self) {
        let shift = common_shift(&self.previous, &self.current, &mut self.shifts);
        for ((previous, &now), noise) in self.previous.iter_mut().zip(&self.current).zip(&mut self.noise) {
            let change = (step(*previous, now) - shift).unsigned_abs();
            *noise = if change > *noise { (*noise + 1).min(MOST_CHANGE) } else { noise.saturating_sub(1) };
            *previous = now;
        }
    }
}

/// From one mean to another; means are below 2^12.
#[expect(clippy::cast_possible_wrap, reason = "means are below 2^12")]
fn step(before: u16, now: u16) -> i16 {
    now as i16 - before as i16
}

/// The change that the cells have in common: their median, of every third cell.
fn common_shift(before: &[u16], now: &[u16], shifts: &mut Vec<i16>) -> i16 {
    shifts.clear();
    shifts.extend(before.iter().zip(now).step_by(3).map(|(&b, &n)| step(b, n)));
    let middle = shifts.len() / 2;
    if shifts.is_empty() { 0 } else { *shifts.select_nth_unstable(middle).1 }
}

#[cfg(test)]
mod tests;
