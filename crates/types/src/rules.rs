//! Settings of the incident rules, part of a profile. What each does is said in `docs/guide/hazards.md` and where
//! it is used, in `hazard`; reading and checking them is `config`'s.

use serde::{Deserialize, Serialize};

use crate::incident::IncidentKind;

/// Settings of all rules.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct HazardSettings {
    /// Vehicles that stand where traffic flows.
    pub stopped_vehicle: StoppedVehicleSettings,
    /// Driving against the traffic.
    pub wrong_way: WrongWaySettings,
    /// Slow traffic that fills the road.
    pub congestion: CongestionSettings,
    /// People on a road closed to them.
    pub pedestrian_on_carriageway: PedestrianSettings,
    /// Things on the road.
    pub object_on_road: ObjectSettings,
    /// Fog, smoke, heavy rain.
    pub low_visibility: LowVisibilitySettings,
    /// Watch zones that show something else.
    pub watch_changed: WatchSettings,
    /// No picture.
    pub camera_no_signal: NoSignalSettings,
    /// Always the same picture.
    pub camera_frozen: FrozenSettings,
    /// A black picture.
    pub camera_dark: DarkSettings,
    /// A picture without edges.
    pub camera_blurred: BlurredSettings,
    /// A camera that looks elsewhere.
    pub camera_moved: MovedSettings,
}

impl HazardSettings {
    /// Whether anything at all is looked for.
    #[must_use]
    pub const fn any_enabled(&self) -> bool {
        self.stopped_vehicle.enabled
            || self.wrong_way.enabled
            || self.congestion.enabled
            || self.pedestrian_on_carriageway.enabled
            || self.low_visibility.enabled
            || self.camera_no_signal.enabled
            || self.camera_frozen.enabled
            || self.camera_dark.enabled
            || self.camera_blurred.enabled
            || self.object_on_road.enabled
            || self.watch_changed.enabled
            || self.camera_moved.enabled
    }

    /// How long a rule's condition must hold, seconds; 0 for kinds without a rule.
    #[must_use]
    pub const fn hold_s(&self, kind: IncidentKind) -> f64 {
        match kind {
            IncidentKind::StoppedVehicle => self.stopped_vehicle.hold_s,
            IncidentKind::WrongWay => self.wrong_way.hold_s,
            IncidentKind::Congestion => self.congestion.hold_s,
            IncidentKind::PedestrianOnCarriageway => self.pedestrian_on_carriageway.hold_s,
            IncidentKind::ObjectOnRoad => self.object_on_road.hold_s,
            IncidentKind::LowVisibility => self.low_visibility.hold_s,
            IncidentKind::WatchChanged => self.watch_changed.hold_s,
            IncidentKind::CameraNoSignal => self.camera_no_signal.hold_s,
            IncidentKind::CameraFrozen => self.camera_frozen.hold_s,
            IncidentKind::CameraDark => self.camera_dark.hold_s,
            IncidentKind::CameraBlurred => self.camera_blurred.hold_s,
            IncidentKind::CameraMoved => self.camera_moved.hold_s,
            IncidentKind::External => 0.0,
        }
    }
}

/// Settings of `stopped_vehicle`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StoppedVehicleSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long a vehicle stands before it is one.
    pub hold_s: f64,
    /// The same in a `queue` zone, where standing is usual.
    pub queue_hold_s: f64,
    /// A vehicle moved if it came at least so many times its box's size.
    pub min_travel_boxes: f64,
    /// From so many standing or crawling vehicles in a zone on, traffic queues.
    pub queue_vehicles: u32,
}

/// Settings of `wrong_way`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WrongWaySettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long somebody drives against the traffic.
    pub hold_s: f64,
    /// Over how many times the vehicle's own length.
    pub min_lengths: f64,
    /// A direction further than this from the usual one is against it.
    pub min_angle_deg: f64,
    /// The usual direction at a place is known once so many vehicles went there.
    pub learn_vehicles: u32,
}

