//! What a bin says to the fit and to the check: counts, evidence, and how many were truly missed and counted too much.

use wayside_types::{Band, Evidence, RoadUserClass};

use super::tally::{Bin, Cell, Origin};

/// Who was counted this far from who truly crossed, seconds, is somebody else.
const SAME_S: f64 = 1.0;

/// A count with what is to be known of it.
#[derive(Debug, Clone)]
pub struct Sample {
    pub scene: u64,
    pub origin: Origin,
    /// Line and way, and who.
    pub line: String,
    pub what: &'static str,
    pub seconds: f64,
    pub truth: u64,
    pub count: u64,
    pub missed: u64,
    pub surplus: u64,
    pub evidence: Evidence,
    /// Whether its classes are mixed up with no other.
    pub together: bool,
}

impl Sample {
    /// The samples of a bin: all motor vehicles, all others, and every class for itself.
    pub fn of(bin: &Bin) -> Vec<Self> {
        let of = |what: &'static str, wanted: &dyn Fn(RoadUserClass) -> bool, together: bool| {
            let cells: Vec<&Cell> =
                bin.classes.iter().filter(|(class, _)| wanted(**class)).map(|(_, cell)| cell).collect();
            let times = |of: fn(&Cell) -> &Vec<f64>| {
                let mut all: Vec<f64> = cells.iter().flat_map(|cell| of(cell)).copied().collect();
                all.sort_by(f64::total_cmp);
                all
            };
            let (truth, counted) = (times(|cell| &cell.true_s), times(|cell| &cell.counted_s));
            let mut evidence = Evidence::default();
            cells.iter().for_each(|cell| evidence.merge(&cell.evidence));
            let (missed, surplus) = apart(&truth, &counted);
            let (from_s, to_s) = bin.window_s;
            let within = |times: &[f64]| times.iter().filter(|t| (from_s..to_s).contains(*t)).count() as u64;
            let (truth, missed, surplus) = (within(&truth), within(&missed), within(&surplus));
            // Who crossed as the window opened and was counted a moment before or after is in it or not by the truth.
            let count = truth - missed + surplus;
            let (scene, origin, seconds) = (bin.scene, bin.origin, to_s - from_s);
            let line = bin.line.clone();
            Self { scene, origin, line, what, seconds, truth, count, missed, surplus, evidence, together }
        };
        let groups = [("motor", true), ("others", false)];
        let groups = groups.map(|(what, motor)| of(what, &|class| class.is_motor_vehicle() == motor, true));
        let classes =
            RoadUserClass::ALL.iter().map(|class| of(class.as_str(), &|other| other == *class, false));
        // Where nothing was and nothing was noted there is nothing to be wrong about.
        let is_telling = |sample: &Self| sample.truth > 0 || sample.count > 0 || !sample.evidence.is_empty();
        groups.into_iter().chain(classes).filter(is_telling).collect()
    }

    pub fn band(&self) -> Band {
        Band::of(self.count, &self.evidence, self.seconds, self.together)
    }
}

/// Of two ascending lists of times those that belong to none of the other, nearest first in order.
fn apart(truth: &[f64], counted: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut missed, mut surplus) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    loop {
        match (truth.get(i), counted.get(j)) {
            (Some(t), Some(c)) if (t - c).abs() <= SAME_S => (i, j) = (i + 1, j + 1),
            (Some(t), c) if c.is_none_or(|c| t < c) => {
                missed.push(*t);
                i += 1;
            }
            (_, Some(c)) => {
                surplus.push(*c);
                j += 1;
            }
            _ => return (missed, surplus),
        }
    }
}

/// How bands did on some samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    pub bins: usize,
    pub held: usize,
    /// Of the counts and of the bands, sums.
    pub counted: u64,
    pub width: u64,
    /// Mean of width ÷ count, of the bins that counted anybody.
    pub relative: f64,
}

impl Score {
    pub fn of<'a>(samples: impl Iterator<Item = &'a Sample>, band: impl Fn(&Sample) -> Band) -> Self {
        let mut score = Self::default();
        let mut relatives = Vec::new();
        for sample in samples.filter(|s| s.truth > 0 || s.count > 0) {
            let band = band(sample);
            score.bins += 1;
            score.held += usize::from(band.holds(sample.truth));
            score.counted += sample.count;
            score.width += band.width();
            if sample.count > 0 {
                relatives.push(band.width() as f64 / sample.count as f64);
            }
        }
        score.relative = relatives.iter().sum::<f64>() / relatives.len().max(1) as f64;
        score
    }

    /// Share of the bins whose truth lies within its band.
    pub fn coverage(&self) -> f64 {
        self.held as f64 / self.bins.max(1) as f64
    }

    /// Sum of widths over the sum of counts.
    pub fn mean_width(&self) -> f64 {
        self.width as f64 / self.counted.max(1) as f64
    }
}
