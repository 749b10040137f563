//! What a line's count says of itself: signs of having been wrong, counted beside the crossings, and the band in which
//! the truth is to be expected after them (`band`); beside it, how long the camera itself was in question (`doubts`). Seeing the signs is `measure`'s work, keeping them `store`'s. They
//! are numbers of a line, a direction, a class and a quarter of an hour, of no road user.

mod band;
mod doubts;

use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::class::RoadUserClass;
use crate::ids::LineId;
use crate::layout::Direction;

pub use band::{Band, COVERAGE, Model, SETTLED_S, Tendency, WEIGHTS, Weights, settled};
pub use doubts::{Doubts, Seeing};

/// Something that was seen while a line was counted. All but [`Sign::Counted`] and the two of ends are reasons to think
/// that a road user was counted who was none, or not counted who was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// A crossing that was counted.
    Counted,
    /// Of these: its track began in the middle of the picture, where tracks of this camera usually do not, and was followed
    /// for much less before the line than this line's tracks usually are.
    Astray,
    /// Of these: nobody saw it; its track began just past the line or was lost just before it.
    Inferred,
    /// Of these: the line was crossed between two detections far apart in time.
    Bridged,
    /// Of these: never detected well.
    Weak,
    /// Of these: detected only a few times around the line.
    Sparse,
    /// Of these: another road user's box covered a good part of it as it crossed.
    Crowded,
    /// A crossing that was not counted because a road user was counted in the same place: another one, or the same twice.
    /// Neither was ever seen within the other, nor one only after the other was lost.
    Duplicate,
    /// A track crossed that was never sure enough to count.
    Unsure,
    /// A track was lost short of the line and going towards it, further off than where it is taken to have crossed.
    Short,
    /// A track began behind the line and going away from it, further off than where it is taken to have crossed.
    Behind,
    /// The same two where the track vanished in, or came out of, another road user's box.
    Merged,
    /// A track that had been counted ended.
    Ended,
    /// Of these: in the middle of the picture, where tracks of this camera usually do not.
    EndedAstray,
    /// A counted crossing whose track was often taken for another class: a quarter of its votes or more.
    Wavering,
    /// The same, told of the other class.
    Elsewhere,
    /// As [`Sign::Duplicate`], of a track whose box was once within that of the one that was counted, or the other way
    /// round: the cab of a lorry, the half of a bus, or somebody behind it. Also of one that was followed for much less before the
    /// line than this line's tracks usually are, or did not cross it itself.
    Part,
    /// As [`Sign::Duplicate`], of a track that began after the one that was counted was lost.
    Rejoined,
    /// A counted crossing whose track was taken for another class now and then: a twentieth of its votes or more, and less
    /// than a quarter.
    Hesitant,
    /// The same, told of the other class.
    Resembling,
    /// A counted crossing at the very end of the line: the road user may have passed beside it.
    AtEnd,
    /// A track that passed just beside the end of the line and was not counted.
    PastEnd,
}

impl Sign {
    /// All, in the order of the database's columns.
    pub const ALL: [Self; 22] = [
        Self::Counted,
        Self::Astray,
        Self::Inferred,
        Self::Bridged,
        Self::Weak,
        Self::Sparse,
        Self::Crowded,
        Self::Duplicate,
        Self::Unsure,
        Self::Short,
        Self::Behind,
        Self::Merged,
        Self::Ended,
        Self::EndedAstray,
        Self::Wavering,
        Self::Elsewhere,
        Self::Part,
        Self::Rejoined,
        Self::Hesitant,
        Self::Resembling,
        Self::AtEnd,
        Self::PastEnd,
    ];

    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Astray => "astray",
            Self::Inferred => "inferred",
            Self::Bridged => "bridged",
            Self::Weak => "weak",
            Self::Sparse => "sparse",
            Self::Crowded => "crowded",
            Self::Duplicate => "duplicate",
            Self::Unsure => "unsure",
            Self::Short => "short",
            Self::Behind => "behind",
            Self::Merged => "merged",
            Self::Ended => "ended",
            Self::EndedAstray => "ended_astray",
            Self::Wavering => "wavering",
            Self::Elsewhere => "elsewhere",
            Self::Part => "part",
            Self::Rejoined => "rejoined",
            Self::Hesitant => "hesitant",
            Self::Resembling => "resembling",
            Self::AtEnd => "at_end",
            Self::PastEnd => "past_end",
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Sign {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|sign| sign.as_str() == text);
        found.ok_or_else(|| format!("sign {text:?} is none that is kept"))
    }
}

/// How often each sign was seen. Adds up exactly: the evidence of an hour is the sum of its quarters'. Written as a map of
/// the signs that were seen, in the order of [`Sign::ALL`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence([u64; Sign::ALL.len()]);

