//! A camera as the rest of the system sees it: validated, with its secrets wrapped. Reading the TOML
//! file is `config`'s work.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::geometry::Point;
use crate::ids::{CameraId, Department};
use crate::layout::{Line, Zone};
use crate::profile::Profile;
use crate::record::LonLat;

/// Where a camera stands and looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees east, WGS 84.
    pub lon: f64,
    /// Degrees north, WGS 84.
    pub lat: f64,
    /// View direction, clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
}

/// Where ground metres lie on the map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GroundOrigin {
    /// Degrees east of ground (0, 0).
    pub lon: f64,
    /// Degrees north of ground (0, 0).
    pub lat: f64,
    /// Which way the ground's y axis points, clockwise from north.
    pub y_axis_deg: f64,
}

impl GroundOrigin {
    /// Where a place on the ground (metres) is on the map, to a millionth of a degree (a decimetre). Meridian and
    /// parallel are taken as straight, with the ellipsoid's radii at the origin (WGS 84, NIMA TR8350.2), which is
    /// right to a few centimetres within a camera's view.
    #[must_use]
    pub fn lon_lat(&self, ground: Point) -> LonLat {
        const A_M: f64 = 6_378_137.0;
        const E2: f64 = 6.694_379_990_14e-3;
        let (sin, cos) = self.y_axis_deg.to_radians().sin_cos();
        let (east_m, north_m) = (ground.x * cos + ground.y * sin, ground.y * cos - ground.x * sin);
        let (sin_lat, cos_lat) = self.lat.to_radians().sin_cos();
        let w = (1.0 - E2 * sin_lat * sin_lat).sqrt();
        let (normal_m, meridian_m) = (A_M / w, A_M * (1.0 - E2) / (w * w * w));
        let rounded = |deg: f64| (deg * 1e6).round() / 1e6;
        LonLat {
            lon: rounded(self.lon + (east_m / (normal_m * cos_lat)).to_degrees()),
            lat: rounded(self.lat + (north_m / meridian_m).to_degrees()),
        }
    }
}

/// What is said of the lens' radial distortion. The model is `measure`'s (its module `lens`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distortion {
    /// The coefficient of the division model, −[`Calibration::MAX_DISTORTION`] to as much above 0.
    Given(f64),
    /// To be found from the pairs.
    Fit,
}

/// Pairs of image points (fractions) and ground points (metres, right-handed seen from above).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Fractions of width and height.
    pub image: Vec<Point>,
    /// Metres, as many as image points.
    pub ground_m: Vec<Point>,
    /// Metres to map, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground_origin: Option<GroundOrigin>,
    /// The lens; `None` for one that keeps straight lines straight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distortion: Option<Distortion>,
}

impl Calibration {
    /// Fewer pairs than this fit no homography: it has eight unknowns.
    pub const MIN_PAIRS: usize = 4;
    /// From so many pairs on, a wrong one among them can be told from the others: any four fit exactly, and the
    /// four right ones of five would be no better.
    pub const PAIRS_TO_FIND_WRONG: usize = 6;
    /// From so many pairs on, the lens' distortion can be found from them.
    pub const PAIRS_TO_FIT_DISTORTION: usize = 8;
    /// A distortion coefficient is at most this far from 0. The mapping is one-to-one within the picture below 1;
    /// the rest is kept for boxes that reach beyond its edge.
    pub const MAX_DISTORTION: f64 = 0.6;
}

/// Where frames come from. Whatever it prints is free of credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum SourceUrl {
    /// `rtsp://` or `rtsps://`, whole, with user and password if any.
    Rtsp(RtspUrl),
    /// A file.
    File(PathBuf),
}

/// A whole RTSP address. The secret is reachable by [`RtspUrl::expose`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct RtspUrl(Arc<str>);

impl RtspUrl {
    /// Wraps an address whose scheme is `rtsp` or `rtsps`; `None` for any other or one without a host.
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("rtsp://").or_else(|| url.strip_prefix("rtsps://"))?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        (!host.is_empty() && !host.starts_with(':')).then(|| Self(url.into()))
    }

    /// The address with user and password. For the RTSP client, nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The address without user, password and query: what may be shown.
    #[must_use]
    pub fn redacted(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("rtsp", &self.0));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_once('/').map_or((rest, None), |(a, p)| (a, Some(p)));
        // A password may hold a raw '@' or '/': everything up to the last '@' of the whole goes.
        let (host, path) = match path {
            Some(p) if p.contains('@') => {
                let after = p.rsplit('@').next().unwrap_or_default();
                after.split_once('/').map_or((after, None), |(a, p)| (a, Some(p)))
            }
            path => (authority.rsplit('@').next().unwrap_or_default(), path),
        };
        match path {
            Some(path) => format!("{scheme}://{host}/{path}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

impl fmt::Debug for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtsp(url) => f.write_str(&url.redacted()),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How RTSP media travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtspTransport {
    /// Interleaved in the RTSP connection.
    #[default]
    Tcp,
    /// RTP over UDP.
    Udp,
}

/// One fixed view and all that is configured for it.
#[derive(Debug, Clone)]
pub struct CameraSpec {
    /// Unique in the site.
    pub id: CameraId,
    /// For people.
    pub name: String,
    /// Where frames come from.
    pub source: SourceUrl,
    /// How RTSP media travels.
    pub transport: RtspTransport,
    /// Who owns it.
    pub department: Department,
    /// How its frames are processed.
    pub profile: Arc<Profile>,
    /// Where it stands.
    pub location: Option<Location>,
    /// Image to ground; without it there are no speeds.
    pub calibration: Option<Calibration>,
    /// Counting lines.
    pub lines: Vec<Line>,
    /// Zones.
    pub zones: Vec<Zone>,
    /// A short hash of everything that changes what counts mean (lines, zones, calibration, profile),
    /// stored with coverage.
    pub config_version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        for (whole, shown) in [
            ("rtsp://10.0.0.7/sub", "rtsp://10.0.0.7/sub"),
            ("rtsp://u:p@10.0.0.7:554/sub?token=abc", "rtsp://10.0.0.7:554/sub"),
            ("rtsps://u:p@ss@host/a/b", "rtsps://host/a/b"),
            ("rtsp://u:p/w@host/a", "rtsp://host/a"),
            ("rtsp://host", "rtsp://host"),
        ] {
            let url = RtspUrl::new(whole).unwrap();
            assert_eq!(url.redacted(), shown);
            assert_eq!(format!("{:?}", SourceUrl::Rtsp(url)), shown);
        }
        for bad in ["http://host/", "rtsp://", "rtsp:///x", "rtsp://u@:554/x"] {
            assert!(RtspUrl::new(bad).is_none(), "{bad} was taken");
        }
    }
}
