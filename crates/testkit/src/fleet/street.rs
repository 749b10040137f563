//! Streets put together anew: a clip's empty road, and over it road users cut out of the clip, each of whom drives,
//! stops, stands or goes backwards as a scene wants it. Every pixel of them is a real one.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use wayside_types::BBox;

use super::footage::{Footage, Pass};
use super::pixels::{Picture, lay};

/// How long braking to a stand takes, seconds.
const BRAKE_S: f64 = 1.6;
/// Boxes are cut out with this much more a side.
const CUT: f32 = 0.07;
/// Differences from the empty road below this many levels are road, and above the other all road user.
const CUT_LEVELS: (f32, f32) = (10.0, 24.0);
/// Of two road users, one hides at most this much of the other.
const MOST_HIDDEN: f32 = 0.04;

/// Who drives freely keeps this far behind, seconds.
const HEADWAY_S: f64 = 0.7;

/// How somebody moves along a way that was really driven. Times are seconds of traffic.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// As it was.
    Drive { start_s: f64 },
    /// Up to a frame of it, there for so long, then on.
    Stop { at_s: f64, frame: f64, for_s: f64 },
    /// From its end to its beginning.
    Back { start_s: f64 },
    /// Always at one frame of it.
    Stand { frame: f64 },
}

/// Somebody on a street.
#[derive(Debug, Clone)]
pub struct Actor<'a> {
    pass: &'a Pass,
    way: Way,
    fps: f64,
}

impl Actor<'_> {
    /// Which frame of its pass is shown at a time.
    fn frame(&self, t: f64) -> Option<f64> {
        let (first, last) = self.pass.span();
        let frame = match self.way {
            Way::Drive { start_s } => first + (t - start_s) * self.fps,
            Way::Back { start_s } => last - (t - start_s) * self.fps,
            Way::Stand { frame } => frame,
            Way::Stop { at_s, frame, for_s } => {
                let braking = (frame - first).min(self.fps * BRAKE_S / 2.0) / self.fps * 2.0;
                let to_go = at_s - t;
                let gone = t - at_s - for_s;
                if to_go > braking {
                    frame - (to_go - braking / 2.0) * self.fps
                } else if to_go > 0.0 {
                    frame - to_go * to_go / (2.0 * braking) * self.fps
                } else if gone <= 0.0 {
                    frame
                } else if gone < BRAKE_S {
                    frame + gone * gone / (2.0 * BRAKE_S) * self.fps
                } else {
                    frame + (gone - BRAKE_S / 2.0) * self.fps
                }
            }
        };
        (first..=last).contains(&frame).then_some(frame)
    }

    /// Its box at a time.
    pub fn at(&self, t: f64) -> Option<BBox> {
        self.pass.at(self.frame(t)?)
    }
}

/// Something that changes the empty road.
type Under<'a> = Box<dyn Fn(f64, &mut Picture) + 'a>;

/// A street with its road users.
pub struct Street<'a> {
    /// Whose pixels.
    pub footage: &'a Footage,
    /// What lies on the road or happens to it, under everybody, by the scene's time.
    under: Vec<Under<'a>>,
    actors: Vec<Actor<'a>>,
    /// From when on traffic takes how many times as long.
    pub slow: Option<(f64, f64)>,
    /// Places (pixels) that nobody drives over.
    pub kept_free: Vec<BBox>,
}

impl<'a> Street<'a> {
    /// An empty street.
    pub fn new(footage: &'a Footage) -> Self {
        Self { footage, under: Vec::new(), actors: Vec::new(), slow: None, kept_free: Vec::new() }
    }

    /// Lays something on the road, under everybody.
    pub fn lay_under(&mut self, under: impl Fn(f64, &mut Picture) + 'a) {
        self.under.push(Box::new(under));
    }

    /// Seconds of traffic at a time of the scene.
    pub fn traffic_s(&self, t: f64) -> f64 {
        match self.slow {
            Some((from, times)) if t > from => from + (t - from) / times,
            _ => t,
        }
    }

