//! Cuts events into the bins that may be stored: one minute for cars, buses and lorries on lines, fifteen
//! minutes for pedestrians, bicycles and motorcycles and for movements, on the clock of the site. Keeping
//! the bins is `store`'s work.

use std::collections::BTreeMap;
use std::time::Duration;

use wayside_types::bins::{Bin, BinKey, BinLength, BinSubject, ClosedBins, Coverage, Grade, SpeedSummary};
use wayside_types::{CameraId, RoadUserClass, TimeZone, Timestamp};

use crate::event::Event;

/// How long a bin stays open after its end: longer than [`crate::MAX_LATENESS`], with which a crossing
/// can still be reported, so that no crossing comes too late for its bin.
pub const GRACE: Duration = Duration::from_secs(3);

/// The lengths that are stored; longer ones are summed by queries.
const LENGTHS: [BinLength; 2] = [BinLength::Minute1, BinLength::Minute15];

/// The open bins of one camera in one run of the process.
#[derive(Debug, Clone)]
pub struct Binner {
    camera: CameraId,
    zone: TimeZone,
    epoch: i64,
    config_version: String,
    open: BTreeMap<(BinLength, Timestamp), OpenBin>,
    /// For each length: everything before this is closed and will not be opened again.
    closed_to: BTreeMap<BinLength, Timestamp>,
}

#[derive(Debug, Clone)]
struct OpenBin {
    end: Timestamp,
    observed_s: f64,
    analysed: u64,
    dropped: u64,
    counts: BTreeMap<(BinSubject, RoadUserClass), Cell>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    count: u32,
    speeds: u32,
    speed_sum_mps: f64,
}

impl Binner {
    /// No bins yet. `epoch` tells this run of the process from others; `config_version` is the camera's.
    #[must_use]
    pub fn new(camera: CameraId, zone: TimeZone, epoch: i64, config_version: String) -> Self {
        Self { camera, zone, epoch, config_version, open: BTreeMap::new(), closed_to: BTreeMap::new() }
    }

    /// Counts an event in the bin of its time. If that bin is closed already, the earliest bin that is
    /// still open to counting takes it: a late event shifts, it is never lost and never reopens a bin.
    pub fn event(&mut self, event: &Event) {
        let (length, subject, class, speed) = match event {
            Event::Crossing(c) => {
                (c.class.shortest_bin(), BinSubject::Line(c.line.clone(), c.direction), c.class, c.speed_mps)
            }
            Event::Movement(m) => {
                (BinLength::Minute15, BinSubject::Movement(m.from.clone(), m.to.clone()), m.class, None)
            }
        };
        let cell = self.bin(length, event.at()).counts.entry((subject, class)).or_default();
        cell.count = cell.count.saturating_add(1);
        if let Some(speed) = speed.filter(|v| v.is_finite()) {
            cell.speeds = cell.speeds.saturating_add(1);
            cell.speed_sum_mps += speed;
        }
    }

    /// The camera watched from `from` to `to`; in that time so many frames were analysed and so many that
    /// were due were dropped. Stretches must not overlap. The frames count for the bin of `to`.
    pub fn observed(&mut self, from: Timestamp, to: Timestamp, analysed: u64, dropped: u64) {
        for length in LENGTHS {
            let mut start = from.max(self.closed_to.get(&length).copied().unwrap_or(from));
            while start < to {
                let bin = self.bin(length, start);
                let until = to.min(bin.end);
                if until <= start {
                    break;
                }
                bin.observed_s += until.duration_since(start).as_secs_f64();
                start = until;
            }
            if analysed > 0 || dropped > 0 {
                let bin = self.bin(length, to);
                bin.analysed += analysed;
                bin.dropped += dropped;
            }
        }
    }

