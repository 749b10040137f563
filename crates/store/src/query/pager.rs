//! Cuts answers into pages: asks for the bins of some cameras at a time, as many as a page and a statement take, and
//! collects their rows.

use sqlx::postgres::PgConnection;
use wayside_types::{BinLength, CameraId, LineId, RoadUserClass, Timestamp};

use super::bins::{Span, bins};
use super::coverage::{CoverageMap, coverage};
use super::days::{DAY, Days, Parts, floor_to_day};
use super::fetch::{self, Drawings, Drawn, Scope, Sum, Wanted};
use super::fill::{Group, GroupCounts, Material, base_length_s};
use super::flow;
use super::measurements::{GroupKey, MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject};
use super::{Cursor, Page, movements, quality};
use crate::database::Database;
use crate::error::StoreError;
use crate::lengths::{MINUTE_S, QUARTER_S};

/// About how many stored rows one statement may go through.
const SCAN_MAX: usize = 1_000_000;
/// Fewer cameras than this are not worth a second connection.
const MANY: usize = 200;

/// What is stored of some cameras and bins; lists are in the order of cameras.
struct Stored {
    days: Days,
    sums: Vec<Sum>,
    flows: Vec<flow::Flow>,
    zones: Vec<flow::StoredZone>,
    coverage: CoverageMap,
}

/// Collects rows until there is one more than the page takes.
pub(super) struct Pager<'a> {
    db: &'a Database,
    query: &'a MeasurementQuery,
    classes: Vec<RoadUserClass>,
    drawn: &'a Drawings,
    rows: Vec<MeasurementRow>,
}

impl<'a> Pager<'a> {
    pub(super) fn new(
        db: &'a Database,
        query: &'a MeasurementQuery,
        classes: Vec<RoadUserClass>,
        drawn: &'a Drawings,
    ) -> Self {
        Self { db, query, classes, drawn, rows: Vec::new() }
    }

    fn wanted(&self) -> usize {
        (self.query.limit as usize + 1).saturating_sub(self.rows.len())
    }

    /// Goes through these cameras until the page is full.
    pub(super) async fn run(&mut self, cameras: &[CameraId]) -> Result<(), StoreError> {
        let mut at = 0;
        let resumed = self.query.cursor.as_ref().and_then(|cursor| Some((&cursor.camera, cursor.start?)));
        if let (Some((camera, start)), Some(first)) = (resumed, cameras.first())
            && camera == first
        {
            // From the start of its day on, which is read whole; what was given out already is left out once more.
            let start = start.max(self.query.from);
            let from = self.whole_days().map_or(start, |_| floor_to_day(start).max(self.query.from));
            let again = start.duration_since(from).as_secs() / i64::from(self.query.bin.nominal_s());
            self.walk(first, from, usize::try_from(again).unwrap_or_default()).await?;
            at = 1;
        }
        while at < cameras.len() && self.wanted() > 0 {
            // Cameras whose whole answer is short are asked together.
            let together = self.together(&cameras[at..]);
            if together.len() > 1 {
                self.ask_many(&cameras[at..at + together.len()], &together.spans).await?;
                at += together.len();
            } else {
                self.walk(&cameras[at], self.query.from, 0).await?;
                at += 1;
            }
        }
        Ok(())
    }

    /// Goes through one camera's bins, some at a time, until the page is full. The first `again` were given out already.
    async fn walk(&mut self, camera: &CameraId, from: Timestamp, again: usize) -> Result<(), StoreError> {
        let groups = self.groups(camera);
        let most = (SCAN_MAX / (self.stored_a_bin() * groups)).max(1);
        let (mut from, mut again) = (from, again);
        let mut patience = 1;
        while self.wanted() > 0 {
            let some = (self.wanted() / groups + 2).saturating_mul(patience).saturating_add(again).min(most);
            again = 0;
            let mut spans = bins(self.query.bin, from, self.query.to, &self.query.zone, some);
            self.fill_days(&mut spans);
            let Some(last) = spans.last() else { return Ok(()) };
            from = last.end;
            let before = self.rows.len();
            let rows = self.ask(std::slice::from_ref(camera), &spans).await?;
            self.add(rows);
            // A stretch without coverage is crossed in growing steps.
            patience = if self.rows.len() == before { patience.saturating_mul(4) } else { 1 };
        }
        Ok(())
    }

    /// How many bins a packed day has, where answers are made of such: a day that is read in part is read row by row.
    fn whole_days(&self) -> Option<usize> {
        let (kind, bin) = (self.query.kind, self.query.bin);
        let packed = kind == MeasurementKind::Lines && bin >= BinLength::Minute15 && bin < BinLength::Day;
        packed.then(|| (BinLength::Day.nominal_s() / bin.nominal_s()) as usize)
    }

