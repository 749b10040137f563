//! Why a calibration can't be used, in words that name the pair and what is accepted.

/// Why a calibration can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// Lists of different lengths.
    #[error(
        "calibration: {image} points in `image` but {ground} in `ground_m`; each image point needs its ground point"
    )]
    Unpaired {
        /// Points in `image`.
        image: usize,
        /// Points in `ground_m`.
        ground: usize,
    },
    /// Fewer than four pairs.
    #[error("calibration: {0} pairs of points; 4 or more are needed")]
    TooFew(usize),
    /// A coordinate that is no number.
    #[error("calibration: pair {0} (counted from 1) has a coordinate that is not a finite number")]
    NotFinite(usize),
    /// Two pairs in the same place.
    #[error(
        "calibration: pairs {first} and {second} (counted from 1) have the same {which} point; each must be elsewhere"
    )]
    Duplicate {
        /// One pair.
        first: usize,
        /// The other.
        second: usize,
        /// `image` or `ground_m`.
        which: &'static str,
    },
    /// Points (nearly) on one straight line.
    #[error(
        "calibration: the {which} points lie (nearly) on a straight line; four corners of an area on the road are needed, no three of them in line"
    )]
    Degenerate {
        /// `image` or `ground_m`.
        which: &'static str,
    },
    /// Left-handed ground coordinates, or pairs in the wrong order.
    #[error(
        "calibration: the ground is seen mirrored; `ground_m` must be right-handed seen from above (x to the right when y points ahead), in the order of `image`"
    )]
    Mirrored,
    /// Some points would lie beyond the horizon.
    #[error(
        "calibration: no view of flat ground fits these pairs (some would lie beyond the horizon); check their order"
    )]
    Horizon,
    /// The pairs contradict one another, and no one of them stands out.
    #[error(
        "calibration: the pairs are {residual_m:.2} m off on average (pair {worst} most, {worst_m:.2} m), accepted is up to {accepted_m:.2} m; check each ground point"
    )]
    Residual {
        /// Root mean square distance, metres.
        residual_m: f64,
        /// The pair that is furthest off, counted from 1.
        worst: usize,
        /// How far, metres.
        worst_m: f64,
        /// What would have been accepted.
        accepted_m: f64,
    },
    /// A distortion at which the picture would fold over.
    #[error(
        "calibration: a distortion of {value} is outside -{most} to {most}; beyond that one place in the picture may be two on the ground",
        most = wayside_types::Calibration::MAX_DISTORTION
    )]
    DistortionRange {
        /// What was asked for.
        value: f64,
    },
    /// Not enough pairs to find the lens by.
    #[error(
        "calibration: distortion = \"fit\" needs {least} or more pairs, and there are {0}; measure more, or write the number",
        least = wayside_types::Calibration::PAIRS_TO_FIT_DISTORTION
    )]
    DistortionPairs(usize),
    /// Pairs that leave the lens open.
    #[error(
        "calibration: the pairs tell the lens' distortion only to ± {sigma:.2} (it came out as {value:.2}); accepted is up to ± {accepted:.2}: add pairs near the picture's corners and middle, or write the number"
    )]
    DistortionUnclear {
        /// What came out.
        value: f64,
        /// Its standard error.
        sigma: f64,
        /// What would have been accepted.
        accepted: f64,
    },
}
