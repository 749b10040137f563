//! Reading `[hazard.…]` of a profile: a table for each incident rule. What the rules do is said in
//! `docs/guide/hazards.md` and in `hazard`; defaults are those of `types::rules`.

use wayside_types::HazardSettings;

use crate::profile::PROFILE_KEYS;
use crate::section::{Item, Section};

/// Keys of `[hazard]`: the rules.
const RULES: &[&str] = &[
    "stopped_vehicle",
    "wrong_way",
    "congestion",
    "pedestrian_on_carriageway",
    "object_on_road",
    "low_visibility",
    "watch_changed",
    "camera_no_signal",
    "camera_frozen",
    "camera_dark",
    "camera_blurred",
    "camera_moved",
];
/// Keys of `[hazard.stopped_vehicle]`.
const STOPPED_VEHICLE_KEYS: &[&str] =
    &["enabled", "hold_s", "queue_hold_s", "min_travel_boxes", "queue_vehicles"];
/// Keys of `[hazard.wrong_way]`.
const WRONG_WAY_KEYS: &[&str] = &["enabled", "hold_s", "min_lengths", "min_angle_deg", "learn_vehicles"];
/// Keys of `[hazard.congestion]`.
const CONGESTION_KEYS: &[&str] =
    &["enabled", "hold_s", "max_speed_kmh", "max_speed_share", "min_occupancy", "queue_share"];
/// Keys of `[hazard.pedestrian_on_carriageway]`.
const PEDESTRIAN_ON_CARRIAGEWAY_KEYS: &[&str] = &["enabled", "hold_s", "min_score"];
/// Keys of `[hazard.object_on_road]`.
const OBJECT_ON_ROAD_KEYS: &[&str] = &["enabled", "hold_s", "min_size_m", "min_car_share"];
/// Keys of `[hazard.watch_changed]`.
const WATCH_CHANGED_KEYS: &[&str] = &["enabled", "hold_s", "min_changed_share"];
/// Keys of `[hazard.low_visibility]`.
const LOW_VISIBILITY_KEYS: &[&str] = &["enabled", "hold_s", "max_contrast_share", "max_edges_share"];
/// Keys of `[hazard.camera_no_signal]`.
const CAMERA_NO_SIGNAL_KEYS: &[&str] = &["enabled", "hold_s", "max_contrast"];
/// Keys of `[hazard.camera_frozen]`.
const CAMERA_FROZEN_KEYS: &[&str] = &["enabled", "hold_s", "max_change_share"];
/// Keys of `[hazard.camera_dark]`.
const CAMERA_DARK_KEYS: &[&str] = &["enabled", "hold_s", "max_bright"];
/// Keys of `[hazard.camera_blurred]`.
const CAMERA_BLURRED_KEYS: &[&str] = &["enabled", "hold_s", "max_edges_share", "min_area_share"];
/// Keys of `[hazard.camera_moved]`.
const CAMERA_MOVED_KEYS: &[&str] = &["enabled", "hold_s", "min_shift_share"];

/// Reads `[hazard]`.
pub(crate) fn read_hazard(item: &Item<'_>) -> HazardSettings {
    let mut settings = HazardSettings::default();
    let Some(hazard) = item.section(RULES, PROFILE_KEYS) else { return settings };
    read_road(&hazard, &mut settings);
    read_view(&hazard, &mut settings);
    settings
}

/// One rule's table, if it is there.
fn rule<'d>(
    hazard: &Section<'d>,
    name: &'static str,
    keys: &'static [&'static str],
    enabled: &mut bool,
) -> Option<Section<'d>> {
    let section = hazard.get(name)?.section(keys, PROFILE_KEYS)?;
    if let Some(flag) = section.get("enabled").and_then(|item| item.flag()) {
        *enabled = flag;
    }
    Some(section)
}

fn number(
    section: &Section<'_>,
    key: &'static str,
    (least, most): (f64, f64),
    unit: &str,
    setting: &mut f64,
) {
    if let Some(value) = section.get(key).and_then(|item| item.number(least..=most, unit)) {
        *setting = value;
    }
}

fn whole(section: &Section<'_>, key: &'static str, (least, most): (u32, u32), unit: &str, setting: &mut u32) {
    if let Some(value) = section.get(key).and_then(|item| item.whole(least..=most, unit)) {
        *setting = value;
    }
}

