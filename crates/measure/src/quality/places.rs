//! Where the tracks of a camera usually begin and end: at the picture's edge, at zones that are ignored, and wherever
//! else many do, as where a road comes out from behind a house or goes over the horizon. Learnt from all of them together;
//! in memory only.

use wayside_types::{FrameSize, Point, Zone, ZoneKind};

const COLUMNS: usize = 16;
const ROWS: usize = 9;
/// A cell where so many began, and so many times as many as in a cell on average, is a usual place.
const MANY: u32 = 5;
const TIMES: u32 = 4;
/// An ignored zone is taken to be this much nearer, in box units: who enters it is not detected any more.
const NEAR_UNITS: f64 = 0.7;

/// Numbers of beginnings or ends by place.
#[derive(Debug, Clone)]
struct Grid {
    cells: [u32; COLUMNS * ROWS],
    all: u32,
}

impl Grid {
    const EMPTY: Self = Self { cells: [0; COLUMNS * ROWS], all: 0 };

    fn note(&mut self, cell: usize) {
        if let Some(n) = self.cells.get_mut(cell) {
            *n = n.saturating_add(1);
            self.all = self.all.saturating_add(1);
        }
        // What was usual long ago need not be any more: a tree grew, a house was built.
        if self.all >= 20_000 {
            self.cells.iter_mut().for_each(|n| *n /= 2);
            self.all = self.cells.iter().sum();
        }
    }

    fn is_usual(&self, cell: usize) -> bool {
        let n = self.cells.get(cell).copied().unwrap_or_default();
        n >= MANY && u64::from(n) * (COLUMNS * ROWS) as u64 >= u64::from(TIMES) * u64::from(self.all)
    }
}

/// See above.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    width: f64,
    height: f64,
    ignored: Vec<Zone>,
    begins: Grid,
    ends: Grid,
}

impl Places {
    pub fn new(size: FrameSize, zones: &[Zone]) -> Self {
        Self {
            width: f64::from(size.width),
            height: f64::from(size.height),
            ignored: zones.iter().filter(|zone| zone.kind == ZoneKind::Ignore).cloned().collect(),
            begins: Grid::EMPTY,
            ends: Grid::EMPTY,
        }
    }

    /// Whether a track that began here (px), at the edge of the picture or not, of this box unit, began where tracks do.
    pub fn began(&self, p: Point, unit: f64, at_edge: bool) -> bool {
        at_edge || self.is_ignored_near(p, unit) || self.begins.is_usual(self.cell(p))
    }

    /// The same of its end.
    pub fn ended(&self, p: Point, unit: f64, at_edge: bool) -> bool {
        at_edge || self.is_ignored_near(p, unit) || self.ends.is_usual(self.cell(p))
    }

    /// Learns where the track of a road user began and ended, where that was within the picture.
    pub fn learn(&mut self, began: Option<Point>, ended: Option<Point>) {
        let (began, ended) = (began.map(|p| self.cell(p)), ended.map(|p| self.cell(p)));
        began.into_iter().for_each(|cell| self.begins.note(cell));
        ended.into_iter().for_each(|cell| self.ends.note(cell));
    }

    fn is_ignored_near(&self, p: Point, unit: f64) -> bool {
        let by = NEAR_UNITS * unit;
        let around = [(0.0, 0.0), (by, 0.0), (-by, 0.0), (0.0, by), (0.0, -by)];
        let shares = |(dx, dy)| Point::new((p.x + dx) / self.width, (p.y + dy) / self.height);
        around.into_iter().map(shares).any(|p| self.ignored.iter().any(|zone| zone.contains(p)))
    }

    fn cell(&self, p: Point) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the grid")]
        let index = |share: f64, n: usize| ((share * n as f64).max(0.0) as usize).min(n - 1);
        index(p.y / self.height, ROWS) * COLUMNS + index(p.x / self.width, COLUMNS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::ZoneId;

    #[test]
    fn a_place_where_many_begin_becomes_usual() {
        let ignored = Zone {
            id: ZoneId::new("trees").unwrap(),
            kind: ZoneKind::Ignore,
            polygon: [(0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0)].map(|(x, y)| Point::new(x, y)).to_vec(),
            heading: None,
            closed_to: Vec::new(),
            free_flow_kmh: None,
        };
        let mut places = Places::new(FrameSize { width: 640, height: 360 }, &[ignored]);
        let (gate, elsewhere) = (Point::new(400.0, 100.0), Point::new(300.0, 300.0));
        assert!(places.began(elsewhere, 30.0, true), "the edge");
        assert!(places.began(Point::new(145.0, 200.0), 30.0, false), "near what is ignored");
        for n in 0..20 {
            assert_eq!(places.began(gate, 30.0, false), n >= 5, "{n}");
            places.learn(Some(gate), None);
        }
        assert!(!places.began(elsewhere, 30.0, false));
        assert!(!places.ended(gate, 30.0, false), "where many begin, few need end");
    }
}