/// Settings of `congestion`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CongestionSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long traffic is slow and dense.
    pub hold_s: f64,
    /// Slower than this is slow, where the camera is calibrated.
    pub max_speed_kmh: f64,
    /// Slower than this share of the zone's free flow is slow, where it is not.
    pub max_speed_share: f64,
    /// Dense is when vehicles stand on at least this share of the zone.
    pub min_occupancy: f64,
    /// A `queue` zone is full when standing vehicles reach over this share of its length.
    pub queue_share: f64,
}

/// Settings of `pedestrian_on_carriageway`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PedestrianSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long somebody is there.
    pub hold_s: f64,
    /// Mean score of the detections.
    pub min_score: f64,
}

/// Settings of `object_on_road`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ObjectSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long it lies there.
    pub hold_s: f64,
    /// What is shorter than this along both its sides is too small, metres, where the camera is calibrated.
    pub min_size_m: f64,
    /// What is smaller than this share of a car's box in that row of the picture is too small, where it is not.
    pub min_car_share: f64,
}

/// Settings of `watch_changed`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WatchSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long the zone shows something else.
    pub hold_s: f64,
    /// A zone shows something else when the structure of this share of it is gone.
    pub min_changed_share: f64,
}

/// Settings of `low_visibility`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LowVisibilitySettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long it lasts.
    pub hold_s: f64,
    /// Contrast below this share of the camera's own is low.
    pub max_contrast_share: f64,
    /// Edges below this share of the camera's own are few.
    pub max_edges_share: f64,
}

/// Settings of `camera_no_signal`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoSignalSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long no frame comes, or one even colour.
    pub hold_s: f64,
    /// A picture whose cells differ by less than this is one even colour, grey levels.
    pub max_contrast: f64,
}

/// Settings of `camera_frozen`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FrozenSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long the picture stays the same.
    pub hold_s: f64,
    /// Changes below this share of the least the camera usually shows are none.
    pub max_change_share: f64,
}

/// Settings of `camera_dark`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DarkSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long it lasts.
    pub hold_s: f64,
    /// Dark is when not even the brightest hundredth of the picture is brighter than this, grey levels 0 to 255.
    pub max_bright: f64,
}

/// Settings of `camera_blurred`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BlurredSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long it lasts.
    pub hold_s: f64,
    /// A part of the picture is blurred when its edges are below this share of their own reference.
    pub max_edges_share: f64,
    /// The picture is blurred when this share of its parts is.
    pub min_area_share: f64,
}

/// Settings of `camera_moved`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MovedSettings {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long it lasts.
    pub hold_s: f64,
    /// A shift of the view of at least this share of the picture's width is one.
    pub min_shift_share: f64,
}

impl Default for StoppedVehicleSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 5.0, queue_hold_s: 120.0, min_travel_boxes: 1.0, queue_vehicles: 3 }
    }
}

impl Default for WrongWaySettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 1.0, min_lengths: 1.0, min_angle_deg: 120.0, learn_vehicles: 30 }
    }
}

impl Default for CongestionSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            hold_s: 30.0,
            max_speed_kmh: 15.0,
            max_speed_share: 0.25,
            min_occupancy: 0.15,
            queue_share: 0.9,
        }
    }
}

impl Default for PedestrianSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 2.0, min_score: 0.35 }
    }
}

impl Default for ObjectSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 10.0, min_size_m: 0.5, min_car_share: 0.05 }
    }
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 20.0, min_changed_share: 0.4 }
    }
}

impl Default for LowVisibilitySettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 30.0, max_contrast_share: 0.6, max_edges_share: 0.6 }
    }
}

impl Default for NoSignalSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 10.0, max_contrast: 2.0 }
    }
}

impl Default for FrozenSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 10.0, max_change_share: 0.2 }
    }
}

impl Default for DarkSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 10.0, max_bright: 40.0 }
    }
}

impl Default for BlurredSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 10.0, max_edges_share: 0.4, min_area_share: 0.4 }
    }
}

impl Default for MovedSettings {
    fn default() -> Self {
        Self { enabled: true, hold_s: 10.0, min_shift_share: 0.02 }
    }
}
