//! Counts in bins of any length, summed exactly from what is stored: minutes for motor vehicles, quarters of
//! an hour for everyone else and for movements. Here is what may be asked and what is refused; pages
//! are cut in `pager`, the rest is done by the modules beside.

use std::collections::BTreeSet;

use wayside_types::{
    BinLength, CameraId, Direction, Grade, LineId, RoadUserClass, Scheme, TimeZone, Timestamp, ZoneId,
};

use super::bins::Span;
use super::fetch::{self, Drawings};
use super::fill::GroupCounts;
use super::flow::{LineFlow, ZoneFlow};
use super::pager::Pager;
use super::quality::LineQuality;
use super::{Cursor, Page};
use crate::database::Database;
use crate::error::StoreError;
use crate::writer::plural;

/// Most rows of a page.
const LIMIT_MAX: u32 = 10_000;
/// Most bins of a query: three years of minutes.
const BINS_MAX: i64 = 1_600_000;

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasurementKind {
    /// Crossings of lines.
    Lines,
    /// Road users that entered by one line and left by another.
    Movements,
    /// What zones were like. Rows are told apart by zone, not by class.
    Zones,
}

/// Something to tell rows apart by. Cameras are always told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    /// The line; for line counts.
    Line,
    /// The direction; for line counts.
    Direction,
    /// The line by which they entered; for movements.
    From,
    /// The line by which they left; for movements.
    To,
    /// The class.
    Class,
}

/// What rows are told apart by; whatever is not here is summed over.
pub type GroupBy = BTreeSet<GroupKey>;

/// What becomes of movement cells under 3. A cell is what is stored: two lines, a class and a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SmallCells {
    /// Their number is hidden, and no sum holds them: else one could be had by taking its neighbours off a sum.
    #[default]
    Suppress,
    /// They are shown: for an engineer of the owning department only.
    Show,
}

/// The least count of a movement's cell that may be shown to everybody.
pub(crate) const LEAST_CELL: i64 = 3;

impl SmallCells {
    /// The least count of a cell that may be shown or go into a sum.
    pub(super) fn least(self) -> i64 {
        match self {
            Self::Suppress => LEAST_CELL,
            Self::Show => 0,
        }
    }
}

/// A question.
#[derive(Debug, Clone)]
pub struct MeasurementQuery {
    /// Which cameras; empty for all.
    pub cameras: Vec<CameraId>,
    /// Which lines; empty for all. A movement is wanted when it begins or ends at one of them.
    pub lines: Vec<LineId>,
    /// Which zones; empty for all. For zones only.
    pub zones: Vec<ZoneId>,
    /// Which classes; empty for all that the bin's length allows.
    pub classes: Vec<RoadUserClass>,
    /// What was counted.
    pub kind: MeasurementKind,
    /// Bins that start here or later…
    pub from: Timestamp,
    /// …and before this.
    pub to: Timestamp,
    /// How long the bins are.
    pub bin: BinLength,
    /// What rows are told apart by.
    pub group_by: GroupBy,
    /// Tells classes apart by the groups of this scheme, and adds up passenger-car units. Not for zones.
    pub scheme: Option<Scheme>,
    /// Whether speeds, headways and occupancy are wanted: they are most of the work.
    pub flows: bool,
    /// On whose clock bins are cut: the site's.
    pub zone: TimeZone,
    /// What becomes of movement cells under 3.
    pub small_cells: SmallCells,
    /// Whether lines in bins of a quarter of an hour or longer tell how far their counts can be trusted.
    pub with_quality: bool,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// Most rows of the page, 1 to 10,000.
    pub limit: u32,
}

impl MeasurementQuery {
    /// Line counts of all cameras in a stretch of time, by line, direction and class.
    #[must_use]
    pub fn new(from: Timestamp, to: Timestamp, bin: BinLength, zone: TimeZone) -> Self {
        Self {
            cameras: Vec::new(),
            lines: Vec::new(),
            zones: Vec::new(),
            classes: Vec::new(),
            kind: MeasurementKind::Lines,
            from,
            to,
            bin,
            group_by: GroupBy::from([GroupKey::Line, GroupKey::Direction, GroupKey::Class]),
            scheme: None,
            flows: true,
            zone,
            small_cells: SmallCells::Suppress,
            with_quality: false,
            cursor: None,
            limit: 1_000,
        }
    }

