//! Drawings that are allowed and most likely not meant: lines that cross one another, and lines along the edge of a
//! zone. What is refused of a single line or zone is `drawing`'s.

use geo::line_intersection::line_intersection;
use geo::{Coord, Distance, Euclidean};
use wayside_types::{Line, LineId, Point, Zone};

/// A line's ends are on an edge when they are this close to it, in fractions of the picture.
const ON_EDGE: f64 = 0.002;

/// What is odd: which line, and why.
pub(crate) fn odd(lines: &[Line], zones: &[Zone]) -> Vec<(LineId, String)> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        for other in lines.iter().skip(index + 1) {
            if line_intersection(segment(line.points), segment(other.points)).is_some() {
                let why = format!(
                    "crosses line \"{}\"; who passes where they cross may be counted at one, at both, or as a movement \
                     between them: draw them apart",
                    other.id
                );
                found.push((line.id.clone(), why));
            }
        }
        for zone in zones.iter().filter(|zone| zone.kind.is_measured()) {
            let Some(corner) = edge_along(line, zone) else { continue };
            let why = format!(
                "lies along the edge of zone \"{}\" that starts at corner {corner}; who waits at the line is now in the \
                 zone and now not: move one of them",
                zone.id
            );
            found.push((line.id.clone(), why));
        }
    }
    found
}

/// The number of the first corner of an edge that both ends of a line are on.
fn edge_along(line: &Line, zone: &Zone) -> Option<usize> {
    let corners = &zone.polygon;
    let edges = corners.iter().zip(corners.iter().cycle().skip(1)).enumerate();
    let mut along = edges.filter(|(_, (a, b))| {
        let edge = segment([**a, **b]);
        line.points.iter().all(|p| Euclidean.distance(&geo::Point::from(coord(*p)), &edge) <= ON_EDGE)
    });
    along.next().map(|(index, _)| index + 1)
}

fn segment([a, b]: [Point; 2]) -> geo::Line<f64> {
    geo::Line::new(coord(a), coord(b))
}

fn coord(p: Point) -> Coord<f64> {
    Coord { x: p.x, y: p.y }
}

#[cfg(test)]
mod tests {
    use wayside_types::{ZoneId, ZoneKind};

    use super::*;

    fn line(id: &str, a: [f64; 2], b: [f64; 2]) -> Line {
        Line { id: LineId::new(id).unwrap(), points: [a, b].map(Point::from) }
    }

    #[test]
    fn what_is_most_likely_not_meant_is_named() {
        let lines = [
            line("a", [0.1, 0.5], [0.9, 0.5]),
            line("b", [0.5, 0.1], [0.5, 0.9]),
            line("c", [0.95, 0.1], [0.95, 0.9]),
            line("d", [0.2, 0.8], [0.3, 0.801]),
        ];
        let zone = |id: &str, kind| Zone {
            id: ZoneId::new(id).unwrap(),
            kind,
            polygon: [[0.1, 0.6], [0.4, 0.6], [0.4, 0.8], [0.1, 0.8]].map(Point::from).to_vec(),
            heading: None,
            closed_to: Vec::new(),
            free_flow_kmh: None,
        };
        let found = odd(&lines, &[zone("z", ZoneKind::Queue), zone("w", ZoneKind::Ignore)]);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(id, why)| (id.as_str(), why.split(';').next().unwrap())).collect();
        assert_eq!(
            found,
            [("a", "crosses line \"b\""), ("d", "lies along the edge of zone \"z\" that starts at corner 3"),]
        );
    }
}
