//! Brightening dark pictures before the model sees them. Detectors are trained on pictures that people took, few of
//! them dark: by night they overlook vehicles that anybody sees. A power curve (gamma correction) lifts the dark
//! part of the picture and leaves black and white where they are; colour is strengthened with it, and the noise, which
//! would be as well, is evened out by softer scaling ([`super::sample`]).

/// Black and white of limited-range luma.
const BLACK: f32 = 16.0;
const RANGE: f32 = 219.0;
/// A picture whose darker third goes up to this luma or more is shown as it is: by day brightening costs detections.
const DAY_LUMA: f32 = 58.0;
/// From here down it is lifted fully, in between ever less.
const NIGHT_LUMA: f32 = 48.0;
/// What that luma is lifted to. More would help where a camera's own curve has pressed the dark together, and costs
/// detections where it has not.
const TARGET_LUMA: f32 = 70.0;
/// Noise is lifted as well: never by more than this.
const MOST_GAMMA: f32 = 2.2;
/// Gammas are whole numbers of this step, so that a curve lasts for many pictures.
const STEP: f32 = 1.0 / 16.0;

/// How much a picture is brightened before the model sees it: its values, of a range of 0 to 1, to the power of 1/gamma.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lift {
    gamma: f32,
}

impl Default for Lift {
    fn default() -> Self {
        Self::NONE
    }
}

impl Lift {
    /// The picture as it is.
    pub const NONE: Self = Self { gamma: 1.0 };

    /// For pictures of which the darker third is at most this bright (luma of limited range, 16 to 235): none from 58 on,
    /// and below 48 so much that it becomes 70, with a gamma of 2.2 at most.
    #[must_use]
    pub fn for_luma(luma: f32) -> Self {
        let share = |luma: f32| ((luma - BLACK) / RANGE).clamp(1e-3, 1.0);
        let full = (share(luma).ln() / share(TARGET_LUMA).ln()).clamp(1.0, MOST_GAMMA);
        let weight = ((DAY_LUMA - luma) / (DAY_LUMA - NIGHT_LUMA)).clamp(0.0, 1.0);
        let gamma = 1.0 + weight * (full - 1.0);
        Self { gamma: (gamma / STEP).round() * STEP }
    }

    /// The curve's gamma, 1 to 2.2; 1 is none.
    #[must_use]
    pub fn gamma(self) -> f32 {
        self.gamma
    }

    /// How many times as strong colours become.
    pub(super) fn chroma(self) -> f32 {
        self.gamma
    }
}

/// A lift as a table.
pub(super) struct Curve {
    lift: Lift,
    /// Values of 0 to 255, lifted; one more, so that the last has a next.
    table: [f32; 257],
}

impl Curve {
    pub(super) fn new() -> Self {
        let mut table = [255.0; 257];
        table.iter_mut().zip(0_u8..=255).for_each(|(out, value)| *out = f32::from(value));
        Self { lift: Lift::NONE, table }
    }

    /// From now on of this lift.
    pub(super) fn set(&mut self, lift: Lift) {
        if self.lift != lift {
            self.lift = lift;
            let power = 1.0 / lift.gamma;
            let values = self.table.iter_mut().zip(0_u8..=255);
            values.for_each(|(out, value)| *out = 255.0 * (f32::from(value) / 255.0).powf(power));
        }
    }

    pub(super) fn lift(&self) -> Lift {
        self.lift
    }

    /// Lifts a row of limited-range luma.
    pub(super) fn luma(&self, row: &mut [f32]) {
        if self.lift != Lift::NONE {
            let (into, back) = (255.0 / RANGE, RANGE / 255.0);
            row.iter_mut().for_each(|v| *v = BLACK + self.at((*v - BLACK) * into) * back);
        }
    }

    /// Lifts a row of a colour, 0 to 255.
    pub(super) fn colour(&self, row: &mut [f32]) {
        if self.lift != Lift::NONE {
            row.iter_mut().for_each(|v| *v = self.at(*v));
        }
    }

    /// Between two entries on a straight line.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 255")]
    fn at(&self, value: f32) -> f32 {
        let value = value.clamp(0.0, 255.0);
        let index = value as usize;
        let (low, high) = (self.table[index], self.table[index + 1]);
        low + (high - low) * (value - index as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dark_pictures_are_lifted_and_smoothly() {
        for (luma, gamma) in
            [(16.0, 2.2), (30.0, 1.96), (40.0, 1.58), (48.0, 1.38), (53.0, 1.13), (58.0, 1.0), (150.0, 1.0)]
        {
            let got = Lift::for_luma(luma).gamma();
            assert!((got - gamma).abs() <= STEP, "luma {luma}: gamma {got} instead of {gamma}");
        }
        assert_eq!(Lift::for_luma(DAY_LUMA), Lift::NONE);
        assert_eq!(Lift::for_luma(0.0).gamma(), (MOST_GAMMA / STEP).round() * STEP);
        let gammas: Vec<f32> = (160..650).map(|i| Lift::for_luma(i as f32 / 10.0).gamma()).collect();
        assert!(gammas.windows(2).all(|w| w[1] <= w[0] && w[0] - w[1] <= STEP), "no jumps, none back");
    }

    #[test]
    fn what_is_dark_becomes_as_bright_as_on_a_dim_day() {
        let mut curve = Curve::new();
        let mut row = [BLACK, 40.0, 235.0, 3.0, 255.0];
        curve.luma(&mut row);
        assert_eq!(row, [BLACK, 40.0, 235.0, 3.0, 255.0], "no lift changes nothing at all");
        curve.set(Lift::for_luma(40.0));
        curve.luma(&mut row);
        assert!((row[1] - TARGET_LUMA).abs() < 4.0, "{row:?}");
        assert!((row[0] - BLACK).abs() < 0.01 && (row[2] - 235.0).abs() < 0.01, "{row:?}");
        let mut colours = [0.0, 27.95, 255.0];
        curve.colour(&mut colours);
        assert!((colours[1] - (TARGET_LUMA - BLACK) / RANGE * 255.0).abs() < 5.0, "{colours:?}");
    }
}
