//! Reading and checking what is drawn on a camera's picture: lines and zones. The types and what their
//! fields mean live in `types::layout`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use geo::algorithm::Validation;
use geo::line_intersection::line_intersection;
use geo::{Area, Coord, LineString, Polygon};
use wayside_types::{Heading, IdError, Line, LineId, Point, RoadUserClass, Zone, ZoneId, ZoneKind};

use crate::camera::CAMERA_KEYS;
use crate::document::Document;
use crate::error::Position;
use crate::section::{Item, Section};

/// Keys of a `[[line]]`.
pub(crate) const LINE_KEYS: &[&str] = &["id", "points"];
/// Keys of a `[[zone]]`.
pub(crate) const ZONE_KEYS: &[&str] = &["id", "kind", "polygon", "heading", "closed_to", "free_flow_kmh"];

/// Lines or zones of one camera, at most.
const MOST_DRAWN: usize = 100;
/// Corners of one polygon, at most.
const MOST_CORNERS: usize = 200;
/// The picture, in fractions.
pub(crate) const PICTURE: RangeInclusive<f64> = 0.0..=1.0;
/// What the numbers of a point in the picture are.
pub(crate) const FRACTIONS: &str = "fractions of the picture's width and height";
/// Free-flow speeds.
const FREE_FLOW_KMH: RangeInclusive<f64> = 5.0..=200.0;
/// Nothing shorter than this share of the picture can be crossed or followed.
const SHORTEST: f64 = 0.001;
/// A zone smaller than this share of the picture holds no road user.
const SMALLEST_AREA: f64 = 1e-5;

/// All `[[line]]` that are right.
pub(crate) fn read_lines(item: Option<Item<'_>>) -> Vec<Line> {
    let mut taken = Taken::default();
    let sections = item.map(|i| i.sections(LINE_KEYS, CAMERA_KEYS, MOST_DRAWN)).unwrap_or_default();
    sections.iter().filter_map(|section| read_line(section, &mut taken)).collect()
}

fn read_line(section: &Section<'_>, taken: &mut Taken) -> Option<Line> {
    let id = taken.read(section, LineId::new);
    let points = section.need("points", "two points, as [[0.1, 0.5], [0.9, 0.5]]");
    let points = points.and_then(|item| read_arrow(&item, "a line"));
    Some(Line { id: id?, points: points? })
}

/// All `[[zone]]` that are right.
pub(crate) fn read_zones(item: Option<Item<'_>>) -> Vec<Zone> {
    let mut taken = Taken::default();
    let sections = item.map(|i| i.sections(ZONE_KEYS, CAMERA_KEYS, MOST_DRAWN)).unwrap_or_default();
    sections.iter().filter_map(|section| read_zone(section, &mut taken)).collect()
}

fn read_zone(section: &Section<'_>, taken: &mut Taken) -> Option<Zone> {
    let id = taken.read(section, ZoneId::new);
    let kinds = [
        ZoneKind::Lane,
        ZoneKind::Carriageway,
        ZoneKind::Crossing,
        ZoneKind::Queue,
        ZoneKind::Watch,
        ZoneKind::Ignore,
    ]
    .map(|kind| (kind.as_str(), kind));
    let kind = section
        .need("kind", "one of lane, carriageway, crossing, queue, watch, ignore")
        .and_then(|item| item.one_of(&kinds));
    let polygon = section
        .need("polygon", "three or more corners, as [[0.1, 1.0], [0.9, 1.0], [0.5, 0.2]]")
        .and_then(|item| read_polygon(&item));
    let heading = section.get("heading").map(|item| {
        if let Some(kind) = kind.filter(|k| *k != ZoneKind::Lane) {
            item.fail(format!(
                "only a zone of kind \"lane\" has a heading, and this one is a \"{}\"",
                kind.as_str()
            ));
        }
        read_arrow(&item, "a heading").map(|[from, to]| Heading { from, to })
    });
    if kind == Some(ZoneKind::Lane) && heading.is_none() {
        section.need("heading", "a lane says which way traffic goes, as an arrow [[from x, y], [to x, y]]");
    }
    let closed_to = section.get("closed_to").map_or_else(Vec::new, |item| read_closed_to(&item, kind));
    let free_flow_kmh = section.get("free_flow_kmh").and_then(|item| read_free_flow(&item, kind));
    Some(Zone {
        id: id?,
        kind: kind?,
        polygon: polygon?,
        heading: heading.flatten(),
        closed_to,
        free_flow_kmh,
    })
}

fn read_free_flow(item: &Item<'_>, kind: Option<ZoneKind>) -> Option<f64> {
    if let Some(kind) = kind.filter(|k| !k.has_queues()) {
        item.fail(format!(
            "only a zone of kind \"lane\" or \"queue\" has a delay against free flow, and this one is a \"{}\"",
            kind.as_str()
        ));
    }
    item.number(FREE_FLOW_KMH, "km/h")
}