    /// Puts somebody on it.
    pub fn add(&mut self, pass: &'a Pass, way: Way) -> Actor<'a> {
        self.add_at_pace(pass, way, 1.0)
    }

    /// The same, so many times as fast as it was.
    pub fn add_at_pace(&mut self, pass: &'a Pass, way: Way, pace: f64) -> Actor<'a> {
        let actor = Actor { pass, way, fps: self.footage.fps * pace };
        self.actors.push(actor.clone());
        actor
    }

    /// Lets others drive as they did in the clip between two times (of traffic), about so many a second, wherever
    /// nobody is in their way. Gives how many there were.
    pub fn fill(
        &mut self,
        random: &mut Pcg64Mcg,
        (from, to): (f64, f64),
        a_second: f64,
        who: impl Fn(&Pass) -> bool,
    ) -> usize {
        let passes: Vec<&'a Pass> = self.footage.passes.iter().filter(|pass| who(pass)).collect();
        if passes.is_empty() {
            return 0;
        }
        let wanted = (a_second * (to - from)).round() as usize;
        let mut added = 0;
        for _ in 0..wanted * 6 {
            if added >= wanted {
                break;
            }
            let pass = passes[random.random_range(0..passes.len())];
            let lasts = (pass.span().1 - pass.span().0) / self.footage.fps;
            // Some are on their way when the scene begins.
            let start_s = random.random_range(from - 0.8 * lasts..to);
            let actor = Actor { pass, way: Way::Drive { start_s }, fps: self.footage.fps };
            if self.has_room(&actor, start_s, start_s + lasts, HEADWAY_S) {
                self.actors.push(actor);
                added += 1;
            }
        }
        added
    }

    /// Lets others drive as close to one another as they can, between two times of traffic.
    pub fn pack(&mut self, random: &mut Pcg64Mcg, (from, to): (f64, f64), who: impl Fn(&Pass) -> bool) {
        let passes: Vec<&'a Pass> = self.footage.passes.iter().filter(|pass| who(pass)).collect();
        let mut start_s = from;
        while start_s < to && !passes.is_empty() {
            for _ in 0..6 {
                let pass = passes[random.random_range(0..passes.len())];
                let lasts = (pass.span().1 - pass.span().0) / self.footage.fps;
                let actor = Actor { pass, way: Way::Drive { start_s }, fps: self.footage.fps };
                if self.has_room(&actor, start_s, start_s + lasts, 0.0) {
                    self.actors.push(actor);
                }
            }
            start_s += 0.06;
        }
    }

    /// Whether nobody is in the way of somebody new, nor closer before or behind than a headway (seconds).
    fn has_room(&self, new: &Actor<'_>, from: f64, to: f64, headway_s: f64) -> bool {
        let looks = ((to - from) / 0.15).ceil().max(1.0) as usize;
        (0..=looks).map(|i| from + (to - from) * i as f64 / looks as f64).all(|t| {
            let Some(b) = new.at(t) else { return true };
            let hides = |o: BBox| o.intersection(&b) > MOST_HIDDEN * o.area().min(b.area());
            let free = |o: &BBox| o.intersection(&b) <= 0.05 * o.area();
            let near = |a: &Actor<'_>| {
                a.at(t).is_some_and(hides)
                    || headway_s > 0.0
                        && [t - headway_s, t + headway_s]
                            .iter()
                            .any(|t| a.at(*t).is_some_and(|o| o.iou(&b) > 0.4))
            };
            !self.actors.iter().any(near) && self.kept_free.iter().all(free)
        })
    }

    /// Boxes of everybody at a time of the scene.
    pub fn boxes(&self, t: f64) -> Vec<BBox> {
        let t = self.traffic_s(t);
        self.actors.iter().filter_map(|a| a.at(t)).collect()
    }

    /// The picture at a time of the scene.
    pub fn picture(&self, t: f64) -> Picture {
        let mut picture = self.footage.plate.clone();
        self.under.iter().for_each(|under| under(t, &mut picture));
        let t = self.traffic_s(t);
        let mut there: Vec<(f64, BBox)> =
            self.actors.iter().filter_map(|a| a.frame(t).zip(a.at(t))).collect();
        there.sort_by(|a, b| a.1.y2.total_cmp(&b.1.y2));
        for (frame, bbox) in there {
            cut_out(&mut picture, self.footage, frame, &bbox);
        }
        picture
    }
}

/// Lays what a frame of the clip shows in a box over the picture, as far as it is not road.
fn cut_out(picture: &mut Picture, footage: &Footage, frame: f64, bbox: &BBox) {
    let source = footage.frame(frame);
    let (width, height) = footage.size();
    let cut = bbox.grown(CUT).clipped(width as f32, height as f32);
    let (x0, y0, x1, y1) = (cut.x1 as usize, cut.y1 as usize, cut.x2.ceil() as usize, cut.y2.ceil() as usize);
    let differs = |x: usize, y: usize| {
        let luma = y * width + x;
        let chroma = width * height + y / 2 * (width / 2) + x / 2;
        let off = |i: usize| f32::from(source.data[i].abs_diff(footage.plate.data[i]));
        off(luma) + 1.5 * off(chroma) + 1.5 * off(chroma + width * height / 4)
    };
    let (low, high) = CUT_LEVELS;
    lay(picture, source, (x0, y0, x1, y1), |x, y| {
        let mut most: f32 = 0.0;
        for (dx, dy) in [(0, 0), (3, 0), (0, 3), (6, 0), (0, 6)] {
            for (x, y) in [(x + dx, y + dy), (x.saturating_sub(dx), y.saturating_sub(dy))] {
                most = most.max(differs(x.min(width - 1), y.min(height - 1)));
            }
        }
        let edge = (x - x0).min(y - y0).min(x1 - 1 - x).min(y1 - 1 - y);
        ((most - low) / (high - low)).clamp(0.0, 1.0) * (edge as f32 / 3.0).min(1.0)
    });
}
