//! The geometric refinement: the plane, and the lens where it is asked for, with the smallest sum of squared
//! errors in standard deviations, by Levenberg-Marquardt (Hartley and Zisserman, Multiple View Geometry, 2nd ed.,
//! sections 4.2.6 and A6.2). It starts from `linear`'s solution.

use nalgebra::{DMatrix, DVector, Matrix2, Matrix3};
use wayside_types::{Calibration, Point};

use super::linear::normalisation;
use super::model::{Model, Pair};

/// No fit takes more rounds; most take about five.
const MOST_ROUNDS: usize = 40;
/// A step that gains less than this share of the cost was the last.
const LEAST_GAIN: f64 = 1e-10;
/// Costs below this are rounding errors: the pairs fit exactly.
const EXACT: f64 = 1e-16;
/// For derivatives; parameters are about 1.
const STEP: f64 = 1e-6;

/// What a refinement came to.
pub(super) struct Refined {
    pub model: Model,
    /// Standard error of the distortion, where it was free and the pairs say anything of it.
    pub distortion_sigma: Option<f64>,
}

/// The best model near `start` for these pairs; `start` itself where nothing is better.
pub(super) fn refine(start: Model, pairs: &[Pair], free_lens: bool) -> Refined {
    search(start, pairs, free_lens).unwrap_or(Refined { model: start, distortion_sigma: None })
}

fn search(start: Model, pairs: &[Pair], free_lens: bool) -> Option<Refined> {
    let chart = Chart::around(&start, pairs, free_lens)?;
    let mut at = chart.parameters(&start)?;
    let mut damping = 1e-3;
    let mut normal = None;
    for _ in 0..MOST_ROUNDS {
        let model = chart.model(&at);
        // How much each pair counts follows from where it lies, and is held while a step is judged.
        let whitenings: Vec<Matrix2<f64>> =
            pairs.iter().map(|p| model.whitening(p.image)).collect::<Option<_>>()?;
        let errors = |at: &DVector<f64>| errors(&chart.model(at), pairs, &whitenings);
        let here = errors(&at)?;
        let cost = here.norm_squared();
        let slope = derivative(&at, here.len(), &errors)?;
        let a = slope.transpose() * &slope;
        let step = better(&a, &(slope.transpose() * &here), &mut damping, |step| {
            errors(&(&at + step)).filter(|e| e.norm_squared() < cost).map(|e| e.norm_squared())
        });
        normal = Some((a, cost));
        let Some((step, next)) = step else { break };
        at += step;
        if cost < EXACT || cost - next < LEAST_GAIN * cost {
            break;
        }
    }
    let distortion_sigma = normal.and_then(|(a, cost)| sigma_of_last(a, cost, 2 * pairs.len(), free_lens));
    Some(Refined { model: chart.model(&at), distortion_sigma })
}

/// The damped step that `accepts` says the cost of, if any is accepted.
fn better(
    a: &DMatrix<f64>,
    gradient: &DVector<f64>,
    damping: &mut f64,
    accepts: impl Fn(&DVector<f64>) -> Option<f64>,
) -> Option<(DVector<f64>, f64)> {
    for _ in 0..12 {
        let mut damped = a.clone();
        for i in 0..a.nrows() {
            damped[(i, i)] += *damping * a[(i, i)] + 1e-12 * a.trace();
        }
        let step = -damped.cholesky()?.solve(gradient);
        if let Some(cost) = accepts(&step) {
            *damping *= 0.2;
            return Some((step, cost));
        }
        *damping *= 6.0;
    }
    None
}

/// Errors of all pairs in standard deviations, two numbers each; `None` when one goes beyond the horizon or the
/// lens out of its range.
fn errors(model: &Model, pairs: &[Pair], whitenings: &[Matrix2<f64>]) -> Option<DVector<f64>> {
    if model.lens.distortion().abs() > Calibration::MAX_DISTORTION {
        return None;
    }
    let mut all = Vec::with_capacity(2 * pairs.len());
    for (pair, whitening) in pairs.iter().zip(whitenings) {
        let e = whitening * model.error(pair)?;
        all.extend([e.x, e.y]);
    }
    all.iter().all(|e| e.is_finite()).then(|| DVector::from_vec(all))
}

fn derivative(
    at: &DVector<f64>,
    rows: usize,
    errors: &impl Fn(&DVector<f64>) -> Option<DVector<f64>>,
) -> Option<DMatrix<f64>> {
    let mut slope = DMatrix::zeros(rows, at.len());
    for column in 0..at.len() {
        let beside = |by: f64| {
            let mut beside = at.clone();
            beside[column] += by;
            errors(&beside)
        };
        // At the edge of a lens' range only one side can be tried.
        let (before, after, width) = match (beside(-STEP), beside(STEP)) {
            (Some(before), Some(after)) => (before, after, 2.0 * STEP),
            (Some(before), None) => (before, errors(at)?, STEP),
            (None, Some(after)) => (errors(at)?, after, STEP),
            (None, None) => return None,
        };
        slope.set_column(column, &((after - before) / width));
    }
    Some(slope)
}

/// The standard error of the last parameter, from the normal matrix at the solution. The scale of a homography is
/// free, so the matrix has one direction that says nothing; if the pairs are worse than assumed, so is the figure.
fn sigma_of_last(a: DMatrix<f64>, cost: f64, equations: usize, free_lens: bool) -> Option<f64> {
    let last = a.nrows().checked_sub(1).filter(|_| free_lens)?;
    let freedom = equations.checked_sub(last).filter(|f| *f > 0)?;
    let smallest = 1e-10 * a.trace();
    let covariance = a.pseudo_inverse(smallest).ok()?;
    let sigma = (covariance[(last, last)] * (cost / freedom as f64).max(1.0)).sqrt();
    (sigma.is_finite() && sigma > 0.0).then_some(sigma)
}

/// Parameters of about 1 around a solution: the nine entries of the homography between normalised points and, if
/// it is free, the distortion.
struct Chart {
    start: Model,
    from_norm: Matrix3<f64>,
    back: Matrix3<f64>,
    to_norm: Matrix3<f64>,
    free_lens: bool,
}

impl Chart {
    fn around(start: &Model, pairs: &[Pair], free_lens: bool) -> Option<Self> {
        let lens = start.lens;
        let straight = |p: &Pair| lens.straight(lens.centred(p.image)).map(|u| Point::new(u.x, u.y));
        let image: Vec<Point> = pairs.iter().map(straight).collect::<Option<_>>()?;
        let ground: Vec<Point> = pairs.iter().map(|p| p.ground).collect();
        let from_norm = normalisation(&image, "image").ok()?;
        let to_norm = normalisation(&ground, "ground_m").ok()?;
        Some(Self { start: *start, from_norm, back: to_norm.try_inverse()?, to_norm, free_lens })
    }

    fn parameters(&self, model: &Model) -> Option<DVector<f64>> {
        let h = self.to_norm * model.to_ground * self.from_norm.try_inverse()?;
        let mut all: Vec<f64> = h.iter().copied().collect();
        if self.free_lens {
            all.push(model.lens.distortion());
        }
        Some(DVector::from_vec(all))
    }

    fn model(&self, at: &DVector<f64>) -> Model {
        let mut entries = at.iter().copied();
        let h = Matrix3::from_iterator(entries.by_ref().take(9));
        let lens = entries.next().map_or(self.start.lens, |k| self.start.lens.with_distortion(k));
        Model { lens, to_ground: self.back * h * self.from_norm }
    }
}
