//! Measurements as a table: which columns the rows of a kind have, and what stands in them. Every format that has columns is
//! written from here, so that they say the same under the same names.

use jiff::Timestamp;
use wayside_store::query::MeasurementKind;
use wayside_types::Sign;

use super::flow::{Headway, Speed};
use super::quality::{CountBand, CountQuality};
use super::row::{Counted, LineMeasurement, Measurement, MovementMeasurement, Watched};
use super::zone::{ZoneMeasurement, ZoneState};

/// What may stand in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    /// An instant.
    Time,
    /// A whole number.
    Whole,
    /// A whole number that may be hidden for being too small.
    Count,
    Number,
    Truth,
}

/// A column of a table. Names carry their units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) of: Type,
}

/// What stands in a column of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Summed over, or not known.
    Absent,
    /// A count under 3 that may not be told.
    Hidden,
    Text(String),
    Time(Timestamp),
    Whole(u64),
    Number(f64),
    Truth(bool),
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::Absent, |text| Self::Text(text.to_owned()))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Absent, Self::Whole)
    }
}

impl From<Option<u32>> for Value {
    fn from(value: Option<u32>) -> Self {
        value.map(u64::from).into()
    }
}

impl From<Option<f64>> for Value {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Absent, Self::Number)
    }
}

const fn column(name: &'static str, of: Type) -> Column {
    Column { name, of }
}

const BIN: [Column; 3] =
    [column("camera", Type::Text), column("start", Type::Time), column("end", Type::Time)];
const COUNTED: [Column; 5] = [
    column("class", Type::Text),
    column("group", Type::Text),
    column("count", Type::Count),
    column("flow_per_h", Type::Number),
    column("pcu_per_h", Type::Number),
];
const LINE: [Column; 2] = [column("line", Type::Text), column("direction", Type::Text)];
const FLOW: [Column; 14] = [
    column("speed_n", Type::Whole),
    column("speed_time_mean_kmh", Type::Number),
    column("speed_space_mean_kmh", Type::Number),
    column("speed_p15_kmh", Type::Number),
    column("speed_p50_kmh", Type::Number),
    column("speed_p85_kmh", Type::Number),
    column("untrusted", Type::Whole),
    column("headway_n", Type::Whole),
    column("headway_mean_s", Type::Number),
    column("headway_p15_s", Type::Number),
    column("headway_p50_s", Type::Number),
    column("headway_p85_s", Type::Number),
    column("gap_mean_s", Type::Number),
    column("occupancy", Type::Number),
];
/// The signs that no other column tells, in columns of their own.
const SIGNS: [Sign; 7] = [
    Sign::Astray,
    Sign::Wavering,
    Sign::Elsewhere,
    Sign::Hesitant,
    Sign::Resembling,
    Sign::AtEnd,
    Sign::PastEnd,
];
const QUALITY: [Column; 10] = [
    column("count_low", Type::Whole),
    column("count_high", Type::Whole),
    column("began_well", Type::Number),
    column("ended_well", Type::Number),
    column("broken_suspects", Type::Whole),
    column("merged_suspects", Type::Whole),
    column("weak", Type::Whole),
    column("moved_s", Type::Number),
    column("doubted_s", Type::Number),
    column("dim_s", Type::Number),
];
const MOVEMENT: [Column; 2] = [column("from", Type::Text), column("to", Type::Text)];
const ZONE: [Column; 13] = [
    column("zone", Type::Text),
    column("zone_kind", Type::Text),
    column("occupancy", Type::Number),
    column("vehicles_mean", Type::Number),
    column("density_per_km", Type::Number),
    column("queue_max_m", Type::Number),
    column("queue_max_vehicles", Type::Whole),
    column("queue_last_m", Type::Number),
    column("queue_last_vehicles", Type::Whole),
    column("delay_n", Type::Whole),
    column("delay_mean_s", Type::Number),
    column("los", Type::Text),
    column("los_scale", Type::Text),
];
const WATCHED: [Column; 4] = [
    column("observed_s", Type::Number),
    column("dropped_share", Type::Number),
    column("grade", Type::Text),
    column("complete", Type::Truth),
];

/// The columns of the rows of a kind, in order.
pub(super) fn columns(kind: MeasurementKind) -> Vec<Column> {
    let middle: &[&[Column]] = match kind {
        MeasurementKind::Lines => {
            &[&LINE, &COUNTED, &QUALITY, &SIGNS.map(|sign| column(sign.as_str(), Type::Whole)), &FLOW]
        }
        MeasurementKind::Movements => &[&MOVEMENT, &COUNTED],
        MeasurementKind::Zones => &[&ZONE],
    };
    let parts = [&BIN as &[Column]].into_iter().chain(middle.iter().copied()).chain([&WATCHED as &[Column]]);
    parts.flatten().copied().collect()
}

