//! How what a cell shows came to be there: from one moment to the next, as whoever drives up does, or by and by, as water,
//! light and dusk do. What is calm now is held against what was when it last was calm, whoever passed meanwhile.

/// What differs by more grey levels than this from what it was, evened out, is not calm.
pub const STILL_LEVELS: f32 = 14.0;
/// How fast a look follows what a cell shows, seconds.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// It is evened out over about this long …
    pub even_s: f64,
    /// … and is calm once it was so for so long.
    pub calm_s: f64,
    /// What is calm now is held against what was when it last was, but for what came over about this long.
    pub leap_s: f64,
}

/// What one cell shows when nobody passes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calm {
    /// By how much it is off, evened out, and for how long that was calm; and how it was when it last was.
    even: f32,
    calm_s: f64,
    stable: f32,
}

impl Calm {
    /// Takes by how much a cell is off, grey levels, `dt_s` after the look before; gives how far it leapt, up or down, since it was
    /// calm, or `None` while it is not. What changes by and by hardly leaps.
    pub fn leap(&mut self, pace: &Pace, dt_s: f64, off: f32) -> Option<f32> {
        if (off - self.even).abs() > STILL_LEVELS {
            (self.even, self.calm_s) = (off, 0.0);
            return None;
        }
        self.even += (off - self.even) * (dt_s / pace.even_s).min(1.0) as f32;
        self.calm_s += dt_s;
        if self.calm_s < pace.calm_s {
            return None;
        }
        let leap = self.even - self.stable;
        self.stable += leap * (dt_s / pace.leap_s).min(1.0) as f32;
        Some(leap)
    }
}
