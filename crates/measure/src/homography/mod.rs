//! How the picture lies on the ground, from pairs of points: the plane homography behind the camera's
//! [`Lens`]. Image points are fractions of width and height, ground points metres.
//!
//! `linear` solves for the plane, `refine` makes the errors on the ground as small as they can be for what is known
//! of each point, `consensus` finds the pairs that agree when one is wrong, `model` says what a pair's error is
//! worth, `error` what can't be used. What can be told from the camera file without a fit is refused by `config`.

mod consensus;
mod error;
mod linear;
mod model;
mod refine;
#[cfg(test)]
mod tests;

use nalgebra::{Matrix2, Matrix3};
use wayside_types::{Calibration, Distortion, FrameSize, Point};

pub use self::error::CalibrationError;
use self::model::{Model, Pair, project};
use crate::lens::Lens;

/// Residuals above this share of the ground points' spread are refused.
const MAX_RESIDUAL_SHARE: f64 = 0.10;
/// A pair that is more standard deviations off than this does not belong to the others: 1 in 100 right ones is (χ²
/// of two degrees of freedom).
const LIMIT_SIGMAS: f64 = 3.03;
/// Pairs may all be measured more coarsely than assumed. What agrees within so many times the limit is looked for
/// in this order.
const SLACKS: [f64; 3] = [1.0, 2.0, 4.0];
/// At most this share of the pairs may be wrong: beyond it nobody can say which are.
const MOST_WRONG_SHARE: f64 = 0.25;
/// Rounds of fitting the pairs that agree and asking again which do.
const MOST_ROUNDS: usize = 8;
/// Distortions that a fit starts from.
const FIRST_DISTORTIONS: [f64; 13] =
    [0.0, -0.1, -0.2, -0.3, -0.05, -0.15, -0.25, 0.1, 0.2, -0.4, -0.5, 0.05, 0.3];
/// Between two of these the lens is so far off that pairs miss by up to this many times the limit.
const BETWEEN_LENSES: f64 = 2.0;
/// A fitted distortion with a larger standard error is none: 0.05 moves a corner by 5 %.
const MAX_DISTORTION_SIGMA: f64 = 0.05;
/// A fitted distortion so close to the end of the range would have gone further.
const AT_THE_EDGE: f64 = 1e-3;

/// Maps picture to ground and back.
#[derive(Debug, Clone)]
pub struct Homography {
    model: Model,
    to_straight: Matrix3<f64>,
    agreement: Agreement,
}

/// How well the pairs of a calibration agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Pairs that were used.
    pub used: usize,
    /// Root mean square distance between their ground points and where their image points fall, metres.
    pub residual_m: f64,
    /// The one of them that is furthest off.
    pub worst: PairOff,
    /// Pairs that contradict all others and were not used, in their order.
    pub left_out: Vec<PairOff>,
    /// Standard error of the lens' distortion, if it was found from the pairs.
    pub distortion_sigma: Option<f64>,
}

/// One pair and how far it is off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairOff {
    /// Which, counted from 1.
    pub pair: usize,
    /// Metres; `None` where its image point lies beyond the horizon of the others.
    pub off_m: Option<f64>,
}

impl Homography {
    /// Fits the pairs of a calibration for frames of this size; of the size only the shape matters, and only where
    /// the lens bends. Four pairs are met exactly. From six on, pairs that contradict the others are found and left
    /// out: see [`Agreement::left_out`].
    ///
    /// # Errors
    /// [`CalibrationError`] when there are fewer than four pairs, when they are unpaired, repeated, not
    /// finite, in line, mirrored (a proper image-to-ground homography has a negative determinant, since
    /// the image's y points down), beyond the horizon, or contradict one another; when a distortion is out of
    /// range or can't be found from the pairs.
    pub fn fit(calibration: &Calibration, size: FrameSize) -> Result<Self, CalibrationError> {
        let pairs = checked_pairs(&calibration.image, &calibration.ground_m)?;
        let task = Task::new(pairs, calibration.distortion, size)?;
        let solution = task.solve()?;
        if solution.model.to_ground.determinant() >= 0.0 {
            return Err(CalibrationError::Mirrored);
        }
        let agreement = task.agreement(&solution)?;
        let degenerate = CalibrationError::Degenerate { which: "image" };
        let to_straight = solution.model.to_ground.try_inverse().ok_or(degenerate)?;
        Ok(Self { model: solution.model, to_straight, agreement })
    }

    /// Where a point of the picture (fractions) lies on the ground (metres); `None` at and above the
    /// horizon.
    #[must_use]
    pub fn to_ground(&self, p: Point) -> Option<Point> {
        self.model.place(p)
    }

