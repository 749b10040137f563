//! Counts in bins of any length, summed exactly from what is stored: minutes for motor vehicles, quarters of
//! an hour for everyone else and for movements. Here is what may be asked, what is refused, and how pages
//! are cut; the work is done by the modules beside.

use std::collections::BTreeSet;

use wayside_types::{
    BinLength, CameraId, Direction, Grade, LineId, RoadUserClass, Scheme, TimeZone, Timestamp, ZoneId,
};

use super::bins::{Span, bins};
use super::coverage::coverage;
use super::fetch::{self, Drawings, Scope, Sum, Wanted};
use super::fill::{Group, MINUTE_S, Material, QUARTER_S, base_length_s};
use super::flow::{self, LineFlow, ZoneFlow};
use super::quality::{self, LineQuality};
use super::{Cursor, Page};
use crate::database::Database;
use crate::error::StoreError;
use crate::writer::plural;

/// Most rows of a page.
const LIMIT_MAX: u32 = 10_000;
/// Most bins of a query: three years of minutes.
const BINS_MAX: i64 = 1_600_000;
/// About how many stored rows one statement may go through.
const SCAN_MAX: usize = 1_000_000;

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

impl SmallCells {
    /// The least count of a cell that may be shown or go into a sum.
    pub(super) fn least(self) -> i64 {
        match self {
            Self::Suppress => 3,
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

    fn check(&self) -> Result<(), StoreError> {
        let bad = |field, reason| Err(StoreError::BadQuery { field, reason });
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            return bad("limit", format!("{} is not within 1 to {LIMIT_MAX}", self.limit));
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
    /// The count in passenger-car units of the scheme; absent without one, and as the count.
    pub pcu: Option<f64>,
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
    query.check()?;
    let classes = query.allowed_classes()?;
    db.schema().await?;
    let cameras = wanted_cameras(db, query).await?;
    let names: Vec<String> = cameras.iter().map(ToString::to_string).collect();
    let drawn = fetch::drawings(db, &names).await?;
    let mut pager = Pager { db, query, classes: classes.clone(), drawn, rows: Vec::new() };
    pager.run(&cameras).await?;
    let mut page = pager.page();
    quality::add(db, query, &classes, &mut page.items).await?;
    Ok(page)
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

/// Collects rows until there is one more than the page takes.
struct Pager<'a> {
    db: &'a Database,
    query: &'a MeasurementQuery,
    classes: Vec<RoadUserClass>,
    drawn: Drawings,
    rows: Vec<MeasurementRow>,
}

impl Pager<'_> {
    fn wanted(&self) -> usize {
        (self.query.limit as usize + 1).saturating_sub(self.rows.len())
    }

    async fn run(&mut self, cameras: &[CameraId]) -> Result<(), StoreError> {
        let mut at = 0;
        let resumed = self.query.cursor.as_ref().and_then(|cursor| Some((&cursor.camera, cursor.start?)));
        if let (Some((camera, start)), Some(first)) = (resumed, cameras.first())
            && camera == first
        {
            self.walk(first, start.max(self.query.from)).await?;
            at = 1;
        }
        while at < cameras.len() && self.wanted() > 0 {
            // Cameras whose whole answer is short are asked together.
            let together = self.together(&cameras[at..]);
            if together.len() > 1 {
                self.ask(&cameras[at..at + together.len()], &together.spans).await?;
                at += together.len();
            } else {
                self.walk(&cameras[at], self.query.from).await?;
                at += 1;
            }
        }
        Ok(())
    }

    /// Goes through one camera's bins, some at a time, until the page is full.
    async fn walk(&mut self, camera: &CameraId, from: Timestamp) -> Result<(), StoreError> {
        let groups = self.groups(camera);
        let most = (SCAN_MAX / (self.stored_a_bin() * groups)).max(1);
        let mut from = from;
        let mut patience = 1;
        while self.wanted() > 0 {
            let some = (self.wanted() / groups + 2).saturating_mul(patience).min(most);
            let spans = bins(self.query.bin, from, self.query.to, &self.query.zone, some);
            let Some(last) = spans.last() else { return Ok(()) };
            from = last.end;
            let before = self.rows.len();
            self.ask(std::slice::from_ref(camera), &spans).await?;
            // A stretch without coverage is crossed in growing steps.
            patience = if self.rows.len() == before { patience.saturating_mul(4) } else { 1 };
        }
        Ok(())
    }

    /// How many of the next cameras can be asked at once, and for which bins.
    fn together(&self, cameras: &[CameraId]) -> Together {
        let (from, to) = (self.query.from, self.query.to);
        let spans = bins(self.query.bin, from, to, &self.query.zone, self.wanted());
        let all = spans.last().is_none_or(|last| last.end >= to);
        let (mut rows, mut scanned, mut count) = (0, 0, 0);
        for camera in cameras.iter().take(1_000) {
            rows += spans.len() * self.groups(camera);
            scanned += spans.len() * self.groups(camera) * self.stored_a_bin();
            if !all || rows > self.wanted() || scanned > SCAN_MAX {
                break;
            }
            count += 1;
        }
        Together { count, spans }
    }

    async fn ask(&mut self, cameras: &[CameraId], spans: &[Span]) -> Result<(), StoreError> {
        let names: Vec<String> = cameras.iter().map(ToString::to_string).collect();
        let scope = Scope { cameras: &names, spans };
        let mut sums = self.sums(scope).await?;
        let (mut flows, mut zones) = self.flows(scope).await?;
        sums.sort_by(|a, b| a.camera.cmp(&b.camera));
        flows.sort_by(|a, b| a.camera.cmp(&b.camera));
        // Of one camera they stay in the order of time.
        zones.sort_by(|a, b| a.camera.cmp(&b.camera));
        let mut lengths: Vec<i32> =
            self.classes.iter().map(|class| base_length_s(self.query.kind, *class)).collect();
        if self.query.bin >= BinLength::Minute15 {
            lengths.push(QUARTER_S);
        }
        lengths.sort_unstable();
        lengths.dedup();
        let coverage = coverage(self.db, scope, &lengths).await?;
        let material = Material {
            query: self.query,
            classes: &self.classes,
            sums: &sums,
            flows: &flows,
            zones: &zones,
            coverage: &coverage,
            drawn: &self.drawn,
        };
        for camera in cameras {
            let rows = material.rows(camera, spans)?;
            let room = (self.query.limit as usize + 1).saturating_sub(self.rows.len());
            let query = self.query;
            self.rows.extend(rows.into_iter().filter(|row| is_after(query.cursor.as_ref(), row)).take(room));
        }
        Ok(())
    }

    async fn sums(&self, scope: Scope<'_>) -> Result<Vec<Sum>, StoreError> {
        let kind = self.query.kind;
        let lines: Vec<String> = self.query.lines.iter().map(ToString::to_string).collect();
        let by = |key: GroupKey| self.query.group_by.contains(&key);
        let class = by(GroupKey::Class) || self.query.scheme.is_some();
        let apart = [by(GroupKey::Line), by(GroupKey::Direction), class];
        let mut sums = Vec::new();
        for base_s in [MINUTE_S, QUARTER_S] {
            let of_length =
                self.classes.iter().copied().filter(|class| base_length_s(kind, *class) == base_s);
            let classes = fetch::names(of_length);
            let wanted = Wanted { base_s, classes: &classes, lines: &lines, apart };
            sums.extend(match kind {
                MeasurementKind::Lines => fetch::lines(self.db, scope, wanted).await?,
                MeasurementKind::Movements => {
                    fetch::movements(self.db, scope, wanted, self.query.small_cells.least()).await?
                }
                MeasurementKind::Zones => Vec::new(),
            });
        }
        Ok(sums)
    }

    /// The stored flow bins and zone bins that the answer is made of.
    async fn flows(&self, scope: Scope<'_>) -> Result<(Vec<flow::Flow>, Vec<flow::StoredZone>), StoreError> {
        let query = self.query;
        match query.kind {
            MeasurementKind::Lines if query.flows && query.bin >= BinLength::Minute15 => {
                let lines: Vec<String> = query.lines.iter().map(ToString::to_string).collect();
                let classes = fetch::names(self.classes.iter().copied());
                Ok((flow::flows(self.db, scope, &classes, &lines).await?, Vec::new()))
            }
            MeasurementKind::Zones => {
                let zones: Vec<String> = query.zones.iter().map(ToString::to_string).collect();
                Ok((Vec::new(), flow::zones(self.db, scope, &zones).await?))
            }
            _ => Ok((Vec::new(), Vec::new())),
        }
    }

    /// How many rows a bin of this camera may have.
    fn groups(&self, camera: &CameraId) -> usize {
        let by = &self.query.group_by;
        let versions = self.drawn.range((camera.to_string(), String::new())..);
        let own = versions.take_while(|((owner, _), _)| owner == camera.as_str());
        if self.query.kind == MeasurementKind::Zones {
            return own.map(|(_, drawn)| drawn.zones.len()).max().unwrap_or_default().max(1);
        }
        let lines = own.map(|(_, drawn)| drawn.lines.len()).max().unwrap_or_default().max(1);
        let factor = |key: GroupKey, n: usize| if by.contains(&key) { n } else { 1 };
        factor(GroupKey::Line, lines)
            * factor(GroupKey::Direction, 2)
            * factor(GroupKey::From, lines)
            * factor(GroupKey::To, lines)
            * factor(GroupKey::Class, self.classes.len().max(1))
    }

    /// How many stored bins make one bin of the answer.
    fn stored_a_bin(&self) -> usize {
        let bin_s = self.query.bin.nominal_s();
        let stored_s = match self.query.kind {
            MeasurementKind::Lines if bin_s >= 3_600 => 3_600,
            MeasurementKind::Lines if bin_s < 900 => 60,
            _ => 900,
        };
        (bin_s / stored_s).max(1) as usize
    }

    fn page(mut self) -> Page<MeasurementRow> {
        let limit = self.query.limit as usize;
        let more = self.rows.len() > limit;
        self.rows.truncate(limit);
        let next = self.rows.last().filter(|_| more).map(|row| Cursor {
            camera: row.camera.clone(),
            start: Some(row.start),
            group: group_of(row),
        });
        Page { items: self.rows, next }
    }
}

/// Some bins, and how many cameras can be asked for all of them at once.
struct Together {
    count: usize,
    spans: Vec<Span>,
}

impl Together {
    fn len(&self) -> usize {
        self.count
    }
}

/// Whether a row comes after the cursor.
fn is_after(cursor: Option<&Cursor>, row: &MeasurementRow) -> bool {
    let Some(Cursor { camera, start: Some(start), group }) = cursor else { return true };
    (&row.camera, row.start, group_of(row)) > (camera, *start, group.clone())
}

/// The parts of a row's key after camera and bin.
pub(super) fn group_of(row: &MeasurementRow) -> Group {
    let text = |id: &Option<LineId>| id.as_ref().map(ToString::to_string).unwrap_or_default();
    let class = row.class.map(|class| class.as_str().to_owned());
    let class = class.or_else(|| row.group.clone()).unwrap_or_default();
    match &row.subject {
        RowSubject::Line { line, direction } => {
            [text(line), direction.map(|way| way.as_str().to_owned()).unwrap_or_default(), class]
        }
        RowSubject::Movement { from, to } => [text(from), text(to), class],
        RowSubject::Zone { zone } => [zone.to_string(), String::new(), String::new()],
    }
}
