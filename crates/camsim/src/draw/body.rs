//! Bodies made from the sheets: a vehicle is its side outline drawn out to its width, with the side,
//! front and rear views as skin. Sheets are SVG in centimetres whose `data-` attributes give the
//! solid's measures, so a new vehicle needs one file.

use nalgebra::Vector3;
use resvg::usvg::roxmltree;

use super::camera::{Camera, World};
use super::raster::{Face, Samples};
use super::texture::Texture;
use crate::error::CamsimError;

/// Texels per centimetre of a sheet.
const TEXELS_PER_CM: f32 = 0.55;
/// A strip this level or more shows paint instead of the front or rear view.
const FLAT: f64 = 0.93;

/// Where something stands: its middle on the ground and the direction of its nose, counter-clockwise
/// from the x axis in radians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Metres.
    pub x: f64,
    /// Metres.
    pub y: f64,
    /// Radians.
    pub heading: f64,
}

impl Pose {
    /// A point of the body (x ahead, y to the left, z up, metres) in the world.
    #[must_use]
    pub fn place(&self, x: f64, y: f64, z: f64) -> World {
        let (sin, cos) = self.heading.sin_cos();
        World::new(self.x + x * cos - y * sin, self.y + x * sin + y * cos, z)
    }
}

/// Light of the scene.
#[derive(Debug, Clone, Copy)]
pub struct Light {
    /// Towards the sun, of length 1.
    pub sun: Vector3<f64>,
    /// Share of the light that comes from the sun, 0 (overcast) to 1.
    pub direct: f64,
    /// Distance in metres at which contrast has fallen to 5 % (meteorological range).
    pub visibility_m: f64,
    /// Colour of haze and fog: Y, U, V.
    pub haze: [u8; 3],
}

impl Light {
    /// Brightness of a face with this outward normal.
    #[must_use]
    pub fn on(&self, normal: Vector3<f64>) -> f64 {
        let sky = 0.62 + 0.2 * normal.z;
        sky + self.direct * 0.48 * normal.dot(&self.sun).max(0.0)
    }

    /// The light on the way to another one; extinction, not range, goes in even steps.
    #[must_use]
    pub fn towards(&self, other: &Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * share;
        Self {
            direct: mix(self.direct, other.direct),
            visibility_m: 1.0 / mix(1.0 / self.visibility_m, 1.0 / other.visibility_m),
            ..*self
        }
    }

    /// Share of haze in front of something this far away (Koschmieder).
    #[must_use]
    pub fn haze_at(&self, metres: f64) -> f64 {
        1.0 - (-3.0 * metres / self.visibility_m).exp()
    }
}

/// A vehicle's solid and skin.
#[derive(Debug, Clone)]
pub struct Body {
    /// Length, width and height in metres.
    pub size_m: [f64; 3],
    texture: Texture,
    panels: Vec<Panel>,
    vertices: Vec<[f64; 3]>,
}

/// A face in the body's own coordinates, in metres.
#[derive(Debug, Clone)]
struct Panel {
    corners: [[f64; 3]; 4],
    texels: [[f32; 2]; 4],
    normal: Vector3<f64>,
}

impl Body {
    /// Builds a body from its sheet in the colour asked for.
    ///
    /// # Errors
    /// When the sheet is no valid SVG or lacks a measure.
    pub fn from_sheet(name: &'static str, svg: &str, paint: Option<[u8; 3]>) -> Result<Self, CamsimError> {
        let measures = Measures::read(svg).map_err(|reason| CamsimError::Drawing { name, reason })?;
        let texture = Texture::from_svg(name, svg, TEXELS_PER_CM, paint)?;
        let mut panels = measures.sides();
        panels.extend(measures.strip());
        panels.extend(measures.tyres());
        Ok(Self {
            size_m: [measures.length, measures.width, measures.height].map(|cm| cm / 100.0),
            texture,
            vertices: measures.outline(),
            panels,
        })
    }

    /// Points of the hull in the world: what is seen of the body lies within their projection.
    pub fn hull(&self, pose: &Pose) -> Vec<World> {
        self.vertices.iter().map(|&[x, y, z]| pose.place(x, y, z)).collect()
    }

    /// Draws the body.
    pub fn draw(&self, samples: &mut Samples, camera: &Camera, pose: &Pose, light: &Light) {
        let (sin, cos) = pose.heading.sin_cos();
        let away = (camera.position() - pose.place(0.0, 0.0, 0.0)).norm();
        let haze = light.haze_at(away) as f32;
        for panel in &self.panels {
            let n = panel.normal;
            let normal = Vector3::new(n.x * cos - n.y * sin, n.x * sin + n.y * cos, n.z);
            let face = Face {
                corners: panel.corners.map(|[x, y, z]| pose.place(x, y, z)),
                texels: panel.texels,
                light: light.on(normal) as f32,
                haze,
            };
            samples.draw(camera, &self.texture, &face, false, light.haze);
        }
    }
}

/// A sheet's measures in centimetres.
struct Measures {
    length: f64,
    width: f64,
    height: f64,
    belt: f64,
    taper: f64,
    profile: Vec<[f64; 2]>,
    axles: Vec<f64>,
    wheel_radius: f64,
}

