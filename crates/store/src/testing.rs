//! Bins for the tests inside this crate. Those of `tests/` have their own, because they see the crate from
//! outside.

use proptest::prelude::*;
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, ClosedBins, Coverage, Direction, Grade, Incident,
    IncidentId, IncidentKind, IncidentRecord, LineId, Reason, RoadUserClass, Severity, Timestamp,
};

/// A minute of a camera in which some cars were counted; `n` makes it unlike any other.
pub(crate) fn minute(n: i64, count: u32, observed_s: f64) -> ClosedBins {
    let camera = CameraId::new("hp-07").unwrap();
    let start = Timestamp::from_second(1_790_000_040 + n * 60).unwrap();
    let key = BinKey {
        camera: camera.clone(),
        subject: BinSubject::Line(LineId::new("n").unwrap(), Direction::Forward),
        class: RoadUserClass::Car,
        start,
        length: BinLength::Minute1,
        epoch: 1,
    };
    let bins = if count == 0 { Vec::new() } else { vec![Bin { key, count }] };
    let coverage = Coverage {
        camera,
        start,
        length: BinLength::Minute1,
        epoch: 1,
        observed_s,
        dropped_share: 0.01,
        grade: Grade::Good,
        config_version: "WSR1-in-a-payload-is-no-frame".to_owned(),
    };
    ClosedBins { bins, ..ClosedBins::of(coverage) }
}

/// Any such minutes.
pub(crate) fn minutes(most: usize) -> impl Strategy<Value = Vec<ClosedBins>> {
    prop::collection::vec((0..100_000_i64, 0..50_u32, 0.0..=60.0_f64), 0..most).prop_map(|list| {
        list.into_iter().map(|(n, count, observed_s)| minute(n, count, observed_s)).collect()
    })
}

/// An incident that has just been detected.
pub(crate) fn incident(number: u32) -> IncidentRecord {
    let id = IncidentId { camera: CameraId::new("hp-07").unwrap(), epoch: 1, number };
    let at = Timestamp::from_second(1_790_000_040).unwrap();
    let incident = Incident {
        kind: IncidentKind::CameraDark,
        zone: None,
        place: None,
        severity: Severity::Minor,
        confidence: 0.8,
        onset: at,
        detected: at,
        ended: None,
        why: vec![Reason::new("brighter_share", 0.0, "max_bright", 40.0)],
    };
    IncidentRecord::began(id, incident, at, None)
}
