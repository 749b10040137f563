//! Speeds, headways and occupancy on their way into quarters of an hour: what may be kept is, and nothing else.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use wayside_measure::{Binner, Crossing, Event, Presence, ZoneMoment};
use wayside_types::{
    BinLength, CameraId, ClosedBins, Direction, FlowBin, LineId, RoadUserClass, TimeZone, Timestamp, ZoneBin,
    ZoneId,
};

const CAR: RoadUserClass = RoadUserClass::Car;
const TEN: &str = "2026-01-01T10:00:00Z";

fn after(s: f64) -> Timestamp {
    let ten: Timestamp = TEN.parse().unwrap();
    Timestamp::from_nanosecond(ten.as_nanosecond() + (s * 1e9) as i128).unwrap()
}

fn binner() -> Binner {
    Binner::new(CameraId::new("c").unwrap(), TimeZone::UTC, 7, "v1".into()).calibrated(true)
}

fn crossing(s: f64, class: RoadUserClass, kmh: Option<f64>) -> Event {
    let line = LineId::new("mid").unwrap();
    let speed_mps = kmh.map(|v| v / 3.6);
    Event::Crossing(Crossing { line, direction: Direction::Forward, class, at: after(s), speed_mps })
}

/// The only flow bin of a class.
fn flow(closed: &[ClosedBins], class: RoadUserClass) -> FlowBin {
    let mut found = closed.iter().flat_map(|c| &c.flows).filter(|f| f.class == class);
    let flow = found.next().unwrap().clone();
    assert_eq!(found.next(), None);
    flow
}

#[test]
fn speeds_of_five_and_more_are_kept_in_quarters_of_an_hour() {
    for n in [0_u32, 1, 4, 5, 30] {
        let mut b = binner();
        b.observed(after(0.0), after(900.0), 9_000, 0);
        for i in 0..n {
            b.event(&crossing(f64::from(i) * 20.0, CAR, Some(40.0 + f64::from(i))));
        }
        b.event(&crossing(700.0, CAR, None));
        b.event(&crossing(701.0, CAR, Some(f64::NAN)));
        let closed = b.close_until(after(903.0));
        assert!(
            closed.iter().all(|c| c.flows.is_empty() || c.coverage.length == BinLength::Minute15),
            "no minute holds a speed"
        );
        let flow = flow(&closed, CAR);
        assert_eq!((flow.count, flow.untrusted), (n + 2, Some(2)), "{n}");
        assert_eq!(flow.speeds.is_some(), n >= 5, "{n}");
        if let Some(speeds) = flow.speeds {
            let kmh: Vec<f64> = (0..n).map(|i| 40.0 + f64::from(i)).collect();
            let mean = kmh.iter().sum::<f64>() / f64::from(n);
            let harmonic = f64::from(n) / kmh.iter().map(|v| 1.0 / v).sum::<f64>();
            assert!((speeds.time_mean_kmh() - mean).abs() < 1e-9);
            assert!((speeds.space_mean_kmh() - harmonic).abs() < 1e-9 && harmonic < mean);
            assert_eq!((speeds.n, speeds.histogram.n()), (n, u64::from(n)));
        }
    }
}

#[test]
fn without_calibration_nothing_is_untrusted() {
    let mut b = Binner::new(CameraId::new("c").unwrap(), TimeZone::UTC, 7, "v1".into());
    b.event(&crossing(1.0, CAR, None));
    assert_eq!(flow(&b.flush(), CAR).untrusted, None);
}

/// Crossings are reported in any order within the lateness that is allowed; people on foot come between.
#[test]
fn headways_are_those_between_vehicles_in_the_order_they_came() {
    let mut b = binner();
    let mut to = after(0.0);
    for (said_at, at) in
        [(3.0, 2.0), (7.5, 6.0), (8.0, 5.5), (9.5, 8.0), (11.0, 10.0), (13.0, 11.5), (14.5, 14.0)]
    {
        b.event(&crossing(at, CAR, None));
        b.event(&crossing(at + 0.1, RoadUserClass::Pedestrian, None));
        b.observed(to, after(said_at), 1, 0);
        to = after(said_at);
        b.close_until(to);
    }
    b.event(&crossing(16.0, RoadUserClass::Bus, None));
    let closed = b.flush();
    let headways = flow(&closed, CAR).headways.unwrap();
    assert_eq!(headways.n, 6, "seven cars, the first of which has nobody ahead");
    assert!((headways.sum_s - 12.0).abs() < 1e-6, "{}", headways.sum_s);
    let buckets: Vec<u32> = headways.histogram.counts().to_vec();
    // 3.5, 0.5, 2, 2, 1.5 and 2.5 s.
    assert_eq!((headways.histogram.first(), buckets), (1, vec![1, 0, 1, 2, 1, 0, 1]));
    assert_eq!(flow(&closed, RoadUserClass::Bus).headways, None, "one headway is none");
    assert_eq!(flow(&closed, RoadUserClass::Pedestrian).headways, None);
}

