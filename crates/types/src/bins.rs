//! What is stored: counts in clock-aligned bins, in longer ones also how lines were crossed and what happened in
//! zones, and coverage that says how much of a bin a camera really observed. Rows hold absolute values; a repeated write is harmless. Cutting events into bins is
//! `measure`'s work, keeping them `store`'s.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::class::RoadUserClass;
use crate::histogram::{HEADWAY_SCALE, Histogram, SPEED_SCALE};
use crate::ids::{CameraId, LineId, ZoneId};
use crate::layout::Direction;
use crate::quality::{Doubts, QualityBin};
use crate::time::{TimeZone, Timestamp};

/// A half-open stretch of time aligned to the clock of the site's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BinLength {
    /// One minute; motor vehicles only.
    #[serde(rename = "1m")]
    Minute1,
    /// Five minutes; motor vehicles only.
    #[serde(rename = "5m")]
    Minute5,
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    Minute15,
    /// One hour of the local clock.
    #[serde(rename = "1h")]
    Hour,
    /// One local day: 23, 24 or 25 hours.
    #[serde(rename = "1d")]
    Day,
}

impl BinLength {
    /// All lengths, shortest first.
    pub const ALL: &'static [Self] = &[Self::Minute1, Self::Minute5, Self::Minute15, Self::Hour, Self::Day];

    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute1 => "1m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Nominal length in seconds (a day counts 24 hours).
    #[must_use]
    pub const fn nominal_s(self) -> u32 {
        match self {
            Self::Minute1 => 60,
            Self::Minute5 => 300,
            Self::Minute15 => 900,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// The bin that an instant falls into, as `[start, end)`, on the local clock of `zone`. Where the
    /// clock jumps, minutes and hours follow the offset in force at the instant, and a day runs from local
    /// midnight to local midnight.
    #[must_use]
    pub fn bounds(self, at: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
        if self == Self::Day {
            let zoned = at.to_zoned(zone.clone());
            let start = zoned.start_of_day();
            let end = zoned.tomorrow().and_then(|t| t.start_of_day());
            if let (Ok(start), Ok(end)) = (start, end) {
                return (start.timestamp(), end.timestamp());
            }
        }
        let offset_s = i64::from(zone.to_offset(at).seconds());
        let length_s = i64::from(self.nominal_s());
        let start_s = (at.as_second() + offset_s).div_euclid(length_s) * length_s - offset_s;
        let start_s = if at.subsec_nanosecond() < 0 && at.as_second() + offset_s == start_s + offset_s {
            // Before 1970 `as_second` rounds towards zero: the instant lies in the bin before.
            start_s - length_s
        } else {
            start_s
        };
        let clamp = |s: i64| Timestamp::from_second(s).unwrap_or(at);
        (clamp(start_s), clamp(start_s + length_s))
    }
}

impl fmt::Display for BinLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BinLength {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|b| b.as_str() == s)
            .ok_or_else(|| format!("bin {s:?} is not one of: 1m 5m 15m 1h 1d"))
    }
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BinSubject {
    /// Crossings of a line in one direction.
    Line(LineId, Direction),
    /// Road users that entered by one line and left by another; bins of 15 minutes or longer.
    Movement(LineId, LineId),
    /// Road users that crossed this line and were lost from sight before another; bins of 15 minutes or longer.
    Lost(LineId),
}

/// The key of a stored row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BinKey {
    /// First in every key, so that rows can be distributed by camera.
    pub camera: CameraId,
    /// What was counted.
    pub subject: BinSubject,
    /// Of which class.
    pub class: RoadUserClass,
    /// Start of the bin, inclusive.
    pub start: Timestamp,
    /// Its length.
    pub length: BinLength,
    /// Which run of the process counted it. Queries sum over epochs.
    pub epoch: i64,
}

/// One row: a count that is not zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Which.
    pub key: BinKey,
    /// How many, at least 1.
    pub count: u32,
}

/// Speeds and headways of fewer vehicles than this are not kept.
pub const LEAST_SUMMARISED: u32 = 5;

/// The speeds of at least [`LEAST_SUMMARISED`] crossings, in a form that can be added up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Speeds {
    /// How many.
    pub n: u32,
    /// Their sum, km/h.
    pub sum_kmh: f64,
    /// The sum of their inverses, h/km.
    pub inverse_sum_h_per_km: f64,
    /// How they are spread, on [`SPEED_SCALE`].
    pub histogram: Histogram,
}