impl Measures {
    fn read(svg: &str) -> Result<Self, String> {
        let document = roxmltree::Document::parse(svg).map_err(|error| error.to_string())?;
        let root = document.root_element();
        let text = |name: &str| root.attribute(name).ok_or_else(|| format!("it lacks {name}"));
        let number = |name: &str| -> Result<f64, String> {
            text(name)?.parse().map_err(|_| format!("{name} is not a number"))
        };
        let mut profile = Vec::new();
        for pair in text("data-profile-cm")?.split_whitespace() {
            let parsed = pair.split_once(',').and_then(|(x, z)| Some([x.parse().ok()?, z.parse().ok()?]));
            profile.push(parsed.ok_or("data-profile-cm holds something else than x,z pairs")?);
        }
        let axles = text("data-axles-cm")?.split_whitespace().map(str::parse).collect::<Result<_, _>>();
        Ok(Self {
            length: number("data-length-cm")?,
            width: number("data-width-cm")?,
            height: number("data-height-cm")?,
            belt: number("data-belt-cm")?,
            taper: number("data-taper")?,
            profile,
            axles: axles.map_err(|_| "data-axles-cm holds something else than numbers")?,
            wheel_radius: number("data-wheel-radius-cm")?,
        })
    }

    /// Half the width at this height: bodies lean in above the belt line and a little below.
    fn half_width(&self, z: f64) -> f64 {
        let half = self.width / 2.0;
        if z <= self.belt {
            let knee = self.belt * 0.55;
            half * (1.0 - 0.05 * ((knee - z) / knee).max(0.0))
        } else {
            half * (1.0 - (1.0 - self.taper) * (z - self.belt) / (self.height - self.belt))
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "texels fit single precision")]
    fn texel(&self, x: f64, z: f64) -> [f32; 2] {
        [(x as f32) * TEXELS_PER_CM, ((self.height - z) as f32) * TEXELS_PER_CM]
    }

    fn sides(&self) -> Vec<Panel> {
        let heights = [0.0, self.belt * 0.55, self.belt, self.height];
        let (rear, front) = (-self.length / 2.0, self.length / 2.0);
        let mut panels = Vec::new();
        for pair in heights.windows(2) {
            let (low, high) = (pair[0], pair[1]);
            for side in [-1.0, 1.0] {
                let y = |z: f64| side * self.half_width(z);
                let at = |x: f64, z: f64| ([x, y(z), z], self.texel(x + self.length / 2.0, z));
                let around = [at(rear, low), at(front, low), at(front, high), at(rear, high)];
                panels.push(panel(around, side < 0.0));
            }
        }
        panels
    }

    /// The strip over the vehicle: rear, boot, windows, roof, bonnet, front.
    fn strip(&self) -> Vec<Panel> {
        let mut panels = Vec::new();
        for pair in self.profile.windows(2) {
            let ([x0, z0], [x1, z1]) = (pair[0], pair[1]);
            let (dx, dz) = (x1 - x0, z1 - z0);
            let length = dx.hypot(dz);
            if length < 1.0 {
                continue;
            }
            let texel = |x: f64, y: f64, z: f64| {
                if dx.abs() / length > FLAT {
                    // Paint from just under the edge of the side view.
                    return self.texel((x + self.length / 2.0).clamp(30.0, self.length - 58.0), z - 5.0);
                }
                let half = self.width / 2.0;
                if dz < 0.0 {
                    self.texel(self.length + 10.0 + half + y, z)
                } else {
                    self.texel(self.length + self.width + 20.0 + half - y, z)
                }
            };
            let at = |x: f64, z: f64, side: f64| {
                let y = side * self.half_width(z);
                ([x, y, z], texel(x, y, z))
            };
            panels.push(panel([at(x0, z0, 1.0), at(x0, z0, -1.0), at(x1, z1, -1.0), at(x1, z1, 1.0)], true));
        }
        panels
    }

    /// The tyres' treads as seen from ahead and behind, and the dark floor between them.
    fn tyres(&self) -> Vec<Panel> {
        let mut panels = Vec::new();
        let r = self.wheel_radius;
        let axle = |index: usize| self.axles.get(index).copied();
        let (Some(rear), Some(front)) = (axle(0), self.axles.last().copied()) else { return panels };
        // The texel of a tyre, on the ground below an axle.
        let rubber = self.texel(front + self.length / 2.0, r * 0.12);
        let half = self.half_width(0.0);
        for (x, sign) in [(rear - r * 0.8, -1.0), (front + r * 0.8, 1.0)] {
            for (inner, outer) in [(half - 24.0, half - 1.0), (-half + 1.0, -half + 24.0)] {
                let at = |y: f64, z: f64| ([x, y, z], rubber);
                let around = [at(inner, 0.0), at(outer, 0.0), at(outer, r * 1.3), at(inner, r * 1.3)];
                panels.push(panel(around, sign > 0.0));
            }
        }
        panels
    }

    /// The points that bound what is seen: the profile's corners on both sides and the tyres' feet.
    fn outline(&self) -> Vec<[f64; 3]> {
        let wheels = self.axles.iter().map(|&a| [a, 0.0]);
        let points = self.profile.iter().copied().chain(wheels);
        points
            .flat_map(|[x, z]| [-1.0, 1.0].map(|s| [x / 100.0, s * self.half_width(z) / 100.0, z / 100.0]))
            .collect()
    }
}

/// A panel from centimetres, its corners turned so that they run counter-clockwise seen from outside.
fn panel(around: [([f64; 3], [f32; 2]); 4], keep: bool) -> Panel {
    let mut around = around;
    if !keep {
        around.reverse();
    }
    let corners = around.map(|(corner, _)| corner.map(|cm| cm / 100.0));
    let [a, b, _, d] = corners.map(|[x, y, z]| Vector3::new(x, y, z));
    Panel { corners, texels: around.map(|(_, texel)| texel), normal: (b - a).cross(&(d - a)).normalize() }
}
