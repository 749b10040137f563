//! Which stretch of time an export is to be made for next.

use jiff::{SignedDuration, Timestamp};
use wayside_config::{ExportEvery, ExportSettings};
use wayside_types::{BinLength, TimeZone};

/// How far back is caught up what was missed.
const CATCH_UP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An hour or a day of the site's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) period: Period,
    /// Whether earlier ones were missed too long ago.
    pub(super) skipped: bool,
}

/// The earliest period that is over for long enough and was not made yet. At the first start it is the last one that is
/// over; after a time without Wayside those of the last seven days.
pub(super) fn due(
    settings: &ExportSettings,
    last_end: Option<Timestamp>,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<Due> {
    let length = match settings.every {
        ExportEvery::Hour => BinLength::Hour,
        ExportEvery::Day => BinLength::Day,
    };
    let period = |at: Timestamp| {
        let (start, end) = length.bounds(at, zone);
        Period { start, end }
    };
    let after = SignedDuration::from_mins(i64::from(settings.after_minutes));
    // What ended before this is over for long enough.
    let ripe = now.checked_sub(after).ok()?;
    let (start, skipped) = match last_end {
        None => {
            let running = period(ripe);
            (running.start.checked_sub(SignedDuration::from_secs(1)).ok()?, false)
        }
        Some(end) => {
            let oldest = now.checked_sub(CATCH_UP).ok()?;
            if end < oldest { (period(oldest).end, true) } else { (end, false) }
        }
    };
    let mut next = period(start);
    // Where the clock jumps by half an hour, two hours overlap: the later one begins where the earlier one ends.
    if let Some(end) = last_end.filter(|_| !skipped) {
        next.start = next.start.max(end);
    }
    (next.end <= ripe && next.start < next.end).then_some(Due { period: next, skipped })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use wayside_config::{ExportFormat, ExportTarget, ExportWhat};

    use super::*;

    fn settings(every: ExportEvery) -> ExportSettings {
        ExportSettings {
            name: "n".to_owned(),
            what: ExportWhat::Lines,
            format: ExportFormat::Csv,
            cameras: Vec::new(),
            bin: BinLength::Minute15,
            every,
            after_minutes: 10,
            target: ExportTarget::Directory(PathBuf::from("/nowhere")),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn periods_follow_one_another_once_they_are_over_for_long_enough() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let hourly = settings(ExportEvery::Hour);
        let due_at = |last: Option<&str>, now: &str| {
            due(&hourly, last.map(at), at(now), &zone).map(|due| (due.period.start.to_string(), due.skipped))
        };
        let hour = |text: &str| Some((text.to_owned(), false));
        // At the first start only the last hour.
        assert_eq!(due_at(None, "2026-11-21T12:10:00Z"), hour("2026-11-21T11:00:00Z"));
        assert_eq!(due_at(None, "2026-11-21T12:09:59Z"), hour("2026-11-21T10:00:00Z"));
        assert_eq!(due_at(Some("2026-11-21T12:00:00Z"), "2026-11-21T13:09:59Z"), None);
        assert_eq!(
            due_at(Some("2026-11-21T12:00:00Z"), "2026-11-21T13:10:00Z"),
            hour("2026-11-21T12:00:00Z")
        );
        // After a day without Wayside the oldest first, after a month only the last week.
        assert_eq!(
            due_at(Some("2026-11-20T12:00:00Z"), "2026-11-21T13:10:00Z"),
            hour("2026-11-20T12:00:00Z")
        );
        assert_eq!(
            due_at(Some("2026-10-20T12:00:00Z"), "2026-11-21T13:10:00Z"),
            Some(("2026-11-14T14:00:00Z".to_owned(), true))
        );
    }

    #[test]
    fn days_are_those_of_the_site() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let daily = settings(ExportEvery::Day);
        let mut last = Some(at("2026-10-23T22:00:00Z"));
        let mut hours = Vec::new();
        while let Some(next) = due(&daily, last, at("2026-10-27T23:10:00Z"), &zone) {
            let length = next.period.end.duration_since(next.period.start);
            hours.push(length.as_hours());
            last = Some(next.period.end);
        }
        assert_eq!(hours, [24, 25, 24, 24], "the clock goes back on the 25th");
    }

    #[test]
    fn hours_leave_no_gap_where_the_clock_jumps_by_half_an_hour() {
        let zone = TimeZone::get("Australia/Lord_Howe").unwrap();
        let hourly = settings(ExportEvery::Hour);
        let mut last = at("2026-04-04T12:00:00Z");
        let first = last;
        let mut total = SignedDuration::ZERO;
        while let Some(next) = due(&hourly, Some(last), at("2026-04-05T03:00:00Z"), &zone) {
            assert_eq!(next.period.start, last);
            total += next.period.end.duration_since(next.period.start);
            last = next.period.end;
        }
        assert_eq!(total, last.duration_since(first));
        assert!(total.as_hours() >= 13, "{total}");
    }
}
