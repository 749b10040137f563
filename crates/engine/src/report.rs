//! What `wayside analyze --json` writes: the totals of one file, in the shape that the design fixes.
//! What can't be known is `null`.

use serde::Serialize;
use wayside_ingest::FileSummary;
use wayside_measure::{Quality, Totals, ZoneSummary};
use wayside_types::{
    Band, CameraId, CameraSpec, Direction, Evidence, Incident, IncidentKind, LineId, Reason, RoadUserClass,
    Severity, Timestamp, ZoneId,
};

/// The totals of one file.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whose camera file was used.
    pub camera: CameraId,
    /// What was read.
    pub video: Video,
    /// Crossings, where there were any.
    pub counts: Vec<Count>,
    /// Road users that entered by one line and left by another, where there were any.
    pub movements: Vec<MovementCount>,
    /// Road users that crossed a line and were lost from sight before another, where there were any.
    pub lost: Vec<LostCount>,
    /// Speeds at each line and direction with a crossing.
    pub speeds: Vec<Speed>,
    /// What was measured in each zone.
    pub zones: Vec<ZoneReport>,
    /// Hazards that were found.
    pub incidents: Vec<IncidentReport>,
    /// What the analysis thinks of itself.
    pub quality: QualityReport,
}

/// What was read.
#[derive(Debug, Serialize)]
pub struct Video {
    /// By its own time stamps.
    pub duration_s: f64,
    /// Frames decoded.
    pub frames: u64,
    /// Frames that went through the detector.
    pub analysed: u64,
}

/// Crossings of a line.
#[derive(Debug, Serialize)]
pub struct Count {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Which class.
    pub class: RoadUserClass,
    /// How many.
    pub count: u32,
}

/// Road users from one line to another.
#[derive(Debug, Serialize)]
pub struct MovementCount {
    /// Entered by.
    pub from: LineId,
    /// Left by.
    pub to: LineId,
    /// Which class.
    pub class: RoadUserClass,
    /// How many.
    pub count: u32,
}

/// Road users whose movement is not known.
#[derive(Debug, Serialize)]
pub struct LostCount {
    /// Entered by.
    pub from: LineId,
    /// Which class.
    pub class: RoadUserClass,
    /// How many.
    pub count: u32,
}

/// Speeds at a line, km/h; `null` where fewer than five could be trusted.
#[derive(Debug, Serialize)]
pub struct Speed {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// How many speeds could be trusted.
    pub n: u32,
    /// How many were counted and their speeds left out, because their path was too short or too far away; `null`
    /// without calibration.
    pub untrusted: Option<u32>,
    /// Their arithmetic mean.
    pub mean_kmh: Option<f64>,
    /// Their 85th percentile.
    pub p85_kmh: Option<f64>,
}

/// What was measured in a zone.
#[derive(Debug, Serialize)]
pub struct ZoneReport {
    /// Which.
    pub zone: ZoneId,
    /// Share of its area that road users stood on, averaged over time, 0 to 1.
    pub occupancy: Option<f64>,
    /// Longest queue; `null` without calibration.
    pub max_queue_m: Option<f64>,
}

/// A hazard, in seconds of the file.
#[derive(Debug, Serialize)]
pub struct IncidentReport {
    /// Which kind.
    pub kind: IncidentKind,
    /// Where.
    pub zone: Option<ZoneId>,
    /// When it began.
    pub start_s: f64,
    /// When it was detected.
    pub detected_s: f64,
    /// When it ended, if it did.
    pub end_s: Option<f64>,
    /// How bad.
    pub severity: Severity,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// What was found against what is set.
    pub why: Vec<Reason>,
}

/// What the analysis thinks of itself.
#[derive(Debug, Serialize)]
pub struct QualityReport {
    /// Road users that were followed.
    pub tracks: u64,
    /// Of these, how many crossed a line.
    pub counted: u64,
    /// Of these, how many began or ended where none should.
    pub broken: u64,
    /// What each line's count of motor vehicles, and of all others, says of itself.
    pub lines: Vec<LineQualityReport>,
}

/// What a line's count says of itself.
#[derive(Debug, Serialize)]
pub struct LineQualityReport {
    /// Which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// The classes that are counted together here.
    pub classes: Vec<RoadUserClass>,
    /// How many were counted.
    pub count: u32,
    /// The true count is to be expected between these, in 95 of 100 cases.
    pub band: [u64; 2],
    /// Share of the counted tracks that began where tracks do; `null` where nobody was counted.
    pub began_well: Option<f64>,
    /// The same of where they ended.
    pub ended_well: Option<f64>,
    /// By what signs the count may be wrong, where there are any.
    pub signs: Evidence,
}

