//! One cell of the road: since when something is there that was not, and how it came.

use wayside_types::Timestamp;

use crate::calm::{Calm, Pace};

/// How cells are looked at.
const PACE: Pace = Pace { even_s: 0.3, calm_s: 0.7, leap_s: 0.5 };
/// What is there came at once if this share of it leapt within the first seconds, for half of its cells.
const ARRIVED_SHARE: f32 = 0.5;
const ARRIVING_S: f64 = 2.0;
/// What is new together with more than a thing covers for this share of its first seconds came with it.
pub(super) const WIDE_S: f64 = 4.0;
const WIDE_SHARE: f64 = 0.5;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    pub since: Option<Timestamp>,
    pub off: f32,
    /// The largest difference since then: light is learnt by and by, its edges stay.
    pub peak: f32,
    /// How long it was seen to be new, and not to be since then.
    pub seen_s: f64,
    pub gone_s: f64,
    /// The empty scene's steepest step, and that of what is there since then, grey levels: near the median of what was seen, so that
    /// neither rain nor whoever passes is part of it.
    pub step: f32,
    pub edge: f32,
    /// For how long the road was seen there, with nobody on it.
    pub free_s: f64,
    /// How it is when nobody passes.
    pub calm: Calm,
    /// The largest leap from there since it is new.
    pub leap: f32,
    /// How long it was part of something settled, and of what looked like a thing.
    pub looked_s: f64,
    pub thing_s: f64,
    /// Since when it looks otherwise, and for how long it was seen to.
    pub other: Option<Timestamp>,
    pub other_s: f64,
    /// How long, in its first seconds, it was new together with more than a thing covers.
    pub wide_s: f64,
}

impl Cell {
    /// Something may have come.
    pub fn begin(&mut self, at: Timestamp, off: f32) {
        let Self { step, calm, free_s, .. } = *self;
        *self =
            Self { since: Some(at), off, peak: off.abs(), step, edge: step, calm, free_s, ..Self::default() };
    }

    /// Whether it came together with more than a thing covers: that was light or shadow, also when most of it is learnt
    /// already. The lamps of whoever passed meanwhile are none of it.
    pub fn is_wide(&self) -> bool {
        self.wide_s >= WIDE_SHARE * self.seen_s.min(WIDE_S)
    }

    /// Takes by how much it is off: what is calm may have leapt there.
    pub fn calm(&mut self, dt_s: f64, off: f32) {
        if let Some(leap) = self.calm.leap(&PACE, dt_s, off)
            && self.seen_s <= ARRIVING_S
        {
            self.leap = self.leap.max(leap.abs());
        }
    }

    /// Whether what is there came at once.
    pub fn arrived(&self) -> bool {
        self.leap >= ARRIVED_SHARE * self.peak
    }
}