    /// The classes of the answer.
    ///
    /// # Errors
    /// [`StoreError::TooFine`] for a class or movements in bins shorter than the privacy rule allows.
    pub fn allowed_classes(&self) -> Result<Vec<RoadUserClass>, StoreError> {
        let what = match self.kind {
            MeasurementKind::Lines => None,
            MeasurementKind::Movements => Some("movements"),
            MeasurementKind::Zones => Some("zones"),
        };
        if let Some(what) = what.filter(|_| self.bin < BinLength::Minute15) {
            let shortest = BinLength::Minute15;
            return Err(StoreError::TooFine { what: what.to_owned(), shortest, asked: self.bin });
        }
        if self.kind == MeasurementKind::Zones {
            // One stands for all: zones are measured for cars, buses and lorries together.
            return Ok(vec![RoadUserClass::Car]);
        }
        if self.classes.is_empty() {
            let all = RoadUserClass::ALL.iter().copied();
            return Ok(all.filter(|class| class.shortest_bin() <= self.bin).collect());
        }
        match self.classes.iter().find(|class| class.shortest_bin() > self.bin) {
            Some(class) => Err(StoreError::TooFine {
                what: plural(*class),
                shortest: class.shortest_bin(),
                asked: self.bin,
            }),
            None => {
                let unique: BTreeSet<RoadUserClass> = self.classes.iter().copied().collect();
                Ok(unique.into_iter().collect())
            }
        }
    }

    fn check(&self, most: u32) -> Result<(), StoreError> {
        let bad = |field, reason| Err(StoreError::BadQuery { field, reason });
        if !(1..=most).contains(&self.limit) {
            return bad("limit", format!("{} is not within 1 to {most}", self.limit));
        }
        if self.to <= self.from {
            return bad("to", format!("{} is not after from ({})", self.to, self.from));
        }
        let asked = self.to.duration_since(self.from).as_secs() / i64::from(self.bin.nominal_s());
        if asked > BINS_MAX {
            return bad(
                "to",
                format!(
                    "{asked} bins of {} are more than {BINS_MAX}; ask for longer bins or less time",
                    self.bin
                ),
            );
        }
        let (known, reason): (&[GroupKey], _) = match self.kind {
            MeasurementKind::Lines => (
                &[GroupKey::Line, GroupKey::Direction, GroupKey::Class],
                "line counts group by line, direction and class",
            ),
            MeasurementKind::Movements => {
                (&[GroupKey::From, GroupKey::To, GroupKey::Class], "movements group by from, to and class")
            }
            MeasurementKind::Zones => (&[], "zones are told apart by zone alone"),
        };
        if self.group_by.iter().any(|key| !known.contains(key)) {
            return bad("group", reason.to_owned());
        }
        Ok(())
    }
}

/// What a row counts; a part is absent where rows are not told apart by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowSubject {
    /// Crossings.
    Line {
        /// Of which line.
        line: Option<LineId>,
        /// Which way.
        direction: Option<Direction>,
    },
    /// A movement.
    Movement {
        /// Entered by.
        from: Option<LineId>,
        /// Left by.
        to: Option<LineId>,
    },
    /// What a zone was like.
    Zone {
        /// Which.
        zone: ZoneId,
    },
}

