//! The motion filter: constant velocity on the ground, in time, not in frames; one small Kalman filter for
//! each of the box's centre x, centre y, log width and log height. Which detection it is fed is
//! `associate`'s choice.

use wayside_types::{BBox, RoadUserClass};

/// Standard deviation of a road user's unknown speed, in box units a second. A box unit is the square
/// root of the box's area: a car at 15 m/s seen from the side does about 6, one on a motorway seen from
/// behind about 5; people on foot about 1.5.
fn speed_sigma(class: RoadUserClass) -> f64 {
    if class == RoadUserClass::Pedestrian { 1.5 } else { 3.5 }
}

/// Spectral density of the white acceleration noise, box units² / s³: the speed drifts by the square
/// root of this many box units a second within a second (braking, turning, perspective).
const ACCELERATION_DENSITY: f64 = 1.0;
/// The same for what stands: it moves off more slowly than a moving one brakes or turns …
const STANDING_DENSITY: f64 = 0.05;
/// … and this many box units a second are full pace.
const FAST_UNITS_S: f64 = 2.0;
/// The same for the logarithm of width and height, 1 / s³.
const GROWTH_DENSITY: f64 = 0.03;
/// What comes nearer on the ground grows with 1 / distance and moves in the picture with 1 / distance², so
/// that its velocity changes by this power of its growth …
const PERSPECTIVE_POWER: f64 = 2.0;
/// … where no more growth than this is believed, 1 / s: sizes are measured badly.
const MAX_GROWTH: f64 = 0.5;
/// Standard deviation of the unknown rate of growth, 1 / s.
const GROWTH_SIGMA: f64 = 0.3;
/// Standard deviation of a detection's centre, in shares of its width or height, at full score.
const CENTRE_SIGMA: f64 = 0.06;
/// The same for the logarithm of its width and height.
const SIZE_SIGMA: f64 = 0.10;
/// Deviations are as stated at this score, and grow as it falls.
const LOOSE_SCORE: f64 = 0.5;
/// A detection's centre is never better than this many pixels.
const PIXEL_SIGMA: f64 = 0.7;

/// A side of another length than predicted costs at most this: occlusion shrinks boxes at will …
const SIZE_CAP: f64 = 6.0;
/// … but one that has grown by this much (logarithm) is more likely to be of two road users at once …
const SUDDEN_GROWTH: f64 = 0.4;
/// … and may cost this.
const GROWN_CAP: f64 = 14.0;

/// Position and velocity along one axis with their covariance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    pub pos: f64,
    pub vel: f64,
    p_pos: f64,
    p_cross: f64,
    pub p_vel: f64,
}

impl Axis {
    fn new(pos: f64, var: f64, vel_var: f64) -> Self {
        Self { pos, vel: 0.0, p_pos: var, p_cross: 0.0, p_vel: vel_var }
    }

    /// Moves on by `dt_s` seconds under white acceleration noise of density `q`.
    fn predict(&mut self, dt_s: f64, q: f64) {
        self.pos += self.vel * dt_s;
        let cross = self.p_cross + dt_s * self.p_vel;
        self.p_pos += dt_s * (self.p_cross + cross) + q * dt_s.powi(3) / 3.0;
        self.p_cross = cross + q * dt_s * dt_s / 2.0;
        self.p_vel += q * dt_s;
    }

    /// The same for a velocity that grows by `rate` (1 / s) of itself.
    fn predict_growing(&mut self, dt_s: f64, q: f64, rate: f64) {
        let (from, velocity) = (self.pos, self.vel);
        self.predict(dt_s, q);
        let growth = rate * dt_s;
        // The mean of the velocity over the time: the integral of an exponential.
        let mean = if growth.abs() < 1e-6 { 1.0 } else { growth.exp_m1() / growth };
        self.pos = from + velocity * mean * dt_s;
        self.vel = velocity * growth.exp();
    }

