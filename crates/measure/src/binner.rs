//! Cuts events into the bins that may be stored: one minute for cars, buses and lorries on lines, fifteen
//! minutes for pedestrians, bicycles and motorcycles, for movements, and for how traffic flowed (speeds, headways,
//! occupancy, zones), on the clock of the site. Keeping the bins is `store`'s work.

use std::collections::BTreeMap;
use std::time::Duration;

use wayside_types::bins::{Bin, BinKey, BinLength, BinSubject, ClosedBins, Coverage, Grade};
use wayside_types::{
    CameraId, Doubts, Evidence, QualityBin, RoadUserClass, Seeing, TimeZone, Timestamp, ZoneId,
};

use crate::event::{Crossing, Event};
use crate::flow::{FlowCell, FlowKey, Followers, whole};
use crate::zone_bin::ZoneCell;

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
    calibrated: bool,
    followers: Followers,
    /// The end of what was watched without a hole.
    watched_to: Option<Timestamp>,
    /// Parts of seconds that closed bins left over.
    carried: Carried,
}

/// What whole seconds left over, by what they are of.
#[derive(Debug, Clone, Default)]
struct Carried {
    lines_s: BTreeMap<FlowKey, f64>,
    zones_s: BTreeMap<ZoneId, (f64, f64)>,
}

#[derive(Debug, Clone)]
struct OpenBin {
    end: Timestamp,
    observed_s: f64,
    analysed: u64,
    dropped: u64,
    counts: BTreeMap<(BinSubject, RoadUserClass), u32>,
    /// In quarters of an hour only.
    flows: BTreeMap<FlowKey, FlowCell>,
    zones: BTreeMap<ZoneId, ZoneCell>,
    quality: BTreeMap<FlowKey, Evidence>,
    doubts: Doubts,
}

impl Binner {
    /// No bins yet. `epoch` tells this run of the process from others; `config_version` is the camera's.
    #[must_use]
    pub fn new(camera: CameraId, zone: TimeZone, epoch: i64, config_version: String) -> Self {
        Self {
            camera,
            zone,
            epoch,
            config_version,
            open: BTreeMap::new(),
            closed_to: BTreeMap::new(),
            calibrated: false,
            followers: Followers::default(),
            watched_to: None,
            carried: Carried::default(),
        }
    }

    /// Whether the camera is calibrated: only then is a crossing without a speed one that could not be trusted.
    #[must_use]
    pub fn calibrated(self, calibrated: bool) -> Self {
        Self { calibrated, ..self }
    }

