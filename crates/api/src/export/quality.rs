//! What a line's count says of itself looks like this outside. How it is kept and added up is the store's business.

use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::LineQuality;
use wayside_types::quality::COVERAGE;
use wayside_types::{Band, Evidence, Sign};

use super::row::rounded;

/// Where the true count is to be expected, of the time that was observed.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct CountBand {
    /// At least so many.
    #[schema(example = 17)]
    pub(crate) low: u64,
    /// At most so many.
    #[schema(example = 20)]
    pub(crate) high: u64,
    /// How often the truth lies within, at least, as far as it was checked: 0.95.
    #[schema(example = 0.95)]
    pub(crate) coverage: f64,
}

impl From<Band> for CountBand {
    fn from(Band { low, high }: Band) -> Self {
        Self { low, high, coverage: COVERAGE }
    }
}

/// By what signs a count may be wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CountQuality {
    /// Share of the counted tracks that began where tracks do, 0 to 1; null where nobody was counted.
    #[schema(example = 0.94, required)]
    pub(crate) began_well: Option<f64>,
    /// Share of the counted tracks that ended where tracks do, of those that have, 0 to 1.
    #[schema(example = 0.89, required)]
    pub(crate) ended_well: Option<f64>,
    /// How many tracks may have been broken at the line: crossings that nobody saw, tracks lost short of it or born
    /// behind it.
    #[schema(example = 1)]
    pub(crate) broken_suspects: u64,
    /// How often two road users may have been taken for one at the line, or one for two.
    #[schema(example = 0)]
    pub(crate) merged_suspects: u64,
    /// How many were counted that were never detected well.
    #[schema(example = 2)]
    pub(crate) weak: u64,
    /// How often each sign was seen, of those that were: why the band is as wide as it is. Signs: `counted` `astray` `inferred`
    /// `bridged` `weak` `sparse` `crowded` `duplicate` `unsure` `short` `behind` `merged` `ended` `ended_astray` `wavering`
    /// `elsewhere` `part` `rejoined` `hesitant` `resembling` `at_end` `past_end`; more may come.
    #[schema(value_type = BTreeMap<String, u64>, example = json!({"counted": 18, "astray": 1, "weak": 2, "hesitant": 3}))]
    pub(crate) signs: Evidence,
    /// Seconds in which the camera looked, or seemed to look, elsewhere than it did. They are not observed.
    #[schema(example = 0.0)]
    pub(crate) moved_s: f64,
    /// Seconds in which a fault of the camera was suspected and not certain.
    #[schema(example = 2.4)]
    pub(crate) doubted_s: f64,
    /// Seconds in which visibility was low.
    #[schema(example = 0.0)]
    pub(crate) dim_s: f64,
}

impl From<&LineQuality> for CountQuality {
    fn from(quality: &LineQuality) -> Self {
        let evidence = &quality.evidence;
        Self {
            began_well: evidence.began_well().map(|share| rounded(share, 3)),
            ended_well: evidence.ended_well().map(|share| rounded(share, 3)),
            broken_suspects: evidence.broken_suspects(),
            merged_suspects: evidence.merged_suspects(),
            weak: evidence.of(Sign::Weak),
            signs: evidence.clone(),
            moved_s: rounded(quality.doubts.moved_s, 1),
            doubted_s: rounded(quality.doubts.doubted_s, 1),
            dim_s: rounded(quality.doubts.dim_s, 1),
        }
    }
}
