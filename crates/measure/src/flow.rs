//! What goes into the flow bins of a quarter of an hour: speeds, headways and occupancy of a line by direction and
//! class. When a bin opens and closes is `binner`'s business.

use std::collections::BTreeMap;

use wayside_types::{
    Direction, FlowBin, Headways, LEAST_SUMMARISED, LineId, RoadUserClass, Speeds, Timestamp,
};

use crate::path::seconds;

/// A line, a direction and a class.
pub(crate) type FlowKey = (LineId, Direction, RoadUserClass);

/// One flow bin in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlowCell {
    pub count: u32,
    pub occupied_s: f64,
    speeds: Speeds,
    headways: Headways,
}

impl FlowCell {
    /// A crossing with its speed, where that can be trusted.
    pub fn crossed(&mut self, speed_mps: Option<f64>) {
        self.count = self.count.saturating_add(1);
        if let Some(speed) = speed_mps.filter(|v| v.is_finite() && *v > 0.0) {
            self.speeds.add(3.6 * speed);
        }
    }

    pub fn followed(&mut self, headway_s: f64) {
        self.headways.add(headway_s);
    }

    /// The bin; `None` while nothing is in it. Whole seconds of occupancy are told, so that one vehicle's time over
    /// the line, which would be its speed, can't be read; what is left of a second (`carried_s`) goes to the next bin.
    pub fn bin(&self, key: &FlowKey, calibrated: bool, carried_s: f64) -> Option<FlowBin> {
        let occupied_s = whole(self.occupied_s + carried_s);
        let untrusted = self.count.saturating_sub(self.speeds.n);
        let enough = |n: u32| n >= LEAST_SUMMARISED;
        (self.count > 0 || occupied_s > 0).then(|| FlowBin {
            line: key.0.clone(),
            direction: key.1,
            class: key.2,
            count: self.count,
            untrusted: calibrated.then_some(untrusted),
            occupied_s,
            speeds: enough(self.speeds.n).then(|| self.speeds.clone()),
            headways: enough(self.headways.n).then(|| self.headways.clone()),
        })
    }
}

/// Whole units of a sum.
pub(crate) fn whole(sum: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the type")]
    let whole = sum.floor().clamp(0.0, f64::from(u32::MAX)) as u32;
    whole
}

/// Who went over a line behind whom. Crossings are reported late and not in their order, so each waits until no
/// earlier one can come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Followers {
    lines: BTreeMap<(LineId, Direction), Following>,
}

#[derive(Debug, Clone, Default)]
struct Following {
    last: Option<Timestamp>,
    /// By time.
    waiting: Vec<(Timestamp, RoadUserClass)>,
}

/// The time between a vehicle and the one ahead of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Headway {
    pub key: FlowKey,
    /// When the one behind crossed.
    pub at: Timestamp,
    pub seconds: f64,
}

impl Followers {
    /// A vehicle crossed. People on foot and on bicycles follow nobody.
    pub fn crossed(&mut self, line: &LineId, direction: Direction, class: RoadUserClass, at: Timestamp) {
        if class.is_in_traffic() {
            let following = self.lines.entry((line.clone(), direction)).or_default();
            let place = following.waiting.partition_point(|(other, _)| *other <= at);
            following.waiting.insert(place, (at, class));
        }
    }

    /// The headways of all who crossed before `until`, from whom on no earlier one is expected.
    pub fn settle(&mut self, until: Timestamp) -> Vec<Headway> {
        let mut settled = Vec::new();
        for ((line, direction), following) in &mut self.lines {
            let ripe = following.waiting.partition_point(|(at, _)| *at < until);
            for (at, class) in following.waiting.drain(..ripe) {
                let ahead = following.last.map(|last| seconds(last, at));
                if let Some(seconds) = ahead.filter(|s| *s >= 0.0) {
                    settled.push(Headway { key: (line.clone(), *direction, class), at, seconds });
                }
                following.last = following.last.max(Some(at));
            }
        }
        settled
    }

    /// The camera did not watch for a while: who came then is not known, so the next has nobody ahead.
    pub fn forget(&mut self) {
        self.lines.values_mut().for_each(|following| following.last = None);
    }
}
