//! Cutting events into bins: lengths by class, coverage, late events, and each bin exactly once.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use wayside_measure::{Binner, Crossing, Event, GRACE, MAX_LATENESS, Movement};
use wayside_types::{
    BinLength, BinSubject, CameraId, ClosedBins, Direction, Doubts, Grade, LineId, RoadUserClass, Seeing,
    TimeZone, Timestamp,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn binner(zone: &str) -> Binner {
    Binner::new(CameraId::new("c").unwrap(), TimeZone::get(zone).unwrap(), 7, "v1".into())
}

fn crossing(when: &str, class: RoadUserClass, speed_mps: Option<f64>) -> Event {
    let line = LineId::new("mid").unwrap();
    Event::Crossing(Crossing { line, direction: Direction::Forward, class, at: at(when), speed_mps })
}

fn count(closed: &[ClosedBins], length: BinLength) -> u32 {
    closed.iter().filter(|c| c.coverage.length == length).flat_map(|c| &c.bins).map(|b| b.count).sum()
}

#[test]
fn classes_and_movements_go_into_the_bins_they_may_go_into() {
    let mut b = binner("UTC");
    b.observed(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:15:00Z"), 9_000, 0);
    for class in RoadUserClass::ALL {
        b.event(&crossing("2026-01-01T10:00:30Z", *class, None));
    }
    let (from, to) = (LineId::new("a").unwrap(), LineId::new("b").unwrap());
    b.event(&Event::Movement(Movement {
        from,
        to,
        class: RoadUserClass::Car,
        at: at("2026-01-01T10:00:30Z"),
    }));
    let closed = b.close_until(at("2026-01-01T10:15:03Z"));
    assert_eq!(closed.iter().filter(|c| c.coverage.length == BinLength::Minute1).count(), 15);
    assert_eq!(closed.iter().filter(|c| c.coverage.length == BinLength::Minute15).count(), 1);
    for bin in closed.iter().flat_map(|c| &c.bins) {
        let movement = matches!(bin.key.subject, BinSubject::Movement(..));
        let short = bin.key.class.is_motor_vehicle() && !movement;
        assert_eq!(bin.key.length == BinLength::Minute1, short, "{:?}", bin.key);
        assert_eq!((bin.count, bin.key.epoch), (1, 7));
    }
    assert_eq!((count(&closed, BinLength::Minute1), count(&closed, BinLength::Minute15)), (3, 4));
    assert!(closed.iter().all(|c| c.coverage.grade == Grade::Good && c.coverage.config_version == "v1"));
    assert!(b.close_until(at("2026-01-01T10:15:59Z")).is_empty(), "each bin closes once");
    assert!(b.flush().is_empty());
}

#[test]
fn coverage_says_what_was_watched_and_unwatched_bins_are_left_out() {
    let mut b = binner("UTC");
    b.observed(at("2026-01-01T10:00:30Z"), at("2026-01-01T10:01:15Z"), 30, 10);
    let closed = b.close_until(at("2026-01-01T11:00:00Z"));
    let seen: Vec<_> = closed
        .iter()
        .map(|c| (c.coverage.start.to_string(), c.coverage.length, c.coverage.observed_s))
        .collect();
    assert_eq!(
        seen,
        [
            ("2026-01-01T10:00:00Z".into(), BinLength::Minute1, 30.0),
            ("2026-01-01T10:00:00Z".into(), BinLength::Minute15, 45.0),
            ("2026-01-01T10:01:00Z".into(), BinLength::Minute1, 15.0),
        ]
    );
    assert!((closed[1].coverage.dropped_share - 0.25).abs() < 1e-9);
    assert_eq!(closed[1].coverage.grade, Grade::Poor);
}

#[test]
fn a_late_event_still_finds_its_bin_and_is_never_lost() {
    assert!(GRACE > MAX_LATENESS, "a bin must outlast the latest event");
    let mut b = binner("UTC");
    b.observed(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:01:02Z"), 10, 0);
    assert!(b.close_until(at("2026-01-01T10:01:02.9Z")).is_empty());
    b.event(&crossing("2026-01-01T10:00:59.9Z", RoadUserClass::Car, None));
    let closed = b.close_until(at("2026-01-01T10:01:03Z"));
    assert_eq!((closed.len(), count(&closed, BinLength::Minute1)), (1, 1));
    // Later than that it goes into the next bin, and the closed one stays closed.
    b.event(&crossing("2026-01-01T10:00:58Z", RoadUserClass::Car, None));
    b.observed(at("2026-01-01T10:00:50Z"), at("2026-01-01T10:01:10Z"), 10, 0);
    let next = b.close_until(at("2026-01-01T10:02:03Z"));
    assert_eq!(next.len(), 1);
    assert_eq!(
        (next[0].coverage.start.to_string().as_str(), next[0].bins[0].count),
        ("2026-01-01T10:01:00Z", 1)
    );
    assert_eq!(b.flush().len(), 1, "the quarter of an hour is still open");
}

#[test]
fn a_checkpoint_shows_open_bins_and_changes_nothing() {
    let mut b = binner("UTC");
    b.observed(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:00:20Z"), 200, 0);
    b.event(&crossing("2026-01-01T10:00:10Z", RoadUserClass::Bus, None));
    let first = b.snapshot();
    assert_eq!(first, b.snapshot());
    assert_eq!((first.len(), count(&first, BinLength::Minute1)), (2, 1));
    assert!((first[0].coverage.observed_s - 20.0).abs() < 1e-9);
    b.observed(at("2026-01-01T10:00:20Z"), at("2026-01-01T10:01:00Z"), 400, 0);
    let closed = b.close_until(at("2026-01-01T10:01:03Z"));
    assert_eq!(closed[0].bins[0].key, first[0].bins[0].key, "the same row, written again");
    assert!((closed[0].coverage.observed_s - 60.0).abs() < 1e-9);
}

#[test]
fn bins_follow_the_sites_clock_and_say_when_they_close() {
    // Kathmandu is 5 h 45 min ahead: its quarters are ours; its day is not asked for here.
    let b = binner("Asia/Kathmandu");
    for (length, now, want) in [
        (BinLength::Minute1, "2026-01-01T10:00:30Z", "2026-01-01T10:01:03Z"),
        (BinLength::Minute1, "2026-01-01T10:01:02Z", "2026-01-01T10:01:03Z"),
        (BinLength::Minute1, "2026-01-01T10:01:03Z", "2026-01-01T10:02:03Z"),
        (BinLength::Minute15, "2026-01-01T10:01:03Z", "2026-01-01T10:15:03Z"),
        (BinLength::Hour, "2026-01-01T10:01:03Z", "2026-01-01T10:15:03Z"),
    ] {
        assert_eq!(b.next_close(length, at(now)).to_string(), want, "{length} at {now}");
    }
}

#[test]
fn doubts_are_seconds_of_their_bins_watched_or_not() {
    let mut b = binner("UTC");
    let dim = Seeing { dim: true, ..Seeing::default() };
    let shifted = Seeing { moved: true, doubted: true, dim: false };
    b.observed(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:00:40Z"), 400, 0);
    b.doubted(at("2026-01-01T10:00:00Z"), at("2026-01-01T10:00:10Z"), Seeing::default());
    b.doubted(at("2026-01-01T10:00:30Z"), at("2026-01-01T10:00:40Z"), dim);
    b.doubted(at("2026-01-01T10:00:50Z"), at("2026-01-01T10:01:05Z"), shifted);
    b.observed(at("2026-01-01T10:01:05Z"), at("2026-01-01T10:15:00Z"), 8_350, 0);
    let closed = b.close_until(at("2026-01-01T10:16:00Z"));
    let of = |length: BinLength, start: &str| {
        let bin = closed.iter().find(|c| c.coverage.length == length && c.coverage.start == at(start));
        bin.unwrap().doubts
    };
    let want = |moved_s, doubted_s, dim_s| Doubts { moved_s, doubted_s, dim_s };
    assert_eq!(of(BinLength::Minute15, "2026-01-01T10:00:00Z"), want(15.0, 15.0, 10.0));
    assert_eq!(of(BinLength::Minute1, "2026-01-01T10:00:00Z"), want(10.0, 10.0, 10.0));
    assert_eq!(of(BinLength::Minute1, "2026-01-01T10:01:00Z"), want(5.0, 5.0, 0.0));
    assert_eq!(of(BinLength::Minute1, "2026-01-01T10:02:00Z"), want(0.0, 0.0, 0.0));
}
