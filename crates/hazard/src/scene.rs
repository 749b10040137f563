//! What the picture shows when nobody is there, in cells of brightness. It follows light and weather slowly, and not
//! at all where vehicles move or a newly arrived one stands, so that whatever is new can be told from what was always
//! there. The same for every pixel, for pictures to be shown, is `ingest`'s background.

use wayside_types::{BBox, FrameSize, LumaCells, Point};

use crate::calm::{Calm, Pace};

/// A cell is known once it was seen free for this long.
const KNOWN_AFTER_S: f32 = 3.0;
/// Until then it follows what is seen by so many grey levels a second …
const FIRST_RATE: f32 = 40.0;
/// … and is then the median of as many looks, so that lamps and whoever passes unknown are none of it. Afterwards it
/// follows by so many grey levels a second.
const FIRST_LOOKS: usize = 7;
const RATE: f32 = 1.5;
/// Where a cell is off by no more grey levels than this, nothing came.
const NOTHING_LEVELS: f32 = 5.0;
/// How cells are looked at for that.
const PACE: Pace = Pace { even_s: 0.15, calm_s: 0.4, leap_s: 0.7 };
/// Boxes are cut by this share a side: at their edges the road shows.
const INNER: f32 = -0.15;

/// Brightness of the empty scene.
#[derive(Debug, Default)]
pub struct Scene {
    columns: usize,
    rows: usize,
    side_px: f32,
    now: Vec<f32>,
    empty: Vec<f32>,
    free_s: Vec<f32>,
    /// How each cell looked until it was known, evenly spaced in time.
    first: Vec<[f32; FIRST_LOOKS]>,
    /// By how much the whole picture is brighter now.
    gain: f32,
    covered: Vec<bool>,
    /// How what each cell shows came.
    coming: Vec<Coming>,
}

/// How what a cell shows came.
#[derive(Debug, Clone, Copy, Default)]
struct Coming {
    calm: Calm,
    /// The largest leap since nothing was there, and the most that it was off while it was calm, grey levels.
    leap: f32,
    most: f32,
    /// Whether what is there was seen to come.
    seen: bool,
}

/// How the picture is cut into cells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Grid {
    /// Cells across and down.
    pub columns: usize,
    pub rows: usize,
    /// Sides of a cell, pixels.
    pub side_px: f32,
}

impl Grid {
    /// Cells with neighbours on all sides.
    pub fn inner(self) -> impl Iterator<Item = usize> {
        let columns = self.columns;
        (1..self.rows.saturating_sub(1))
            .flat_map(move |row| (1..columns.saturating_sub(1)).map(move |column| row * columns + column))
    }

    /// The eight neighbours of a cell, as far as there are.
    pub fn around(self, cell: usize) -> impl Iterator<Item = usize> {
        let (column, row) = (cell % self.columns.max(1), cell / self.columns.max(1));
        let near = |at: usize, most: usize| at.saturating_sub(1)..(at + 2).min(most);
        let columns = near(column, self.columns);
        near(row, self.rows)
            .flat_map(move |row| columns.clone().map(move |column| row * self.columns + column))
            .filter(move |&i| i != cell)
    }

    /// Cells of which something holds, those that touch one another together; none at the edge of the picture.
    pub fn patches(self, holds: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let mut taken = vec![false; self.columns * self.rows];
        let mut patches = Vec::new();
        for first in self.inner() {
            if taken[first] || !holds(first) {
                continue;
            }
            taken[first] = true;
            let mut cells = vec![first];
            let mut next = 0;
            while let Some(&cell) = cells.get(next) {
                next += 1;
                for i in self.around(cell) {
                    if !taken[i] && holds(i) {
                        taken[i] = true;
                        cells.push(i);
                    }
                }
            }
            patches.push(cells);
        }
        patches
    }

    /// The middle of a cell, fractions of the picture.
    pub fn middle(self, cell: usize, size: FrameSize) -> Point {
        let p = self.middle_px(cell);
        Point::new(p.x / f64::from(size.width.max(1)), p.y / f64::from(size.height.max(1)))
    }

    /// The same in pixels.
    pub fn middle_px(self, cell: usize) -> Point {
        let at = |index: usize| (index as f64 + 0.5) * f64::from(self.side_px);
        Point::new(at(cell % self.columns.max(1)), at(cell / self.columns.max(1)))
    }

    /// The box around cells, pixels.
    pub fn bbox(self, cells: &[usize]) -> BBox {
        let columns = self.columns.max(1);
        let ends = |pick: fn(usize, usize) -> usize| {
            let (low, high) = cells.iter().fold((usize::MAX, 0), |(low, high), &i| {
                (low.min(pick(i, columns)), high.max(pick(i, columns) + 1))
            });
            (low as f32 * self.side_px, high as f32 * self.side_px)
        };
        let ((x1, x2), (y1, y2)) = (ends(|i, columns| i % columns), ends(|i, columns| i / columns));
        BBox::new(x1, y1, x2, y2)
    }

