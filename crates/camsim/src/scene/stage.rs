//! A scene at work: traffic moves, the canvas draws it, frame after frame. The same specification gives
//! the same bytes, whether watched live or recorded.

use nalgebra::Point2;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use wayside_types::{Point, RoadUserClass};

use super::heads::Heads;
use super::layout::Layout;
use super::traffic::{Actor, Traffic};
use super::{Hazard, SceneSpec};
use crate::draw::body::Pose;
use crate::draw::camera::Pixel;
use crate::draw::canvas::{Backdrop, Canvas, Drawable, Picture};
use crate::draw::cast::Cast;
use crate::draw::fleet::props;
use crate::draw::raster::Rect;
use crate::draw::texture::Texture;
use crate::error::CamsimError;

/// Standard deviation of the sensor's noise in steps of luma.
const GRAIN: f32 = 1.6;
/// Seconds that fog takes to rise and to go.
const FOG_RISE_S: f64 = 20.0;

/// Traffic and pictures of one scene.
pub struct Stage {
    spec: SceneSpec,
    cast: Cast,
    traffic: Traffic,
    canvas: Canvas,
    heads: Heads,
    frame: u64,
}

impl Stage {
    /// Paints the scene and puts nobody on it yet.
    ///
    /// # Errors
    /// When the specification is out of range or a drawing is damaged.
    pub fn new(spec: &SceneSpec) -> Result<Self, CamsimError> {
        Self::build(spec, true)
    }

    /// The same traffic in front of a blank background: for the truth, not for pictures.
    ///
    /// # Errors
    /// As [`Stage::new`].
    pub(super) fn blank(spec: &SceneSpec) -> Result<Self, CamsimError> {
        Self::build(spec, false)
    }

    fn build(spec: &SceneSpec, painted: bool) -> Result<Self, CamsimError> {
        spec.check()?;
        let layout = Layout::of(spec)?;
        let mut random = Pcg64Mcg::seed_from_u64(spec.seed);
        let cast = Cast::load(&mut random)?;
        let traffic = Traffic::new(spec, &layout);
        let caption = Texture::from_svg("caption", props::CAPTION, caption_scale(spec), None)?;
        let paint = |light| {
            let sky = |pixel: Pixel| sky(pixel.y / f64::from(spec.size.1));
            let colour = |ground: Option<Point2<f64>>, pixel: Pixel| match ground {
                Some(place) if place.coords.norm() < 700.0 => (layout.surface)(place),
                _ => sky(pixel),
            };
            if !painted {
                return Backdrop::blank(&layout.camera);
            }
            let lay = |picture: &mut Picture| lay_caption(picture, &caption, layout.caption);
            Backdrop::paint(&layout.camera, &light, &colour, &layout.standing, &lay)
        };
        let clear = paint(layout.light);
        let fog = spec.hazards.iter().find_map(|hazard| match *hazard {
            Hazard::Fog { visibility_m, .. } => {
                let mut light = layout.light;
                light.visibility_m = visibility_m;
                light.direct *= 0.3;
                Some((light, paint(light)))
            }
            _ => None,
        });
        let mut canvas = Canvas::new(layout.camera.clone(), layout.light, clear, GRAIN, spec.seed);
        if let Some((light, backdrop)) = fog {
            canvas.set_fog(light, backdrop);
        }
        let heads = Heads::of(&layout)?;
        Ok(Self { spec: spec.clone(), cast, traffic, canvas, heads, frame: 0 })
    }

    /// Scene time of the next frame in seconds.
    #[must_use]
    pub fn time_s(&self) -> f64 {
        self.frame as f64 / f64::from(self.spec.fps)
    }

    /// Lets one frame's time pass without drawing it.
    pub fn skip(&mut self) {
        self.frame += 1;
        self.traffic.step(1.0 / f64::from(self.spec.fps), &self.cast.looks);
    }

