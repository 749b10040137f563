//! A camera's day in a row: what its stored quarters of an hour (or hours) add up to, packed (`camera_day`). A month is read
//! from 31 rows instead of from tens of thousands. `upkeep` packs days once they are over, `query` reads them.
//!
//! The bytes are a format number and then postcard's encoding of the structures here. What was written is read for years,
//! so they may only change together with the format number; a test holds them to bytes that were written once.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wayside_types::{Doubts, Evidence};

use crate::query::{FlowSum, Observed};

/// What the first byte is.
const FORMAT: u8 = 1;
/// The same of [`Signs`], which were written with [`FORMAT`] before they had doubts.
const SIGNS_FORMAT: u8 = 2;

/// Line, direction and class.
pub(crate) type Subject = (String, String, String);

/// Something of each subject for each stretch of the day.
pub(crate) type BySubject<T> = BTreeMap<Subject, Vec<T>>;

/// How many crossed.
pub(crate) type Counts = BySubject<u32>;

/// How they crossed; nothing where no flow was stored.
pub(crate) type Flows = BySubject<Option<FlowSum>>;

/// What counts say of themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Signs {
    /// Of each subject; empty where nothing was stored.
    pub(crate) of: BySubject<Evidence>,
    /// How long the camera was in question, of the stretches (of the day, from 0) in which it was; `None` where that was
    /// not packed.
    pub(crate) doubts: Option<BTreeMap<u8, Doubts>>,
}

impl Signs {
    /// Always with doubts.
    pub(crate) fn pack(&self) -> Result<Vec<u8>, Unreadable> {
        let none = BTreeMap::new();
        let parts = (&self.of, self.doubts.as_ref().unwrap_or(&none));
        postcard::to_extend(&parts, vec![SIGNS_FORMAT]).map_err(Unreadable::Content)
    }

    pub(crate) fn unpack(bytes: &[u8]) -> Result<Self, Unreadable> {
        match bytes.split_first() {
            Some((&FORMAT, _)) => Ok(Self { of: unpack(bytes)?, doubts: None }),
            Some((&SIGNS_FORMAT, content)) => {
                let (of, doubts) = postcard::from_bytes(content).map_err(Unreadable::Content)?;
                Ok(Self { of, doubts: Some(doubts) })
            }
            other => Err(Unreadable::Format(other.map(|(format, _)| *format), SIGNS_FORMAT)),
        }
    }
}

/// What was observed, by configuration and by the length of the bins whose coverage it is.
pub(crate) type Watched = BTreeMap<(String, i32), Vec<Observed>>;

/// Bytes that are none of ours.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// What it is and what it should be.
    Format(Option<u8>, u8),
    Content(postcard::Error),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(None, _) => write!(f, "a packed day without a byte"),
            Self::Format(Some(format), wanted) => write!(f, "a packed day of format {format}, not {wanted}"),
            Self::Content(error) => write!(f, "a packed day that can't be read: {error}"),
        }
    }
}

impl std::error::Error for Unreadable {}

pub(crate) fn pack<T: Serialize>(part: &T) -> Result<Vec<u8>, Unreadable> {
    postcard::to_extend(part, vec![FORMAT]).map_err(Unreadable::Content)
}

pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    match bytes.split_first() {
        Some((&FORMAT, content)) => postcard::from_bytes(content).map_err(Unreadable::Content),
        other => Err(Unreadable::Format(other.map(|(format, _)| *format), FORMAT)),
    }
}

#[cfg(test)]
mod tests {
    use wayside_types::{HEADWAY_SCALE, Headways, Histogram, SPEED_SCALE, Sign, Speeds};

    use super::*;

    fn subject() -> Subject {
        ("in".to_owned(), "forward".to_owned(), "car".to_owned())
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn days_that_were_packed_once_are_read_for_ever() {
        let counts = Counts::from([(subject(), vec![0, 7, 300])]);
        assert_eq!(hex(&pack(&counts).unwrap()), "010102696e07666f727761726403636172030007ac02");
        let histogram = |scale| Histogram::from_parts(2, vec![1, 0, 4], scale).unwrap();
        let speeds =
            Speeds { n: 5, sum_kmh: 2.0, inverse_sum_h_per_km: 0.5, histogram: histogram(SPEED_SCALE) };
        let headways = Headways { n: 5, sum_s: 1.0, histogram: histogram(HEADWAY_SCALE) };
        let sum = FlowSum { untrusted: Some(1), occupied_s: 30, speeds, headways };
        let flows = Flows::from([(subject(), vec![None, Some(sum)])]);
        let bytes = pack(&flows).unwrap();
        assert_eq!(
            hex(&bytes),
            "010102696e07666f7277617264036361720200\
             0101011e050000000000000040000000000000e03f020301000405000000000000f03f0203010004"
        );
        assert_eq!(unpack::<Flows>(&bytes).unwrap(), flows);
        let mut seen = Evidence::default();
        seen.add(Sign::Counted, 9);
        seen.add(Sign::Elsewhere, 200);
        let of = BySubject::from([(subject(), vec![Evidence::default(), seen])]);
        let doubted = Doubts { moved_s: 0.0, doubted_s: 1.0, dim_s: 0.5 };
        let signs = Signs { of: of.clone(), doubts: Some(BTreeMap::from([(95, doubted)])) };
        let bytes = signs.pack().unwrap();
        assert_eq!(
            hex(&bytes),
            "020102696e07666f72776172640363617202000200090fc801\
             015f0000000000000000000000000000f03f000000000000e03f"
        );
        assert_eq!(Signs::unpack(&bytes).unwrap(), signs);
        // As they were written before: without doubts, which is not the same as being in none.
        let before = pack(&of).unwrap();
        assert_eq!(hex(&before), "010102696e07666f72776172640363617202000200090fc801");
        assert_eq!(Signs::unpack(&before).unwrap(), Signs { of, doubts: None });
        assert_eq!(Signs::unpack(&Signs::default().pack().unwrap()).unwrap().doubts, Some(BTreeMap::new()));
        let watched = Watched::from([(
            ("v1".to_owned(), 60),
            vec![Observed { seconds: 1.0, dropped_s: 0.5, bins: 15 }],
        )]);
        let bytes = pack(&watched).unwrap();
        assert_eq!(hex(&bytes), "01010276317801000000000000f03f000000000000e03f1e");
        assert_eq!(unpack::<Watched>(&bytes).unwrap(), watched);
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = pack(&Counts::from([(subject(), vec![0, 7, 300])])).unwrap();
        for (bytes, reason) in [
            (&[][..], "without a byte"),
            (&[2, 0][..], "of format 2, not 1"),
            (&bytes[..bytes.len() - 1], "can't be read"),
            (&[1, 255, 255, 255, 255, 255, 255][..], "can't be read"),
        ] {
            let error = unpack::<Counts>(bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        for (bytes, reason) in [
            (&[][..], "without a byte"),
            (&[3, 0][..], "of format 3, not 2"),
            (&[2, 0][..], "can't be read"),
            (&[1][..], "can't be read"),
        ] {
            let error = Signs::unpack(bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