fn read_closed_to(item: &Item<'_>, kind: Option<ZoneKind>) -> Vec<RoadUserClass> {
    if let Some(kind) = kind.filter(|k| !matches!(k, ZoneKind::Carriageway | ZoneKind::Lane)) {
        item.fail(format!(
            "only a zone of kind \"carriageway\" or \"lane\" is closed to anyone, and this one is a \"{}\"",
            kind.as_str()
        ));
    }
    let classes: Vec<_> = RoadUserClass::ALL.iter().map(|c| (c.as_str(), *c)).collect();
    let mut closed_to = Vec::new();
    for item in item.items(0, RoadUserClass::ALL.len(), "classes").unwrap_or_default() {
        let Some(class) = item.one_of(&classes) else { continue };
        if closed_to.contains(&class) {
            item.fail("stands here twice; name each class once");
        } else {
            closed_to.push(class);
        }
    }
    closed_to
}

/// Two points of the picture that are apart.
fn read_arrow(item: &Item<'_>, what: &str) -> Option<[Point; 2]> {
    let points = item.points((2, 2), &PICTURE, FRACTIONS)?;
    let [from, to] = *points.as_slice() else { return None };
    if from.distance(to) < SHORTEST {
        item.fail(format!(
            "both points are the same; {what} must be at least {SHORTEST} of the picture long"
        ));
        return None;
    }
    Some([from, to])
}

fn read_polygon(item: &Item<'_>) -> Option<Vec<Point>> {
    let mut corners = item.points((3, MOST_CORNERS), &PICTURE, FRACTIONS)?;
    if corners.len() > 3 && corners.first() == corners.last() {
        // Drawing tools close their polygons; the last corner says nothing new.
        corners.pop();
    }
    for (i, a) in corners.iter().enumerate() {
        let twin = corners.iter().skip(i + 1).position(|b| a.distance(*b) < SHORTEST / 10.0);
        if let Some(offset) = twin {
            item.fail(format!(
                "corners {} and {} are the same; each corner must be a new place",
                i + 1,
                i + 2 + offset
            ));
            return None;
        }
    }
    let ring: LineString<f64> = corners.iter().map(|p| Coord { x: p.x, y: p.y }).collect();
    let polygon = Polygon::new(ring, Vec::new());
    if !polygon.is_valid() {
        let which = crossing_edges(&corners)
            .map_or(String::new(), |(a, b)| format!(" (the edges that start at corners {a} and {b})"));
        item.fail(format!("edges cross or touch{which}; give the corners in order around the zone"));
        return None;
    }
    if polygon.unsigned_area() < SMALLEST_AREA {
        item.fail(format!(
            "covers less than {SMALLEST_AREA} of the picture; the corners must not lie on one line"
        ));
        return None;
    }
    Some(corners)
}

/// The first two edges, by the number of their first corner, that meet where they should not.
fn crossing_edges(corners: &[Point]) -> Option<(usize, usize)> {
    let n = corners.len();
    let at = |i: usize| corners.get(i % n).map(|p| Coord { x: p.x, y: p.y });
    let edge = |i: usize| Some(geo::Line::new(at(i)?, at(i + 1)?));
    for i in 0..n {
        for j in i + 2..n {
            let neighbours = i == 0 && j == n - 1;
            if !neighbours && line_intersection(edge(i)?, edge(j)?).is_some() {
                return Some((i + 1, j + 1));
            }
        }
    }
    None
}

/// Ids that were given already, with their places.
#[derive(Default)]
struct Taken(BTreeMap<String, Position>);

impl Taken {
    fn read<I>(&mut self, section: &Section<'_>, parse: fn(&str) -> Result<I, IdError>) -> Option<I> {
        let item = section.need("id", "a short name of a-z, 0-9 and '-'")?;
        let text = item.text()?;
        let id = read_id(&item, text, parse)?;
        let here = position(section.doc(), &item);
        if let Some(first) = self.0.get(text) {
            item.fail(format!("is taken already in line {}; give each its own id", first.line));
            return None;
        }
        self.0.insert(text.to_owned(), here);
        Some(id)
    }
}

/// An id that keeps to the rule, or a note of the mistake.
pub(crate) fn read_id<I>(item: &Item<'_>, text: &str, parse: fn(&str) -> Result<I, IdError>) -> Option<I> {
    let id = parse(text).ok();
    if id.is_none() {
        item.fail("must be 1 to 40 characters of a-z, 0-9 and '-'");
    }
    id
}

pub(crate) fn position(doc: &Document, item: &Item<'_>) -> Position {
    doc.position(item.at())
}
