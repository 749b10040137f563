//! Sums over a whole file: the counts, movements and speeds that `analyze` reports. Bins of a live
//! camera are `binner`'s.

use std::collections::BTreeMap;

use wayside_types::{Direction, Evidence, LEAST_SUMMARISED, LineId, RoadUserClass};

use crate::event::Event;

/// Sums of events.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    counts: BTreeMap<(LineId, Direction, RoadUserClass), u32>,
    movements: BTreeMap<(LineId, LineId, RoadUserClass), u32>,
    lost: BTreeMap<(LineId, RoadUserClass), u32>,
    speeds: BTreeMap<(LineId, Direction), Speeds>,
    evidence: BTreeMap<(LineId, Direction, RoadUserClass), Evidence>,
}

/// Speeds of all who crossed a line one way.
#[derive(Debug, Clone, Default)]
struct Speeds {
    trusted_mps: Vec<f64>,
    untrusted: u32,
}

/// A line's total of one class in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountTotal {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of what class.
    pub class: RoadUserClass,
    /// How many, at least 1.
    pub count: u32,
}

/// A movement's total of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementTotal {
    /// The line entered by.
    pub from: LineId,
    /// The line left by.
    pub to: LineId,
    /// Of what class.
    pub class: RoadUserClass,
    /// How many, at least 1.
    pub count: u32,
}

/// How many of one class crossed a line and were lost from sight before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostTotal {
    /// The line crossed.
    pub from: LineId,
    /// Of what class.
    pub class: RoadUserClass,
    /// How many, at least 1.
    pub count: u32,
}

/// What was noted of a line, one class in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityTotal {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of what class.
    pub class: RoadUserClass,
    /// What.
    pub evidence: Evidence,
}

/// A line's speeds in one direction, all classes.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeedTotal {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// How many crossings have a speed that can be trusted.
    pub n: u32,
    /// How many were counted without one: too short a path, or too far away.
    pub untrusted: u32,
    /// Arithmetic mean of the trusted ones, km/h; `None` below [`LEAST_SUMMARISED`].
    pub mean_kmh: Option<f64>,
    /// The speed that 85 % do not exceed (linear between order statistics), km/h; likewise.
    pub p85_kmh: Option<f64>,
}

impl Totals {
    /// Adds one event.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Crossing(c) => {
                *self.counts.entry((c.line.clone(), c.direction, c.class)).or_default() += 1;
                let speeds = self.speeds.entry((c.line.clone(), c.direction)).or_default();
                speeds.trusted_mps.extend(c.speed_mps);
                speeds.untrusted += u32::from(c.speed_mps.is_none());
            }
            Event::Movement(m) => {
                *self.movements.entry((m.from.clone(), m.to.clone(), m.class)).or_default() += 1;
            }
            Event::Lost(l) => {
                *self.lost.entry((l.line.clone(), l.class)).or_default() += 1;
            }
            Event::Noted(n) => {
                let key = (n.line.clone(), n.direction, n.class);
                self.evidence.entry(key).or_default().merge(&n.evidence);
            }
            // The measurer keeps its own account of zones, and a file's lines have no occupancy.
            Event::Presence(_) | Event::Zone(_) => {}
        }
    }

    /// Counts that are not zero, by line, direction, class.
    #[must_use]
    pub fn counts(&self) -> Vec<CountTotal> {
        let total = |((line, direction, class), count): (&(LineId, Direction, RoadUserClass), &u32)| {
            CountTotal { line: line.clone(), direction: *direction, class: *class, count: *count }
        };
        self.counts.iter().map(total).collect()
    }

    /// Movements that are not zero, by lines and class.
    #[must_use]
    pub fn movements(&self) -> Vec<MovementTotal> {
        let total = |((from, to, class), count): (&(LineId, LineId, RoadUserClass), &u32)| MovementTotal {
            from: from.clone(),
            to: to.clone(),
            class: *class,
            count: *count,
        };
        self.movements.iter().map(total).collect()
    }

    /// What was noted, by line, direction and class, where anything was.
    #[must_use]
    pub fn quality(&self) -> Vec<QualityTotal> {
        let total =
            |((line, direction, class), evidence): (&(LineId, Direction, RoadUserClass), &Evidence)| {
                QualityTotal {
                    line: line.clone(),
                    direction: *direction,
                    class: *class,
                    evidence: evidence.clone(),
                }
            };
        self.evidence.iter().map(total).collect()
    }

    /// Those lost after a line, by line and class, where there are any.
    #[must_use]
    pub fn lost(&self) -> Vec<LostTotal> {
        let total = |((from, class), count): (&(LineId, RoadUserClass), &u32)| LostTotal {
            from: from.clone(),
            class: *class,
            count: *count,
        };
        self.lost.iter().map(total).collect()
    }

    /// Speeds of every line and direction that was crossed; figures only from five on.
    #[must_use]
    pub fn speeds(&self) -> Vec<SpeedTotal> {
        let total = |((line, direction), speeds): (&(LineId, Direction), &Speeds)| {
            let mut kmh: Vec<f64> = speeds.trusted_mps.iter().map(|v| v * 3.6).collect();
            kmh.sort_by(f64::total_cmp);
            let n = u32::try_from(kmh.len()).unwrap_or(u32::MAX);
            let enough = n >= LEAST_SUMMARISED;
            SpeedTotal {
                line: line.clone(),
                direction: *direction,
                n,
                untrusted: speeds.untrusted,
                mean_kmh: enough.then(|| kmh.iter().sum::<f64>() / f64::from(n)),
                p85_kmh: enough.then(|| quantile(&kmh, 0.85)).flatten(),
            }
        };
        self.speeds.iter().map(total).collect()
    }
}

/// Linear interpolation between the order statistics of sorted values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let low = sorted.get(place.floor() as usize)?;
    let high = sorted.get(place.ceil() as usize)?;
    Some(low + (high - low) * place.fract())
}
