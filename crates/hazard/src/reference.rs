//! How sharp and how rich in contrast each part of the picture usually is: what this camera shows on a clear day,
//! against which blur, dirt and fog are told. It follows the hours slowly, and stands still while something is wrong. On a
//! busy road what is usual are the moments between vehicles: those that the detector misses have edges, too.

use wayside_types::view::VIEW_BLOCKS;
use wayside_types::{BBox, FrameSize, ViewSample};

use crate::parts::parts_of;

/// Without a stored reference, so much clear view makes one.
pub const READY_S: f64 = 5.0;
/// From then on it follows what is seen with this time constant when that is sharper …
const RISE_S: f64 = 60.0;
/// … and with this one when it is less sharp: dusk takes longer than fog.
const FALL_S: f64 = 1_200.0;
/// What it follows is not what is seen now but the least that is seen now and then: that rises with this time constant …
const QUIET_RISE_S: f64 = 300.0;
/// … and falls with this one. The rest are vehicles that nobody detected, and their shadows.
const QUIET_FALL_S: f64 = 30.0;
/// Parts with fewer edges or less contrast, grey levels, tell nothing.
const LEAST_EDGES: f32 = 1.5;
const LEAST_CONTRAST: f32 = 4.0;
/// A part was seen without road users for this long before it tells anything.
const KNOWN_S: f64 = 3.0;
/// So many parts must tell something: fog is over all of them, while other faults are told by how many show them.
const LEAST_BLOCKS: usize = 5;
pub const SOME_BLOCKS: usize = 12;
/// Parts with less of edges than so many times the sensor's noise, once it is taken off, don't tell how much of them is left.
const LEAST_TO_NOISE: f32 = 1.0;
/// A picture that is darker shows fewer edges without being less sharp; at most this much is put down to it.
const MOST_DIMMED: f32 = 3.0;

/// The usual picture.
#[derive(Debug)]
pub struct Reference {
    /// Parts with fewer edges or less contrast tell nothing.
    least: (f32, f32),
    edges: Vec<f32>,
    contrast: Vec<f32>,
    /// The least edges and contrast that each part has now and then.
    quiet: Vec<(f32, f32)>,
    brightness: f32,
    /// The sensor's noise, the mean change of a pixel from frame to frame, and the least that is now and then, grey levels.
    noise: f32,
    quiet_noise: f32,
    seen_s: f64,
    /// How long each part was seen without road users.
    free_s: Vec<f64>,
}

/// One part of the picture against its reference: 1 is as usual.
#[derive(Debug, Clone, Copy)]
pub struct BlockShare {
    pub edges: f32,
    pub contrast: f32,
    /// The contrast that is the empty scene's own: what hides the scene has shades as well.
    pub own: f32,
    /// The edges that are not the sensor's noise; `None` where nearly all of the usual ones are.
    pub true_edges: Option<f32>,
}

/// What a frame looks like in parts.
#[derive(Debug, Clone)]
pub struct Look {
    edges: Vec<f32>,
    contrast: Vec<f32>,
    /// The part of the contrast that is the empty scene's own.
    own: Vec<f32>,
    pub brightness: f32,
    /// Mean change of a pixel since the frame before where least changes, grey levels: a sensor's noise, if nothing moves there.
    noise: f32,
    /// Parts in which road users are: their edges are not the scene's.
    hidden: Vec<bool>,
}

/// The parts that boxes (px) of road users touch, in a picture of this size.
pub fn hidden_parts(boxes: impl Iterator<Item = BBox>, size: FrameSize) -> Vec<bool> {
    let (across, down) = VIEW_BLOCKS;
    let mut hidden = vec![false; across * down];
    let range = |from: f32, to: f32, most: usize, px: u32| {
        let part = px.max(1) as f32 / most as f32;
        // Casts of floats saturate: what lies outside the picture ends at its edge.
        (from / part).max(0.0) as usize..((to / part).ceil().max(0.0) as usize).min(most)
    };
    for b in boxes {
        for row in range(b.y1, b.y2, down, size.height) {
            for column in range(b.x1, b.x2, across, size.width) {
                hidden[row * across + column] = true;
            }
        }
    }
    hidden
}

