//! What `wayside analyze --json` writes: the totals of one file, in the shape that the design fixes.
//! What can't be known is `null`.

use std::collections::BTreeMap;

use serde::Serialize;
use wayside_ingest::FileSummary;
use wayside_measure::{Event, Quality, ZoneSummary};
use wayside_types::{CameraId, CameraSpec, Direction, LineId, RoadUserClass, SpeedSummary, ZoneId};

/// The totals of one file.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whose camera file was used.
    pub camera: CameraId,
    /// What was read.
    pub video: Video,
    /// Crossings, where there were any.
    pub counts: Vec<Count>,
    /// Road users that entered by one line and left by another, where there were any.
    pub movements: Vec<MovementCount>,
    /// Speeds of motor vehicles at each line and direction with a crossing.
    pub speeds: Vec<Speed>,
    /// What was measured in each zone.
    pub zones: Vec<ZoneReport>,
    /// Hazards that were found.
    pub incidents: Vec<Incident>,
    /// What the analysis thinks of itself.
    pub quality: QualityReport,
}

/// What was read.
#[derive(Debug, Serialize)]
pub struct Video {
    /// By its own time stamps.
    pub duration_s: f64,
    /// Frames decoded.
    pub frames: u64,
    /// Frames that went through the detector.
    pub analysed: u64,
}

/// Crossings of a line.
#[derive(Debug, Serialize)]
pub struct Count {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Which class.
    pub class: RoadUserClass,
    /// How many.
    pub count: u32,
}

/// Road users from one line to another.
#[derive(Debug, Serialize)]
pub struct MovementCount {
    /// Entered by.
    pub from: LineId,
    /// Left by.
    pub to: LineId,
    /// Which class.
    pub class: RoadUserClass,
    /// How many.
    pub count: u32,
}

/// Speeds at a line, km/h; `null` where fewer than five could be trusted.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// How many speeds could be trusted.
    pub n: u32,
    /// Their arithmetic mean.
    pub mean_kmh: Option<f64>,
    /// Their 85th percentile.
    pub p85_kmh: Option<f64>,
}

/// What was measured in a zone.
#[derive(Debug, Serialize)]
pub struct ZoneReport {
    /// Which.
    pub zone: ZoneId,
    /// Share of the time in which a road user stood or drove in it.
    pub occupancy: Option<f64>,
    /// Longest queue; `null` without calibration.
    pub max_queue_m: Option<f64>,
}

/// A hazard, in seconds of the file.
#[derive(Debug, Serialize)]
pub struct Incident {
    /// Which kind.
    pub kind: String,
    /// Where.
    pub zone: Option<ZoneId>,
    /// When it began.
    pub start_s: f64,
    /// When it was detected.
    pub detected_s: f64,
    /// When it ended, if it did.
    pub end_s: Option<f64>,
}

/// What the analysis thinks of itself.
#[derive(Debug, Serialize)]
pub struct QualityReport {
    /// Road users that were followed.
    pub tracks: u64,
    /// Of these, how many crossed a line.
    pub counted: u64,
    /// Of these, how many began or ended where none should.
    pub broken: u64,
}

/// Adds up events.
#[derive(Debug, Default)]
pub struct ReportBuilder {
    counts: BTreeMap<(LineId, Direction, RoadUserClass), u32>,
    movements: BTreeMap<(LineId, LineId, RoadUserClass), u32>,
    speeds_kmh: BTreeMap<(LineId, Direction), Vec<f64>>,
}

impl ReportBuilder {
    /// Takes an event into the totals.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Crossing(c) => {
                *self.counts.entry((c.line.clone(), c.direction, c.class)).or_default() += 1;
                if c.class.is_motor_vehicle() {
                    let speeds = self.speeds_kmh.entry((c.line.clone(), c.direction)).or_default();
                    speeds.extend(c.speed_mps.map(|mps| mps * 3.6));
                }
            }
            Event::Movement(m) => {
                *self.movements.entry((m.from.clone(), m.to.clone(), m.class)).or_default() += 1;
            }
        }
    }

    /// The report of everything taken so far.
    #[must_use]
    pub fn build(
        &self,
        spec: &CameraSpec,
        summary: &FileSummary,
        analysed: u64,
        zones: &[ZoneSummary],
        quality: Quality,
    ) -> Report {
        let counts = self.counts.iter().map(|((line, direction, class), count)| Count {
            line: line.clone(),
            direction: *direction,
            class: *class,
            count: *count,
        });
        let movements = self.movements.iter().map(|((from, to, class), count)| MovementCount {
            from: from.clone(),
            to: to.clone(),
            class: *class,
            count: *count,
        });
        let speeds = self.speeds_kmh.iter().map(|((line, direction), kmh)| speed(line, *direction, kmh));
        let zones = zones.iter().map(|zone| ZoneReport {
            zone: zone.zone.clone(),
            occupancy: zone.occupancy.map(|share| rounded(share, 3)),
            max_queue_m: zone.max_queue_m.map(|m| rounded(m, 1)),
        });
        Report {
            camera: spec.id.clone(),
            video: Video {
                duration_s: rounded(summary.duration.as_secs_f64(), 3),
                frames: summary.frames,
                analysed,
            },
            counts: counts.collect(),
            movements: movements.collect(),
            speeds: speeds.collect(),
            zones: zones.collect(),
            incidents: Vec::new(),
            quality: QualityReport {
                tracks: quality.tracks,
                counted: quality.counted,
                broken: quality.broken,
            },
        }
    }
}

fn speed(line: &LineId, direction: Direction, kmh: &[f64]) -> Speed {
    let n = u32::try_from(kmh.len()).unwrap_or(u32::MAX);
    let enough = n >= SpeedSummary::MIN_N;
    Speed {
        line: line.clone(),
        direction,
        n,
        mean_kmh: enough.then(|| rounded(kmh.iter().sum::<f64>() / f64::from(n), 1)),
        p85_kmh: enough.then(|| rounded(percentile(kmh, 0.85), 1)),
    }
}

/// Linear interpolation between closest ranks (Hyndman and Fan's type 7).
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len().saturating_sub(1)) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into `sorted`")]
    let low = place.floor() as usize;
    let at = |i: usize| sorted.get(i).or(sorted.last()).copied().unwrap_or(0.0);
    at(low) + (at(low + 1) - at(low)) * place.fract()
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_ranks() {
        let values = [50.0, 10.0, 20.0, 40.0, 30.0];
        assert!((percentile(&values, 0.85) - 44.0).abs() < 1e-9);
        assert!((percentile(&values[..1], 0.85) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn fewer_than_five_speeds_say_nothing() {
        let line = LineId::new("a").unwrap();
        let few = speed(&line, Direction::Forward, &[30.0; 4]);
        assert_eq!((few.n, few.mean_kmh, few.p85_kmh), (4, None, None));
        assert_eq!(speed(&line, Direction::Forward, &[30.0; 5]).mean_kmh, Some(30.0));
    }
}
