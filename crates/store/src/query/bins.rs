//! The bins of a stretch of time on a site's clock: they cover it without gap or overlap, also where the
//! clock jumps. This is what rows are summed into.

use wayside_types::{BinLength, TimeZone, Timestamp};

/// A bin as `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Span {
    /// Its length in seconds.
    pub(super) fn seconds(self) -> f64 {
        self.end.duration_since(self.start).as_secs_f64()
    }
}

/// The bin that holds an instant. [`BinLength::bounds`] lets two hours overlap where a clock jumps by half an
/// hour; here the later one begins where the earlier one ends.
pub(super) fn bin_at(length: BinLength, at: Timestamp, zone: &TimeZone) -> Span {
    let (start, end) = length.bounds(at, zone);
    let (before, before_end) = length.bounds(start, zone);
    if before == start { Span { start, end } } else { Span { start: before_end, end } }
}

/// At most `limit` bins that start in `[from, to)`, in order.
pub(super) fn bins(
    length: BinLength,
    from: Timestamp,
    to: Timestamp,
    zone: &TimeZone,
    limit: usize,
) -> Vec<Span> {
    let mut found = Vec::new();
    let mut bin = bin_at(length, from, zone);
    if bin.start < from {
        bin = bin_at(length, bin.end, zone);
    }
    while bin.start < to && found.len() < limit {
        found.push(bin);
        let next = bin_at(length, bin.end, zone);
        if next.start <= bin.start {
            // The end of representable time.
            break;
        }
        bin = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_neither_overlap_nor_leave_gaps() {
        for zone in [
            "UTC",
            "Europe/Berlin",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "America/New_York",
            "Asia/Shanghai",
        ] {
            let tz = TimeZone::get(zone).unwrap();
            for length in BinLength::ALL {
                for (from, to) in [
                    ("2026-03-28T00:00:00Z", "2026-04-07T00:00:00Z"),
                    ("2026-09-28T00:00:00Z", "2026-11-03T00:00:00Z"),
                ] {
                    let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
                    let found = bins(*length, from, to, &tz, usize::MAX);
                    for pair in found.windows(2) {
                        assert_eq!(pair[0].end, pair[1].start, "{zone} {length}");
                    }
                    for bin in &found {
                        assert!(bin.start < bin.end);
                        // Asking from the middle of the list finds the same bins.
                        assert_eq!(bin_at(*length, bin.start, &tz), *bin, "{zone} {length}");
                    }
                    assert!(found[0].start >= from && found[0].start.duration_since(from).as_secs() < 90_000);
                    assert!(found[found.len() - 1].end >= to);
                }
            }
        }
    }

    #[test]
    fn a_day_has_23_or_25_hours_where_the_clock_jumps() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        for (at, hours) in
            [("2026-03-29T12:00:00Z", 23.0), ("2026-10-25T12:00:00Z", 25.0), ("2026-10-26T12:00:00Z", 24.0)]
        {
            let day = bin_at(BinLength::Day, at.parse().unwrap(), &zone);
            assert!((day.seconds() / 3_600.0 - hours).abs() < 1e-9, "{at}: {}", day.seconds());
        }
    }
}
