//! What speeds and headways look like outside. How they are kept and added up is the store's business.

use serde::Serialize;
use utoipa::ToSchema;
use wayside_types::{Headways, Speeds};

use super::row::rounded;

/// Speeds that went into a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Speed {
    /// How many, at least 5. What is left of `count` are those not trusted and those of a class of which fewer than five
    /// came in a quarter of an hour.
    #[schema(example = 17)]
    pub(crate) n: u32,
    /// Time-mean speed: their arithmetic mean, km/h.
    #[schema(example = 27.1)]
    pub(crate) time_mean_kmh: f64,
    /// Space-mean speed: their harmonic mean, km/h.
    #[schema(example = 26.0)]
    pub(crate) space_mean_kmh: f64,
    /// The speed that 15 % do not exceed, km/h; from a histogram of 2 km/h.
    #[schema(example = 21.3, required)]
    pub(crate) p15_kmh: Option<f64>,
    /// The median, km/h; likewise.
    #[schema(example = 27.4, required)]
    pub(crate) p50_kmh: Option<f64>,
    /// The speed that 85 % do not exceed, km/h; likewise.
    #[schema(example = 31.9, required)]
    pub(crate) p85_kmh: Option<f64>,
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

/// Times between successive vehicles at a line: from reference point to reference point, whichever the lane.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Headway {
    /// How many, at least 5.
    #[schema(example = 17)]
    pub(crate) n: u32,
    /// Their arithmetic mean, seconds.
    #[schema(example = 5.6)]
    pub(crate) mean_s: f64,
    /// The headway that 15 % do not exceed, seconds; from a histogram of half a second.
    #[schema(example = 1.8, required)]
    pub(crate) p15_s: Option<f64>,
    /// The median, seconds; likewise.
    #[schema(example = 3.2, required)]
    pub(crate) p50_s: Option<f64>,
    /// The headway that 85 % do not exceed, seconds; likewise; 60 for 60 and more.
    #[schema(example = 9.7, required)]
    pub(crate) p85_s: Option<f64>,
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
