//! Counts held against a person's tally, and how far apart they were: what a tally is of, the comparisons that are kept,
//! and how they are made (`compare`). Asking for the tally is the binary's and the page's work.

mod compare;

use std::fmt;
use std::str::FromStr;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx};
use wayside_types::{CameraId, Direction, LineId, RoadUserClass, Timestamp};

use crate::database::Database;
use crate::error::StoreError;
use crate::query::stored;

pub use compare::{Compared, Stretch, Tally, compare};

/// What was tallied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TallyClass {
    /// Cars, buses and lorries.
    Motor,
    /// Bicycles and motorcycles.
    TwoWheeler,
    /// One class.
    One(RoadUserClass),
}

impl TallyClass {
    /// What may be given.
    pub const ACCEPTED: &str = "one of: motor car bus truck motorcycle bicycle pedestrian two_wheeler";

    /// The name used in tallies and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Motor => "motor",
            Self::TwoWheeler => "two_wheeler",
            Self::One(class) => class.as_str(),
        }
    }

    /// Whether it holds a class.
    #[must_use]
    pub fn holds(self, class: RoadUserClass) -> bool {
        match self {
            Self::Motor => class.is_motor_vehicle(),
            Self::TwoWheeler => matches!(class, RoadUserClass::Bicycle | RoadUserClass::Motorcycle),
            Self::One(one) => one == class,
        }
    }

    /// The classes that it holds.
    pub fn classes(self) -> impl Iterator<Item = RoadUserClass> {
        RoadUserClass::ALL.iter().copied().filter(move |class| self.holds(*class))
    }
}

impl std::str::FromStr for TallyClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(group) = [Self::Motor, Self::TwoWheeler].into_iter().find(|group| group.as_str() == text)
        {
            return Ok(group);
        }
        text.parse().map(Self::One).map_err(|_| format!("class {text:?} is not {}", Self::ACCEPTED))
    }
}

/// One count and one tally of the same stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Whose count.
    pub camera: CameraId,
    /// Of which line.
    pub line: LineId,
    /// Which way.
    pub direction: Direction,
    /// Of whom.
    pub class: TallyClass,
    /// When the stretch began.
    pub start: Timestamp,
    /// How long it was: whole minutes, up to a day.
    pub length_s: u32,
    /// What Wayside counted.
    pub counted: u32,
    /// What a person counted.
    pub tallied: u32,
    /// How many seconds of the stretch the camera observed.
    pub observed_s: f64,
    /// When the two were compared.
    pub made_at: Timestamp,
}

impl Audit {
    /// The GEH statistic of the two flows by the hour: √(2 (m − c)² ÷ (m + c)). Below 5 is held to be a good
    /// agreement (UK Design Manual for Roads and Bridges, volume 12a). 0 where nobody was counted either way.
    #[must_use]
    pub fn geh(&self) -> f64 {
        let by_the_hour = |n: u32| f64::from(n) * 3_600.0 / f64::from(self.length_s.max(1));
        let (m, c) = (by_the_hour(self.counted), by_the_hour(self.tallied));
        if m + c > 0.0 { (2.0 * (m - c).powi(2) / (m + c)).sqrt() } else { 0.0 }
    }

    /// By how many per cent of the tally the count is off; absent where nobody was tallied.
    #[must_use]
    pub fn error_percent(&self) -> Option<f64> {
        let (counted, tallied) = (f64::from(self.counted), f64::from(self.tallied));
        (self.tallied > 0).then(|| 100.0 * (counted - tallied) / tallied)
    }
}

/// Keeps comparisons; one of the same count that was made before is replaced.
///
/// # Errors
/// [`StoreError::Refused`] for a class in a shorter stretch than the privacy rule allows, and
/// [`StoreError::Unavailable`]; nothing is kept then.
pub async fn keep(db: &Database, audits: &[Audit]) -> Result<(), StoreError> {
    db.schema().await?;
    let mut transaction = db.answer("a transaction", db.pool().begin()).await?;
    for audit in audits {
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let written = sqlx::query!(
            "INSERT INTO audit (camera, line, direction, class, start_at, length_s, counted, tallied, observed_s,
             geh, error_percent, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (camera, start_at, length_s, line, direction, class) DO UPDATE SET
             counted = EXCLUDED.counted, tallied = EXCLUDED.tallied, observed_s = EXCLUDED.observed_s,
             geh = EXCLUDED.geh, error_percent = EXCLUDED.error_percent, made_at = EXCLUDED.made_at",
            audit.camera.as_str(),
            audit.line.as_str(),
            audit.direction.as_str(),
            audit.class.as_str(),
            audit.start.to_sqlx() as _,
            number(audit.length_s),
            number(audit.counted),
            number(audit.tallied),
            audit.observed_s,
            audit.geh(),
            audit.error_percent(),
            audit.made_at.to_sqlx() as _,
        )
        .execute(&mut *transaction);
        db.answer("an audit", written).await?;
    }
    db.answer("an audit", transaction.commit()).await
}

/// After which comparison a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCursor {
    start: Timestamp,
    length_s: u32,
    line: LineId,
    direction: Direction,
    class: TallyClass,
}

