//! How lines were crossed and what happened in zones, from the stored quarters of an hour: their SQL and their exact
//! sums. Histograms are added up here and not in SQL, which would take them apart into buckets. Counts come from
//! `fetch`, rows are put together in `fill`.

use jiff_sqlx::Timestamp as SqlTimestamp;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use wayside_types::{
    HEADWAY_SCALE, Headways, Histogram, SPEED_SCALE, Scale, Speeds, Timestamp, ZoneDelay, ZoneKind, ZoneQueue,
};

use super::fetch::{Scope, Series, Wanted, span_of};
use super::stored;
use crate::database::Database;
use crate::error::StoreError;
use crate::lengths::QUARTER_S;

/// How road users went over a line, from stored quarters of an hour.
///
/// What may be shown was decided when it was stored: a cell is a line, a direction, a class, a quarter of an hour and a
/// run of the process, and one of fewer than five speeds (or headways) was stored without them. Sums are sums of the
/// others, so that no adding and subtracting of answers gives a cell that is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFlow {
    /// How many crossed with a speed that could not be trusted; absent without calibration or crossings.
    pub untrusted: Option<u64>,
    /// The speeds, where there are any.
    pub speeds: Option<Speeds>,
    /// The headways, where there are any.
    pub headways: Option<Headways>,
    /// Share of the observed time in which vehicles were over the line, 0 to 1; where rows are told apart by line and
    /// direction.
    pub occupancy: Option<f64>,
    /// Mean time from one vehicle's rear to the next one's front, seconds: the mean headway less the share in which the
    /// line was occupied. Where there is an occupancy of all classes together.
    pub gap_mean_s: Option<f64>,
}

/// What a zone was like; cars, buses and lorries only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZoneFlow {
    /// What the zone is for.
    pub kind: ZoneKind,
    /// Share of its area that they stood on, averaged over the observed time, 0 to 1.
    pub occupancy: f64,
    /// How many were in it on average.
    pub vehicles_mean: f64,
    /// How many a kilometre; absent without calibration.
    pub density_per_km: Option<f64>,
    /// The queue: longest, and as it stood when the bin ended. Absent without calibration and for zones that have none.
    pub queue: Option<ZoneQueue>,
    /// How many vehicles went into the delay, at least five.
    pub delay_n: Option<u32>,
    /// What a vehicle lost in the zone against free flow, on average, seconds.
    pub delay_mean_s: Option<f64>,
}

/// Stored flow bins, or sums of such.
pub(super) type Flow = Series<FlowSum>;

/// Flow bins added up. Packed days hold it as it is (`crate::days`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FlowSum {
    pub(crate) untrusted: Option<u64>,
    pub(crate) occupied_s: u64,
    pub(crate) speeds: Speeds,
    pub(crate) headways: Headways,
}

impl FlowSum {
    pub(crate) fn merge(&mut self, other: &Self) {
        if let Some(untrusted) = other.untrusted {
            *self.untrusted.get_or_insert_default() += untrusted;
        }
        self.occupied_s += other.occupied_s;
        self.speeds.merge(&other.speeds);
        self.headways.merge(&other.headways);
    }

    /// Adds one to what is there already, if anything is: the first is taken as it is.
    pub(super) fn add(sum: &mut Option<Self>, other: Self) {
        match sum {
            Some(sum) => sum.merge(&other),
            None => *sum = Some(other),
        }
    }
}

/// A row of `line_flow`, as PostgreSQL gives it.
pub(crate) struct StoredFlow {
    pub(crate) camera: String,
    pub(crate) line: String,
    pub(crate) direction: String,
    pub(crate) class: String,
    pub(crate) epoch: i64,
    /// Which span, from 1.
    pub(crate) bucket: i32,
    pub(crate) count: i32,
    pub(crate) untrusted: Option<i32>,
    pub(crate) occupied_s: i32,
    pub(crate) speed_n: Option<i32>,
    pub(crate) speed_sum_kmh: Option<f64>,
    pub(crate) speed_inverse_sum: Option<f64>,
    pub(crate) speed_first: Option<i16>,
    pub(crate) speed_counts: Option<Vec<i32>>,
    pub(crate) headway_n: Option<i32>,
    pub(crate) headway_sum_s: Option<f64>,
    pub(crate) headway_first: Option<i16>,
    pub(crate) headway_counts: Option<Vec<i32>>,
}

impl FlowSum {
    /// Whether its histograms are what they can be.
    pub(crate) fn is_sound(&self) -> bool {
        self.speeds.histogram.is_within(SPEED_SCALE) && self.headways.histogram.is_within(HEADWAY_SCALE)
    }
}

