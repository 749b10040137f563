//! Flat things that stand upright: people on foot and on bicycles, stepping as they move, and cards
//! such as trees and house fronts. Solid bodies live in `body`.

use nalgebra::Vector3;
use resvg::usvg::roxmltree;

use super::body::{Light, Pose};
use super::camera::{Camera, World};
use super::canvas::{Drawable, Shade};
use super::raster::{Face, Samples};
use super::texture::Texture;
use crate::error::CamsimError;

const TEXELS_PER_CM: f32 = 0.9;

/// A person, with or without a bicycle: steps seen from the side, then steps seen from ahead.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Length, width and height in metres.
    pub size_m: [f64; 3],
    texture: Texture,
    side_cm: f64,
    side_frames: usize,
    front_cm: f64,
    front_frames: usize,
    cycle_m: f64,
    height_cm: f64,
    rigid: bool,
}

impl Figure {
    /// Reads a sheet, its garment painted in the colour asked for.
    ///
    /// # Errors
    /// When the sheet is no valid SVG or lacks a measure.
    pub fn from_sheet(name: &'static str, svg: &str, paint: Option<[u8; 3]>) -> Result<Self, CamsimError> {
        let fail = |reason: String| CamsimError::Drawing { name, reason };
        let document = roxmltree::Document::parse(svg).map_err(|error| fail(error.to_string()))?;
        let number = |key: &str| {
            let value = document.root_element().attribute(key).and_then(|text| text.parse::<f64>().ok());
            value.filter(|v| *v > 0.0).ok_or_else(|| fail(format!("{key} is no positive number")))
        };
        let (height_cm, length_cm) = (number("data-height-cm")?, number("data-length-cm")?);
        Ok(Self {
            size_m: [length_cm / 100.0, 0.5, height_cm / 100.0],
            side_cm: number("data-side-cm")?,
            side_frames: number("data-side-frames")? as usize,
            front_cm: number("data-front-cm")?,
            front_frames: number("data-front-frames")? as usize,
            cycle_m: number("data-cycle-m")?,
            height_cm,
            // A bicycle keeps its direction; a person is as wide from everywhere.
            rigid: document.root_element().attribute("data-class") != Some("pedestrian"),
            texture: Texture::from_svg(name, svg, TEXELS_PER_CM, paint)?,
        })
    }

    /// Points that bound what is seen of it.
    #[must_use]
    pub fn hull(&self, pose: &Pose) -> Vec<World> {
        let (x, y) = (self.size_m[0] / 2.0, self.size_m[1] / 2.0);
        let corners = [(-x, -y), (x, -y), (x, y), (-x, y)];
        corners.iter().flat_map(|&(x, y)| [0.0, self.size_m[2]].map(|z| pose.place(x, y, z))).collect()
    }

    /// Draws the step that belongs to this many metres of way.
    pub fn draw(&self, samples: &mut Samples, camera: &Camera, pose: &Pose, light: &Light, way_m: f64) {
        let away = camera.position() - pose.place(0.0, 0.0, 0.0);
        let sight = away.xy().normalize();
        let (sin, cos) = pose.heading.sin_cos();
        // Positive when it moves to the right of the picture.
        let across = cos * -sight.y + sin * sight.x;
        let from_side = across.abs() > 0.45;
        let phase = (way_m / self.cycle_m).rem_euclid(1.0);
        let (cell_cm, offset_cm, frame) = if from_side {
            (self.side_cm, 0.0, (phase * self.side_frames as f64) as usize)
        } else {
            let offset = self.side_cm * self.side_frames as f64;
            (self.front_cm, offset, (phase * self.front_frames as f64) as usize)
        };
        let left = (offset_cm + frame as f64 * cell_cm) as f32 * TEXELS_PER_CM;
        let right = left + cell_cm as f32 * TEXELS_PER_CM;
        let (left, right) = if from_side && across < 0.0 { (right, left) } else { (left, right) };
        // To the right in the picture: along its own axis for a bicycle, across the sight otherwise.
        let axis = if from_side && self.rigid {
            Vector3::new(cos, sin, 0.0) * across.signum()
        } else {
            Vector3::new(-sight.y, sight.x, 0.0)
        };
        let half = axis * (cell_cm / 200.0);
        let foot = pose.place(0.0, 0.0, 0.0);
        let up = Vector3::new(0.0, 0.0, self.height_cm / 100.0);
        let bottom = self.height_cm as f32 * TEXELS_PER_CM;
        let face = Face {
            corners: [foot - half, foot + half, foot + half + up, foot - half + up],
            texels: [[left, bottom], [right, bottom], [right, 0.0], [left, 0.0]],
            light: (light.on(Vector3::new(0.0, 0.0, 0.6)) * 1.05) as f32,
            haze: light.haze_at(away.norm()) as f32,
        };
        samples.draw(camera, &self.texture, &face, true, light.haze);
    }
}

/// A standing drawing: a tree, a house front, a mast.
#[derive(Debug, Clone)]
pub struct Card {
    texture: Texture,
    foot: [World; 2],
    height_m: f64,
    shade: Option<Shade>,
}

impl Card {
    /// A card of this width and height in metres whose foot runs from `from` in direction `along`.
    ///
    /// # Errors
    /// When the drawing is no valid SVG.
    pub fn new(
        name: &'static str,
        svg: &str,
        from: World,
        along: Vector3<f64>,
        size_m: (f64, f64),
    ) -> Result<Self, CamsimError> {
        let texture = Texture::from_svg(name, svg, 3.0, None)?;
        Ok(Self {
            texture,
            foot: [from, from + along.normalize() * size_m.0],
            height_m: size_m.1,
            shade: None,
        })
    }
}

impl Drawable for Card {
    fn hull(&self) -> Vec<World> {
        let up = Vector3::new(0.0, 0.0, self.height_m);
        self.foot.iter().flat_map(|foot| [*foot, foot + up]).collect()
    }

    fn draw(&self, samples: &mut Samples, camera: &Camera, light: &Light) {
        let [left, right] = self.foot;
        let up = Vector3::new(0.0, 0.0, self.height_m);
        let normal = (right - left).cross(&up).normalize();
        let middle = nalgebra::center(&left, &right);
        let (w, h) = self.texture.size();
        let face = Face {
            corners: [left, right, right + up, left + up],
            texels: [[0.0, h], [w, h], [w, 0.0], [0.0, 0.0]],
            light: (light.on(normal) * 1.12) as f32,
            haze: light.haze_at((camera.position() - middle).norm()) as f32,
        };
        samples.draw(camera, &self.texture, &face, true, light.haze);
    }

    fn shade(&self) -> Option<Shade> {
        self.shade
    }
}
