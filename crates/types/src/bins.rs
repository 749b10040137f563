//! What is stored: counts in clock-aligned bins, and coverage that says how much of a bin a camera
//! really observed. Rows hold absolute values; a repeated write is harmless. Cutting events into bins is
//! `measure`'s work, keeping them `store`'s.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::class::RoadUserClass;
use crate::ids::{CameraId, LineId, ZoneId};
use crate::layout::Direction;
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
    /// Road users that entered a zone.
    Zone(ZoneId),
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

/// Speeds that went into a bin; absent where fewer than five did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SpeedSummary {
    /// How many speeds, at least 5.
    pub n: u32,
    /// Their arithmetic (time) mean, km/h.
    pub mean_kmh: f64,
}

impl SpeedSummary {
    /// Fewer than this many speeds are not summarised.
    pub const MIN_N: u32 = 5;
}

/// One row: a count that is not zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Which.
    pub key: BinKey,
    /// How many, at least 1.
    pub count: u32,
    /// How fast, where at least five speeds could be trusted.
    pub speed: Option<SpeedSummary>,
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
