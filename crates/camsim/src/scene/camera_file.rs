//! The camera file of a scene: lines, zones and calibration follow from the geometry, so they are exact.

use std::fmt::Write as _;

use wayside_types::ZoneKind;

use super::layout::Layout;
use super::path::Ground;
use super::{SceneKind, SceneSpec};
use crate::draw::camera::World;

/// A camera file (TOML) for a scene whose pictures come from `source`.
///
/// Ends of lines and corners of zones that would lie outside the picture are moved to its edge. The
/// calibration's ground points are metres, x to the right and y ahead of the mast (of the junction's
/// middle: east and north), right-handed seen from above.
///
/// # Errors
/// When the specification is out of range.
pub fn camera_toml(spec: &SceneSpec, source: &str) -> Result<String, crate::CamsimError> {
    spec.check()?;
    let layout = Layout::of(spec)?;
    let writer = Writer { layout: &layout };
    let id = spec.kind.as_str();
    let name = match spec.kind {
        SceneKind::Junction => "Drawn junction, four arms",
        SceneKind::Arterial => "Drawn arterial, side view",
        SceneKind::Highway => "Drawn highway, from the verge",
    };
    let mut text = String::new();
    let _ = write!(
        text,
        "# A drawn scene, not a real road. Written by camsim; seed {}.\nid = {id:?}\nname = {name:?}\nsource = {source:?}\n\
         department = \"traffic\"\nprofile = {:?}\n\n",
        spec.seed, layout.profile,
    );
    let image: Vec<_> = layout.calibration.iter().map(|&p| pair(writer.exact(p))).collect();
    let ground: Vec<_> = layout.calibration.iter().map(|p| format!("[{:?}, {:?}]", p.x, p.y)).collect();
    let _ =
        writeln!(text, "[calibration]\nimage = [{}]\nground_m = [{}]", image.join(", "), ground.join(", "));
    for line in &layout.lines {
        let ends: Vec<_> = line.points.iter().map(|&p| pair(writer.inside(p))).collect();
        let _ = writeln!(text, "\n[[line]]\nid = {:?}\npoints = [{}]", line.id, ends.join(", "));
    }
    for zone in &layout.zones {
        let corners: Vec<_> = zone.polygon.iter().map(|&p| pair(writer.inside(p))).collect();
        let polygon = corners.join(", ");
        let _ = writeln!(
            text,
            "\n[[zone]]\nid = {:?}\nkind = {:?}\npolygon = [{polygon}]",
            zone.id,
            zone.kind.as_str()
        );
        if let (ZoneKind::Lane, Some(heading)) = (zone.kind, zone.heading) {
            let arrow: Vec<_> = heading.iter().map(|&p| pair(writer.inside(p))).collect();
            let _ = writeln!(text, "heading = [{}]", arrow.join(", "));
        }
        if !zone.closed_to.is_empty() {
            let classes: Vec<_> =
                zone.closed_to.iter().map(|class| format!("{:?}", class.as_str())).collect();
            let _ = writeln!(text, "closed_to = [{}]", classes.join(", "));
        }
    }
    Ok(text)
}

struct Writer<'a> {
    layout: &'a Layout,
}

impl Writer<'_> {
    /// Fractions of width and height of a ground point.
    fn exact(&self, place: Ground) -> [f64; 2] {
        let camera = &self.layout.camera;
        let (pixel, _) = camera.project_with_depth(World::new(place.x, place.y, 0.0));
        let (width, height) = camera.size();
        [pixel.x / f64::from(width), pixel.y / f64::from(height)]
    }

    fn inside(&self, place: Ground) -> [f64; 2] {
        self.exact(place).map(|fraction| fraction.clamp(0.0, 1.0))
    }
}

fn pair([x, y]: [f64; 2]) -> String {
    format!("[{x:.6}, {y:.6}]")
}