    /// Where a point of the ground (metres) lies in the picture (fractions); `None` behind the camera.
    #[must_use]
    pub fn to_image(&self, p: Point) -> Option<Point> {
        // The inverse keeps the sign of the depth: it is positive for what the camera sees.
        let straight = project(&self.to_straight, nalgebra::Vector2::new(p.x, p.y))?;
        self.model.lens.shown(nalgebra::Vector2::new(straight.x, straight.y))
    }

    /// Metres per fraction of the picture at a point (fractions): rows are ground x and y, columns image
    /// x and y. `None` at and above the horizon.
    #[must_use]
    pub fn jacobian(&self, p: Point) -> Option<Matrix2<f64>> {
        Some(self.model.jacobian(p)? * self.model.lens.centred_per_fraction())
    }

    /// Metres that one pixel of a frame that is `width_px` wide is worth on the ground at a point (fractions), in
    /// its worst direction. `None` at and above the horizon.
    #[must_use]
    pub fn metres_per_px(&self, p: Point, width_px: u32) -> Option<f64> {
        let lens = &self.model.lens;
        let half_diagonal_px =
            lens.half_diagonal_px() * f64::from(width_px.max(1)) / f64::from(lens.size().width.max(1));
        Some(self.model.jacobian(p)?.singular_values().max() / half_diagonal_px)
    }

    /// Root mean square distance between the ground points of the pairs used and where their image points
    /// fall, metres.
    #[must_use]
    pub const fn residual_m(&self) -> f64 {
        self.agreement.residual_m
    }

    /// How well the pairs agree, and which were left out.
    #[must_use]
    pub const fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// The lens, as given or found.
    #[must_use]
    pub const fn lens(&self) -> &Lens {
        &self.model.lens
    }

    /// The matrix that takes ground metres to what a straight lens would show (half diagonals from the picture's
    /// middle), up to scale.
    pub(crate) const fn ground_to_straight(&self) -> &Matrix3<f64> {
        &self.to_straight
    }
}

/// Pairs, and the lenses that may be in front of them.
struct Task {
    pairs: Vec<Pair>,
    lenses: Vec<Lens>,
    free_lens: bool,
}

/// A model, the pairs (indices) that it was made from, and how well the lens is known if it was free.
struct Solution {
    model: Model,
    used: Vec<usize>,
    distortion_sigma: Option<f64>,
}

impl Task {
    fn new(
        pairs: Vec<Pair>,
        distortion: Option<Distortion>,
        size: FrameSize,
    ) -> Result<Self, CalibrationError> {
        let lens = Lens::new(size, 0.0);
        let (lenses, free_lens) = match distortion {
            None => (vec![lens], false),
            Some(Distortion::Given(value)) if value.abs() <= Calibration::MAX_DISTORTION => {
                (vec![lens.with_distortion(value)], false)
            }
            Some(Distortion::Given(value)) => return Err(CalibrationError::DistortionRange { value }),
            Some(Distortion::Fit) if pairs.len() < Calibration::PAIRS_TO_FIT_DISTORTION => {
                return Err(CalibrationError::DistortionPairs(pairs.len()));
            }
            Some(Distortion::Fit) => (FIRST_DISTORTIONS.map(|k| lens.with_distortion(k)).to_vec(), true),
        };
        Ok(Self { pairs, lenses, free_lens })
    }

    /// All pairs if they agree; else those that do, if nearly all do; else all again, whose residual then says
    /// whether they can be used.
    fn solve(&self) -> Result<Solution, CalibrationError> {
        let n = self.pairs.len();
        let whole = self.solve_for((0..n).collect());
        if n < Calibration::PAIRS_TO_FIND_WRONG {
            return whole;
        }
        let most_wrong = (MOST_WRONG_SHARE * n as f64).floor() as usize;
        for slack in SLACKS {
            let limit = slack * LIMIT_SIGMAS;
            if whole.as_ref().is_ok_and(|s| consensus::within(&self.pairs, &s.model, limit).len() == n) {
                return whole;
            }
            if let Some(solution) = self.agreeing(limit).filter(|s| s.used.len() + most_wrong >= n) {
                return Ok(solution);
            }
        }
        whole
    }