#[test]
fn nobody_follows_across_a_hole_in_what_was_watched() {
    let mut b = binner();
    b.observed(after(0.0), after(20.0), 1, 0);
    (0..6).for_each(|i| b.event(&crossing(10.0 + f64::from(i), CAR, None)));
    b.observed(after(20.0), after(25.0), 1, 0);
    // Half a minute later the stream is back.
    (0..6).for_each(|i| b.event(&crossing(60.0 + f64::from(i), CAR, None)));
    b.observed(after(55.0), after(70.0), 1, 0);
    let headways = flow(&b.flush(), CAR).headways.unwrap();
    assert_eq!((headways.n, headways.sum_s), (10, 10.0));
}

#[test]
fn occupancy_is_told_in_whole_seconds_and_none_is_lost() {
    let mut b = binner();
    let (mut told, mut first) = (0, None);
    for quarter in 0..20 {
        let start = f64::from(quarter) * 900.0;
        b.observed(after(start), after(start + 900.0), 9_000, 0);
        let presence = Presence {
            line: LineId::new("mid").unwrap(),
            direction: Direction::Forward,
            class: CAR,
            at: after(start + 100.0),
            seconds: 0.375,
        };
        b.event(&Event::Presence(presence));
        let open: Vec<FlowBin> = b.snapshot().into_iter().flat_map(|c| c.flows).collect();
        let closed = b.close_until(after(start + 903.0));
        let flows: Vec<FlowBin> = closed.into_iter().flat_map(|c| c.flows).collect();
        assert_eq!(open, flows, "a checkpoint says the same");
        let seconds: u32 = flows.iter().map(|f| f.occupied_s).sum();
        assert!(seconds <= 1, "0.375 s are 0 or 1");
        first = first.or((seconds > 0).then_some(quarter));
        told += seconds;
    }
    assert_eq!((told, first), (7, Some(2)), "20 × 0.375 s");
}

fn moment(s: f64, vehicles: u32, queue: (f64, u32), lost_s: Vec<f64>) -> Event {
    Event::Zone(ZoneMoment {
        zone: ZoneId::new("z").unwrap(),
        at: after(s),
        seconds: 1.0,
        share: 0.25 * f64::from(vehicles),
        vehicles,
        length_m: Some(50.0),
        queue: Some(queue),
        lost_s,
    })
}

fn zones(closed: Vec<ClosedBins>) -> Vec<ZoneBin> {
    assert!(closed.iter().all(|c| c.zones.is_empty() || c.coverage.length == BinLength::Minute15));
    closed.into_iter().flat_map(|c| c.zones).collect()
}

#[test]
fn zones_say_how_full_they_were_how_long_their_queue_and_what_was_lost() {
    let mut b = binner();
    b.observed(after(0.0), after(900.0), 900, 0);
    for s in 0..100 {
        let queue = if s < 60 { (18.5, 3) } else { (4.5, 1) };
        b.event(&moment(f64::from(s), 2, queue, Vec::new()));
    }
    b.event(&moment(100.0, 0, (0.0, 0), vec![10.0, 20.0, 30.0, 40.0, 50.0]));
    let found = zones(b.close_until(after(903.0)));
    let [zone] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((zone.occupied_s, zone.vehicle_s, zone.length_m), (50, 200, Some(50.0)));
    let (queue, delay) = (zone.queue.unwrap(), zone.delay.unwrap());
    assert_eq!((queue.max_m, queue.max_vehicles, queue.last_m, queue.last_vehicles), (18.5, 3, 0.0, 0));
    assert_eq!((delay.n, delay.sum_s), (5, 150.0));
}

#[test]
fn the_delay_of_fewer_than_five_is_absent_and_one_vehicle_can_not_be_timed() {
    let mut b = binner();
    b.observed(after(0.0), after(900.0), 900, 0);
    (0..4).for_each(|s| b.event(&moment(f64::from(s), 1, (0.0, 0), vec![1.0])));
    let found = zones(b.close_until(after(903.0)));
    let [zone] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (zone.occupied_s, zone.vehicle_s, zone.delay),
        (1, 0, None),
        "four vehicle seconds are no ten"
    );
    // The rest goes on into the next quarter.
    b.observed(after(900.0), after(1_800.0), 900, 0);
    (0..7).for_each(|s| b.event(&moment(900.0 + f64::from(s), 1, (0.0, 0), Vec::new())));
    assert_eq!(zones(b.close_until(after(1_803.0)))[0].vehicle_s, 10);
}
