//! Reading and checking pairs of image and ground points, and where the camera stands on the map. Fitting a
//! homography to the pairs is `measure`'s work; here is found what no homography could fit.

use wayside_types::{Calibration, GroundOrigin, Location, Point};

use crate::camera::CAMERA_KEYS;
use crate::drawing::{FRACTIONS, PICTURE};
use crate::section::{Item, Section};

/// Keys of `[calibration]`.
pub(crate) const CALIBRATION_KEYS: &[&str] = &["image", "ground_m", "ground_origin"];
/// Keys of `ground_origin`.
pub(crate) const GROUND_ORIGIN_KEYS: &[&str] = &["lon", "lat", "y_axis_deg"];
/// Keys of `location`.
pub(crate) const LOCATION_KEYS: &[&str] = &["lon", "lat", "heading_deg"];

/// Pairs, at least: a homography has eight unknowns.
const LEAST_PAIRS: usize = 4;
/// Pairs, at most; the search below looks at every four of them.
const MOST_PAIRS: usize = 40;
/// No camera sees further than this.
const GROUND_REACH_M: f64 = 10_000.0;
/// A triangle whose height is under this share of its longest side counts as a straight line.
const FLAT: f64 = 0.02;

/// `[calibration]`, if it is right.
pub(crate) fn read_calibration(item: &Item<'_>) -> Option<Calibration> {
    let section = item.section(CALIBRATION_KEYS, CAMERA_KEYS)?;
    let image_item = section.need("image", "four or more points of the picture, as [[0.10, 0.90], …]");
    let ground_item = section.need("ground_m", "as many points of the ground in metres, as [[0, 0], …]");
    let count = (LEAST_PAIRS, MOST_PAIRS);
    let image = image_item.as_ref().and_then(|i| i.points(count, &PICTURE, FRACTIONS));
    let reach = -GROUND_REACH_M..=GROUND_REACH_M;
    let ground_m = ground_item.as_ref().and_then(|i| i.points(count, &reach, "metres on the ground"));
    let ground_origin = section.get("ground_origin").map(|i| read_ground_origin(&i));
    let (image, ground_m) = (image?, ground_m?);
    if image.len() != ground_m.len() {
        section.fail(format!(
            "image has {} points and ground_m {}; they are pairs, so both need the same number",
            image.len(),
            ground_m.len()
        ));
        return None;
    }
    check_pairs(&section, &image, &ground_m)?;
    Some(Calibration { image, ground_m, ground_origin: ground_origin.flatten() })
}

fn read_ground_origin(item: &Item<'_>) -> Option<GroundOrigin> {
    let section = item.section(GROUND_ORIGIN_KEYS, CAMERA_KEYS)?;
    let (lon, lat) = read_lon_lat(&section);
    let y_axis_deg = section
        .need("y_axis_deg", "which way the ground's y axis points, clockwise from north, 0 to 360")
        .and_then(|i| i.number(0.0..=360.0, "degrees"));
    Some(GroundOrigin { lon: lon?, lat: lat?, y_axis_deg: y_axis_deg? })
}

/// `location`, if it is right.
pub(crate) fn read_location(item: &Item<'_>) -> Option<Location> {
    let section = item.section(LOCATION_KEYS, CAMERA_KEYS)?;
    let (lon, lat) = read_lon_lat(&section);
    let heading_deg = section.get("heading_deg").and_then(|i| i.number(0.0..=360.0, "degrees"));
    Some(Location { lon: lon?, lat: lat?, heading_deg })
}

fn read_lon_lat(section: &Section<'_>) -> (Option<f64>, Option<f64>) {
    let lon = section.need("lon", "degrees east, -180 to 180");
    let lat = section.need("lat", "degrees north, -90 to 90");
    (
        lon.and_then(|i| i.number(-180.0..=180.0, "degrees east")),
        lat.and_then(|i| i.number(-90.0..=90.0, "degrees north")),
    )
}

/// Finds what no homography of a camera over a road can map: too many points on one line, a mirrored
/// ground, swapped pairs. Under a homography with all points on one side of the horizon, every triangle
/// keeps or turns its orientation together (the sign of the determinant): ground metres are right-handed
/// seen from above and image y points down, so every triangle must turn.
fn check_pairs(section: &Section<'_>, image: &[Point], ground: &[Point]) -> Option<()> {
    let pairs: Vec<(Point, Point)> = image.iter().copied().zip(ground.iter().copied()).collect();
    let (mut turned, mut kept, mut first_kept) = (0_usize, 0_usize, None);
    for (i, a) in pairs.iter().enumerate() {
        for (j, b) in pairs.iter().enumerate().skip(i + 1) {
            for (k, c) in pairs.iter().enumerate().skip(j + 1) {
                let in_image = orientation(a.0, b.0, c.0);
                let on_ground = orientation(a.1, b.1, c.1);
                if in_image * on_ground < 0 {
                    turned += 1;
                } else if in_image * on_ground > 0 {
                    kept += 1;
                    first_kept.get_or_insert((i + 1, j + 1, k + 1));
                }
            }
        }
    }
    if !has_four_in_general_position(&pairs) {
        section.fail(
            "among the pairs there are no four of which no three lie on one line, in the picture and on the \
             ground; add points away from the line",
        );
        return None;
    }
    match (turned, kept, first_kept) {
        (_, 0, _) => Some(()),
        (0, _, _) => {
            section.fail(
                "the ground is mirrored: seen from above, the y axis of ground_m must be reached by turning \
                 the x axis anticlockwise; change the sign of one axis",
            );
            None
        }
        (_, _, first) => {
            let (i, j, k) = first.unwrap_or_default();
            section.fail(format!(
                "pairs {i}, {j} and {k} run the other way round in the picture than the rest do; check their \
                 order, and that all points lie below the horizon"
            ));
            None
        }
    }
}

/// 1 or -1 for the way round, 0 for three points on (nearly) one line.
fn orientation(a: Point, b: Point, c: Point) -> i8 {
    let cross = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    let longest = a.distance(b).max(b.distance(c)).max(c.distance(a));
    if cross.abs() <= FLAT * longest * longest {
        0
    } else if cross > 0.0 {
        1
    } else {
        -1
    }
}

fn has_four_in_general_position(pairs: &[(Point, Point)]) -> bool {
    let spread = |a: &(Point, Point), b: &(Point, Point), c: &(Point, Point)| {
        orientation(a.0, b.0, c.0) != 0 && orientation(a.1, b.1, c.1) != 0
    };
    let n = pairs.len();
    for i in 0..n {
        for j in i + 1..n {
            for k in j + 1..n {
                let [Some(a), Some(b), Some(c)] = [i, j, k].map(|at| pairs.get(at)) else { continue };
                if !spread(a, b, c) {
                    continue;
                }
                let fourth = pairs.iter().skip(k + 1);
                if fourth.into_iter().any(|d| spread(a, b, d) && spread(a, c, d) && spread(b, c, d)) {
                    return true;
                }
            }
        }
    }
    false
}
