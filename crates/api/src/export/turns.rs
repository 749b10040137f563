//! Which way somebody turns who enters a junction by one line and leaves it by another: left, through, right or back. Told
//! from how the lines lie on the ground where the camera is calibrated, else from how they lie in the picture.

use wayside_types::{CameraSpec, Line, LineId, Point};

use crate::state::GroundMap;

/// Pictures are taken for this much wider than high where only the picture is known.
const PICTURE_ASPECT: f64 = 16.0 / 9.0;

/// A turn at a junction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    Left,
    Through,
    Right,
    Back,
    /// One of the lines is not drawn any more.
    Unknown,
}

impl Turn {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Left => "Left",
            Self::Through => "Through",
            Self::Right => "Right",
            Self::Back => "U-turn",
            Self::Unknown => "Other",
        }
    }
}

/// The lines of a camera as seen from above.
pub(super) struct Junction {
    lines: Vec<(LineId, [Point; 2])>,
    /// Whether they lie on the ground; else they are as in the picture.
    pub(super) on_ground: bool,
}

impl Junction {
    pub(super) fn new(camera: &CameraSpec, ground: &GroundMap) -> Self {
        let mapped = |line: &Line| {
            let [a, b] = line.points;
            Some((line.id.clone(), [ground(&camera.id, a)?, ground(&camera.id, b)?]))
        };
        let lines: Option<Vec<_>> = camera.lines.iter().map(mapped).collect();
        let on_ground = lines.is_some();
        // In the picture y goes down; seen from above it goes up.
        let seen = |p: Point| Point::new(p.x * PICTURE_ASPECT, -p.y);
        let lines = lines
            .unwrap_or_else(|| camera.lines.iter().map(|l| (l.id.clone(), l.points.map(seen))).collect());
        Self { lines, on_ground }
    }

    /// How somebody turns from one line to another.
    pub(super) fn turn(&self, from: &LineId, to: &LineId) -> Turn {
        let find = |id: &LineId| self.lines.iter().find(|(known, _)| known == id).map(|(_, ends)| *ends);
        let (Some(from), Some(to)) = (find(from), find(to)) else { return Turn::Unknown };
        let middles: Vec<Point> = self.lines.iter().map(|(_, ends)| middle(*ends)).collect();
        let n = middles.len() as f64;
        let sum = middles.iter().fold((0.0, 0.0), |(x, y), p| (x + p.x, y + p.y));
        let centre = Point::new(sum.0 / n, sum.1 / n);
        let entering = inwards(from, centre);
        let leaving = inwards(to, centre).map(|v| -v);
        let (cross, dot) = (
            entering[0] * leaving[1] - entering[1] * leaving[0],
            entering[0] * leaving[0] + entering[1] * leaving[1],
        );
        match cross.atan2(dot).to_degrees() {
            angle if angle.abs() < 45.0 => Turn::Through,
            angle if angle.abs() > 135.0 => Turn::Back,
            angle if angle > 0.0 => Turn::Left,
            _ => Turn::Right,
        }
    }
}

fn middle([a, b]: [Point; 2]) -> Point {
    Point::new(f64::midpoint(a.x, b.x), f64::midpoint(a.y, b.y))
}

/// Across the line, towards the middle of the junction.
fn inwards(ends: [Point; 2], centre: Point) -> [f64; 2] {
    let [a, b] = ends;
    let across = [a.y - b.y, b.x - a.x];
    let middle = middle(ends);
    let towards = across[0] * (centre.x - middle.x) + across[1] * (centre.y - middle.y);
    if towards < 0.0 { across.map(|v| -v) } else { across }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::cameras;

    /// A junction of four arms seen from above, each with a line by which traffic enters and one by which it leaves,
    /// as where one drives on the right.
    fn junction(ground: &GroundMap) -> Junction {
        let mut camera = cameras()[0].clone();
        let arms = [
            ("south-in", [0.5, 0.9], [0.6, 0.9]),
            ("south-out", [0.4, 0.9], [0.5, 0.9]),
            ("north-in", [0.4, 0.1], [0.5, 0.1]),
            ("north-out", [0.5, 0.1], [0.6, 0.1]),
            ("east-in", [0.9, 0.4], [0.9, 0.5]),
            ("east-out", [0.9, 0.5], [0.9, 0.6]),
            ("west-in", [0.1, 0.5], [0.1, 0.6]),
            ("west-out", [0.1, 0.4], [0.1, 0.5]),
        ];
        camera.lines = arms
            .map(|(id, a, b)| Line {
                id: LineId::new(id).unwrap(),
                points: [a, b].map(|[x, y]| Point::new(x, y)),
            })
            .to_vec();
        Junction::new(&camera, ground)
    }

    #[test]
    fn every_approach_turns_as_a_driver_would_say() {
        let nowhere: GroundMap = Arc::new(|_, _| None);
        // A camera that looks north from the south: the picture's upper edge is far away.
        let above: GroundMap = Arc::new(|_, p| Some(Point::new(100.0 * p.x, 100.0 * (1.0 - p.y))));
        for ground in [nowhere, above] {
            let junction = junction(&ground);
            let turn =
                |from: &str, to: &str| junction.turn(&LineId::new(from).unwrap(), &LineId::new(to).unwrap());
            for (from, left, through, right) in [
                ("south", "west", "north", "east"),
                ("north", "east", "south", "west"),
                ("east", "south", "west", "north"),
                ("west", "north", "east", "south"),
            ] {
                let entering = format!("{from}-in");
                assert_eq!(turn(&entering, &format!("{left}-out")), Turn::Left, "{from} to {left}");
                assert_eq!(turn(&entering, &format!("{through}-out")), Turn::Through, "{from} to {through}");
                assert_eq!(turn(&entering, &format!("{right}-out")), Turn::Right, "{from} to {right}");
                assert_eq!(turn(&entering, &format!("{from}-out")), Turn::Back, "{from} back");
            }
            assert_eq!(turn("south-in", "gone"), Turn::Unknown);
        }
    }
}