impl Measurement {
    /// What stands in the columns of this row, as many as [`columns`] of its kind.
    pub(super) fn values(&self) -> Vec<Value> {
        let (camera, start, end, middle, watched) = match self {
            Self::Line(row) => (&row.camera, row.counted.start, row.counted.end, line(row), &row.watched),
            Self::Movement(row) => {
                (&row.camera, row.counted.start, row.counted.end, movement(row), &row.watched)
            }
            Self::Zone(row) => (&row.camera, row.start, row.end, zone(row), &row.watched),
        };
        let head = [Value::Text(camera.clone()), Value::Time(start), Value::Time(end)];
        head.into_iter().chain(middle).chain(of_watched(watched)).collect()
    }
}

fn line(row: &LineMeasurement) -> Vec<Value> {
    let names = [row.line.as_deref().into(), row.direction.into()];
    let speed = speed(row.speed.as_ref());
    let headway = headway(row.headway.as_ref());
    let ends = [row.gap_mean_s.into(), row.occupancy.into()];
    let fields = names.into_iter().chain(counted(&row.counted));
    let fields =
        fields.chain(quality(row.band, row.quality.as_ref())).chain(speed).chain([row.untrusted.into()]);
    fields.chain(headway).chain(ends).collect()
}

fn quality(band: Option<CountBand>, quality: Option<&CountQuality>) -> impl Iterator<Item = Value> {
    let shares = [
        band.map(|b| b.low).into(),
        band.map(|b| b.high).into(),
        quality.and_then(|q| q.began_well).into(),
        quality.and_then(|q| q.ended_well).into(),
        quality.map(|q| q.broken_suspects).into(),
        quality.map(|q| q.merged_suspects).into(),
        quality.map(|q| q.weak).into(),
        quality.map(|q| q.moved_s).into(),
        quality.map(|q| q.doubted_s).into(),
        quality.map(|q| q.dim_s).into(),
    ];
    shares.into_iter().chain(SIGNS.map(|sign| quality.map(|q| q.signs.of(sign)).into()))
}

fn movement(row: &MovementMeasurement) -> Vec<Value> {
    let names = [row.from.as_deref().into(), row.to.as_deref().into()];
    names.into_iter().chain(counted(&row.counted)).collect()
}

fn counted(row: &Counted) -> [Value; 5] {
    let count = if row.suppressed { Value::Hidden } else { row.count.into() };
    [row.class.into(), row.group.as_deref().into(), count, row.flow_per_h.into(), row.pcu_per_h.into()]
}

fn speed(speed: Option<&Speed>) -> [Value; 6] {
    [
        speed.map(|s| s.n).into(),
        speed.map(|s| s.time_mean_kmh).into(),
        speed.map(|s| s.space_mean_kmh).into(),
        speed.and_then(|s| s.p15_kmh).into(),
        speed.and_then(|s| s.p50_kmh).into(),
        speed.and_then(|s| s.p85_kmh).into(),
    ]
}

fn headway(headway: Option<&Headway>) -> [Value; 5] {
    [
        headway.map(|h| h.n).into(),
        headway.map(|h| h.mean_s).into(),
        headway.and_then(|h| h.p15_s).into(),
        headway.and_then(|h| h.p50_s).into(),
        headway.and_then(|h| h.p85_s).into(),
    ]
}

fn zone(row: &ZoneMeasurement) -> Vec<Value> {
    let state: Option<&ZoneState> = row.state.as_ref();
    let queue = state.and_then(|s| s.queue.as_ref());
    let delay = state.and_then(|s| s.delay.as_ref());
    let los = state.and_then(|s| s.level_of_service.as_ref());
    vec![
        Value::Text(row.zone.clone()),
        state.map(|s| s.zone_kind).into(),
        state.map(|s| s.occupancy).into(),
        state.map(|s| s.vehicles_mean).into(),
        state.and_then(|s| s.density_per_km).into(),
        queue.map(|q| q.max_m).into(),
        queue.map(|q| q.max_vehicles).into(),
        queue.map(|q| q.last_m).into(),
        queue.map(|q| q.last_vehicles).into(),
        delay.map(|d| d.n).into(),
        delay.map(|d| d.mean_s).into(),
        los.map(|l| l.grade).into(),
        los.map(|l| l.scale).into(),
    ]
}

fn of_watched(watched: &Watched) -> [Value; 4] {
    [
        Value::Number(watched.observed_s),
        Value::Number(watched.dropped_share),
        Value::Text(watched.grade.to_owned()),
        Value::Truth(watched.complete),
    ]
}