impl Look {
    /// What a frame shows; `empty` is the empty scene in the same cells, whose contrast is looked for.
    pub fn of(view: &ViewSample, empty: &[f32], hidden: Vec<bool>) -> Self {
        let cells = &view.cells;
        let sum: u64 = cells.means.iter().map(|&m| u64::from(m)).sum();
        let brightness = sum as f32 / 16.0 / cells.means.len().max(1) as f32;
        let (contrast, own) = contrasts(view, empty).into_iter().unzip();
        let noise = view.change.unwrap_or(0.0);
        Self { edges: view.edges.clone(), contrast, own, brightness, noise, hidden }
    }

    /// The same picture as `focus` sees it: how steep its edges are, how much its cells differ, and how much of that is the
    /// empty scene's own.
    pub fn with(&self, edges: Vec<f32>, contrast: Vec<f32>, own: Vec<f32>) -> Self {
        Self {
            edges,
            contrast,
            own,
            brightness: self.brightness,
            noise: self.noise,
            hidden: self.hidden.clone(),
        }
    }

    /// Comes closer to another look by a share of the difference.
    pub fn approach(&mut self, other: &Self, share: f32) {
        if self.edges.len() != other.edges.len() {
            self.edges.clone_from(&other.edges);
            self.contrast.clone_from(&other.contrast);
            self.own.clone_from(&other.own);
        }
        let follow = |mine: &mut f32, theirs: f32| *mine += (theirs - *mine) * share;
        for i in (0..self.edges.len()).filter(|&i| !other.hidden[i]) {
            follow(&mut self.edges[i], other.edges[i]);
            follow(&mut self.contrast[i], other.contrast[i]);
            follow(&mut self.own[i], other.own[i]);
        }
        follow(&mut self.brightness, other.brightness);
        follow(&mut self.noise, other.noise);
        self.hidden.clone_from(&other.hidden);
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::telling(LEAST_EDGES, LEAST_CONTRAST)
    }
}

impl Reference {
    /// One of which parts tell something from so many edges and so much contrast on, grey levels.
    pub fn telling(edges: f32, contrast: f32) -> Self {
        Self {
            least: (edges, contrast),
            edges: Vec::new(),
            contrast: Vec::new(),
            quiet: Vec::new(),
            brightness: 0.0,
            noise: 0.0,
            quiet_noise: 0.0,
            seen_s: 0.0,
            free_s: Vec::new(),
        }
    }

    /// Whether enough was seen to compare with.
    pub fn is_ready(&self) -> bool {
        self.seen_s >= READY_S
    }

