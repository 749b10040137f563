//! Longitude and latitude to metres around a place: the plane that touches the WGS 84 ellipsoid there, x to the east
//! and y to the north. Which points are given in degrees is `calibration`'s.
//!
//! A place is first put in the ellipsoid's Cartesian coordinates and then seen from the centre (NIMA TR 8350.2,
//! third edition, sections 3 and 4 for the ellipsoid and the conversion). The plane shortens what is `d` away by
//! d³ / 6 R²: 4 µm at 1 km, 4 mm at 10 km. Heights are not given, so everything counts as at the ellipsoid's own:
//! on a road 1,000 m above it, distances come out 0.016 % short.

use wayside_types::Point;

/// Half the greater axis, metres.
const A_M: f64 = 6_378_137.0;
/// The square of the eccentricity, f (2 − f) with f = 1 / 298.257223563.
const E2: f64 = 0.006_694_379_990_141_317;

/// A longitude and a latitude, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LonLat {
    pub(crate) lon: f64,
    pub(crate) lat: f64,
}

impl LonLat {
    /// The middle of some places that are near one another, on whichever side of the date line; `None` of none.
    pub(crate) fn middle(places: &[Self]) -> Option<Self> {
        let first = places.first()?;
        let n = places.len() as f64;
        let east = |p: &Self| (p.lon - first.lon + 540.0).rem_euclid(360.0) - 180.0;
        let lon = first.lon + places.iter().map(east).sum::<f64>() / n;
        let lat = places.iter().map(|p| p.lat).sum::<f64>() / n;
        Some(Self { lon: (lon + 540.0).rem_euclid(360.0) - 180.0, lat })
    }

    /// Metres east and north of a centre, in the plane that touches the ellipsoid at the centre; `None` on the far
    /// side of the Earth.
    pub(crate) fn metres_from(self, centre: Self) -> Option<Point> {
        let (a, b) = (self.cartesian_m(), centre.cartesian_m());
        let d = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        let ((sin_lon, cos_lon), (sin_lat, cos_lat)) =
            (centre.lon.to_radians().sin_cos(), centre.lat.to_radians().sin_cos());
        let east = -sin_lon * d[0] + cos_lon * d[1];
        let north = -sin_lat * cos_lon * d[0] - sin_lat * sin_lon * d[1] + cos_lat * d[2];
        let up = cos_lat * cos_lon * d[0] + cos_lat * sin_lon * d[1] + sin_lat * d[2];
        (up > -A_M / 2.0).then(|| Point::new(east, north))
    }

    fn cartesian_m(self) -> [f64; 3] {
        let ((sin_lon, cos_lon), (sin_lat, cos_lat)) =
            (self.lon.to_radians().sin_cos(), self.lat.to_radians().sin_cos());
        let normal_m = A_M / (1.0 - E2 * sin_lat * sin_lat).sqrt();
        [normal_m * cos_lat * cos_lon, normal_m * cos_lat * sin_lon, normal_m * (1.0 - E2) * sin_lat]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of one degree of latitude and longitude on WGS 84, from the radii of curvature, which tables give
    /// too, taken over a thousandth of it.
    #[test]
    fn a_degree_is_as_long_as_tables_say() {
        for (lat, north_m, east_m) in
            [(0.0, 110_574.3, 111_319.5), (45.0, 111_131.8, 78_846.8), (60.0, 111_412.3, 55_800.0)]
        {
            let centre = LonLat { lon: 126.63, lat };
            let north = LonLat { lat: lat + 1e-3, ..centre }.metres_from(centre).unwrap();
            let east = LonLat { lon: centre.lon + 1e-3, ..centre }.metres_from(centre).unwrap();
            assert!((north.y * 1e3 / north_m - 1.0).abs() < 2e-5 && north.x.abs() < 1e-6, "{lat}: {north:?}");
            assert!((east.x * 1e3 / east_m - 1.0).abs() < 2e-5 && east.y.abs() < 1e-3, "{lat}: {east:?}");
        }
    }

    /// The distance over the ground of two places 1 km from the centre, by the chord that is as good as the arc.
    #[test]
    fn a_kilometre_away_the_plane_is_off_by_micrometres() {
        let centre = LonLat { lon: 126.63, lat: 45.6 };
        for (lon, lat) in [(126.6428, 45.6), (126.63, 45.609), (126.621, 45.5936)] {
            let place = LonLat { lon, lat };
            let (a, b) = (place.cartesian_m(), centre.cartesian_m());
            let chord_m = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            // The arc over the chord is d³ / 24 R² longer, a micrometre.
            let flat_m = place.metres_from(centre).unwrap().distance(Point::new(0.0, 0.0));
            assert!(
                (900.0..1_100.0).contains(&chord_m) && (chord_m - flat_m).abs() < 6e-6,
                "{chord_m} {flat_m}"
            );
        }
    }

    #[test]
    fn the_date_line_is_no_edge() {
        let places = [LonLat { lon: 179.999, lat: 52.0 }, LonLat { lon: -179.999, lat: 52.0 }];
        let middle = LonLat::middle(&places).unwrap();
        assert!((middle.lon.abs() - 180.0).abs() < 1e-9, "{middle:?}");
        let [west, east] = places.map(|p| p.metres_from(middle).unwrap());
        assert!((west.x + 68.6).abs() < 0.2 && (east.x - 68.6).abs() < 0.2, "{west:?} {east:?}");
        let far = LonLat { lon: 0.0, lat: -52.0 };
        assert_eq!(far.metres_from(middle), None);
    }
}
