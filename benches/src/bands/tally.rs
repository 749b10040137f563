//! Counting beside the truth: the tracker and the measurer that ship, over detections frame by frame. Of the first and
//! last seconds nothing is asked: a camera that runs all day has no beginnings.

use std::collections::BTreeMap;
use std::time::Duration;

use wayside_measure::{Event, Measurer};
use wayside_track::Tracker;
use wayside_types::{
    CameraSpec, Detection, Direction, Evidence, FrameSize, LineId, RoadUserClass, Timestamp,
};

/// So many seconds at the beginning and at the end are not asked about.
pub const LEAD_S: f64 = 6.0;
pub const TAIL_S: f64 = 3.0;

/// What kind of scene a bin is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// Made boxes of a road with traffic.
    #[default]
    Made,
    /// Drawn pictures of one.
    Drawn,
    /// Made boxes of a road where hardly anybody comes, for long.
    MadeQuiet,
    /// Drawn pictures of one, half of them by night.
    DrawnQuiet,
}

impl Origin {
    pub const ALL: [Self; 4] = [Self::Made, Self::Drawn, Self::MadeQuiet, Self::DrawnQuiet];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Drawn => "drawn",
            Self::MadeQuiet => "made, quiet",
            Self::DrawnQuiet => "drawn, quiet",
        }
    }
}

/// A line, one way, over a scene.
#[derive(Debug, Clone, Default)]
pub struct Bin {
    /// From when to when it is asked about, seconds of the scene.
    pub window_s: (f64, f64),
    /// Of which scene, for what is shared by all of its bins.
    pub scene: u64,
    pub origin: Origin,
    /// Which line and way.
    pub line: String,
    pub classes: BTreeMap<RoadUserClass, Cell>,
}

/// One class of a bin: when it truly crossed, when it was counted (seconds), and what was noted in the window.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub true_s: Vec<f64>,
    pub counted_s: Vec<f64>,
    pub evidence: Evidence,
}

/// A scene while it is counted.
pub struct Tally {
    tracker: Tracker,
    measurer: Measurer,
    window_s: (f64, f64),
    last_s: f64,
    bins: BTreeMap<(LineId, Direction), Bin>,
}

impl Tally {
    /// Of a scene of so many seconds.
    ///
    /// # Errors
    /// When the camera's lines can't be measured.
    pub fn new(spec: &CameraSpec, size: FrameSize, seconds: f64) -> anyhow::Result<Self> {
        Ok(Self {
            tracker: Tracker::new(spec.profile.track, size),
            measurer: Measurer::new(spec, size)?,
            window_s: (LEAD_S, seconds - TAIL_S),
            last_s: 0.0,
            bins: BTreeMap::new(),
        })
    }

    /// Somebody truly crossed a line.
    pub fn crossed(&mut self, line: LineId, direction: Direction, class: RoadUserClass, at_s: f64) {
        let bin = self.bins.entry((line, direction)).or_default();
        bin.classes.entry(class).or_default().true_s.push(at_s);
    }

    /// What was detected at a moment.
    pub fn see(&mut self, at_s: f64, found: &[Detection]) {
        let tracks = self.tracker.update(instant(at_s), found);
        let events = self.measurer.update(instant(at_s), &tracks);
        self.take(events);
        self.last_s = at_s;
    }

    /// The bins of a scene of this kind and number.
    pub fn finish(mut self, origin: Origin, scene: u64) -> Vec<Bin> {
        let ended = self.tracker.finish();
        let events = self.measurer.update(instant(self.last_s), &ended);
        self.take(events);
        let events = self.measurer.finish();
        self.take(events);
        let window_s = self.window_s;
        let named = self.bins.into_iter().map(|((line, direction), bin)| {
            let line = format!("{line} {}", direction.as_str());
            Bin { window_s, scene, origin, line, ..bin }
        });
        named.collect()
    }

    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            let at_s = event.at().duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
            match event {
                Event::Crossing(c) => {
                    let bin = self.bins.entry((c.line, c.direction)).or_default();
                    bin.classes.entry(c.class).or_default().counted_s.push(at_s);
                }
                Event::Noted(n) if (self.window_s.0..self.window_s.1).contains(&at_s) => {
                    let bin = self.bins.entry((n.line, n.direction)).or_default();
                    bin.classes.entry(n.class).or_default().evidence.merge(&n.evidence);
                }
                _ => {}
            }
        }
    }
}

fn instant(at_s: f64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs_f64(at_s)
}