/// A row of the answer. There is one for every group and bin that the camera watched, also when nothing was
/// counted; bins that it did not watch have none.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasurementRow {
    /// Whose.
    pub camera: CameraId,
    /// What was counted.
    pub subject: RowSubject,
    /// Of which class; absent where rows are not told apart by it.
    pub class: Option<RoadUserClass>,
    /// Of which group of the scheme; absent without one and where rows are not told apart by class.
    pub group: Option<String>,
    /// Start of the bin, inclusive.
    pub start: Timestamp,
    /// End of the bin, exclusive.
    pub end: Timestamp,
    /// The count by the hour: of classes that are stored in minutes and of those that are stored in quarters of an hour by what was
    /// observed of either. Absent where nothing was, and as the count.
    pub flow_per_h: Option<f64>,
    /// The same in passenger-car units of the scheme; absent without one.
    pub pcu_per_h: Option<f64>,
    /// How many; absent where hidden, and for zones. Of movements the sum of those cells that may be shown.
    pub count: Option<u64>,
    /// Whether the number is hidden because no cell of it is of 3 or more: show "<3".
    pub suppressed: bool,
    /// How the line was crossed; for lines in bins of a quarter of an hour or longer.
    pub flow: Option<LineFlow>,
    /// How far the count can be trusted; for lines in such bins, where the query asks for it.
    pub quality: Option<LineQuality>,
    /// What the zone was like; for zones.
    pub zone: Option<ZoneFlow>,
    /// Seconds of the bin that were observed.
    pub observed_s: f64,
    /// Share of the frames due that were dropped, 0 to 1.
    pub dropped_share: f64,
    /// How far to trust it.
    pub grade: Grade,
    /// Whether every part of the bin has been stored and at least 98 % of it was observed: a number to
    /// compare with others. A bin that is still running is not complete.
    pub complete: bool,
}

/// Answers a page: rows by camera, bin, and then line and direction (or from and to) and class as text.
///
/// # Errors
/// [`StoreError::BadQuery`] and [`StoreError::TooFine`] for a question that can't be answered,
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn measurements(
    db: &Database,
    query: &MeasurementQuery,
) -> Result<Page<MeasurementRow>, StoreError> {
    query.check(LIMIT_MAX)?;
    Scene::of(db, query).await?.page(db, query).await
}

/// The cameras of a question and what was drawn on them: the same for questions that differ in time only.
pub(super) struct Scene {
    cameras: Vec<CameraId>,
    drawn: Drawings,
}

impl Scene {
    pub(super) async fn of(db: &Database, query: &MeasurementQuery) -> Result<Self, StoreError> {
        query.allowed_classes()?;
        db.schema().await?;
        let cameras = wanted_cameras(db, query).await?;
        let names: Vec<String> = cameras.iter().map(ToString::to_string).collect();
        let drawn = fetch::drawings(db, &names).await?;
        Ok(Self { cameras, drawn })
    }

    /// Crossings of these bins by camera and group, if there are no more than `most`.
    pub(super) async fn counted(
        &self,
        db: &Database,
        query: &MeasurementQuery,
        spans: &[Span],
        most: usize,
    ) -> Result<Option<Vec<(CameraId, Vec<GroupCounts>)>>, StoreError> {
        query.check(LIMIT_MAX)?;
        let pager = Pager::new(db, query, query.allowed_classes()?, &self.drawn);
        pager.counted(&self.cameras, spans, most).await
    }

    async fn page(
        &self,
        db: &Database,
        query: &MeasurementQuery,
    ) -> Result<Page<MeasurementRow>, StoreError> {
        let mut pager = Pager::new(db, query, query.allowed_classes()?, &self.drawn);
        pager.run(&self.cameras).await?;
        Ok(pager.page())
    }
}

/// The cameras of the query that are not behind the cursor, by id.
async fn wanted_cameras(db: &Database, query: &MeasurementQuery) -> Result<Vec<CameraId>, StoreError> {
    let from = query.cursor.as_ref().map(|cursor| &cursor.camera);
    if query.cameras.is_empty() {
        return fetch::all_cameras(db, from.map_or("", CameraId::as_str)).await;
    }
    let unique: BTreeSet<&CameraId> = query.cameras.iter().collect();
    Ok(unique.into_iter().filter(|camera| from.is_none_or(|from| *camera >= from)).cloned().collect())
}
