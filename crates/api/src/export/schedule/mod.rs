//! Exports that are made again and again: a file for each hour or day, once its bins are final, written into a directory or
//! posted to an address (`target`). `period` says which stretch of time is next; what was made last is kept in a file, so that
//! a restart makes what was missed in between and nothing twice. What a file holds is the formats' work.

mod period;
mod target;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wayside_config::{ExportFormat, ExportSettings, ExportTarget, ExportWhat};
use wayside_store::query::{GroupBy, GroupKey, MeasurementKind, MeasurementQuery};

use self::period::{Period, due};
use super::datex::{self, DatexError};
use super::format::Format;
use super::rows::{ExportError, Parts};
use super::{geojson, xlsx};
use crate::state::ApiParts;

/// How often is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The pause after a first failure; it doubles with each.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// The longest pause.
const RETRY_MAX: Duration = Duration::from_secs(900);

/// Exports that run until they are stopped.
pub struct Exports {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Exports {
    /// Starts making what these settings want. What was made last is kept under `dir`.
    #[must_use]
    pub fn start(parts: &ApiParts, settings: Vec<ExportSettings>, dir: &Path) -> Self {
        describe_metrics();
        let exports = Self { stop: CancellationToken::new(), tasks: TaskTracker::new() };
        for settings in settings {
            let export = Export::new(parts, settings, dir);
            let stop = exports.stop.clone();
            exports.tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = export.run() => {}
                }
            });
        }
        exports.tasks.close();
        exports
    }

    /// Stops them; what was not finished is made at the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn describe_metrics() {
    metrics::describe_counter!(
        "wayside_exports_total",
        "Scheduled exports, by name and whether they were made"
    );
}

/// Why an export was not made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It can never be made as it is configured.
    #[error("{0}")]
    Never(String),
    /// Another attempt may succeed.
    #[error("{0}")]
    Later(String),
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::TooMuch(reason) => Self::Never(reason),
            error => Self::Later(error.to_string()),
        }
    }
}

