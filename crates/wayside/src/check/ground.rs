//! What a calibration is good for, in lines for the person at the terminal: how well its pairs agree, and what one
//! pixel is worth on the ground where something is measured.

use wayside_measure::{Homography, PairOff};
use wayside_types::{CameraSpec, Distortion, FrameSize, Point, Zone, ZoneKind};

/// A pixel that is worth more than this on the ground makes poor speeds and lengths, metres.
const MOST_METRES_PER_PX: f64 = 1.0;
/// Places along a line, and along each side of a zone's bounding box, that are looked at.
const STEPS: u32 = 20;

/// What is to be said of a calibrated camera. `size` is that of its frames, if they were seen.
pub fn describe(camera: &CameraSpec, homography: &Homography, size: Option<FrameSize>) -> Vec<String> {
    let mut said = agreement(camera, homography);
    let width_px = size.unwrap_or(FrameSize::USUAL).width;
    let at_width = match size {
        Some(_) => format!("in pictures {width_px} pixels wide"),
        None => format!("if pictures are {width_px} pixels wide, which was not looked at"),
    };
    let mut all: Vec<f64> = Vec::new();
    for place in places(camera) {
        let worth: Vec<Option<f64>> =
            place.points.iter().map(|p| homography.metres_per_px(*p, width_px)).collect();
        let (name, seen) = (&place.name, worth.iter().flatten());
        if worth.iter().any(Option::is_none) {
            said.push(format!(
                "warning: camera {}: {name} reaches beyond the horizon of the calibration; what crosses it there \
                 has no speed and no place on the ground",
                camera.id
            ));
        }
        let most = seen.clone().fold(0.0_f64, |a, w| a.max(*w));
        if most > MOST_METRES_PER_PX {
            said.push(format!(
                "warning: camera {}: one pixel is worth up to {most:.1} m on the ground at {name}, {at_width}; \
                 draw it nearer to the camera, or send larger pictures",
                camera.id
            ));
        }
        all.extend(seen);
    }
    all.sort_by(f64::total_cmp);
    if let (Some(least), Some(median), Some(most)) = (all.first(), all.get(all.len() / 2), all.last()) {
        said.push(format!(
            "camera {}: a pixel is worth {least:.2} to {most:.2} m on the ground at lines and zones, half of them up \
             to {median:.2} m, {at_width}",
            camera.id
        ));
    }
    said
}

/// A warning for each pair of the calibration that was left out.
pub fn left_out(camera: &CameraSpec, homography: &Homography) -> Vec<String> {
    let agreement = homography.agreement();
    let warn = |pair: &PairOff| {
        format!(
            "warning: camera {}: pair {} of the calibration is {} by what the other {} say, and is left out; \
             measure it again",
            camera.id,
            pair.pair,
            off(pair),
            agreement.used
        )
    };
    agreement.left_out.iter().map(warn).collect()
}

fn off(pair: &PairOff) -> String {
    match pair.off_m {
        Some(off_m) => format!("{off_m:.2} m off"),
        None => "beyond the horizon".to_owned(),
    }
}

fn agreement(camera: &CameraSpec, homography: &Homography) -> Vec<String> {
    let (id, agreement) = (&camera.id, homography.agreement());
    let mut said = left_out(camera, homography);
    if agreement.used + agreement.left_out.len() == 4 {
        said.push(format!(
            "camera {id}: calibration of 4 pairs, residual {:.2} m: four always fit, so this proves nothing; \
             measure more",
            agreement.residual_m
        ));
    } else {
        said.push(format!(
            "camera {id}: calibration of {} pairs, residual {:.2} m, pair {} worst with {}",
            agreement.used,
            agreement.residual_m,
            agreement.worst.pair,
            off(&agreement.worst)
        ));
    }
    if let Some(Distortion::Fit) = camera.calibration.as_ref().and_then(|c| c.distortion) {
        said.push(format!(
            "camera {id}: distortion = {:.3} fits best, ± {:.3}",
            homography.lens().distortion(),
            agreement.distortion_sigma.unwrap_or_default()
        ));
    }
    said
}

/// Something drawn, and places on it.
struct Place {
    name: String,
    points: Vec<Point>,
}

/// Lines, and the zones in which something is measured on the ground.
fn places(camera: &CameraSpec) -> Vec<Place> {
    let share = |step: u32| f64::from(step) / f64::from(STEPS);
    let lines = camera.lines.iter().map(|line| {
        let [a, b] = line.points;
        let along = |t: f64| Point::new(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t);
        Place { name: format!("line {}", line.id), points: (0..=STEPS).map(|i| along(share(i))).collect() }
    });
    let measured = |z: &&Zone| !matches!(z.kind, ZoneKind::Ignore | ZoneKind::Watch);
    let zones = camera.zones.iter().filter(measured).map(|zone| {
        let all = (0..=STEPS).flat_map(|y| (0..=STEPS).map(move |x| Point::new(share(x), share(y))));
        let mut points: Vec<Point> = all.filter(|p| zone.contains(*p)).collect();
        points.extend(&zone.polygon);
        Place { name: format!("zone {}", zone.id), points }
    });
    lines.chain(zones).collect()
}