    fn update(&mut self, measured: f64, var: f64) {
        let s = self.p_pos + var;
        let (gain_pos, gain_vel) = (self.p_pos / s, self.p_cross / s);
        let innovation = measured - self.pos;
        self.pos += gain_pos * innovation;
        self.vel += gain_vel * innovation;
        self.p_vel -= gain_vel * self.p_cross;
        self.p_cross *= 1.0 - gain_pos;
        self.p_pos *= 1.0 - gain_pos;
    }
}

/// A detected box as the filter measures it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub cx: f64,
    pub cy: f64,
    pub log_w: f64,
    pub log_h: f64,
    var_x: f64,
    var_y: f64,
    var_size: f64,
}

impl Measured {
    /// A box of positive width and height, and the score that says how far to trust it.
    pub fn new(bbox: &BBox, score: f32) -> Self {
        let (w, h) = (f64::from(bbox.width()), f64::from(bbox.height()));
        let centre = bbox.centre();
        // Weak detections are looser boxes.
        let loose = (LOOSE_SCORE / f64::from(score)).clamp(0.8, 3.0);
        let var = |side: f64| (loose * CENTRE_SIGMA * side + PIXEL_SIGMA).powi(2);
        Self {
            cx: centre.x,
            cy: centre.y,
            log_w: w.ln(),
            log_h: h.ln(),
            var_x: var(w),
            var_y: var(h),
            var_size: (loose * SIZE_SIGMA).powi(2),
        }
    }
}

/// A belief about where a new road user is heading, used until its own motion is seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heading {
    pub vx: f64,
    pub vy: f64,
    /// Variance of either component, px²/s².
    pub var: f64,
    /// How likely this belief is, 0 to 1.
    pub weight: f64,
}

/// How well a measurement fits a prediction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// Squared Mahalanobis distance of the centre.
    pub distance2: f64,
    /// The same for the size, capped, because occlusion and the frame's edge change sizes at will.
    pub size2: f64,
    /// Twice the log of the predicted spread in box units: negative when the prediction is sharp.
    pub log_spread: f64,
}

/// Where a road user is believed to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion {
    pub x: Axis,
    pub y: Axis,
    log_w: Axis,
    log_h: Axis,
}

impl Motion {
    pub fn new(at: &Measured, class: RoadUserClass) -> Self {
        let unit = ((at.log_w + at.log_h) / 2.0).exp();
        let vel_var = (speed_sigma(class) * unit).powi(2);
        Self {
            x: Axis::new(at.cx, at.var_x, vel_var),
            y: Axis::new(at.cy, at.var_y, vel_var),
            log_w: Axis::new(at.log_w, at.var_size, GROWTH_SIGMA.powi(2)),
            log_h: Axis::new(at.log_h, at.var_size, GROWTH_SIGMA.powi(2)),
        }
    }

    /// The box unit: square root of the box's area, px.
    pub fn unit(&self) -> f64 {
        ((self.log_w.pos + self.log_h.pos) / 2.0).exp()
    }

    /// The same road user, believed to be heading so. Only meaningful before its second detection.
    pub fn heading(mut self, heading: &Heading) -> Self {
        (self.x.vel, self.y.vel) = (heading.vx, heading.vy);
        (self.x.p_vel, self.y.p_vel) = (heading.var, heading.var);
        self
    }

    pub fn predict(&mut self, dt_s: f64) {
        let unit = self.unit();
        let pace = (self.x.vel.hypot(self.y.vel) / (FAST_UNITS_S * unit)).min(1.0);
        let q = (STANDING_DENSITY + pace * (ACCELERATION_DENSITY - STANDING_DENSITY)) * unit * unit;
        let growth = f64::midpoint(self.log_w.vel, self.log_h.vel).clamp(-MAX_GROWTH, MAX_GROWTH);
        self.x.predict_growing(dt_s, q, PERSPECTIVE_POWER * growth);
        self.y.predict_growing(dt_s, q, PERSPECTIVE_POWER * growth);
        self.log_w.predict(dt_s, GROWTH_DENSITY);
        self.log_h.predict(dt_s, GROWTH_DENSITY);
    }