impl AuditCursor {
    /// After this one.
    #[must_use]
    pub fn after(audit: &Audit) -> Self {
        let Audit { start, length_s, direction, class, .. } = *audit;
        Self { start, length_s, line: audit.line.clone(), direction, class }
    }
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, length_s, line, direction, class } = self;
        let (start, direction, class) = (start.as_second(), direction.as_str(), class.as_str());
        write!(f, "{start}.{length_s}.{line}.{direction}.{class}")
    }
}

impl FromStr for AuditCursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no cursor");
        let parts: Vec<&str> = text.split('.').collect();
        let [start, length_s, line, direction, class] = parts.as_slice() else { return Err(bad()) };
        let start =
            start.parse().ok().and_then(|second| Timestamp::from_second(second).ok()).ok_or_else(bad)?;
        Ok(Self {
            start,
            length_s: length_s.parse().ok().filter(|length_s| *length_s <= 86_400).ok_or_else(bad)?,
            line: LineId::new(line).map_err(|_| bad())?,
            direction: direction.parse().map_err(|_| bad())?,
            class: class.parse().map_err(|_| bad())?,
        })
    }
}

/// The newest comparisons of a camera, newest first, at most `limit`, from the first or after one.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    db: &Database,
    camera: &CameraId,
    after: Option<&AuditCursor>,
    limit: u32,
) -> Result<Vec<Audit>, StoreError> {
    db.schema().await?;
    let rows = sqlx::query!(
        r#"SELECT line, direction, class, start_at AS "start_at: SqlTimestamp", length_s, counted, tallied,
           observed_s, made_at AS "made_at: SqlTimestamp"
           FROM audit WHERE camera = $1 AND ($3::timestamptz IS NULL OR start_at < $3
             OR start_at = $3 AND (length_s, line, direction, class) > ($4, $5, $6, $7))
           ORDER BY start_at DESC, length_s, line, direction, class LIMIT $2"#,
        camera.as_str(),
        i64::from(limit),
        after.map(|after| after.start.to_sqlx()) as _,
        after.map_or(0, |after| i32::try_from(after.length_s).unwrap_or(i32::MAX)),
        after.map_or("", |after| after.line.as_str()),
        after.map_or("", |after| after.direction.as_str()),
        after.map_or("", |after| after.class.as_str()),
    )
    .fetch_all(db.pool());
    let mut audits = Vec::new();
    for row in db.answer("the audits", rows).await? {
        let number = |n: i32| u32::try_from(n).unwrap_or(0);
        audits.push(Audit {
            camera: camera.clone(),
            line: stored(LineId::new(&row.line))?,
            direction: stored(row.direction.parse::<Direction>())?,
            class: stored(row.class.parse())?,
            start: row.start_at.to_jiff(),
            length_s: number(row.length_s),
            counted: number(row.counted),
            tallied: number(row.tallied),
            observed_s: row.observed_s,
            made_at: row.made_at.to_jiff(),
        });
    }
    Ok(audits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(counted: u32, tallied: u32, length_s: u32) -> Audit {
        Audit {
            camera: CameraId::new("a").unwrap(),
            line: LineId::new("l").unwrap(),
            direction: Direction::Forward,
            class: TallyClass::Motor,
            start: Timestamp::UNIX_EPOCH,
            length_s,
            counted,
            tallied,
            observed_s: f64::from(length_s),
            made_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn geh_is_of_flows_by_the_hour() {
        // 1000 against 900 an hour, also when a quarter of an hour was tallied.
        let whole = (2.0_f64 * 100.0 * 100.0 / 1900.0).sqrt();
        assert!((audit(1000, 900, 3_600).geh() - whole).abs() < 1e-9);
        assert!((audit(250, 225, 900).geh() - whole).abs() < 1e-9);
        assert_eq!(audit(0, 0, 900).geh(), 0.0);
        assert_eq!(audit(7, 7, 900).geh(), 0.0);
    }

    #[test]
    fn the_error_is_a_share_of_the_tally() {
        assert_eq!(audit(95, 100, 900).error_percent(), Some(-5.0));
        assert_eq!(audit(3, 0, 900).error_percent(), None);
    }

    #[test]
    fn a_cursor_survives_being_text() {
        let text = "1790000000.900.east-in.forward.two_wheeler";
        assert_eq!(text.parse::<AuditCursor>().unwrap().to_string(), text);
        for bad in [
            "",
            "1.2.3",
            "x.900.l.forward.motor",
            "1.900.L.forward.motor",
            "1.90000.l.forward.motor",
            "1.900.l.up.motor",
        ] {
            assert!(bad.parse::<AuditCursor>().unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn classes_are_named_alone_or_together() {
        assert_eq!("motor".parse(), Ok(TallyClass::Motor));
        assert_eq!("bicycle".parse(), Ok(TallyClass::One(RoadUserClass::Bicycle)));
        assert_eq!("two_wheeler".parse(), Ok(TallyClass::TwoWheeler));
        let two: Vec<_> = TallyClass::TwoWheeler.classes().collect();
        assert_eq!(two, [RoadUserClass::Motorcycle, RoadUserClass::Bicycle]);
        assert!("van".parse::<TallyClass>().unwrap_err().contains("motor car bus"));
        assert!(
            TallyClass::Motor.holds(RoadUserClass::Truck) && !TallyClass::Motor.holds(RoadUserClass::Bicycle)
        );
    }
}