impl Speeds {
    /// Adds one speed, km/h, above 0.
    pub fn add(&mut self, kmh: f64) {
        self.n = self.n.saturating_add(1);
        self.sum_kmh += kmh;
        self.inverse_sum_h_per_km += 1.0 / kmh;
        self.histogram.add(SPEED_SCALE.bucket(kmh), 1);
    }

    /// Adds all of another one's.
    pub fn merge(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.sum_kmh += other.sum_kmh;
        self.inverse_sum_h_per_km += other.inverse_sum_h_per_km;
        self.histogram.merge(&other.histogram);
    }

    /// The time-mean speed: the arithmetic mean of the speeds at the line, km/h (Wardrop 1952).
    #[must_use]
    pub fn time_mean_kmh(&self) -> f64 {
        self.sum_kmh / f64::from(self.n.max(1))
    }

    /// The space-mean speed: their harmonic mean, which is that of the vehicles on a stretch of road at one
    /// moment, km/h (Wardrop 1952).
    #[must_use]
    pub fn space_mean_kmh(&self) -> f64 {
        f64::from(self.n) / self.inverse_sum_h_per_km.max(f64::MIN_POSITIVE)
    }

    /// The speed that this share of them (0 to 1) does not exceed, km/h.
    #[must_use]
    pub fn percentile_kmh(&self, share: f64) -> Option<f64> {
        self.histogram.quantile(SPEED_SCALE, share)
    }
}

/// The headways of at least [`LEAST_SUMMARISED`] vehicles to those ahead of them, in a form that can be added up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Headways {
    /// How many.
    pub n: u32,
    /// Their sum, seconds.
    pub sum_s: f64,
    /// How they are spread, on [`HEADWAY_SCALE`].
    pub histogram: Histogram,
}

impl Headways {
    /// Adds one, seconds.
    pub fn add(&mut self, headway_s: f64) {
        self.n = self.n.saturating_add(1);
        self.sum_s += headway_s;
        self.histogram.add(HEADWAY_SCALE.bucket(headway_s), 1);
    }

    /// Adds all of another one's.
    pub fn merge(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.sum_s += other.sum_s;
        self.histogram.merge(&other.histogram);
    }

    /// Their arithmetic mean, seconds.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        self.sum_s / f64::from(self.n.max(1))
    }

    /// The headway that this share of them (0 to 1) does not exceed, seconds.
    #[must_use]
    pub fn percentile_s(&self, share: f64) -> Option<f64> {
        self.histogram.quantile(HEADWAY_SCALE, share)
    }
}

/// How the road users of one class went over a line in one direction, in a quarter of an hour or longer. Camera,
/// start, length and epoch are those of the [`Coverage`] beside it.
///
/// There are none for shorter bins: with the speeds of a quarter of an hour and of its minutes, those of a minute in
/// which one vehicle came would be the difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowBin {
    /// Over which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of which class.
    pub class: RoadUserClass,
    /// How many crossed; 0 where somebody only stood on the line.
    pub count: u32,
    /// Of these, how many had a speed that could not be trusted; `None` without calibration.
    pub untrusted: Option<u32>,
    /// Whole seconds in which vehicles of this class were over the line. Where several were at once, each has its
    /// part, so that the seconds of all classes add up to those of the line.
    pub occupied_s: u32,
    /// The speeds that could be trusted, of at least [`LEAST_SUMMARISED`].
    pub speeds: Option<Speeds>,
    /// Time from the vehicle ahead, of at least [`LEAST_SUMMARISED`] vehicles of this class.
    pub headways: Option<Headways>,
}

/// The queue in a zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ZoneQueue {
    /// Length of the longest, metres.
    pub max_m: f64,
    /// Vehicles in the longest by number.
    pub max_vehicles: u32,
    /// Length when the bin ended, metres.
    pub last_m: f64,
    /// Vehicles when the bin ended.
    pub last_vehicles: u32,
}

/// Time lost in a zone against free flow by at least [`LEAST_SUMMARISED`] vehicles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZoneDelay {
    /// How many vehicles left the zone.
    pub n: u32,
    /// What they lost in it, all together, seconds.
    pub sum_s: f64,
}