    /// Growth stops while nothing is seen, or a long occlusion would blow the box up.
    pub fn damp_growth(&mut self, share: f64) {
        self.log_w.vel *= share;
        self.log_h.vel *= share;
    }

    pub fn update(&mut self, m: &Measured) {
        self.x.update(m.cx, m.var_x);
        self.y.update(m.cy, m.var_y);
        self.log_w.update(m.log_w, m.var_size);
        self.log_h.update(m.log_h, m.var_size);
    }

    /// Variances of a measured centre around the predicted one, px².
    pub fn spread(&self, m: &Measured) -> (f64, f64) {
        (self.x.p_pos + m.var_x, self.y.p_pos + m.var_y)
    }

    pub fn fit(&self, m: &Measured) -> Fit {
        let unit2 = self.unit().powi(2);
        let (sx, sy) = self.spread(m);
        let size_var = m.var_size + 0.02;
        let (dw, dh) = (m.log_w - self.log_w.pos, m.log_h - self.log_h.pos);
        let side = |d: f64, axis: &Axis| {
            let cap = if d > SUDDEN_GROWTH { GROWN_CAP } else { SIZE_CAP };
            (d * d / (axis.p_pos + size_var)).min(cap)
        };
        Fit {
            distance2: (m.cx - self.x.pos).powi(2) / sx + (m.cy - self.y.pos).powi(2) / sy,
            size2: side(dw, &self.log_w) + side(dh, &self.log_h),
            log_spread: (sx / unit2).ln() + (sy / unit2).ln(),
        }
    }

    /// By how much (logarithm) both sides of a measured box differ at least from those predicted.
    pub fn sides_differ(&self, m: &Measured) -> f64 {
        (m.log_w - self.log_w.pos).abs().min((m.log_h - self.log_h.pos).abs())
    }

    pub fn bbox(&self) -> BBox {
        let (w, h) = (self.log_w.pos.exp() / 2.0, self.log_h.pos.exp() / 2.0);
        let px = |v: f64| v as f32;
        BBox::new(px(self.x.pos - w), px(self.y.pos - h), px(self.x.pos + w), px(self.y.pos + h))
    }

    /// Velocity of the reference point, px/s: the bottom edge moves with the centre and with the growth.
    pub fn reference_velocity(&self) -> (f64, f64) {
        (self.x.vel, self.y.vel + self.log_h.vel * self.log_h.pos.exp() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A car on a straight road, `z_m` away from a camera 6 m above it.
    fn seen(z_m: f64) -> Measured {
        let scale = 700.0 / z_m;
        let px = |v: f64| v as f32;
        let (x, y) = (320.0 + 3.0 * scale, 60.0 + 6.0 * scale);
        let (w, h) = (1.9 * scale, 1.5 * scale);
        Measured::new(&BBox::new(px(x - w / 2.0), px(y - h), px(x + w / 2.0), px(y)), 0.8)
    }

    #[test]
    fn what_comes_nearer_moves_ever_faster() {
        for (rate, speed_mps) in [(5.0, 14.0), (10.0, 14.0), (10.0, 28.0), (25.0, 28.0), (10.0, -14.0)] {
            let at = |t: f64| seen(if speed_mps > 0.0 { 50.0 } else { 16.0 } - speed_mps * t);
            let mut motion = Motion::new(&at(0.0), RoadUserClass::Car);
            for i in 1..=(1.0 * rate) as u32 {
                motion.predict(1.0 / rate);
                motion.update(&at(f64::from(i) / rate));
            }
            let steady = (motion.x.pos + 0.2 * motion.x.vel, motion.y.pos + 0.2 * motion.y.vel);
            motion.predict(0.2);
            let real = at(1.2);
            let off = |(x, y): (f64, f64)| (x - real.cx).hypot(y - real.cy) / motion.unit();
            let (own, steady) = (off((motion.x.pos, motion.y.pos)), off(steady));
            assert!(own < steady, "at {rate}/s, {speed_mps} m/s: {own} against {steady} units off");
        }
    }
}
