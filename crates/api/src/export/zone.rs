//! What a zone's measurements look like outside, with the level of service that follows from them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use wayside_store::query::ZoneFlow;
use wayside_types::ZoneKind;

use super::row::{Watched, rounded};

/// What a zone was like in a bin: cars, buses and trucks only.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ZoneMeasurement {
    /// The camera's id.
    #[schema(example = "hp-07")]
    pub(super) camera: String,
    /// The zone's id.
    #[schema(example = "queue-east")]
    pub(crate) zone: String,
    /// Start of the bin, inclusive.
    pub(crate) start: Timestamp,
    /// End of the bin, exclusive.
    pub(crate) end: Timestamp,
    #[serde(flatten)]
    pub(crate) state: Option<ZoneState>,
    #[serde(flatten)]
    pub(crate) watched: Watched,
}

/// What was measured in a zone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ZoneState {
    /// `lane`, `carriageway`, `crossing` or `queue`.
    #[schema(example = "queue")]
    pub(super) zone_kind: &'static str,
    /// Share of the zone's area that vehicles stood on, averaged over the observed time, 0 to 1.
    #[schema(example = 0.214)]
    pub(super) occupancy: f64,
    /// Vehicles in the zone on average.
    #[schema(example = 2.4)]
    pub(super) vehicles_mean: f64,
    /// Vehicles a kilometre; null without calibration.
    #[schema(example = 38.1, required)]
    pub(super) density_per_km: Option<f64>,
    /// The queue; null without calibration and for zones that are neither lane nor queue.
    #[schema(required)]
    pub(super) queue: Option<Queue>,
    /// Time lost in the zone; null without calibration or the zone's `free_flow_kmh`, and where fewer than five may be
    /// told.
    #[schema(required)]
    pub(super) delay: Option<Delay>,
    /// Null where what it follows from is.
    #[schema(required)]
    pub(super) level_of_service: Option<LevelOfService>,
}

/// Vehicles that stand one behind the other.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queue {
    /// Length of the longest, metres.
    #[schema(example = 42.5)]
    pub(super) max_m: f64,
    /// Most vehicles in it.
    #[schema(example = 6)]
    pub(super) max_vehicles: u32,
    /// Length when the bin ended, metres.
    #[schema(example = 11.0)]
    pub(super) last_m: f64,
    /// Vehicles when the bin ended.
    #[schema(example = 2)]
    pub(super) last_vehicles: u32,
}

/// Time lost against free flow.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delay {
    /// Vehicles that left the zone, at least 5.
    #[schema(example = 31)]
    pub(super) n: u32,
    /// What one of them lost in the zone on average, seconds.
    #[schema(example = 18.4)]
    pub(super) mean_s: f64,
}

/// How well traffic is served, on a scale of the Highway Capacity Manual (TRB, 6th edition).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LevelOfService {
    /// `A` (best) to `F`.
    #[schema(example = "B")]
    pub(super) grade: &'static str,
    /// `hcm-control-delay` (signalised intersections, exhibit 19-8) for zones of kind queue, by `delay.mean_s`;
    /// `hcm-density` (basic freeway segments, exhibit 12-15) for lanes, by `density_per_km`, with every vehicle taken for a
    /// passenger car.
    #[schema(example = "hcm-control-delay")]
    pub(super) scale: &'static str,
}

const GRADES: [&str; 6] = ["A", "B", "C", "D", "E", "F"];
/// The most seconds of control delay a vehicle for A to E.
const DELAY_S: [f64; 5] = [10.0, 20.0, 35.0, 55.0, 80.0];
/// The most passenger cars a mile and lane for A to E.
const DENSITY_PER_MI: [f64; 5] = [11.0, 18.0, 26.0, 35.0, 45.0];
const KM_PER_MI: f64 = 1.609_344;

fn grade(value: f64, most: [f64; 5]) -> &'static str {
    let index = most.iter().filter(|limit| value > **limit).count();
    GRADES.get(index).copied().unwrap_or("F")
}

fn level_of_service(zone: &ZoneFlow) -> Option<LevelOfService> {
    match zone.kind {
        ZoneKind::Queue => {
            let grade = grade(zone.delay_mean_s?, DELAY_S);
            Some(LevelOfService { grade, scale: "hcm-control-delay" })
        }
        ZoneKind::Lane => {
            let grade = grade(zone.density_per_km? * KM_PER_MI, DENSITY_PER_MI);
            Some(LevelOfService { grade, scale: "hcm-density" })
        }
        _ => None,
    }
}

impl From<ZoneFlow> for ZoneState {
    fn from(zone: ZoneFlow) -> Self {
        Self {
            zone_kind: zone.kind.as_str(),
            occupancy: rounded(zone.occupancy, 4),
            vehicles_mean: rounded(zone.vehicles_mean, 2),
            density_per_km: zone.density_per_km.map(|n| rounded(n, 1)),
            queue: zone.queue.map(|queue| Queue {
                max_m: rounded(queue.max_m, 1),
                max_vehicles: queue.max_vehicles,
                last_m: rounded(queue.last_m, 1),
                last_vehicles: queue.last_vehicles,
            }),
            delay: zone.delay_n.zip(zone.delay_mean_s).map(|(n, s)| Delay { n, mean_s: rounded(s, 1) }),
            level_of_service: level_of_service(&zone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_end_where_the_manual_says() {
        for (seconds, want) in
            [(0.0, "A"), (10.0, "A"), (10.1, "B"), (35.0, "C"), (55.1, "E"), (80.0, "E"), (80.1, "F")]
        {
            assert_eq!(grade(seconds, DELAY_S), want, "{seconds} s");
        }
        for (per_km, want) in [(0.0, "A"), (6.8, "A"), (6.9, "B"), (21.7, "D"), (27.9, "E"), (28.0, "F")] {
            assert_eq!(grade(per_km * KM_PER_MI, DENSITY_PER_MI), want, "{per_km} a kilometre");
        }
    }
}
