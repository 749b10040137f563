//! Signal heads as they are drawn: every head with each of its aspects lit, of which a frame takes the one
//! of its moment. When a group is green is [`super::layout::Signals`]'s business.

use std::sync::Arc;

use super::layout::{Aspect, Layout, SignalHead, Signals};
use crate::draw::body::Light;
use crate::draw::camera::{Camera, World};
use crate::draw::canvas::{Drawable, Shade};
use crate::draw::figure::Card;
use crate::draw::fleet::props;
use crate::draw::raster::Samples;
use crate::draw::texture::repaint;
use crate::error::CamsimError;

const ASPECTS: [Aspect; 4] = [Aspect::Red, Aspect::RedAmber, Aspect::Green, Aspect::Amber];
const RED: [u8; 3] = [255, 62, 44];
const AMBER: [u8; 3] = [255, 190, 40];
const GREEN: [u8; 3] = [64, 240, 150];
/// Width and height in metres.
const SIZE_M: (f64, f64) = (0.8, 5.2);

/// The heads of a scene.
pub(super) struct Heads {
    signals: Signals,
    heads: Vec<(usize, [Arc<Card>; 4])>,
}

impl Heads {
    /// Draws every head in every aspect.
    ///
    /// # Errors
    /// When the drawing is damaged.
    pub(super) fn of(layout: &Layout) -> Result<Self, CamsimError> {
        let mut heads = Vec::new();
        for head in &layout.heads {
            let [red, red_amber, green, amber] = ASPECTS.map(|aspect| lit(head, aspect));
            heads.push((head.group, [red?, red_amber?, green?, amber?]));
        }
        Ok(Self { signals: layout.signals.clone(), heads })
    }

    /// The heads as they are at a time.
    pub(super) fn at(&self, time_s: f64) -> impl Iterator<Item = Box<dyn Drawable>> {
        self.heads.iter().filter_map(move |(group, cards)| {
            let aspect = self.signals.aspect(*group, time_s);
            let index = ASPECTS.iter().position(|a| *a == aspect)?;
            Some(Box::new(Shown(cards[index].clone())) as Box<dyn Drawable>)
        })
    }
}

fn lit(head: &SignalHead, aspect: Aspect) -> Result<Arc<Card>, CamsimError> {
    let lenses: &[(&str, [u8; 3])] = match aspect {
        Aspect::Red => &[("red", RED)],
        Aspect::RedAmber => &[("red", RED), ("amber", AMBER)],
        Aspect::Green => &[("green", GREEN)],
        Aspect::Amber => &[("amber", AMBER)],
    };
    let svg = lenses.iter().fold(props::SIGNAL.to_owned(), |svg, (rule, rgb)| repaint(&svg, rule, *rgb));
    Ok(Arc::new(Card::new("signal", &svg, head.foot, head.along, SIZE_M)?))
}

struct Shown(Arc<Card>);

impl Drawable for Shown {
    fn hull(&self) -> Vec<World> {
        self.0.hull()
    }

    fn draw(&self, samples: &mut Samples, camera: &Camera, light: &Light) {
        self.0.draw(samples, camera, light);
    }

    fn shade(&self) -> Option<Shade> {
        None
    }
}