    /// Adds what is missing to the last day of bins that are of a day or more.
    fn fill_days(&self, spans: &mut Vec<Span>) {
        let (Some(last), Some(day)) = (spans.last(), self.whole_days()) else { return };
        let (end, to) = (last.end, self.query.to);
        if spans.len() >= day && floor_to_day(end) < end {
            let next = floor_to_day(end).checked_add(DAY).map_or(to, |next| next.min(to));
            spans.extend(bins(self.query.bin, end, next, &self.query.zone, day));
        }
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

    /// Asks for all of these cameras; half of many on a second connection, so that the server works on two of its cores.
    async fn ask_many(&mut self, cameras: &[CameraId], spans: &[Span]) -> Result<(), StoreError> {
        if cameras.len() < MANY {
            let rows = self.ask(cameras, spans).await?;
            self.add(rows);
            return Ok(());
        }
        let (first, second) = cameras.split_at(cameras.len() / 2);
        let (first, second) = tokio::try_join!(self.ask(first, spans), self.ask(second, spans))?;
        self.add(first);
        self.add(second);
        Ok(())
    }

    /// Keeps as many of these rows as there is room for.
    fn add(&mut self, mut rows: Vec<MeasurementRow>) {
        rows.truncate(self.wanted());
        if self.rows.is_empty() {
            self.rows = rows;
        } else {
            self.rows.append(&mut rows);
        }
    }

    /// Asks for all of these cameras and bins at one moment, so that nothing is missing or twice that is summed meanwhile;
    /// gives the rows after the cursor.
    async fn ask(&self, cameras: &[CameraId], spans: &[Span]) -> Result<Vec<MeasurementRow>, StoreError> {
        let names: Vec<String> = cameras.iter().map(ToString::to_string).collect();
        let mut snapshot = self.db.snapshot().await?;
        let mut stored = self.read(&mut snapshot, &names, spans).await?;
        let mut flows = std::mem::take(&mut stored.flows);
        let material = self.material(&stored);
        let mut rows = Vec::new();
        let room = self.wanted();
        for camera in cameras {
            let mut of_camera = material.rows(camera, spans, &mut flows)?;
            of_camera.retain(|row| is_after(self.query.cursor.as_ref(), row));
            of_camera.truncate(room.saturating_sub(rows.len()));
            // Rows are large: those of a single camera are not moved again.
            if rows.is_empty() {
                rows = of_camera;
            } else {
                rows.append(&mut of_camera);
            }
        }
        let scope = Scope { cameras: &names, spans, rest: stored.days.rest() };
        quality::add(self.db, &mut snapshot, self.query, &self.classes, (scope, &stored.days), &mut rows)
            .await?;
        // Dropped it would be ended later, by whoever takes the connection next.
        self.db.answer("the end of a question", snapshot.commit()).await?;
        Ok(rows)
    }

    /// Crossings of these bins, without making rows of them; a page has no part in it. No more than `most` are counted.
    pub(super) async fn counted(
        &self,
        cameras: &[CameraId],
        spans: &[Span],
        most: usize,
    ) -> Result<Option<Vec<(CameraId, Vec<GroupCounts>)>>, StoreError> {
        let groups = self.groups_of(self.drawn.values());
        let scanned = spans.len().max(1) * groups * self.stored_a_bin();
        let mut counted = Vec::with_capacity(cameras.len());
        let mut known = 0;
        for some in cameras.chunks((SCAN_MAX / scanned).clamp(1, 1_000)) {
            let names: Vec<String> = some.iter().map(ToString::to_string).collect();
            let mut snapshot = self.db.snapshot().await?;
            let stored = self.read(&mut snapshot, &names, spans).await?;
            self.db.answer("the end of a question", snapshot.commit()).await?;
            let material = self.material(&stored);
            for camera in some {
                let counts = material.counts(camera, spans)?;
                known += counts.iter().map(|group| group.of.len()).sum::<usize>();
                counted.push((camera.clone(), counts));
            }
            if known > most {
                return Ok(None);
            }
        }
        Ok(Some(counted))
    }

    fn material<'m>(&'m self, stored: &'m Stored) -> Material<'m> {
        Material {
            query: self.query,
            classes: &self.classes,
            sums: &stored.sums,
            zones: &stored.zones,
            coverage: &stored.coverage,
            drawn: self.drawn,
        }
    }

    /// Reads what is stored of these cameras and bins.
    async fn read(
        &self,
        snapshot: &mut PgConnection,
        cameras: &[String],
        spans: &[Span],
    ) -> Result<Stored, StoreError> {
        let of_lines = self.query.kind == MeasurementKind::Lines;
        let parts = Parts {
            counts: of_lines,
            flows: of_lines && self.has_flows(),
            signs: quality::is_wanted(self.query),
        };
        let mut days = Days::read(self.db, snapshot, cameras, spans, parts).await?;
        let mut flows = self.take_flows(&mut days)?;
        let scope = Scope { cameras, spans, rest: days.rest() };
        let mut sums = self.sums(snapshot, scope, &days).await?;
        flows.extend(self.flows(snapshot, scope).await?);
        let mut zones = self.zones(snapshot, scope).await?;
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
        let coverage = coverage(self.db, snapshot, scope, &days, &lengths).await?;
        Ok(Stored { days, sums, flows, zones, coverage })
    }

    async fn sums(
        &self,
        snapshot: &mut PgConnection,
        scope: Scope<'_>,
        days: &Days,
    ) -> Result<Vec<Sum>, StoreError> {
        let kind = self.query.kind;
        let lines = self.lines();
        let mut sums = Vec::new();
        for base_s in [MINUTE_S, QUARTER_S] {
            let of_length =
                self.classes.iter().copied().filter(|class| base_length_s(kind, *class) == base_s);
            let classes = fetch::names(of_length);
            let wanted = Wanted { base_s, classes: &classes, lines: &lines, apart: self.apart() };
            match kind {
                MeasurementKind::Lines => {
                    sums.extend(days.lines(wanted));
                    sums.extend(fetch::lines(self.db, snapshot, scope, wanted).await?);
                }
                MeasurementKind::Movements => {
                    let small = self.query.small_cells;
                    sums.extend(movements::movements(self.db, snapshot, scope, wanted, small).await?);
                }
                MeasurementKind::Zones => {}
            }
        }
        Ok(sums)
    }

    /// Whether line, direction and class are to be told apart until rows are made.
    fn apart(&self) -> [bool; 3] {
        let by = |key: GroupKey| self.query.group_by.contains(&key);
        [by(GroupKey::Line), by(GroupKey::Direction), by(GroupKey::Class) || self.query.scheme.is_some()]
    }

    fn has_flows(&self) -> bool {
        self.query.flows && self.query.bin >= BinLength::Minute15
    }

    /// The flows of packed days.
    fn take_flows(&self, days: &mut Days) -> Result<Vec<flow::Flow>, StoreError> {
        let (lines, classes) = (self.lines(), fetch::names(self.classes.iter().copied()));
        let wanted = Wanted { base_s: QUARTER_S, classes: &classes, lines: &lines, apart: self.apart() };
        days.take_flows(wanted)
    }

    /// The stored flow bins that the answer is made of.
    async fn flows(
        &self,
        snapshot: &mut PgConnection,
        scope: Scope<'_>,
    ) -> Result<Vec<flow::Flow>, StoreError> {
        if self.query.kind != MeasurementKind::Lines || !self.has_flows() {
            return Ok(Vec::new());
        }
        let (lines, classes) = (self.lines(), fetch::names(self.classes.iter().copied()));
        let wanted = Wanted { base_s: QUARTER_S, classes: &classes, lines: &lines, apart: self.apart() };
        flow::flows(self.db, snapshot, scope, wanted).await
    }

    /// The stored zone bins that the answer is made of.
    async fn zones(
        &self,
        snapshot: &mut PgConnection,
        scope: Scope<'_>,
    ) -> Result<Vec<flow::StoredZone>, StoreError> {
        if self.query.kind != MeasurementKind::Zones {
            return Ok(Vec::new());
        }
        let zones: Vec<String> = self.query.zones.iter().map(ToString::to_string).collect();
        flow::zones(self.db, snapshot, scope, &zones).await
    }

    fn lines(&self) -> Vec<String> {
        self.query.lines.iter().map(ToString::to_string).collect()
    }

    /// How many rows a bin of this camera may have.
    fn groups(&self, camera: &CameraId) -> usize {
        let versions = self.drawn.range((camera.to_string(), String::new())..);
        let own = versions.take_while(|((owner, _), _)| owner == camera.as_str());
        self.groups_of(own.map(|(_, drawn)| drawn))
    }

    /// How many rows a bin of a camera may have that one of these was drawn on.
    fn groups_of<'d>(&self, drawn: impl Iterator<Item = &'d Drawn>) -> usize {
        let by = &self.query.group_by;
        if self.query.kind == MeasurementKind::Zones {
            return drawn.map(|drawn| drawn.zones.len()).max().unwrap_or_default().max(1);
        }
        let lines = drawn.map(|drawn| drawn.lines.len()).max().unwrap_or_default().max(1);
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

    pub(super) fn page(mut self) -> Page<MeasurementRow> {
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
    let at = (&row.camera, row.start).cmp(&(camera, *start));
    at.then_with(|| group_of(row).cmp(group)).is_gt()
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
