//! Ways on the ground: polylines with length, made of straights and arcs.

use nalgebra::Point2;

/// A place on the ground in metres.
pub type Ground = Point2<f64>;

/// A polyline that is walked by its length.
#[derive(Debug, Clone)]
pub struct Path {
    points: Vec<Ground>,
    lengths: Vec<f64>,
}

impl Path {
    /// A way through these points, at least two of which differ.
    #[must_use]
    pub fn new(points: Vec<Ground>) -> Self {
        let mut lengths = Vec::with_capacity(points.len());
        let mut total = 0.0;
        for (i, point) in points.iter().enumerate() {
            if i > 0 {
                total += (point - points[i - 1]).norm();
            }
            lengths.push(total);
        }
        Self { points, lengths }
    }

    /// A straight way.
    #[must_use]
    pub fn straight(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new(vec![Ground::new(from.0, from.1), Ground::new(to.0, to.1)])
    }

    /// A way from `from` over the bend `corner` to `to`, rounded by a quadratic curve between the points
    /// `enter` and `leave` metres from the corner.
    #[must_use]
    pub fn bend(from: Ground, corner: Ground, to: Ground, enter: f64, leave: f64) -> Self {
        let a = corner + (from - corner).normalize() * enter;
        let b = corner + (to - corner).normalize() * leave;
        let mut points = vec![from];
        for i in 0..=16 {
            let t = f64::from(i) / 16.0;
            let s = 1.0 - t;
            points
                .push(Ground::from(a.coords * (s * s) + corner.coords * (2.0 * s * t) + b.coords * (t * t)));
        }
        points.push(to);
        Self::new(points)
    }

    /// Metres from end to end.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.lengths.last().copied().unwrap_or_default()
    }

    /// The way back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self::new(self.points.iter().rev().copied().collect())
    }

    /// The place after this many metres; before the start and after the end it goes straight on.
    #[must_use]
    pub fn at(&self, way_m: f64) -> Ground {
        let last = self.points.len() - 1;
        let i = self.lengths[1..last].partition_point(|&l| l <= way_m);
        let (a, b) = (self.points[i], self.points[i + 1]);
        let length = (self.lengths[i + 1] - self.lengths[i]).max(1e-9);
        a + (b - a) * ((way_m - self.lengths[i]) / length)
    }

    /// Metres along the way to the point of it nearest to a place, and the distance to it.
    #[must_use]
    pub fn nearest(&self, place: Ground) -> (f64, f64) {
        let mut best = (0.0, f64::MAX);
        for i in 1..self.points.len() {
            let (a, b) = (self.points[i - 1], self.points[i]);
            let length = self.lengths[i] - self.lengths[i - 1];
            if length < 1e-9 {
                continue;
            }
            let t = ((place - a).dot(&(b - a)) / (length * length)).clamp(0.0, 1.0);
            let distance = (place - (a + (b - a) * t)).norm();
            if distance < best.1 {
                best = (self.lengths[i - 1] + t * length, distance);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_the_way_is_found_again() {
        let (a, c, b) = (Ground::new(-30.0, -5.0), Ground::new(2.0, -5.0), Ground::new(2.0, 40.0));
        let path = Path::bend(a, c, b, 6.0, 8.0);
        for way in [1.0, 25.0, 29.0, 33.0, 60.0] {
            let (found, distance) = path.nearest(path.at(way));
            assert!((found - way).abs() < 0.05 && distance < 1e-6, "{way} {found} {distance}");
        }
        assert!((path.reversed().at(path.length()) - a).norm() < 1e-9);
        assert!(path.at(-3.0).x < a.x);
    }
}