fn read_road(hazard: &Section<'_>, settings: &mut HazardSettings) {
    let r = &mut settings.stopped_vehicle;
    if let Some(s) = rule(hazard, "stopped_vehicle", STOPPED_VEHICLE_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (1.0, 600.0), "seconds", &mut r.hold_s);
        number(&s, "queue_hold_s", (1.0, 3_600.0), "seconds", &mut r.queue_hold_s);
        number(&s, "min_travel_boxes", (0.3, 10.0), "box sizes", &mut r.min_travel_boxes);
        whole(&s, "queue_vehicles", (2, 50), "vehicles", &mut r.queue_vehicles);
    }
    let r = &mut settings.wrong_way;
    if let Some(s) = rule(hazard, "wrong_way", WRONG_WAY_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (0.3, 60.0), "seconds", &mut r.hold_s);
        number(&s, "min_lengths", (0.5, 20.0), "vehicle lengths", &mut r.min_lengths);
        number(&s, "min_angle_deg", (91.0, 180.0), "degrees", &mut r.min_angle_deg);
        whole(&s, "learn_vehicles", (5, 1_000), "vehicles", &mut r.learn_vehicles);
    }
    let r = &mut settings.congestion;
    if let Some(s) = rule(hazard, "congestion", CONGESTION_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (5.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "max_speed_kmh", (1.0, 100.0), "km/h", &mut r.max_speed_kmh);
        number(&s, "max_speed_share", (0.05, 0.9), "", &mut r.max_speed_share);
        number(&s, "min_occupancy", (0.02, 1.0), "", &mut r.min_occupancy);
        number(&s, "queue_share", (0.3, 1.0), "", &mut r.queue_share);
    }
    let r = &mut settings.pedestrian_on_carriageway;
    if let Some(s) = rule(hazard, "pedestrian_on_carriageway", PEDESTRIAN_ON_CARRIAGEWAY_KEYS, &mut r.enabled)
    {
        number(&s, "hold_s", (0.5, 60.0), "seconds", &mut r.hold_s);
        number(&s, "min_score", (0.1, 0.99), "", &mut r.min_score);
    }
    let r = &mut settings.object_on_road;
    if let Some(s) = rule(hazard, "object_on_road", OBJECT_ON_ROAD_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (3.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "min_size_m", (0.1, 10.0), "metres", &mut r.min_size_m);
        number(&s, "min_car_share", (0.01, 1.0), "", &mut r.min_car_share);
    }
    let r = &mut settings.watch_changed;
    if let Some(s) = rule(hazard, "watch_changed", WATCH_CHANGED_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (2.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "min_changed_share", (0.05, 1.0), "", &mut r.min_changed_share);
    }
}

fn read_view(hazard: &Section<'_>, settings: &mut HazardSettings) {
    let r = &mut settings.low_visibility;
    if let Some(s) = rule(hazard, "low_visibility", LOW_VISIBILITY_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (5.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "max_contrast_share", (0.05, 0.95), "", &mut r.max_contrast_share);
        number(&s, "max_edges_share", (0.05, 0.95), "", &mut r.max_edges_share);
    }
    let r = &mut settings.camera_no_signal;
    if let Some(s) = rule(hazard, "camera_no_signal", CAMERA_NO_SIGNAL_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (2.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "max_contrast", (0.1, 20.0), "grey levels", &mut r.max_contrast);
    }
    let r = &mut settings.camera_frozen;
    if let Some(s) = rule(hazard, "camera_frozen", CAMERA_FROZEN_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (2.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "max_change_share", (0.01, 0.9), "", &mut r.max_change_share);
    }
    let r = &mut settings.camera_dark;
    if let Some(s) = rule(hazard, "camera_dark", CAMERA_DARK_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (2.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "max_bright", (16.0, 120.0), "grey levels", &mut r.max_bright);
    }
    let r = &mut settings.camera_blurred;
    if let Some(s) = rule(hazard, "camera_blurred", CAMERA_BLURRED_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (2.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "max_edges_share", (0.05, 0.95), "", &mut r.max_edges_share);
        number(&s, "min_area_share", (0.05, 1.0), "", &mut r.min_area_share);
    }
    let r = &mut settings.camera_moved;
    if let Some(s) = rule(hazard, "camera_moved", CAMERA_MOVED_KEYS, &mut r.enabled) {
        number(&s, "hold_s", (2.0, 3_600.0), "seconds", &mut r.hold_s);
        number(&s, "min_shift_share", (0.015, 0.5), "", &mut r.min_shift_share);
    }
}