    /// Every bin that ended at least [`GRACE`] before `now`, each exactly once, earliest first; with
    /// counts or only with its coverage. Bins in which nothing was watched are left out.
    pub fn close_until(&mut self, now: Timestamp) -> Vec<ClosedBins> {
        let limit = before(now);
        for length in LENGTHS {
            let (start, _) = length.bounds(limit, &self.zone);
            let closed = self.closed_to.entry(length).or_insert(start);
            *closed = start.max(*closed);
        }
        self.take(|end| end <= limit)
    }

    /// The open bins as they stand, for a checkpoint. Nothing changes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ClosedBins> {
        let stands = self.open.iter().filter(|(_, bin)| bin.is_worth_telling());
        stands.map(|((length, start), bin)| self.closed(*length, *start, bin)).collect()
    }

    /// Closes everything, ended or not, with the coverage that it has.
    #[must_use]
    pub fn flush(mut self) -> Vec<ClosedBins> {
        self.take(|_| true)
    }

    /// When [`Binner::close_until`] will next give a bin of this length.
    #[must_use]
    pub fn next_close(&self, length: BinLength, now: Timestamp) -> Timestamp {
        let end = length.bounds(before(now), &self.zone).1;
        end.checked_add(GRACE).unwrap_or(end)
    }

    /// The bin of an instant, or the earliest one that may still be opened.
    fn bin(&mut self, length: BinLength, at: Timestamp) -> &mut OpenBin {
        let at = at.max(self.closed_to.get(&length).copied().unwrap_or(at));
        let (start, end) = length.bounds(at, &self.zone);
        self.open.entry((length, start)).or_insert_with(|| OpenBin {
            end,
            observed_s: 0.0,
            analysed: 0,
            dropped: 0,
            counts: BTreeMap::new(),
        })
    }

    fn take(&mut self, over: impl Fn(Timestamp) -> bool) -> Vec<ClosedBins> {
        let mut closed = Vec::new();
        let keys: Vec<_> = self.open.iter().filter(|(_, b)| over(b.end)).map(|(k, _)| *k).collect();
        for key in keys {
            if let Some(bin) = self.open.remove(&key)
                && bin.is_worth_telling()
            {
                closed.push(self.closed(key.0, key.1, &bin));
            }
        }
        closed.sort_by_key(|c| (c.coverage.start, c.coverage.length));
        closed
    }

    fn closed(&self, length: BinLength, start: Timestamp, bin: &OpenBin) -> ClosedBins {
        let length_s = bin.end.duration_since(start).as_secs_f64();
        let observed_s = bin.observed_s.min(length_s);
        let due = bin.analysed + bin.dropped;
        let dropped_share = if due == 0 { 0.0 } else { bin.dropped as f64 / due as f64 };
        let coverage = Coverage {
            camera: self.camera.clone(),
            start,
            length,
            epoch: self.epoch,
            observed_s,
            dropped_share,
            grade: Grade::of(observed_s / length_s.max(1.0), dropped_share),
            config_version: self.config_version.clone(),
        };
        let bins = bin.counts.iter().map(|((subject, class), cell)| Bin {
            key: BinKey {
                camera: self.camera.clone(),
                subject: subject.clone(),
                class: *class,
                start,
                length,
                epoch: self.epoch,
            },
            count: cell.count,
            speed: cell.speed(),
        });
        ClosedBins { coverage, bins: bins.collect() }
    }
}

/// The grace earlier.
fn before(now: Timestamp) -> Timestamp {
    now.checked_sub(GRACE).unwrap_or(now)
}

impl OpenBin {
    /// Watched, or counted in all the same.
    fn is_worth_telling(&self) -> bool {
        self.observed_s > 0.0 || !self.counts.is_empty()
    }
}

impl Cell {
    fn speed(&self) -> Option<SpeedSummary> {
        let enough = self.speeds >= SpeedSummary::MIN_N;
        let n = self.speeds;
        enough.then(|| SpeedSummary { n, mean_kmh: 3.6 * self.speed_sum_mps / f64::from(n) })
    }
}
