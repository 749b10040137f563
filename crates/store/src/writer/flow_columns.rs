//! The columns of `line_flow` and `zone_bin`, and what is refused of their rows before it is in the spool. What every
//! table begins with is `batch`'s.

use wayside_types::{FlowBin, HEADWAY_SCALE, Histogram, LEAST_SUMMARISED, SPEED_SCALE, Scale, ZoneBin};

use super::batch::{Head, HeadColumns};

/// Columns of `line_flow`. Histograms go as text, since PostgreSQL has no arrays of arrays of different lengths.
#[derive(Debug, Default)]
pub(crate) struct FlowColumns {
    pub(crate) head: HeadColumns,
    pub(crate) line: Vec<String>,
    pub(crate) direction: Vec<String>,
    pub(crate) class: Vec<String>,
    pub(crate) epoch: Vec<i64>,
    pub(crate) count: Vec<i32>,
    pub(crate) untrusted: Vec<Option<i32>>,
    pub(crate) occupied_s: Vec<i32>,
    pub(crate) speed_n: Vec<Option<i32>>,
    pub(crate) speed_sum_kmh: Vec<Option<f64>>,
    pub(crate) speed_inverse_sum: Vec<Option<f64>>,
    pub(crate) speed_first: Vec<Option<i16>>,
    pub(crate) speed_counts: Vec<Option<String>>,
    pub(crate) headway_n: Vec<Option<i32>>,
    pub(crate) headway_sum_s: Vec<Option<f64>>,
    pub(crate) headway_first: Vec<Option<i16>>,
    pub(crate) headway_counts: Vec<Option<String>>,
}

impl FlowColumns {
    pub(crate) fn push(&mut self, head: &Head, epoch: i64, flow: &FlowBin) {
        self.head.push(head);
        self.line.push(flow.line.to_string());
        self.direction.push(flow.direction.as_str().to_owned());
        self.class.push(flow.class.as_str().to_owned());
        self.epoch.push(epoch);
        self.count.push(int(flow.count));
        self.untrusted.push(flow.untrusted.map(int));
        self.occupied_s.push(int(flow.occupied_s));
        let speeds = flow.speeds.as_ref();
        self.speed_n.push(speeds.map(|s| int(s.n)));
        self.speed_sum_kmh.push(speeds.map(|s| s.sum_kmh));
        self.speed_inverse_sum.push(speeds.map(|s| s.inverse_sum_h_per_km));
        self.speed_first.push(speeds.map(|s| first(&s.histogram)));
        self.speed_counts.push(speeds.map(|s| array(&s.histogram)));
        let headways = flow.headways.as_ref();
        self.headway_n.push(headways.map(|h| int(h.n)));
        self.headway_sum_s.push(headways.map(|h| h.sum_s));
        self.headway_first.push(headways.map(|h| first(&h.histogram)));
        self.headway_counts.push(headways.map(|h| array(&h.histogram)));
    }
}

/// Columns of `zone_bin`.
#[derive(Debug, Default)]
pub(super) struct ZoneColumns {
    pub(super) head: HeadColumns,
    pub(super) zone: Vec<String>,
    pub(super) epoch: Vec<i64>,
    pub(super) observed_s: Vec<f64>,
    pub(super) occupied_s: Vec<i32>,
    pub(super) vehicle_s: Vec<i32>,
    pub(super) length_m: Vec<Option<f64>>,
    pub(super) queue_max_m: Vec<Option<f64>>,
    pub(super) queue_max: Vec<Option<i32>>,
    pub(super) queue_last_m: Vec<Option<f64>>,
    pub(super) queue_last: Vec<Option<i32>>,
    pub(super) delay_n: Vec<Option<i32>>,
    pub(super) delay_sum_s: Vec<Option<f64>>,
}