    /// Learns from a frame that nothing is wrong with.
    pub fn learn(&mut self, look: &Look, dt_s: f64) {
        if self.edges.len() != look.edges.len() {
            self.edges.clone_from(&look.edges);
            self.contrast.clone_from(&look.contrast);
            self.quiet = look.edges.iter().copied().zip(look.contrast.iter().copied()).collect();
            self.brightness = look.brightness;
            (self.noise, self.quiet_noise) = (look.noise, look.noise);
            self.seen_s = 0.0;
            self.free_s = vec![0.0; look.edges.len()];
            return;
        }
        self.seen_s += dt_s;
        // Until it is known it is the mean of what was seen.
        let share =
            |time_s: f64, seen_s: f64| (dt_s / time_s.min(seen_s.max(dt_s)).max(1e-3)).min(1.0) as f32;
        let follow = |usual: &mut f32, now: f32, seen_s: f64, (rise_s, fall_s): (f64, f64)| {
            *usual += (now - *usual) * share(if now > *usual { rise_s } else { fall_s }, seen_s);
        };
        for i in (0..look.edges.len()).filter(|&i| !look.hidden[i]) {
            self.free_s[i] += dt_s;
            let (free_s, quiet) = (self.free_s[i], &mut self.quiet[i]);
            // What was there in the first frame may have been a road user.
            if free_s <= dt_s {
                *quiet = (look.edges[i], look.contrast[i]);
                (self.edges[i], self.contrast[i]) = *quiet;
            }
            follow(&mut quiet.0, look.edges[i], free_s, (QUIET_RISE_S, QUIET_FALL_S));
            follow(&mut quiet.1, look.contrast[i], free_s, (QUIET_RISE_S, QUIET_FALL_S));
            if free_s <= RISE_S {
                (self.edges[i], self.contrast[i]) = *quiet;
            } else {
                follow(&mut self.edges[i], quiet.0, free_s, (RISE_S, FALL_S));
                follow(&mut self.contrast[i], quiet.1, free_s, (RISE_S, FALL_S));
            }
        }
        follow(&mut self.brightness, look.brightness, self.seen_s, (RISE_S, FALL_S));
        // As edges do, of which it is a part.
        follow(&mut self.quiet_noise, look.noise, self.seen_s, (QUIET_RISE_S, QUIET_FALL_S));
        if self.seen_s <= RISE_S {
            self.noise = self.quiet_noise;
        } else {
            follow(&mut self.noise, self.quiet_noise, self.seen_s, (RISE_S, FALL_S));
        }
    }

    /// How many edges the parts without road users have together against what they had. A camera that looks elsewhere
    /// sees about as many; one that sees badly does not.
    pub fn edges_left(&self, look: &Look) -> f64 {
        if self.edges.len() != look.edges.len() {
            return 1.0;
        }
        let free = || (0..look.edges.len()).filter(|&i| !look.hidden[i] && self.free_s[i] >= KNOWN_S);
        let sum = |edges: &[f32]| free().map(|i| f64::from(edges[i])).sum::<f64>();
        let dimmed = f64::from((self.brightness / look.brightness.max(1.0)).clamp(1.0, MOST_DIMMED));
        sum(&look.edges) * dimmed / sum(&self.edges).max(1e-6)
    }

    /// Each part that tells something against its reference; `None` where too few do.
    pub fn compare(&self, look: &Look) -> Option<Vec<BlockShare>> {
        if !self.is_ready() || self.edges.len() != look.edges.len() {
            return None;
        }
        let dimmed = (self.brightness / look.brightness.max(1.0)).clamp(1.0, MOST_DIMMED);
        let tells = |i: &usize| {
            !look.hidden[*i]
                && self.free_s[*i] >= KNOWN_S
                && self.edges[*i] >= self.least.0
                && self.contrast[*i] >= self.least.1
        };
        // What moves changes more than that, and a sensor that got better less.
        let noise = look.noise.min(self.noise);
        let true_edges = |i: usize| {
            let usual = without_noise(self.edges[i], self.noise);
            (usual > LEAST_TO_NOISE * self.noise)
                .then(|| without_noise(look.edges[i], noise) / usual * dimmed)
        };
        let share = |i: usize| BlockShare {
            true_edges: true_edges(i),
            edges: look.edges[i] / self.edges[i] * dimmed,
            contrast: look.contrast[i] / self.contrast[i] * dimmed,
            own: look.own[i] / self.contrast[i] * dimmed,
        };
        let shares: Vec<BlockShare> = (0..look.edges.len()).filter(tells).map(share).collect();
        (shares.len() >= LEAST_BLOCKS).then_some(shares)
    }
}

/// Mean steps without those of a noise whose mean change is known: it makes steps as large as it changes.
fn without_noise(edges: f32, noise: f32) -> f32 {
    (edges * edges - noise * noise).max(0.0).sqrt()
}