    /// Marks the cells that a box (px) touches.
    pub fn cover(self, marks: &mut [bool], bbox: &BBox) {
        let (columns, rows) = self.span(bbox);
        for row in rows {
            marks[row * self.columns..][columns.clone()].fill(true);
        }
    }

    /// The cells that a box (px) touches.
    fn span(self, bbox: &BBox) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let side = self.side_px.max(1.0);
        let range = |from: f32, to: f32, most: usize| {
            // Casts of floats saturate: what lies outside the picture ends at its edge.
            let (from, to) = ((from / side).floor().max(0.0) as usize, (to / side).ceil().max(0.0) as usize);
            from.min(most)..to.min(most)
        };
        (range(bbox.x1, bbox.x2, self.columns), range(bbox.y1, bbox.y2, self.rows))
    }
}

/// The cells of a box as they were at some moment, relative to the whole picture.
#[derive(Debug, Clone)]
pub struct Patch(Vec<(usize, f32)>);

/// Two pictures of one shape, grey levels.
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'a> {
    pub now: &'a [f32],
    pub empty: &'a [f32],
    /// Columns and rows.
    pub shape: (usize, usize),
}

impl Scene {
    /// Looks at the next frame. A picture of another shape starts anew.
    pub fn see(&mut self, cells: &LumaCells) {
        let count = cells.columns * cells.rows;
        if (self.columns, self.rows) != (cells.columns, cells.rows) || cells.means.len() != count {
            *self = Self {
                columns: cells.columns,
                rows: cells.rows,
                side_px: cells.side_px as f32,
                empty: levels(cells).collect(),
                free_s: vec![0.0; count],
                first: levels(cells).map(|level| [level; FIRST_LOOKS]).collect(),
                covered: vec![false; count],
                coming: vec![Coming::default(); count],
                ..Self::default()
            };
        }
        self.now.clear();
        self.now.extend(levels(cells));
        self.gain = self.common_gain();
    }

    /// Learns from the frame that it saw last, `dt_s` after the one before; `busy` are boxes (px) under which the
    /// scene does not show.
    pub fn learn(&mut self, dt_s: f64, busy: impl Iterator<Item = BBox>) {
        let grid = self.grid();
        self.covered.fill(false);
        busy.for_each(|bbox| grid.cover(&mut self.covered, &bbox));
        let dt_s = dt_s.clamp(0.0, 2.0) as f32;
        let state = self.empty.iter_mut().zip(&mut self.free_s).zip(&self.now).zip(&self.covered).enumerate();
        for (i, (((empty, free_s), &now), _)) in state.filter(|(_, (_, covered))| !**covered) {
            let rate = if *free_s < KNOWN_AFTER_S { FIRST_RATE } else { RATE };
            *empty += (now - *empty).clamp(-rate * dt_s, rate * dt_s);
            if *free_s < KNOWN_AFTER_S {
                // Casts of floats saturate. What was not looked at in time was as it is now.
                let look = |free_s: f32| (free_s / KNOWN_AFTER_S * FIRST_LOOKS as f32) as usize;
                self.first[i][look(*free_s).min(FIRST_LOOKS - 1)..].fill(now);
                if *free_s + dt_s >= KNOWN_AFTER_S {
                    self.first[i].sort_by(f32::total_cmp);
                    *empty = self.first[i][FIRST_LOOKS / 2];
                }
            }
            *free_s += dt_s;
        }
        self.note_coming(f64::from(dt_s));
    }

    /// Takes how what the cells show came.
    fn note_coming(&mut self, dt_s: f64) {
        for i in 0..self.now.len() {
            let off = self.now[i] - self.gain - self.empty[i];
            let coming = &mut self.coming[i];
            let Some(leap) = coming.calm.leap(&PACE, dt_s, off) else { continue };
            if off.abs() < NOTHING_LEVELS {
                let seen = self.free_s[i] >= KNOWN_AFTER_S;
                *coming = Coming { calm: coming.calm, seen, ..Coming::default() };
            } else {
                coming.leap = coming.leap.max(leap.abs());
                coming.most = coming.most.max(off.abs());
            }
        }
    }

    /// The share of what a box differs from the empty scene that was seen to come by and by, as water and light do, rather than
    /// from one moment to the next; 0 where nothing differs.
    pub fn slow_share(&self, bbox: &BBox) -> f64 {
        let (mut slow, mut whole) = (0.0, 0.0);
        for i in self.indices(bbox) {
            let (off, coming) = ((self.now[i] - self.gain - self.empty[i]).abs(), self.coming[i]);
            if off < NOTHING_LEVELS {
                continue;
            }
            whole += off;
            if coming.seen && coming.most > 0.0 {
                slow += off * (1.0 - coming.leap / coming.most).max(0.0);
            }
        }
        if whole > 0.0 { f64::from(slow / whole) } else { 0.0 }
    }