impl ZoneColumns {
    pub(super) fn push(&mut self, head: &Head, epoch: i64, observed_s: f64, zone: &ZoneBin) {
        self.head.push(head);
        self.zone.push(zone.zone.to_string());
        self.epoch.push(epoch);
        self.observed_s.push(observed_s);
        self.occupied_s.push(int(zone.occupied_s));
        self.vehicle_s.push(int(zone.vehicle_s));
        self.length_m.push(zone.length_m);
        self.queue_max_m.push(zone.queue.map(|q| q.max_m));
        self.queue_max.push(zone.queue.map(|q| int(q.max_vehicles)));
        self.queue_last_m.push(zone.queue.map(|q| q.last_m));
        self.queue_last.push(zone.queue.map(|q| int(q.last_vehicles)));
        self.delay_n.push(zone.delay.map(|d| int(d.n)));
        self.delay_sum_s.push(zone.delay.map(|d| d.sum_s));
    }
}

/// What is wrong with a row of `line_flow`.
pub(super) fn check_flow(flow: &FlowBin) -> Result<(), String> {
    within("count", flow.count)?;
    within("occupied_s", flow.occupied_s)?;
    if let Some(untrusted) = flow.untrusted.filter(|n| *n > flow.count) {
        return Err(format!("untrusted {untrusted} is more than count {}", flow.count));
    }
    if let Some(speeds) = &flow.speeds {
        enough("speeds", speeds.n)?;
        spread("speeds", speeds.n, &speeds.histogram, SPEED_SCALE)?;
        positive("the sum of speeds", speeds.sum_kmh)?;
        positive("the sum of inverse speeds", speeds.inverse_sum_h_per_km)?;
    }
    if let Some(headways) = &flow.headways {
        enough("headways", headways.n)?;
        spread("headways", headways.n, &headways.histogram, HEADWAY_SCALE)?;
        positive("the sum of headways", headways.sum_s)?;
    }
    Ok(())
}

/// What is wrong with a row of `zone_bin`.
pub(super) fn check_zone(zone: &ZoneBin) -> Result<(), String> {
    within("occupied_s", zone.occupied_s)?;
    within("vehicle_s", zone.vehicle_s)?;
    if let Some(length_m) = zone.length_m.filter(|m| !(m.is_finite() && *m > 0.0)) {
        return Err(format!("length_m {length_m} is not above 0"));
    }
    if let Some(queue) = zone.queue {
        within("the vehicles of a queue", queue.max_vehicles)?;
        positive("the length of a queue", queue.max_m)?;
        positive("the length of a queue", queue.last_m)?;
    }
    if let Some(delay) = zone.delay {
        enough("delays", delay.n)?;
        positive("the sum of delays", delay.sum_s)?;
    }
    Ok(())
}

fn within(what: &str, n: u32) -> Result<(), String> {
    i32::try_from(n).map(drop).map_err(|_| format!("{what} {n} is not within 0 to {}", i32::MAX))
}

fn enough(what: &str, n: u32) -> Result<(), String> {
    if n < LEAST_SUMMARISED {
        return Err(format!("{what} of {n} values; at least {LEAST_SUMMARISED} are needed"));
    }
    within(what, n)
}

fn spread(what: &str, n: u32, histogram: &Histogram, scale: Scale) -> Result<(), String> {
    if !histogram.is_within(scale) || histogram.n() != u64::from(n) {
        return Err(format!("the histogram of {what} does not hold {n} values within its scale"));
    }
    Ok(())
}

fn positive(what: &str, sum: f64) -> Result<(), String> {
    if sum.is_finite() && sum >= 0.0 { Ok(()) } else { Err(format!("{what}, {sum}, is not 0 or more")) }
}

fn int(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn first(histogram: &Histogram) -> i16 {
    i16::try_from(histogram.first()).unwrap_or(i16::MAX)
}

/// As PostgreSQL writes an array.
fn array(histogram: &Histogram) -> String {
    let counts: Vec<String> = histogram.counts().iter().map(ToString::to_string).collect();
    format!("{{{}}}", counts.join(","))
}