impl Evidence {
    /// Counts a sign so many times more.
    pub fn add(&mut self, sign: Sign, times: u64) {
        let known = &mut self.0[sign as usize];
        *known = known.saturating_add(times);
    }

    /// How often a sign was seen.
    #[must_use]
    pub fn of(&self, sign: Sign) -> u64 {
        self.0[sign as usize]
    }

    /// The signs that were seen, and how often.
    pub fn seen(&self) -> impl Iterator<Item = (Sign, u64)> {
        Sign::ALL.into_iter().zip(self.0).filter(|(_, times)| *times > 0)
    }

    /// Adds all of another one's.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(known, times)| *known = known.saturating_add(times));
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|times| *times == 0)
    }

    /// Share of the counted tracks that began where tracks do (the picture's edge, an ignored zone, where this camera's
    /// tracks usually begin), 0 to 1; `None` where nobody was counted.
    #[must_use]
    pub fn began_well(&self) -> Option<f64> {
        share(self.of(Sign::Counted).saturating_sub(self.of(Sign::Astray)), self.of(Sign::Counted))
    }

    /// The same of where they ended, of those that have.
    #[must_use]
    pub fn ended_well(&self) -> Option<f64> {
        share(self.of(Sign::Ended).saturating_sub(self.of(Sign::EndedAstray)), self.of(Sign::Ended))
    }

    /// How many tracks may have been broken at the line.
    #[must_use]
    pub fn broken_suspects(&self) -> u64 {
        let signs = [Sign::Inferred, Sign::Bridged, Sign::Short, Sign::Behind, Sign::Rejoined];
        signs.into_iter().map(|sign| self.of(sign)).sum()
    }

    /// How many road users may have been taken for one at the line.
    #[must_use]
    pub fn merged_suspects(&self) -> u64 {
        [Sign::Duplicate, Sign::Merged].into_iter().map(|sign| self.of(sign)).sum()
    }
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.seen().count()))?;
        for (sign, times) in self.seen() {
            map.serialize_entry(&sign, &times)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Signs;
        impl<'de> Visitor<'de> for Signs {
            type Value = Evidence;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("how often each sign was seen")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Evidence, A::Error> {
                let mut evidence = Evidence::default();
                while let Some((sign, times)) = map.next_entry()? {
                    evidence.add(sign, times);
                }
                Ok(evidence)
            }
        }
        deserializer.deserialize_map(Signs)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of vehicles")]
    let share = part as f64 / whole as f64;
    (whole > 0).then_some(share)
}

/// Whether classes are taken for one another within these: a sum over cars, buses and lorries is none the worse for a
/// lorry that was counted as a car. Vehicles are mixed up with vehicles, and people on foot and on two wheels with one
/// another.
#[must_use]
pub fn is_closed(classes: &[RoadUserClass]) -> bool {
    let all_or_none = |motor: bool| {
        let of_group = || RoadUserClass::ALL.iter().filter(move |class| class.is_motor_vehicle() == motor);
        of_group().all(|class| classes.contains(class)) || of_group().all(|class| !classes.contains(class))
    };
    all_or_none(true) && all_or_none(false)
}

/// What was seen of one line, direction and class in a quarter of an hour or longer. Camera, start, length and epoch are
/// those of the [`crate::bins::Coverage`] beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityBin {
    /// Over which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of which class.
    pub class: RoadUserClass,
    /// What was seen.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_adds_up_and_gives_shares() {
        let mut a = Evidence::default();
        assert_eq!((a.began_well(), a.ended_well(), a.is_empty()), (None, None, true));
        a.add(Sign::Counted, 8);
        a.add(Sign::Astray, 2);
        let mut b = Evidence::default();
        b.add(Sign::Counted, 2);
        b.add(Sign::Ended, 4);
        b.add(Sign::EndedAstray, 4);
        b.add(Sign::Short, 0);
        a.merge(&b);
        assert_eq!(a.began_well(), Some(0.8));
        assert_eq!(a.ended_well(), Some(0.0));
        assert_eq!(serde_json::to_string(&b).unwrap(), r#"{"counted":2,"ended":4,"ended_astray":4}"#);
        for sign in Sign::ALL {
            assert_eq!(sign.as_str().parse(), Ok(sign));
        }
    }

    #[test]
    fn a_sum_is_closed_where_no_class_is_taken_for_one_outside() {
        use RoadUserClass::{Bicycle, Bus, Car, Motorcycle, Pedestrian, Truck};
        for (classes, want) in [
            (&[Car, Bus, Truck][..], true),
            (RoadUserClass::ALL, true),
            (&[Motorcycle, Bicycle, Pedestrian], true),
            (&[Car], false),
            (&[Car, Bus, Truck, Bicycle], false),
        ] {
            assert_eq!(is_closed(classes), want, "{classes:?}");
        }
    }
}
