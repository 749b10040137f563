//! The cast of a scene: every drawing of the fleet in a few colours that the seed picks, rasterised once.

use std::sync::Arc;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_types::RoadUserClass;

use super::body::{Body, Light, Pose};
use super::camera::{Camera, World};
use super::canvas::{Drawable, Shade};
use super::figure::Figure;
use super::fleet::{MODELS, Model, PEOPLE, props};
use super::raster::Samples;
use crate::error::CamsimError;

/// Colours of each drawing in one scene.
const COLOURS: usize = 3;

#[derive(Debug)]
enum Shape {
    Body(Body),
    Figure(Figure),
}

/// How a road user looks.
#[derive(Debug)]
pub struct Look {
    /// What it is.
    pub class: RoadUserClass,
    /// How common it is among its class.
    pub share: f64,
    shape: Shape,
}

impl Look {
    /// Length, width and height in metres.
    #[must_use]
    pub fn size_m(&self) -> [f64; 3] {
        match &self.shape {
            Shape::Body(body) => body.size_m,
            Shape::Figure(figure) => figure.size_m,
        }
    }

    /// Points that bound what is seen of it.
    #[must_use]
    pub fn hull(&self, pose: &Pose) -> Vec<World> {
        match &self.shape {
            Shape::Body(body) => body.hull(pose),
            Shape::Figure(figure) => figure.hull(pose),
        }
    }
}

/// All looks of a scene.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Road users.
    pub looks: Arc<Vec<Look>>,
    crate_body: Arc<Body>,
}

impl Cast {
    /// Rasterises the fleet in colours that `random` picks.
    ///
    /// # Errors
    /// When a drawing is damaged.
    pub fn load(random: &mut Pcg64Mcg) -> Result<Self, CamsimError> {
        let mut looks = Vec::new();
        for model in MODELS.iter().chain(PEOPLE) {
            let first = random.random_range(0..model.paints.len());
            let count = COLOURS.min(model.paints.len());
            for nth in 0..count {
                let paint = model.paints[(first + nth) % model.paints.len()];
                let share = model.share / count as f64;
                looks.push(Look { class: model.class, share, shape: shape(model, paint)? });
            }
        }
        Ok(Self {
            looks: Arc::new(looks),
            crate_body: Arc::new(Body::from_sheet("crate", props::CRATE, None)?),
        })
    }

    /// A road user to be drawn.
    #[must_use]
    pub fn actor(&self, look: usize, pose: Pose, way_m: f64) -> Box<dyn Drawable> {
        Box::new(Standing { looks: self.looks.clone(), look, pose, way_m })
    }

    /// The crate that lies on the road.
    #[must_use]
    pub fn crate_at(&self, pose: Pose) -> Box<dyn Drawable> {
        Box::new(Lying { body: self.crate_body.clone(), pose })
    }
}

fn shape(model: &Model, paint: [u8; 3]) -> Result<Shape, CamsimError> {
    Ok(match model.class {
        RoadUserClass::Pedestrian | RoadUserClass::Bicycle => {
            Shape::Figure(Figure::from_sheet(model.name, model.svg, Some(paint))?)
        }
        _ => Shape::Body(Body::from_sheet(model.name, model.svg, Some(paint))?),
    })
}

struct Standing {
    looks: Arc<Vec<Look>>,
    look: usize,
    pose: Pose,
    way_m: f64,
}

impl Drawable for Standing {
    fn hull(&self) -> Vec<World> {
        self.looks[self.look].hull(&self.pose)
    }

    fn draw(&self, samples: &mut Samples, camera: &Camera, light: &Light) {
        match &self.looks[self.look].shape {
            Shape::Body(body) => body.draw(samples, camera, &self.pose, light),
            Shape::Figure(figure) => figure.draw(samples, camera, &self.pose, light, self.way_m),
        }
    }

    fn shade(&self) -> Option<Shade> {
        let look = &self.looks[self.look];
        let [length, width, height] = look.size_m();
        Some(if look.class == RoadUserClass::Bicycle {
            // Wheels and legs: a dark patch below them would look like a motorcycle's engine.
            Shade { pose: self.pose, size_m: [length * 0.9, 0.3, height * 0.8], solid: 0.3 }
        } else {
            Shade { pose: self.pose, size_m: [length, width, height], solid: 1.0 }
        })
    }
}

struct Lying {
    body: Arc<Body>,
    pose: Pose,
}

impl Drawable for Lying {
    fn hull(&self) -> Vec<World> {
        self.body.hull(&self.pose)
    }

    fn draw(&self, samples: &mut Samples, camera: &Camera, light: &Light) {
        self.body.draw(samples, camera, &self.pose, light);
    }

    fn shade(&self) -> Option<Shade> {
        Some(Shade { pose: self.pose, size_m: self.body.size_m, solid: 1.0 })
    }
}