/// Motor vehicles and all others: classes are taken for one another within each.
fn line_qualities(totals: &Totals, watched_s: f64) -> Vec<LineQualityReport> {
    let (counts, noted) = (totals.counts(), totals.quality());
    let mut keys: Vec<(LineId, Direction, bool)> =
        noted.iter().map(|n| (n.line.clone(), n.direction, n.class.is_motor_vehicle())).collect();
    keys.sort();
    keys.dedup();
    let quality = |(line, direction, motor): (LineId, Direction, bool)| {
        let is_own = |class: RoadUserClass, other: &LineId, way| {
            class.is_motor_vehicle() == motor && *other == line && way == direction
        };
        let own = counts.iter().filter(|c| is_own(c.class, &c.line, c.direction));
        let count = own.map(|c| c.count).sum();
        let mut signs = Evidence::default();
        let own = noted.iter().filter(|n| is_own(n.class, &n.line, n.direction));
        own.for_each(|n| signs.merge(&n.evidence));
        let band = Band::of(u64::from(count), &signs, watched_s, true);
        let classes = RoadUserClass::ALL.iter().copied().filter(|class| class.is_motor_vehicle() == motor);
        LineQualityReport {
            direction,
            classes: classes.collect(),
            count,
            band: [band.low, band.high],
            began_well: signs.began_well().map(|share| rounded(share, 3)),
            ended_well: signs.ended_well().map(|share| rounded(share, 3)),
            signs,
            line,
        }
    };
    keys.into_iter().map(quality).collect()
}

impl Report {
    /// The report of a file of which everything that happened is in `totals`.
    #[must_use]
    pub fn new(
        spec: &CameraSpec,
        summary: &FileSummary,
        analysed: u64,
        totals: &Totals,
        zones: &[ZoneSummary],
        incidents: Vec<IncidentReport>,
        quality: Quality,
    ) -> Self {
        let counts = totals.counts().into_iter().map(|c| Count {
            line: c.line,
            direction: c.direction,
            class: c.class,
            count: c.count,
        });
        let movements = totals.movements().into_iter().map(|m| MovementCount {
            from: m.from,
            to: m.to,
            class: m.class,
            count: m.count,
        });
        let lost = totals.lost();
        let lost = lost.into_iter().map(|l| LostCount { from: l.from, class: l.class, count: l.count });
        let speeds = totals.speeds().into_iter().map(|s| Speed {
            line: s.line,
            direction: s.direction,
            n: s.n,
            untrusted: spec.calibration.is_some().then_some(s.untrusted),
            mean_kmh: s.mean_kmh.map(|kmh| rounded(kmh, 1)),
            p85_kmh: s.p85_kmh.map(|kmh| rounded(kmh, 1)),
        });
        let zones = zones.iter().map(|zone| ZoneReport {
            zone: zone.zone.clone(),
            occupancy: zone.occupancy.map(|share| rounded(share, 3)),
            max_queue_m: zone.max_queue_m.map(|m| rounded(m, 1)),
        });
        Self {
            camera: spec.id.clone(),
            video: Video {
                duration_s: rounded(summary.duration.as_secs_f64(), 3),
                frames: summary.frames,
                analysed,
            },
            counts: counts.collect(),
            movements: movements.collect(),
            lost: lost.collect(),
            speeds: speeds.collect(),
            zones: zones.collect(),
            incidents,
            quality: QualityReport {
                tracks: quality.tracks,
                counted: quality.counted,
                broken: quality.broken,
                lines: line_qualities(totals, summary.duration.as_secs_f64()),
            },
        }
    }
}

/// Incidents in seconds since `origin`, in the order in which they began.
#[must_use]
pub fn incidents(incidents: &[&Incident], origin: Timestamp) -> Vec<IncidentReport> {
    let since = |at: Timestamp| rounded(at.duration_since(origin).as_secs_f64(), 2);
    let round = |reason: &Reason| Reason { value: rounded(reason.value, 3), ..reason.clone() };
    let mut reports: Vec<IncidentReport> = incidents
        .iter()
        .map(|incident| IncidentReport {
            kind: incident.kind,
            zone: incident.zone.clone(),
            start_s: since(incident.onset),
            detected_s: since(incident.detected),
            end_s: incident.ended.map(since),
            severity: incident.severity,
            confidence: rounded(incident.confidence, 2),
            why: incident.why.iter().map(round).collect(),
        })
        .collect();
    reports.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.kind.cmp(&b.kind)));
    reports
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