/// A share of parts, sorted by what `pick` says: 0.5 gives the median.
pub fn quantile(shares: &[BlockShare], q: f64, pick: fn(&BlockShare) -> f32) -> f64 {
    let mut values: Vec<f32> = shares.iter().map(pick).collect();
    values.sort_by(f32::total_cmp);
    let index = ((values.len().saturating_sub(1)) as f64 * q).round() as usize;
    values.get(index).copied().map_or(0.0, f64::from)
}

/// The standard deviation of the cells of each block, grey levels, and how much of it goes together with the empty scene.
/// Smoke has shades of its own, which hide the scene and are none of it.
fn contrasts(view: &ViewSample, empty: &[f32]) -> Vec<(f32, f32)> {
    let (across, down) = VIEW_BLOCKS;
    let cells = &view.cells;
    let mut sums = vec![Sums::default(); across * down];
    parts_of((cells.columns, cells.rows), VIEW_BLOCKS, |block, indices| {
        let sum = &mut sums[block];
        for index in indices {
            let Some(&mean) = cells.means.get(index) else { return };
            let now = f32::from(mean) / 16.0;
            sum.add(now, empty.get(index).copied().unwrap_or(now));
        }
    });
    sums.iter().map(Sums::deviations).collect()
}

/// Sums over the cells of a block.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: f32,
    now: f32,
    empty: f32,
    now_now: f32,
    empty_empty: f32,
    both: f32,
}

impl Sums {
    fn add(&mut self, now: f32, empty: f32) {
        self.n += 1.0;
        self.now += now;
        self.empty += empty;
        self.now_now += now * now;
        self.empty_empty += empty * empty;
        self.both += now * empty;
    }

    /// Standard deviation of what is seen, and the same times its correlation with the empty scene.
    fn deviations(&self) -> (f32, f32) {
        let n = self.n.max(1.0);
        let variance = (self.empty_empty / n - (self.empty / n).powi(2)).max(0.0);
        let together = self.both / n - self.now / n * (self.empty / n);
        let most = (self.now_now / n - (self.now / n).powi(2)).max(0.0).sqrt();
        (most, (together / variance.sqrt().max(0.05)).clamp(0.0, most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: usize = 20;

    fn look(edges: f32) -> Look {
        let all = |value: f32| vec![value; PARTS];
        let contrast = all(4.0 * edges);
        Look {
            edges: all(edges),
            own: contrast.clone(),
            contrast,
            brightness: 100.0,
            noise: 0.0,
            hidden: vec![false; PARTS],
        }
    }

    /// The share of its usual edges that a part has, after so many minutes at five frames a second of `seen`, second by second.
    fn after(minutes: u32, seen: impl Fn(u32) -> f32, now: f32) -> f32 {
        let mut reference = Reference::default();
        for frame in 0..minutes * 300 {
            reference.learn(&look(seen(frame / 5)), 0.2);
        }
        reference.compare(&look(now)).unwrap()[0].edges
    }

    #[test]
    fn what_the_detector_misses_of_a_busy_road_is_not_usual() {
        // Vehicles far away that nobody detects pass for 40 s of each minute.
        let busy = |second: u32| if second % 60 < 40 { 15.0 } else { 5.0 };
        for minutes in [10, 20, 60] {
            let empty = after(minutes, busy, 5.0);
            assert!(empty > 0.5, "{empty} of what is usual between them after {minutes} minutes");
        }
    }

    #[test]
    fn fog_does_not_become_usual_within_minutes_and_a_clear_view_does() {
        let fog = |second: u32| if second < 600 { 10.0 } else { 3.0 };
        let share = after(15, fog, 3.0);
        assert!(share < 0.4, "{share} after five minutes of fog that nobody told of");
        let clears = |second: u32| if second < 600 { 3.0 } else { 10.0 };
        let share = after(20, clears, 10.0);
        assert!(share < 1.15, "{share} ten minutes after it cleared up");
    }
}