    /// Counts an event in the bin of its time. If that bin is closed already, the earliest bin that is
    /// still open to counting takes it: a late event shifts, it is never lost and never reopens a bin.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Crossing(crossing) => self.crossing(crossing),
            Event::Movement(m) => {
                let subject = BinSubject::Movement(m.from.clone(), m.to.clone());
                self.count(BinLength::Minute15, m.at, subject, m.class);
            }
            Event::Lost(l) => {
                self.count(BinLength::Minute15, l.at, BinSubject::Lost(l.line.clone()), l.class);
            }
            Event::Presence(p) => {
                let key = (p.line.clone(), p.direction, p.class);
                self.bin(BinLength::Minute15, p.at).flows.entry(key).or_default().occupied_s += p.seconds;
            }
            Event::Noted(n) => {
                let key = (n.line.clone(), n.direction, n.class);
                self.bin(BinLength::Minute15, n.at).quality.entry(key).or_default().merge(&n.evidence);
            }
            Event::Zone(moment) => {
                let zones = &mut self.bin(BinLength::Minute15, moment.at).zones;
                zones.entry(moment.zone.clone()).or_default().add(moment);
            }
        }
    }

    fn crossing(&mut self, c: &Crossing) {
        self.count(c.class.shortest_bin(), c.at, BinSubject::Line(c.line.clone(), c.direction), c.class);
        let key = (c.line.clone(), c.direction, c.class);
        self.bin(BinLength::Minute15, c.at).flows.entry(key).or_default().crossed(c.speed_mps);
        self.followers.crossed(&c.line, c.direction, c.class, c.at);
    }

    fn count(&mut self, length: BinLength, at: Timestamp, subject: BinSubject, class: RoadUserClass) {
        let count = self.bin(length, at).counts.entry((subject, class)).or_default();
        *count = count.saturating_add(1);
    }

    /// Adds the headways of all who crossed before `until`.
    fn settle(&mut self, until: Timestamp) {
        for headway in self.followers.settle(until) {
            let flows = &mut self.bin(BinLength::Minute15, headway.at).flows;
            flows.entry(headway.key).or_default().followed(headway.seconds);
        }
    }

    /// The camera watched from `from` to `to`; in that time so many frames were analysed and so many that
    /// were due were dropped. Stretches must not overlap. The frames count for the bin of `to`.
    pub fn observed(&mut self, from: Timestamp, to: Timestamp, analysed: u64, dropped: u64) {
        if self.watched_to != Some(from) {
            self.settle(from);
            self.followers.forget();
        }
        self.watched_to = Some(to);
        for length in LENGTHS {
            self.spread(length, from, to, |bin, seconds| bin.observed_s += seconds);
            if analysed > 0 || dropped > 0 {
                let bin = self.bin(length, to);
                bin.analysed += analysed;
                bin.dropped += dropped;
            }
        }
    }

    /// From `from` to `to` this was in question about the camera, watched or not. Stretches must not overlap.
    pub fn doubted(&mut self, from: Timestamp, to: Timestamp, seeing: Seeing) {
        if seeing != Seeing::default() {
            for length in LENGTHS {
                self.spread(length, from, to, |bin, seconds| bin.doubts.add(seeing, seconds));
            }
        }
    }

    /// Gives each bin of a length its seconds of a stretch.
    fn spread(
        &mut self,
        length: BinLength,
        from: Timestamp,
        to: Timestamp,
        mut add: impl FnMut(&mut OpenBin, f64),
    ) {
        let mut start = from.max(self.closed_to.get(&length).copied().unwrap_or(from));
        while start < to {
            let bin = self.bin(length, start);
            let until = to.min(bin.end);
            if until <= start {
                break;
            }
            add(bin, until.duration_since(start).as_secs_f64());
            start = until;
        }
    }

    /// Every bin that ended at least [`GRACE`] before `now`, each exactly once, earliest first; with
    /// counts or only with its coverage. Bins in which nothing was watched are left out.
    pub fn close_until(&mut self, now: Timestamp) -> Vec<ClosedBins> {
        let limit = before(now);
        self.settle(limit);
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
        self.settle(Timestamp::MAX);
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
            flows: BTreeMap::new(),
            zones: BTreeMap::new(),
            quality: BTreeMap::new(),
            doubts: Doubts::default(),
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
                self.carried.after(&bin);
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
        let bins = bin.counts.iter().map(|((subject, class), count)| Bin {
            key: BinKey {
                camera: self.camera.clone(),
                subject: subject.clone(),
                class: *class,
                start,
                length,
                epoch: self.epoch,
            },
            count: *count,
        });
        let carried = &self.carried;
        let flows = bin.flows.iter();
        let flows = flows.filter_map(|(key, cell)| cell.bin(key, self.calibrated, carried.line_s(key)));
        let zones = bin.zones.iter().filter_map(|(zone, cell)| cell.bin(zone, carried.zone_s(zone)));
        let quality = bin.quality.iter().map(|((line, direction, class), evidence)| QualityBin {
            line: line.clone(),
            direction: *direction,
            class: *class,
            evidence: evidence.clone(),
        });
        ClosedBins {
            coverage,
            bins: bins.collect(),
            flows: flows.collect(),
            zones: zones.collect(),
            quality: quality.collect(),
            doubts: bin.doubts,
        }
    }
}

impl Carried {
    fn line_s(&self, key: &FlowKey) -> f64 {
        self.lines_s.get(key).copied().unwrap_or_default()
    }

    /// Occupancy and vehicle seconds.
    fn zone_s(&self, zone: &ZoneId) -> (f64, f64) {
        self.zones_s.get(zone).copied().unwrap_or_default()
    }

    /// Keeps what the whole seconds of a bin that closed leave over.
    fn after(&mut self, bin: &OpenBin) {
        for (key, cell) in &bin.flows {
            let sum_s = self.line_s(key) + cell.occupied_s;
            self.lines_s.insert(key.clone(), sum_s - f64::from(whole(sum_s)));
        }
        for (zone, cell) in &bin.zones {
            let left = cell.left_over(self.zone_s(zone));
            self.zones_s.insert(zone.clone(), left);
        }
    }
}

/// The grace earlier.
fn before(now: Timestamp) -> Timestamp {
    now.checked_sub(GRACE).unwrap_or(now)
}

impl OpenBin {
    /// Watched, or counted in all the same.
    fn is_worth_telling(&self) -> bool {
        self.observed_s > 0.0 || !self.counts.is_empty() || !self.flows.is_empty() || !self.quality.is_empty()
    }
}
