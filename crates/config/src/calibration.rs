//! Reading and checking pairs of image and ground points, and where the camera stands on the map. Fitting a
//! homography to the pairs is `measure`'s work, and so is finding a wrong one among many; here is found what can be
//! told of the file as it stands, and degrees become metres.

use wayside_types::{Calibration, Distortion, GroundOrigin, Location, Point};

use crate::camera::CAMERA_KEYS;
use crate::drawing::{FRACTIONS, PICTURE};
use crate::section::{Item, Section};
use crate::tangent::LonLat;

/// Keys of `[calibration]`.
pub(crate) const CALIBRATION_KEYS: &[&str] =
    &["image", "ground_m", "ground_lonlat", "ground_origin", "distortion"];
/// Keys of `ground_origin`.
pub(crate) const GROUND_ORIGIN_KEYS: &[&str] = &["lon", "lat", "y_axis_deg"];
/// Keys of `location`.
pub(crate) const LOCATION_KEYS: &[&str] = &["lon", "lat", "heading_deg"];

/// Pairs, at most; the search below looks at every four of them.
const MOST_PAIRS: usize = 40;
/// No camera sees further than this.
const GROUND_REACH_M: f64 = 10_000.0;
/// A triangle whose height is under this share of its longest side counts as a straight line.
const FLAT: f64 = 0.02;
/// Pairs, at least and at most.
const COUNT: (usize, usize) = (Calibration::MIN_PAIRS, MOST_PAIRS);

/// Ground points as they were given.
struct Ground {
    /// The key that they stand under.
    key: &'static str,
    points: Vec<Point>,
    /// Where (0, 0) lies, if that follows from the points.
    origin: Option<GroundOrigin>,
}

/// `[calibration]`, if it is right.
pub(crate) fn read_calibration(item: &Item<'_>) -> Option<Calibration> {
    let section = item.section(CALIBRATION_KEYS, CAMERA_KEYS)?;
    let image_item = section.need("image", "four or more points of the picture, as [[0.10, 0.90], …]");
    let image = image_item.as_ref().and_then(|i| i.points(COUNT, &PICTURE, FRACTIONS));
    let ground = read_ground(&section);
    let origin_item = section.get("ground_origin");
    let ground_origin = origin_item.as_ref().map(read_ground_origin);
    let distortion_item = section.get("distortion");
    let distortion = distortion_item.as_ref().map(read_distortion);
    let (image, ground) = (image?, ground?);
    if let (Some(_), Some(item)) = (ground.origin, &origin_item) {
        item.fail("follows from ground_lonlat; leave it out");
    }
    if image.len() != ground.points.len() {
        section.fail(format!(
            "image has {} points and {} {}; they are pairs, so both need the same number",
            image.len(),
            ground.key,
            ground.points.len()
        ));
        return None;
    }
    if let (Some(Some(Distortion::Fit)), Some(item)) = (distortion, &distortion_item)
        && image.len() < Calibration::PAIRS_TO_FIT_DISTORTION
    {
        item.fail(format!(
            "needs {} or more pairs, and there are {}; measure more, or write the number",
            Calibration::PAIRS_TO_FIT_DISTORTION,
            image.len()
        ));
    }
    check_pairs(&section, &image, &ground, distortion.is_some())?;
    Some(Calibration {
        image,
        ground_m: ground.points,
        ground_origin: ground.origin.or(ground_origin.flatten()),
        distortion: distortion.flatten(),
    })
}

/// `ground_m` or `ground_lonlat`: exactly one of the two.
fn read_ground(section: &Section<'_>) -> Option<Ground> {
    match (section.get("ground_m"), section.get("ground_lonlat")) {
        (Some(_), Some(item)) => {
            item.fail("stands beside ground_m; the ground is given in metres or in degrees, not both");
            None
        }
        (None, Some(item)) => read_lon_lats(&item),
        (None, None) => {
            let what =
                "as many points of the ground in metres, as [[0, 0], …], or in degrees as ground_lonlat";
            section.need("ground_m", what);
            None
        }
        (Some(item), None) => {
            let reach = -GROUND_REACH_M..=GROUND_REACH_M;
            let points = item.points(COUNT, &reach, "metres on the ground")?;
            Some(Ground { key: "ground_m", points, origin: None })
        }
    }
}

/// Degrees become metres east and north of the points' middle.
fn read_lon_lats(item: &Item<'_>) -> Option<Ground> {
    let places: Vec<Option<LonLat>> = item
        .items(COUNT.0, COUNT.1, "points [lon, lat]")?
        .iter()
        .map(|place| place.lon_lat().map(|[lon, lat]| LonLat { lon, lat }))
        .collect();
    let places: Vec<LonLat> = places.into_iter().collect::<Option<_>>()?;
    let centre = LonLat::middle(&places)?;
    let mut points = Vec::with_capacity(places.len());
    for (i, place) in places.iter().enumerate() {
        let near = |p: &Point| p.x.hypot(p.y) <= GROUND_REACH_M;
        let Some(point) = place.metres_from(centre).filter(near) else {
            item.fail(format!(
                "point {} is more than {} km from the middle of all; check each, longitude first",
                i + 1,
                GROUND_REACH_M / 1_000.0
            ));
            return None;
        };
        points.push(point);
    }
    let origin = GroundOrigin { lon: centre.lon, lat: centre.lat, y_axis_deg: 0.0 };
    Some(Ground { key: "ground_lonlat", points, origin: Some(origin) })
}

/// `distortion`: a coefficient, or the word that has it found.
fn read_distortion(item: &Item<'_>) -> Option<Distortion> {
    let range = -Calibration::MAX_DISTORTION..=Calibration::MAX_DISTORTION;
    Some(item.number_or(&range, "fit")?.map_or(Distortion::Fit, Distortion::Given))
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
/// seen from above and image y points down, so every triangle must turn. Where a wrong pair can be told from the
/// others, or a lens bends the triangles, what turns only in part is left to the fit.
fn check_pairs(section: &Section<'_>, image: &[Point], ground: &Ground, is_bent: bool) -> Option<()> {
    let pairs: Vec<(Point, Point)> = image.iter().copied().zip(ground.points.iter().copied()).collect();
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
            section.fail(match ground.origin {
                None => {
                    "the ground is mirrored: seen from above, the y axis of ground_m must be reached by turning \
                     the x axis anticlockwise; change the sign of one axis"
                }
                Some(_) => {
                    "the ground is mirrored: the points of ground_lonlat are [longitude, latitude], in the order \
                     of image"
                }
            });
            None
        }
        _ if is_bent || pairs.len() >= Calibration::PAIRS_TO_FIND_WRONG => Some(()),
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