    /// Draws the frame of this moment and goes on to the next.
    #[must_use]
    pub fn next_frame(&mut self) -> Picture {
        let mut things: Vec<Box<dyn Drawable>> = self
            .traffic
            .actors
            .iter()
            .map(|actor| self.cast.actor(actor.look, self.traffic.pose(actor), actor.way_m))
            .collect();
        things.extend(self.heads.at(self.time_s()));
        things.extend(self.traffic.object().map(|pose| self.cast.crate_at(pose)));
        let fog = fog_at(&self.spec, self.time_s());
        let picture = self.canvas.frame(self.frame, &things, fog);
        self.skip();
        picture
    }

    /// Classes and reference points (pixels) of everybody on the scene now.
    pub fn road_users(&self) -> impl Iterator<Item = (RoadUserClass, Point)> {
        self.sightings().filter_map(|(actor, _, reference)| {
            reference.map(|p| (self.cast.looks[actor.look].class, Point::new(p.x, p.y)))
        })
    }

    /// Everybody on the scene now, with their poses and the projected middle of the bottom edge of
    /// their boxes, in pixels, where they are in front of the camera.
    pub(super) fn sightings(&self) -> impl Iterator<Item = (&Actor, Pose, Option<Pixel>)> {
        self.traffic.actors.iter().map(|actor| {
            let pose = self.traffic.pose(actor);
            (actor, pose, self.reference(actor, &pose))
        })
    }

    pub(super) fn object(&self) -> Option<Pose> {
        self.traffic.object()
    }

    pub(super) fn fog(&self) -> f64 {
        fog_at(&self.spec, self.time_s())
    }

    fn reference(&self, actor: &Actor, pose: &Pose) -> Option<Pixel> {
        let hull = self.cast.looks[actor.look].hull(pose);
        let (mut left, mut right, mut bottom) = (f64::MAX, f64::MIN, f64::MIN);
        for point in hull {
            let pixel = self.canvas.camera().project(point)?;
            (left, right, bottom) = (left.min(pixel.x), right.max(pixel.x), bottom.max(pixel.y));
        }
        Some(Pixel::new((left + right) / 2.0, bottom))
    }
}

/// Share of fog, 0 to 1.
fn fog_at(spec: &SceneSpec, time_s: f64) -> f64 {
    spec.hazards
        .iter()
        .map(|hazard| match *hazard {
            Hazard::Fog { from_s, for_s, .. } => {
                let rising = (time_s - from_s) / FOG_RISE_S;
                let going = (from_s + for_s + FOG_RISE_S - time_s) / FOG_RISE_S;
                rising.min(going).clamp(0.0, 1.0)
            }
            _ => 0.0,
        })
        .fold(0.0, f64::max)
}

fn sky(down: f64) -> [f32; 3] {
    let t = (down * 2.2).clamp(0.0, 1.0) as f32;
    [150.0 + 62.0 * t, 178.0 + 42.0 * t, 206.0 + 20.0 * t]
}

fn caption_scale(spec: &SceneSpec) -> f32 {
    (spec.size.0 as f32 / 640.0).max(0.7)
}

/// Lays the caption onto the picture; returns its place in pixels, even on all sides.
fn lay_caption(picture: &mut Picture, caption: &Texture, place: (f64, f64)) -> Rect {
    let (width, height) = caption.size();
    let even = |value: f64| (value / 2.0) as usize * 2;
    let (x0, y0) = (even(place.0 * picture.width as f64), even(place.1 * picture.height as f64));
    let x1 = (x0 + even(f64::from(width))).min(picture.width);
    let y1 = (y0 + even(f64::from(height))).min(picture.height);
    for (x, y, colour) in caption.pixels().map(|(x, y, colour)| (x0 + x, y0 + y, colour)) {
        if x < x1 && y < y1 {
            picture.set(x, y, colour);
        }
    }
    Rect { x0, y0, x1, y1 }
}
