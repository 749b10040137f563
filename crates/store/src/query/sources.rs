//! Which stored lengths an answer is made of. Spans that are whole hours (of UTC: most time zones have such hours, India and
//! Nepal have not) are read from stored hours, those that are whole quarters from quarters, others from minutes. What waits
//! to be summed (`rollup_due`) is read from its parts, in the same statement, so that an answer is exact at any moment.

use wayside_types::Timestamp;

use super::bins::Span;
use crate::lengths::{HOUR_S, MINUTE_S, QUARTER_S};

/// Where sums of bins that were stored with a length of `base_s` come from. A length of 0 is none: no row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sources {
    /// Rows of this length,
    pub(super) top_s: i32,
    /// but where marks of this length say that they are not up to date,
    pub(super) marked_s: i32,
    /// rows of this length,
    pub(super) parts_s: i32,
    /// but where marks of this length say so,
    pub(super) parts_marked_s: i32,
    /// rows of this.
    pub(super) least_s: i32,
}

impl Sources {
    /// For these spans.
    pub(super) fn of(spans: &[Span], base_s: i32) -> Self {
        let whole = |length_s: i32| {
            let is_edge =
                |at: Timestamp| at.as_nanosecond().rem_euclid(i128::from(length_s) * 1_000_000_000) == 0;
            length_s >= base_s && spans.iter().all(|span| is_edge(span.start) && is_edge(span.end))
        };
        let top_s = [HOUR_S, QUARTER_S].into_iter().find(|length_s| whole(*length_s)).unwrap_or(base_s);
        let none = Self { top_s, marked_s: 0, parts_s: 0, parts_marked_s: 0, least_s: 0 };
        match (top_s, base_s) {
            (HOUR_S, MINUTE_S) => Self {
                marked_s: HOUR_S,
                parts_s: QUARTER_S,
                parts_marked_s: QUARTER_S,
                least_s: MINUTE_S,
                ..none
            },
            (HOUR_S, _) => Self { marked_s: HOUR_S, parts_s: QUARTER_S, ..none },
            (QUARTER_S, MINUTE_S) => Self { marked_s: QUARTER_S, parts_s: MINUTE_S, ..none },
            _ => none,
        }
    }
}

#[cfg(test)]
mod tests {
    use wayside_types::{BinLength, TimeZone};

    use super::super::bins::bins;
    use super::*;

    #[test]
    fn the_longest_stored_length_that_fits_is_read() {
        let (from, to) = ("2026-11-20T00:00:00Z".parse().unwrap(), "2026-11-22T00:00:00Z".parse().unwrap());
        for (zone, bin, base, top) in [
            ("Asia/Shanghai", BinLength::Day, MINUTE_S, HOUR_S),
            ("Asia/Shanghai", BinLength::Hour, QUARTER_S, HOUR_S),
            ("Asia/Shanghai", BinLength::Minute15, MINUTE_S, QUARTER_S),
            ("Asia/Shanghai", BinLength::Minute15, QUARTER_S, QUARTER_S),
            ("Asia/Shanghai", BinLength::Minute5, MINUTE_S, MINUTE_S),
            ("Asia/Kathmandu", BinLength::Day, MINUTE_S, QUARTER_S),
            ("Asia/Kolkata", BinLength::Hour, QUARTER_S, QUARTER_S),
        ] {
            let spans = bins(bin, from, to, &TimeZone::get(zone).unwrap(), usize::MAX);
            assert_eq!(Sources::of(&spans, base).top_s, top, "{zone} {bin} {base}");
        }
    }

    #[test]
    fn what_waits_to_be_summed_comes_from_the_next_shorter_length() {
        let hour = [Span { start: Timestamp::UNIX_EPOCH, end: Timestamp::from_second(3_600).unwrap() }];
        let s = Sources::of(&hour, MINUTE_S);
        assert_eq!((s.marked_s, s.parts_s, s.parts_marked_s, s.least_s), (3_600, 900, 900, 60));
        // Quarters that are themselves what was stored are read whatever mark their quarter has.
        let s = Sources::of(&hour, QUARTER_S);
        assert_eq!((s.marked_s, s.parts_s, s.parts_marked_s, s.least_s), (3_600, 900, 0, 0));
    }
}
