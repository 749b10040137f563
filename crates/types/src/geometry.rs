//! Points and boxes in the image. Config and API speak in fractions of width and height; detections,
//! tracks and everything computed from them are in pixels of the source frame. x to the right, y down.

use serde::{Deserialize, Serialize};

/// A point; whether in fractions or in pixels, its context says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

impl Point {
    /// A point from its coordinates.
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Fractions of a frame to its pixels.
    #[must_use]
    pub fn scaled(self, width: f64, height: f64) -> Self {
        Self::new(self.x * width, self.y * height)
    }

    /// The distance to another point.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

impl From<[f64; 2]> for Point {
    fn from([x, y]: [f64; 2]) -> Self {
        Self { x, y }
    }
}

impl From<Point> for [f64; 2] {
    fn from(p: Point) -> Self {
        [p.x, p.y]
    }
}

/// How the picture lies on the ground, for those who need places and not how they are found.
pub trait GroundMap: Send {
    /// Where a point of the picture (fractions) lies on the ground (metres); `None` at and above the horizon.
    fn to_ground(&self, image: Point) -> Option<Point>;
}

/// An axis-aligned box in pixels of the source frame, `x1 <= x2`, `y1 <= y2`. It may reach past the
/// frame's edge.
#[derive(Clone, Copy, PartialEq)]
pub struct BBox {
    /// Left edge.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
}

impl std::fmt::Debug for BBox {
    /// Prints nothing of where it is: a box of an individual goes into no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BBox")
    }
}

impl BBox {
    /// A box from its corners; crossed corners are put in order.
    #[must_use]
    pub fn new(x1: f32, y1: f32, x2: f32, y2: f32) -> Self {
        Self { x1: x1.min(x2), y1: y1.min(y2), x2: x1.max(x2), y2: y1.max(y2) }
    }

    /// Width, at least 0.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Height, at least 0.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Area in square pixels.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The middle.
    #[must_use]
    pub fn centre(&self) -> Point {
        Point::new(f64::from(self.x1 + self.x2) / 2.0, f64::from(self.y1 + self.y2) / 2.0)
    }

    /// The road user's reference point: the middle of the bottom edge.
    #[must_use]
    pub fn reference(&self) -> Point {
        Point::new(f64::from(self.x1 + self.x2) / 2.0, f64::from(self.y2))
    }

    /// Area shared with another box.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> f32 {
        let w = self.x2.min(other.x2) - self.x1.max(other.x1);
        let h = self.y2.min(other.y2) - self.y1.max(other.y1);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let inter = self.intersection(other);
        let union = self.area() + other.area() - inter;
        if union > 0.0 { inter / union } else { 0.0 }
    }

    /// The box grown by a share of its own width and height on every side (0.2 = 20 % a side).
    #[must_use]
    pub fn grown(&self, share: f32) -> Self {
        let (dx, dy) = (self.width() * share, self.height() * share);
        Self { x1: self.x1 - dx, y1: self.y1 - dy, x2: self.x2 + dx, y2: self.y2 + dy }
    }

    /// The part inside a frame of this size.
    #[must_use]
    pub fn clipped(&self, width: f32, height: f32) -> Self {
        Self {
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
            x2: self.x2.clamp(0.0, width),
            y2: self.y2.clamp(0.0, height),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_halves() {
        let a = BBox::new(0.0, 0.0, 2.0, 2.0);
        assert!((a.iou(&BBox::new(1.0, 0.0, 3.0, 2.0)) - 1.0 / 3.0).abs() < 1e-6);
        assert!(a.iou(&BBox::new(5.0, 5.0, 6.0, 6.0)).abs() < f32::EPSILON);
    }

    #[test]
    fn a_box_prints_nothing_of_its_place() {
        assert_eq!(format!("{:?}", BBox::new(12.5, 13.0, 99.0, 77.0)), "BBox");
    }
}