    /// The best model of these pairs.
    fn solve_for(&self, used: Vec<usize>) -> Result<Solution, CalibrationError> {
        let pairs: Vec<Pair> = used.iter().filter_map(|i| self.pairs.get(*i).copied()).collect();
        let cost = |model: &Model| pairs.iter().map(|p| model.off(p).powi(2)).sum::<f64>();
        let (mut best, mut failed): (Option<(f64, Model)>, _) = (None, None);
        for lens in &self.lenses {
            match linear::plane(&pairs, *lens) {
                Ok(model) => {
                    let cost = cost(&model);
                    if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                        best = Some((cost, model));
                    }
                }
                // The first lens is the one asked for, or a straight one: what it can't do says most.
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        let Some((_, model)) = best else { return Err(failed.unwrap_or(CalibrationError::Horizon)) };
        // Four pairs are met exactly already.
        if pairs.len() <= Calibration::MIN_PAIRS {
            return Ok(Solution { model, used, distortion_sigma: None });
        }
        let refined = refine::refine(model, &pairs, self.free_lens);
        Ok(Solution { model: refined.model, used, distortion_sigma: refined.distortion_sigma })
    }

    /// The model of the pairs that agree within the limit, left-out ones asked again after each fit.
    fn agreeing(&self, limit: f64) -> Option<Solution> {
        let rough = if self.free_lens { BETWEEN_LENSES * limit } else { limit };
        let mut used = consensus::agreeing(&self.pairs, &self.lenses, rough)?;
        for _ in 0..MOST_ROUNDS {
            let solution = self.solve_for(used).ok()?;
            let next = consensus::within(&self.pairs, &solution.model, limit);
            if next == solution.used {
                return Some(solution);
            }
            if next.len() <= Calibration::MIN_PAIRS {
                return None;
            }
            used = next;
        }
        None
    }

    fn agreement(&self, solution: &Solution) -> Result<Agreement, CalibrationError> {
        let off = |index: usize| {
            let off_m = self.pairs.get(index).and_then(|p| solution.model.error(p)).map(|e| e.norm());
            PairOff { pair: index + 1, off_m }
        };
        let used: Vec<PairOff> = solution.used.iter().map(|i| off(*i)).collect();
        let left_out = (0..self.pairs.len()).filter(|i| !solution.used.contains(i)).map(off).collect();
        let mut squares = 0.0;
        let mut worst = PairOff { pair: 1, off_m: Some(0.0) };
        for pair in &used {
            squares += pair.off_m.ok_or(CalibrationError::Horizon)?.powi(2);
            if pair.off_m > worst.off_m {
                worst = *pair;
            }
        }
        let residual_m = (squares / used.len().max(1) as f64).sqrt();
        let ground: Vec<Point> =
            solution.used.iter().filter_map(|i| self.pairs.get(*i)).map(|p| p.ground).collect();
        let accepted_m = MAX_RESIDUAL_SHARE * linear::spread(&ground);
        if residual_m > accepted_m {
            let worst_m = worst.off_m.unwrap_or_default();
            return Err(CalibrationError::Residual { residual_m, worst: worst.pair, worst_m, accepted_m });
        }
        let (value, sigma) = (solution.model.lens.distortion(), solution.distortion_sigma);
        if self.free_lens && value.abs() > Calibration::MAX_DISTORTION - AT_THE_EDGE {
            return Err(CalibrationError::DistortionRange { value });
        }
        if self.free_lens && sigma.is_none_or(|s| s > MAX_DISTORTION_SIGMA) {
            return Err(CalibrationError::DistortionUnclear {
                value,
                sigma: sigma.unwrap_or(f64::INFINITY),
                accepted: MAX_DISTORTION_SIGMA,
            });
        }
        Ok(Agreement { used: used.len(), residual_m, worst, left_out, distortion_sigma: sigma })
    }
}

fn checked_pairs(image: &[Point], ground: &[Point]) -> Result<Vec<Pair>, CalibrationError> {
    if image.len() != ground.len() {
        return Err(CalibrationError::Unpaired { image: image.len(), ground: ground.len() });
    }
    if image.len() < Calibration::MIN_PAIRS {
        return Err(CalibrationError::TooFew(image.len()));
    }
    for (i, (a, b)) in image.iter().zip(ground).enumerate() {
        if ![a.x, a.y, b.x, b.y].iter().all(|v| v.is_finite()) {
            return Err(CalibrationError::NotFinite(i + 1));
        }
    }
    for (which, points) in [("image", image), ("ground_m", ground)] {
        let near = 1e-6 * linear::spread(points);
        for (i, a) in points.iter().enumerate() {
            for (j, b) in points.iter().enumerate().skip(i + 1) {
                if a.distance(*b) <= near {
                    return Err(CalibrationError::Duplicate { first: i + 1, second: j + 1, which });
                }
            }
        }
    }
    Ok(image.iter().zip(ground).map(|(i, g)| Pair { image: *i, ground: *g }).collect())
}