impl StoredFlow {
    /// What of it can be added up.
    pub(crate) fn sum(&mut self) -> Result<FlowSum, StoreError> {
        let speeds = match (self.speed_n, self.speed_sum_kmh, self.speed_inverse_sum) {
            (Some(n), Some(sum_kmh), Some(inverse_sum_h_per_km)) => Speeds {
                n: count(n),
                sum_kmh,
                inverse_sum_h_per_km,
                histogram: histogram(self.speed_first, self.speed_counts.take(), SPEED_SCALE)?,
            },
            _ => Speeds::default(),
        };
        let headways = match (self.headway_n, self.headway_sum_s) {
            (Some(n), Some(sum_s)) => Headways {
                n: count(n),
                sum_s,
                histogram: histogram(self.headway_first, self.headway_counts.take(), HEADWAY_SCALE)?,
            },
            _ => Headways::default(),
        };
        let untrusted = self.untrusted.map(|n| u64::from(count(n)));
        Ok(FlowSum { untrusted, occupied_s: u64::from(count(self.occupied_s)), speeds, headways })
    }
}

/// Flow bins, one by one: hours where all spans are made of hours, of which those that wait
/// to be summed come in quarters.
pub(super) async fn flows(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<Flow>, StoreError> {
    let (Some(rest), false) = (scope.rest, wanted.classes.is_empty()) else { return Ok(Vec::new()) };
    let sources = scope.sources(QUARTER_S);
    let rows = sqlx::query_as!(
        StoredFlow,
        r#"SELECT camera AS "camera!", line AS "line!", direction AS "direction!", class AS "class!", epoch AS "epoch!",
                  width_bucket(start_at, $3) AS "bucket!", count AS "count!", untrusted, occupied_s AS "occupied_s!",
                  speed_n, speed_sum_kmh, speed_inverse_sum, speed_first, speed_counts,
                  headway_n, headway_sum_s, headway_first, headway_counts
           FROM (SELECT f.* FROM UNNEST($8::text[], $9::timestamptz[], $10::timestamptz[]) AS r(camera, start_at, end_at)
                 JOIN line_flow f ON f.camera = r.camera AND f.start_at >= r.start_at AND f.start_at < r.end_at
                 WHERE f.length_s = $2 AND f.start_at >= $11 AND f.start_at < $4 AND NOT EXISTS
                       (SELECT FROM rollup_due d
                        WHERE d.camera = f.camera AND d.length_s = $7 AND d.start_at = f.start_at)
                 UNION ALL
                 SELECT f.* FROM UNNEST($1::text[]) AS w(camera) JOIN rollup_due o ON o.camera = w.camera
                 JOIN line_flow f ON f.camera = o.camera
                   AND f.start_at >= o.start_at AND f.start_at < o.start_at + make_interval(secs => o.length_s)
                 WHERE o.length_s = $7 AND o.start_at >= $11 AND o.start_at < $4
                   AND f.length_s = 900 AND f.start_at >= $11 AND f.start_at < $4) AS stored
           WHERE class = ANY($5) AND (cardinality($6::text[]) = 0 OR line = ANY($6))"#,
        &rest.cameras,
        sources.top_s,
        &scope.starts() as _,
        rest.end as _,
        wanted.classes,
        wanted.lines,
        sources.marked_s,
        &rest.camera,
        &rest.from as _,
        &rest.to as _,
        rest.start as _,
    )
    .fetch_all(snapshot);
    let mut flows = Vec::new();
    for mut row in db.answer("the speeds", rows).await? {
        let Some(span) = span_of(row.bucket) else { continue };
        let sum = row.sum()?;
        let (camera, a, b, class) = (row.camera, row.line, row.direction, row.class);
        flows.push(Flow { camera, a, b, class, base_s: wanted.base_s, of: vec![(span, sum)] });
    }
    Ok(flows)
}

fn histogram(first: Option<i16>, counts: Option<Vec<i32>>, scale: Scale) -> Result<Histogram, StoreError> {
    let first = first.and_then(|first| u16::try_from(first).ok());
    let counts: Option<Vec<u32>> =
        counts.and_then(|all| all.into_iter().map(|n| u32::try_from(n).ok()).collect());
    let parts = first.zip(counts).and_then(|(first, counts)| Histogram::from_parts(first, counts, scale));
    stored(parts.ok_or("a histogram that is not within its scale"))
}

fn count(n: i32) -> u32 {
    u32::try_from(n).unwrap_or_default()
}

/// A stored zone bin.
#[derive(Debug, Clone)]
pub(super) struct StoredZone {
    pub(super) camera: String,
    pub(super) zone: String,
    pub(super) span: usize,
    /// When the last quarter of an hour in it that has a row began.
    pub(super) latest: Timestamp,
    pub(super) sum: ZoneSum,
}

/// Zone bins added up, earliest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ZoneSum {
    pub(super) occupied_s: u64,
    pub(super) vehicle_s: u64,
    /// Vehicle seconds by kilometre of zone; `None` where a length is not known.
    pub(super) vehicle_s_per_km: Option<f64>,
    pub(super) queue: Option<ZoneQueue>,
    /// When the last quarter of an hour that has a row began.
    pub(super) queue_of: Option<Timestamp>,
    pub(super) delay: Option<ZoneDelay>,
}