    /// The picture as it is now and as it is when empty; `None` before the first frame.
    pub fn pictures(&self) -> Option<Pictures<'_>> {
        let shape = (self.columns, self.rows);
        (!self.now.is_empty()).then_some(Pictures { now: &self.now, empty: &self.empty, shape })
    }

    /// The cells of a box as they are now.
    pub fn patch(&self, bbox: &BBox) -> Patch {
        Patch(self.indices(bbox).map(|i| (i, self.now[i] - self.gain)).collect())
    }

    /// How much a box differs from the empty scene, grey levels; `None` where that is not known.
    pub fn difference_from_empty(&self, bbox: &BBox) -> Option<f32> {
        let known: Vec<usize> = self.indices(bbox).filter(|&i| self.free_s[i] >= KNOWN_AFTER_S).collect();
        let enough = !known.is_empty() && 2 * known.len() >= self.indices(bbox).count();
        let sum = |sum: f32, &i: &usize| sum + (self.now[i] - self.gain - self.empty[i]).abs();
        enough.then(|| known.iter().fold(0.0, sum) / known.len() as f32)
    }

    /// How much it differs from how it was, grey levels; `None` for a patch without cells, or of a larger picture.
    pub fn difference_from(&self, patch: &Patch) -> Option<f32> {
        let off = |&(i, then): &(usize, f32)| self.now.get(i).map(|now| (now - self.gain - then).abs());
        let sum = patch.0.iter().map(off).sum::<Option<f32>>()?;
        (!patch.0.is_empty()).then(|| sum / patch.0.len() as f32)
    }

    fn indices(&self, bbox: &BBox) -> impl Iterator<Item = usize> + use<> {
        let (columns, rows) = self.span(&bbox.grown(INNER));
        let width = self.columns;
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }

    fn span(&self, bbox: &BBox) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        self.grid().span(bbox)
    }

    /// How the picture is cut into cells.
    pub fn grid(&self) -> Grid {
        Grid { columns: self.columns, rows: self.rows, side_px: self.side_px }
    }

    /// How much brighter a cell is than when nobody is there, grey levels, apart from what the whole picture is;
    /// `None` where that is not known.
    pub fn off(&self, cell: usize) -> Option<f32> {
        let known = *self.free_s.get(cell)? >= KNOWN_AFTER_S;
        known.then(|| self.now[cell] - self.gain - self.empty[cell])
    }

    /// The brightness of a cell when nobody is there, grey levels.
    pub fn empty(&self, cell: usize) -> Option<f32> {
        self.empty.get(cell).copied()
    }

    fn common_gain(&self) -> f32 {
        let mut gains: Vec<f32> =
            self.now.iter().zip(&self.empty).step_by(7).map(|(now, empty)| now - empty).collect();
        if gains.is_empty() {
            return 0.0;
        }
        let middle = gains.len() / 2;
        *gains.select_nth_unstable_by(middle, f32::total_cmp).1
    }
}

fn levels(cells: &LumaCells) -> impl Iterator<Item = f32> + '_ {
    cells.means.iter().map(|&mean| f32::from(mean) / 16.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(level: impl Fn(usize, usize) -> u16) -> LumaCells {
        let means =
            (0..45).flat_map(|y| (0..80).map(move |x| (x, y))).map(|(x, y)| level(x, y) * 16).collect();
        LumaCells { columns: 80, rows: 45, side_px: 8, means }
    }

    fn update(scene: &mut Scene, cells: &LumaCells, dt_s: f64, busy: impl Iterator<Item = BBox>) {
        scene.see(cells);
        scene.learn(dt_s, busy);
    }

    #[test]
    fn what_comes_is_told_from_what_was_there_and_from_light() {
        let mut scene = Scene::default();
        for _ in 0..60 {
            update(&mut scene, &cells(|x, _| 60 + x as u16), 0.1, std::iter::empty());
        }
        let car = BBox::new(160.0, 160.0, 240.0, 210.0);
        assert!(scene.difference_from_empty(&car).unwrap() < 0.1);
        // A cloud is no car.
        update(&mut scene, &cells(|x, _| 75 + x as u16), 0.1, std::iter::empty());
        assert!(scene.difference_from_empty(&car).unwrap() < 1.0);
        let inside = |x: usize, y: usize| (20..30).contains(&x) && (20..27).contains(&y);
        let with_car = |x: usize, y: usize| if inside(x, y) { 140 } else { 60 + x as u16 };
        update(&mut scene, &cells(with_car), 0.1, std::iter::once(car));
        assert!(scene.difference_from_empty(&car).unwrap() > 40.0);
        let patch = scene.patch(&car);
        for _ in 0..100 {
            update(&mut scene, &cells(with_car), 0.1, std::iter::once(car));
        }
        assert!(scene.difference_from(&patch).unwrap() < 0.5, "it stands as it stood");
        assert!(
            scene.difference_from_empty(&car).unwrap() > 40.0,
            "what stands new does not become the scene"
        );
        update(&mut scene, &cells(|x, _| 60 + x as u16), 0.1, std::iter::empty());
        assert!(
            scene.difference_from(&patch).unwrap() > 40.0 && scene.difference_from_empty(&car).unwrap() < 1.0
        );
    }
}