/// What cars, buses and lorries did in a zone, in a quarter of an hour or longer. Camera, start, length and epoch
/// are those of the [`Coverage`] beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneBin {
    /// Which.
    pub zone: ZoneId,
    /// Seconds times the share of the zone's area that they stood on; whole.
    pub occupied_s: u32,
    /// Seconds times vehicles; tens.
    pub vehicle_s: u32,
    /// How long the zone is along its traffic, metres; `None` without calibration.
    pub length_m: Option<f64>,
    /// Their queue; `None` without calibration and for zones that have none.
    pub queue: Option<ZoneQueue>,
    /// Their delay; `None` where it can't be known, and below [`LEAST_SUMMARISED`] vehicles.
    pub delay: Option<ZoneDelay>,
}

/// How far a bin can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Watched for at least 98 % of the time, at most 2 % of frames dropped.
    Good,
    /// Watched for at least 80 % of the time, at most 20 % of frames dropped.
    Fair,
    /// Anything less.
    Poor,
}

impl Grade {
    /// The grade for a share of time observed and a share of frames dropped, both 0 to 1.
    #[must_use]
    pub fn of(observed_share: f64, dropped_share: f64) -> Self {
        if observed_share >= 0.98 && dropped_share <= 0.02 {
            Self::Good
        } else if observed_share >= 0.80 && dropped_share <= 0.20 {
            Self::Fair
        } else {
            Self::Poor
        }
    }

    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
        }
    }
}

/// How much of a bin a camera really observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Whose.
    pub camera: CameraId,
    /// Start of the bin, inclusive.
    pub start: Timestamp,
    /// Its length.
    pub length: BinLength,
    /// Which run of the process observed it.
    pub epoch: i64,
    /// Seconds observed, at most the bin's length.
    pub observed_s: f64,
    /// Share of the frames due for analysis that were dropped, 0 to 1.
    pub dropped_share: f64,
    /// How far to trust it.
    pub grade: Grade,
    /// [`crate::camera::CameraSpec::config_version`] at the time.
    pub config_version: String,
}

/// Everything one camera has to say about one bin that closed, or about an open one at a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedBins {
    /// How much was observed.
    pub coverage: Coverage,
    /// The counts that are not zero, all with the coverage's camera, start, length and epoch.
    pub bins: Vec<Bin>,
    /// How lines were crossed; in bins of a quarter of an hour or longer. Older files have none.
    #[serde(default)]
    pub flows: Vec<FlowBin>,
    /// What happened in zones; in bins of a quarter of an hour or longer. Older files have none.
    #[serde(default)]
    pub zones: Vec<ZoneBin>,
    /// By what signs lines may have been counted wrong; in bins of a quarter of an hour or longer. Older files have none.
    #[serde(default)]
    pub quality: Vec<QualityBin>,
    /// How long the camera was in question. Older files do not say.
    #[serde(default)]
    pub doubts: Doubts,
}

impl ClosedBins {
    /// Nothing but coverage.
    #[must_use]
    pub fn of(coverage: Coverage) -> Self {
        Self {
            coverage,
            bins: Vec::new(),
            flows: Vec::new(),
            zones: Vec::new(),
            quality: Vec::new(),
            doubts: Doubts::default(),
        }
    }

    /// How many rows it makes.
    #[must_use]
    pub fn rows(&self) -> usize {
        1 + self.bins.len() + self.flows.len() + self.zones.len() + self.quality.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(length: BinLength, at: &str, zone: &str) -> (String, String) {
        let zone = TimeZone::get(zone).unwrap();
        let (start, end) = length.bounds(at.parse().unwrap(), &zone);
        (start.to_string(), end.to_string())
    }

    #[test]
    fn bins_follow_the_local_clock() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        for (length, at, zone, want) in [
            (
                BinLength::Minute1,
                "2026-11-21T10:00:59.999Z",
                "UTC",
                pair("2026-11-21T10:00:00Z", "2026-11-21T10:01:00Z"),
            ),
            // Kathmandu is 5 h 45 min ahead: its hours start at a quarter past.
            (
                BinLength::Hour,
                "2026-11-21T10:20:00Z",
                "Asia/Kathmandu",
                pair("2026-11-21T10:15:00Z", "2026-11-21T11:15:00Z"),
            ),
            // A day of 23 and one of 25 hours.
            (
                BinLength::Day,
                "2026-03-29T10:00:00Z",
                "Europe/Berlin",
                pair("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ),
            (
                BinLength::Day,
                "2026-10-25T10:00:00Z",
                "Europe/Berlin",
                pair("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ),
            (
                BinLength::Minute1,
                "1969-12-31T23:59:59.5Z",
                "UTC",
                pair("1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z"),
            ),
        ] {
            assert_eq!(bounds(length, at, zone), want, "{length} at {at} in {zone}");
        }
    }
}