impl ZoneSum {
    pub(super) fn merge(&mut self, latest: Timestamp, other: &Self) {
        let first = self.queue_of.is_none();
        self.occupied_s += other.occupied_s;
        self.vehicle_s += other.vehicle_s;
        self.vehicle_s_per_km = match (self.vehicle_s_per_km, other.vehicle_s_per_km) {
            (None, all) if first => all,
            (sum, all) => sum.zip(all).map(|(sum, all)| sum + all),
        };
        if let Some(queue) = other.queue {
            let known = self.queue.get_or_insert_default();
            known.max_m = known.max_m.max(queue.max_m);
            known.max_vehicles = known.max_vehicles.max(queue.max_vehicles);
            (known.last_m, known.last_vehicles) = (queue.last_m, queue.last_vehicles);
        }
        self.queue_of = Some(latest);
        if let Some(delay) = other.delay {
            let known = self.delay.get_or_insert(ZoneDelay { n: 0, sum_s: 0.0 });
            known.n = known.n.saturating_add(delay.n);
            known.sum_s += delay.sum_s;
        }
    }
}

/// Zone bins of some zones (empty for all), earliest first: hours where all spans are made of hours, of which those that
/// wait to be summed come in quarters.
pub(super) async fn zones(
    db: &Database,
    snapshot: &mut PgConnection,
    scope: Scope<'_>,
    zones: &[String],
) -> Result<Vec<StoredZone>, StoreError> {
    let Some(end) = scope.end() else { return Ok(Vec::new()) };
    let sources = scope.sources(QUARTER_S);
    let rows = sqlx::query!(
        r#"SELECT camera AS "camera!", zone AS "zone!", width_bucket(start_at, $3) AS "bucket!",
                  COALESCE(latest_at, start_at) AS "latest_at!: SqlTimestamp", occupied_s AS "occupied_s!",
                  vehicle_s AS "vehicle_s!", length_m, queue_max_m, queue_max, queue_last_m, queue_last, delay_n, delay_sum_s
           FROM (SELECT z.* FROM zone_bin z
                 WHERE z.camera = ANY($1) AND z.length_s = $2 AND z.start_at >= ($3::timestamptz[])[1] AND z.start_at < $4
                   AND NOT EXISTS (SELECT FROM rollup_due d
                                   WHERE d.camera = z.camera AND d.length_s = $6 AND d.start_at = z.start_at)
                 UNION ALL
                 SELECT z.* FROM rollup_due o JOIN zone_bin z ON z.camera = o.camera
                   AND z.start_at >= o.start_at AND z.start_at < o.start_at + make_interval(secs => o.length_s)
                 WHERE o.camera = ANY($1) AND o.length_s = $6
                   AND o.start_at >= ($3::timestamptz[])[1] AND o.start_at < $4 AND z.length_s = 900
                   AND z.start_at >= ($3::timestamptz[])[1] AND z.start_at < $4) AS stored
           WHERE cardinality($5::text[]) = 0 OR zone = ANY($5)
           ORDER BY camera, COALESCE(latest_at, start_at), zone, epoch"#,
        scope.cameras,
        sources.top_s,
        &scope.starts() as _,
        end as _,
        zones,
        sources.marked_s,
    )
    .fetch_all(snapshot);
    let rows = db.answer("the zones", rows).await?;
    let found = rows.into_iter().filter_map(|row| {
        let queue = match (row.queue_max_m, row.queue_max, row.queue_last_m, row.queue_last) {
            (Some(max_m), Some(max), Some(last_m), Some(last)) => {
                Some(ZoneQueue { max_m, max_vehicles: count(max), last_m, last_vehicles: count(last) })
            }
            _ => None,
        };
        let delay = row.delay_n.zip(row.delay_sum_s).map(|(n, sum_s)| ZoneDelay { n: count(n), sum_s });
        let sum = ZoneSum {
            occupied_s: u64::from(count(row.occupied_s)),
            vehicle_s: u64::from(count(row.vehicle_s)),
            vehicle_s_per_km: row.length_m.map(|m| f64::from(row.vehicle_s) * 1_000.0 / m),
            queue,
            queue_of: None,
            delay,
        };
        let latest = row.latest_at.to_jiff();
        Some(StoredZone { camera: row.camera, zone: row.zone, span: span_of(row.bucket)?, latest, sum })
    });
    Ok(found.collect())
}