impl From<DatexError> for Failure {
    fn from(error: DatexError) -> Self {
        match error {
            DatexError::NoSite => Self::Never(error.to_string()),
            error => Self::Later(error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Later(error.to_string())
    }
}

/// One export.
struct Export {
    parts: ApiParts,
    settings: ExportSettings,
    /// Where is kept what was made last.
    state: PathBuf,
    /// Where a file lies until it is posted.
    outbox: PathBuf,
}

impl Export {
    fn new(parts: &ApiParts, settings: ExportSettings, dir: &Path) -> Self {
        let mut parts = parts.clone();
        if !settings.cameras.is_empty() {
            let wanted = parts.cameras.iter().filter(|camera| settings.cameras.contains(&camera.id));
            parts.cameras = wanted.cloned().collect::<Vec<_>>().into();
        }
        let state = dir.join(format!("{}.made", settings.name));
        Self { parts, state, outbox: dir.join("outbox"), settings }
    }

    /// Makes what is due, for ever.
    async fn run(&self) {
        let mut pause = RETRY_FIRST;
        loop {
            let wait = match self.turn().await {
                Ok(()) => {
                    pause = RETRY_FIRST;
                    LOOK_EVERY
                }
                Err(failure) => {
                    let name = &self.settings.name;
                    tracing::warn!(export = %name, %failure, wait_s = pause.as_secs(), "an export failed; it is tried again");
                    metrics::counter!("wayside_exports_total", "export" => name.clone(), "result" => "failed")
                        .increment(1);
                    let wait = pause;
                    pause = (pause * 2).min(RETRY_MAX);
                    wait
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Makes everything that is due now, the oldest first.
    async fn turn(&self) -> Result<(), Failure> {
        let name = &self.settings.name;
        loop {
            let last = self.last_made().await?;
            let now = self.parts.clock.now();
            let Some(next) = due(&self.settings, last, now, &self.parts.time_zone) else { return Ok(()) };
            if next.skipped {
                tracing::warn!(export = %name, from = %next.period.start, "exports that were missed too long ago are left out");
            }
            // Bins that wait on disk are not in the database yet.
            if (self.parts.writer_stats)().spooled_rows > 0 {
                return Ok(());
            }
            let result = match self.make(next.period).await {
                Ok(()) => "made",
                Err(Failure::Never(reason)) => {
                    tracing::error!(export = %name, from = %next.period.start, reason, "an export can't be made and is left out");
                    "impossible"
                }
                Err(failure) => return Err(failure),
            };
            self.note_made(next.period.end).await?;
            metrics::counter!("wayside_exports_total", "export" => name.clone(), "result" => result)
                .increment(1);
            tracing::info!(export = %name, from = %next.period.start, result, "an export is done");
        }
    }

    /// Makes the file of a period and brings it to where it goes.
    async fn make(&self, period: Period) -> Result<(), Failure> {
        let name = self.file_name(period);
        let directory = match &self.settings.target {
            ExportTarget::Directory(directory) => directory.as_path(),
            ExportTarget::Post { .. } => self.outbox.as_path(),
        };
        fs::create_dir_all(directory).await?;
        let whole = directory.join(&name);
        // Only a whole file gets its name: readers of the directory never see half of one.
        let partial = directory.join(format!(".{name}.partial"));
        let written = self.write(period, &partial).await;
        if let Err(failure) = written {
            // What could be written is of no use; a file that was never begun is not there.
            let _ = fs::remove_file(&partial).await;
            return Err(failure);
        }
        fs::rename(&partial, &whole).await?;
        sync_directory(directory).await?;
        if let ExportTarget::Post { url, bearer, ca_file } = &self.settings.target {
            let key = format!("{}/{}", self.settings.name, period.start);
            let post = target::Post {
                url: url.clone(),
                bearer: bearer.clone(),
                ca_file: ca_file.clone(),
                media_type: media_type(self.settings.format),
                name,
                key,
            };
            target::post(post, whole.clone()).await.map_err(Failure::Later)?;
            fs::remove_file(&whole).await?;
        }
        Ok(())
    }

    async fn write(&self, period: Period, path: &Path) -> Result<(), Failure> {
        let mut file = fs::File::create(path).await?;
        let (parts, span) = (&self.parts, (period.start, period.end));
        match self.settings.what {
            ExportWhat::Lines | ExportWhat::Movements | ExportWhat::Zones => {
                let format = table_format(self.settings.format);
                let mut rows = Parts::start(parts.database.clone(), self.query(period), format).await?;
                while let Some(part) = rows.next().await? {
                    file.write_all(&part).await?;
                }
            }
            ExportWhat::Study => file.write_all(&xlsx::workbook(parts, self.query(period)).await?).await?,
            ExportWhat::MeasuredData => {
                file.write_all(&datex::measured_data(parts, span, self.settings.bin).await?).await?;
            }
            ExportWhat::Sites => file.write_all(&datex::site_table(parts)?).await?,
            ExportWhat::Map => {
                let map = geojson::map(parts).await.map_err(|error| Failure::Later(error.to_string()))?;
                file.write_all(map.to_string().as_bytes()).await?;
            }
        }
        file.sync_all().await?;
        Ok(())
    }

    fn query(&self, period: Period) -> MeasurementQuery {
        let zone = self.parts.time_zone.clone();
        let mut query = MeasurementQuery::new(period.start, period.end, self.settings.bin, zone);
        query.with_quality = true;
        query.cameras = self.parts.cameras.iter().map(|camera| camera.id.clone()).collect();
        (query.kind, query.group_by) = match self.settings.what {
            ExportWhat::Movements => {
                (MeasurementKind::Movements, [GroupKey::From, GroupKey::To, GroupKey::Class].into())
            }
            ExportWhat::Zones => (MeasurementKind::Zones, GroupBy::new()),
            _ => (query.kind, query.group_by),
        };
        query
    }

    /// The same for the same period, and in the order of time.
    fn file_name(&self, period: Period) -> String {
        let at = period.start.strftime("%Y%m%dT%H%M%SZ");
        let end = match self.settings.format {
            ExportFormat::Csv => "csv",
            ExportFormat::Json => "json",
            ExportFormat::Parquet => "parquet",
            ExportFormat::Xlsx => "xlsx",
            ExportFormat::Datex2 => "xml",
            ExportFormat::Geojson => "geojson",
        };
        format!("{}-{at}.{end}", self.settings.name)
    }

    /// When the period ended that was made last.
    async fn last_made(&self) -> Result<Option<Timestamp>, Failure> {
        match fs::read_to_string(&self.state).await {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn note_made(&self, end: Timestamp) -> Result<(), Failure> {
        if let Some(dir) = self.state.parent() {
            fs::create_dir_all(dir).await?;
        }
        let new = self.state.with_extension("new");
        let mut file = fs::File::create(&new).await?;
        file.write_all(end.to_string().as_bytes()).await?;
        file.sync_all().await?;
        fs::rename(&new, &self.state).await?;
        Ok(())
    }
}

/// A new name in a directory is safe once the directory is.
async fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory).await?.sync_all().await
}

const fn table_format(format: ExportFormat) -> Format {
    match format {
        ExportFormat::Json => Format::Json,
        ExportFormat::Parquet => Format::Parquet,
        _ => Format::Csv,
    }
}

const fn media_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => Format::Csv.media_type(),
        ExportFormat::Json => Format::Json.media_type(),
        ExportFormat::Parquet => Format::Parquet.media_type(),
        ExportFormat::Xlsx => Format::Xlsx.media_type(),
        ExportFormat::Datex2 => datex::MEDIA_TYPE,
        ExportFormat::Geojson => geojson::MEDIA_TYPE,
    }
}
