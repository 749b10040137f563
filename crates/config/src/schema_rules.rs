//! The shape of `[hazard.…]` in a profile as JSON Schema; see [`crate::schema`].
#![expect(dead_code, reason = "the fields exist for their names, types and descriptions")]

use schemars::JsonSchema;

/// Incident rules.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Hazard {
    /// Vehicles that stand where traffic flows.
    stopped_vehicle: Option<StoppedVehicle>,
    /// Driving against the traffic.
    wrong_way: Option<WrongWay>,
    /// Slow traffic that fills the road.
    congestion: Option<Congestion>,
    /// People on a road closed to them.
    pedestrian_on_carriageway: Option<PedestrianOnCarriageway>,
    /// Things on the road.
    object_on_road: Option<ObjectOnRoad>,
    /// Fog, smoke, heavy rain.
    low_visibility: Option<LowVisibility>,
    /// Watch zones that show something else.
    watch_changed: Option<WatchChanged>,
    /// No picture.
    camera_no_signal: Option<CameraNoSignal>,
    /// Always the same picture.
    camera_frozen: Option<CameraFrozen>,
    /// A black picture.
    camera_dark: Option<CameraDark>,
    /// A picture without edges.
    camera_blurred: Option<CameraBlurred>,
    /// A camera that looks elsewhere.
    camera_moved: Option<CameraMoved>,
}

/// Vehicles that stand where traffic flows.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct StoppedVehicle {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long a vehicle stands before it is one. Default 5.
    #[schemars(range(min = 1, max = 600))]
    hold_s: Option<f64>,
    /// The same in a queue zone, where standing is usual. Default 120.
    #[schemars(range(min = 1, max = 3600))]
    queue_hold_s: Option<f64>,
    /// A vehicle moved if it came at least so many times its box's size. Default 1.
    #[schemars(range(min = 0.3, max = 10))]
    min_travel_boxes: Option<f64>,
    /// From so many standing or crawling vehicles in a zone on, traffic queues. Default 3.
    #[schemars(range(min = 2, max = 50))]
    queue_vehicles: Option<u32>,
}

/// Driving against the traffic.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WrongWay {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long somebody drives against the traffic. Default 1.
    #[schemars(range(min = 0.3, max = 60))]
    hold_s: Option<f64>,
    /// Over how many times the vehicle's own length. Default 1.
    #[schemars(range(min = 0.5, max = 20))]
    min_lengths: Option<f64>,
    /// A direction further than this from the usual one is against it. Default 120.
    #[schemars(range(min = 91, max = 180))]
    min_angle_deg: Option<f64>,
    /// Where no lane is drawn, the usual direction at a place is known once so many vehicles went there. Default 30.
    #[schemars(range(min = 5, max = 1000))]
    learn_vehicles: Option<u32>,
}

/// Slow traffic that fills the road.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Congestion {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long traffic is slow and dense. Default 30.
    #[schemars(range(min = 5, max = 3600))]
    hold_s: Option<f64>,
    /// Slower than this is slow, where the camera is calibrated. Default 15.
    #[schemars(range(min = 1, max = 100))]
    max_speed_kmh: Option<f64>,
    /// Slower than this share of the zone's free flow is slow, where it is not. Default 0.25.
    #[schemars(range(min = 0.05, max = 0.9))]
    max_speed_share: Option<f64>,
    /// Dense is when vehicles stand on at least this share of the zone. Default 0.15.
    #[schemars(range(min = 0.02, max = 1))]
    min_occupancy: Option<f64>,
    /// A queue zone is full when standing vehicles reach over this share of its length. Default 0.9.
    #[schemars(range(min = 0.3, max = 1))]
    queue_share: Option<f64>,
}

/// People on a road closed to them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PedestrianOnCarriageway {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long somebody is there. Default 2.
    #[schemars(range(min = 0.5, max = 60))]
    hold_s: Option<f64>,
    /// Mean score of the detections. Default 0.35.
    #[schemars(range(min = 0.1, max = 0.99))]
    min_score: Option<f64>,
}

/// Things on the road.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ObjectOnRoad {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long it lies there. Default 10.
    #[schemars(range(min = 3, max = 3600))]
    hold_s: Option<f64>,
    /// What is shorter than this along both its sides is too small, metres, where the camera is calibrated. Default 0.5.
    #[schemars(range(min = 0.1, max = 10))]
    min_size_m: Option<f64>,
    /// What is smaller than this share of a car's box there is too small, where it is not. Default 0.05.
    #[schemars(range(min = 0.01, max = 1))]
    min_car_share: Option<f64>,
}

/// Watch zones that show something else.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct WatchChanged {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long the zone shows something else. Default 20.
    #[schemars(range(min = 2, max = 3600))]
    hold_s: Option<f64>,
    /// A zone shows something else when the structure of this share of it is gone. Default 0.4.
    #[schemars(range(min = 0.05, max = 1))]
    min_changed_share: Option<f64>,
}

/// Fog, smoke, heavy rain.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LowVisibility {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long it lasts. Default 30.
    #[schemars(range(min = 5, max = 3600))]
    hold_s: Option<f64>,
    /// Contrast below this share of the camera's own is low. Default 0.6.
    #[schemars(range(min = 0.05, max = 0.95))]
    max_contrast_share: Option<f64>,
    /// Edges below this share of the camera's own are few. Default 0.6.
    #[schemars(range(min = 0.05, max = 0.95))]
    max_edges_share: Option<f64>,
}

/// No picture.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CameraNoSignal {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long no frame comes, or one even colour. Default 10.
    #[schemars(range(min = 2, max = 3600))]
    hold_s: Option<f64>,
    /// A picture whose cells differ by less than this is one even colour. Default 2.
    #[schemars(range(min = 0.1, max = 20))]
    max_contrast: Option<f64>,
}

/// Always the same picture.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CameraFrozen {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long the picture stays the same. Default 10.
    #[schemars(range(min = 2, max = 3600))]
    hold_s: Option<f64>,
    /// Changes below this share of the least the camera usually shows are none. Default 0.2.
    #[schemars(range(min = 0.01, max = 0.9))]
    max_change_share: Option<f64>,
}

/// A black picture.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CameraDark {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long it lasts. Default 10.
    #[schemars(range(min = 2, max = 3600))]
    hold_s: Option<f64>,
    /// Dark is when not even the brightest hundredth of the picture is brighter than this. Default 40.
    #[schemars(range(min = 16, max = 120))]
    max_bright: Option<f64>,
}

/// A picture without edges.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CameraBlurred {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long it lasts. Default 10.
    #[schemars(range(min = 2, max = 3600))]
    hold_s: Option<f64>,
    /// A part of the picture is blurred when its edges are below this share of their own reference. Default 0.4.
    #[schemars(range(min = 0.05, max = 0.95))]
    max_edges_share: Option<f64>,
    /// The picture is blurred when this share of its parts is. Default 0.4.
    #[schemars(range(min = 0.05, max = 1))]
    min_area_share: Option<f64>,
}

/// A camera that looks elsewhere.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CameraMoved {
    /// Whether it is looked for. Default true.
    enabled: Option<bool>,
    /// How long it lasts. Default 10.
    #[schemars(range(min = 2, max = 3600))]
    hold_s: Option<f64>,
    /// A shift of the view of at least this share of the picture's width is one. Default 0.02.
    #[schemars(range(min = 0.015, max = 0.5))]
    min_shift_share: Option<f64>,
}
