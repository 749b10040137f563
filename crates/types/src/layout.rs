//! What is drawn on a camera's picture: lines and zones, in fractions of width and height. Checking
//! them is `config`'s work, using them `measure`'s and `hazard`'s.

use serde::{Deserialize, Serialize};

use crate::class::RoadUserClass;
use crate::geometry::Point;
use crate::ids::{LineId, ZoneId};

/// Which way a line was crossed. Forward is from the left hand to the right hand of someone who walks
/// along the line from its first to its second point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From − to + of [`Line::side`].
    Forward,
    /// From + to −.
    Backward,
}

impl Direction {
    /// The name used in API and database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

/// A direction that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("direction {0:?} is not one of: forward backward")]
pub struct UnknownDirection(pub String);

impl std::str::FromStr for Direction {
    type Err = UnknownDirection;

    fn from_str(text: &str) -> Result<Self, UnknownDirection> {
        let found = [Self::Forward, Self::Backward].into_iter().find(|direction| direction.as_str() == text);
        found.ok_or_else(|| UnknownDirection(text.to_owned()))
    }
}

/// A directed segment in the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Unique within the camera.
    pub id: LineId,
    /// From, to; fractions of width and height.
    pub points: [Point; 2],
}

impl Line {
    /// On which side of the (endless) line a point lies: negative on the left hand, positive on the
    /// right hand of someone walking along it, in the coordinates of the arguments.
    #[must_use]
    pub fn side(a: Point, b: Point, p: Point) -> f64 {
        (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
    }
}

/// What a zone is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ZoneKind {
    /// Traffic one way, with a heading.
    Lane,
    /// Any part of the road for vehicles.
    Carriageway,
    /// Where people cross.
    Crossing,
    /// Where a queue is measured.
    Queue,
    /// A drain, manhole, gauge or barrier to keep an eye on.
    Watch,
    /// Where nothing is detected.
    Ignore,
}

impl ZoneKind {
    /// The name used in config and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Carriageway => "carriageway",
            Self::Crossing => "crossing",
            Self::Queue => "queue",
            Self::Watch => "watch",
            Self::Ignore => "ignore",
        }
    }

    /// Whether traffic is measured in it.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        matches!(self, Self::Lane | Self::Carriageway | Self::Crossing | Self::Queue)
    }

    /// Whether vehicles queue in it.
    #[must_use]
    pub const fn has_queues(self) -> bool {
        matches!(self, Self::Lane | Self::Queue)
    }
}

impl std::str::FromStr for ZoneKind {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        [Self::Lane, Self::Carriageway, Self::Crossing, Self::Queue, Self::Watch, Self::Ignore]
            .into_iter()
            .find(|kind| kind.as_str() == s)
            .ok_or_else(|| {
                format!("zone kind {s:?} is not one of: lane carriageway crossing queue watch ignore")
            })
    }
}

/// The way traffic should go, as an arrow in the image (fractions).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[Point; 2]", into = "[Point; 2]")]
pub struct Heading {
    /// Tail.
    pub from: Point,
    /// Head.
    pub to: Point,
}

impl From<[Point; 2]> for Heading {
    fn from([from, to]: [Point; 2]) -> Self {
        Self { from, to }
    }
}

impl From<Heading> for [Point; 2] {
    fn from(h: Heading) -> Self {
        [h.from, h.to]
    }
}

/// A polygon in the image with a purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Unique within the camera.
    pub id: ZoneId,
    /// What it is for.
    pub kind: ZoneKind,
    /// Three or more corners, fractions, not closed, edges don't cross.
    pub polygon: Vec<Point>,
    /// Present for lanes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<Heading>,
    /// Classes that must not be here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_to: Vec<RoadUserClass>,
    /// How fast traffic goes here when nothing is in its way, km/h; without it there is no delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_flow_kmh: Option<f64>,
}

impl Zone {
    /// Whether a point (fractions) lies inside; even–odd rule.
    #[must_use]
    pub fn contains(&self, p: Point) -> bool {
        let mut inside = false;
        let mut previous = match self.polygon.last() {
            Some(last) => *last,
            None => return false,
        };
        for &corner in &self.polygon {
            if (corner.y > p.y) != (previous.y > p.y) {
                let x = corner.x + (p.y - corner.y) / (previous.y - corner.y) * (previous.x - corner.x);
                if p.x < x {
                    inside = !inside;
                }
            }
            previous = corner;
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_is_left_hand_to_right_hand() {
        // Walking up the picture (y falls): the left hand is at small x, the right hand at large x.
        let (a, b) = (Point::new(0.25, 0.95), Point::new(0.25, 0.36));
        assert!(Line::side(a, b, Point::new(0.1, 0.6)) < 0.0);
        assert!(Line::side(a, b, Point::new(0.4, 0.6)) > 0.0);
    }
}
