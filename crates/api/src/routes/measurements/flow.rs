//! What speeds and headways look like outside. How they are kept and added up is the store's business.

use serde::Serialize;
use utoipa::ToSchema;
use wayside_types::{Headways, Speeds};

use super::row::{rounded, text};

/// Speeds that went into a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Speed {
    /// How many, at least 5. What is left of `count` are those not trusted and those of a class of which fewer than five
    /// came in a quarter of an hour.
    #[schema(example = 17)]
    n: u32,
    /// Time-mean speed: their arithmetic mean, km/h.
    #[schema(example = 27.1)]
    time_mean_kmh: f64,
    /// Space-mean speed: their harmonic mean, km/h.
    #[schema(example = 26.0)]
    space_mean_kmh: f64,
    /// The speed that 15 % do not exceed, km/h; from a histogram of 2 km/h.
    #[schema(example = 21.3)]
    p15_kmh: Option<f64>,
    /// The median, km/h; likewise.
    #[schema(example = 27.4)]
    p50_kmh: Option<f64>,
    /// The speed that 85 % do not exceed, km/h; likewise.
    #[schema(example = 31.9)]
    p85_kmh: Option<f64>,
}

impl From<&Speeds> for Speed {
    fn from(speeds: &Speeds) -> Self {
        let percentile = |share| speeds.percentile_kmh(share).map(|kmh| rounded(kmh, 1));
        Self {
            n: speeds.n,
            time_mean_kmh: rounded(speeds.time_mean_kmh(), 2),
            space_mean_kmh: rounded(speeds.space_mean_kmh(), 2),
            p15_kmh: percentile(0.15),
            p50_kmh: percentile(0.50),
            p85_kmh: percentile(0.85),
        }
    }
}

impl Speed {
    pub(super) fn csv(&self) -> Vec<String> {
        let [p15, p50, p85] = [self.p15_kmh, self.p50_kmh, self.p85_kmh].map(text);
        let (time, space) = (self.time_mean_kmh.to_string(), self.space_mean_kmh.to_string());
        vec![self.n.to_string(), time, space, p15, p50, p85]
    }
}

/// Times between successive vehicles at a line: from reference point to reference point, whichever the lane.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Headway {
    /// How many, at least 5.
    #[schema(example = 17)]
    n: u32,
    /// Their arithmetic mean, seconds.
    #[schema(example = 5.6)]
    mean_s: f64,
    /// The headway that 15 % do not exceed, seconds; from a histogram of half a second.
    #[schema(example = 1.8)]
    p15_s: Option<f64>,
    /// The median, seconds; likewise.
    #[schema(example = 3.2)]
    p50_s: Option<f64>,
    /// The headway that 85 % do not exceed, seconds; likewise; 60 for 60 and more.
    #[schema(example = 9.7)]
    p85_s: Option<f64>,
}

impl From<&Headways> for Headway {
    fn from(headways: &Headways) -> Self {
        let percentile = |share| headways.percentile_s(share).map(|s| rounded(s, 2));
        Self {
            n: headways.n,
            mean_s: rounded(headways.mean_s(), 2),
            p15_s: percentile(0.15),
            p50_s: percentile(0.50),
            p85_s: percentile(0.85),
        }
    }
}

impl Headway {
    pub(super) fn csv(&self) -> Vec<String> {
        let [p15, p50, p85] = [self.p15_s, self.p50_s, self.p85_s].map(text);
        vec![self.n.to_string(), self.mean_s.to_string(), p15, p50, p85]
    }
}
