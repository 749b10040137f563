//! The worker's loop: waits for bins, reads them from the spool, writes them, and tries again with growing
//! pauses while the database is away. It runs on a thread and runtime of its own, so that neither a busy
//! engine nor a blocked disk is anybody else's trouble.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::civil::Date;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use wayside_types::SharedClock;

use super::batch::Rows;
use super::{Shared, WriterOptions, incidents, upsert};
use crate::database::DatabaseHandle;
use crate::error::StoreError;
use crate::spool::{Load, Position};
use crate::{cameras, months};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// The worker looks for a disk with space again this often.
const IDLE: Duration = Duration::from_secs(5);
/// How long a shutdown writes what waits.
const DRAIN: Duration = Duration::from_secs(10);

/// Starts the thread.
pub(super) fn spawn(
    shared: Arc<Shared>,
    database: DatabaseHandle,
    clock: SharedClock,
    options: WriterOptions,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("wayside-writer".to_owned()).spawn(move || {
        let next = shared.spool.start();
        let worker = Worker {
            shared,
            database,
            clock,
            options,
            next,
            link: None,
            rested: false,
            pause: FIRST_PAUSE,
            earlier_closed: false,
        };
        runtime.block_on(worker.run());
    })
}

struct Worker {
    shared: Arc<Shared>,
    database: DatabaseHandle,
    clock: SharedClock,
    options: WriterOptions,
    /// Where reading the spool goes on.
    next: Position,
    link: Option<Link>,
    /// Nothing was written for a while: the connection may have broken meanwhile.
    rested: bool,
    pause: Duration,
    /// What earlier runs left open is marked.
    earlier_closed: bool,
}

/// A connection and what is known of the database behind it.
struct Link {
    connection: PgConnection,
    months: HashSet<Date>,
}

/// What a round of the loop came to.
enum Round {
    /// Something was written: there may be more.
    Written,
    /// Nothing waits.
    Nothing,
    /// The database is away.
    Failed(StoreError),
}

impl Worker {
    /// Works until asked to stop, and then until all is written, the database is away, or time is up.
    async fn run(self) {
        let mut stop = self.shared.stop.subscribe();
        let shared = Arc::clone(&self.shared);
        let too_long = async {
            // An error means that nobody can ask any more, which can't be: the sender is ours.
            drop(stop.wait_for(|stopping| *stopping).await);
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            () = self.work() => {}
            () = too_long => tracing::warn!("the database takes too long; not waiting for it any more"),
        }
        let left = shared.stats();
        if left.spooled_rows > 0 {
            tracing::warn!(rows = left.spooled_rows, "rows wait in the spool for the next run");
        }
    }

    async fn work(mut self) {
        loop {
            let stopping = self.shared.lock().stopping;
            match self.round().await {
                Round::Written => self.is_back(),
                Round::Nothing if stopping => break,
                Round::Nothing => {
                    self.rested = true;
                    self.wait_for_bins();
                }
                Round::Failed(error) => {
                    self.is_away(&error);
                    if stopping {
                        break;
                    }
                    let mut stop = self.shared.stop.subscribe();
                    // Either the pause is over or we are asked to stop: both end the wait.
                    drop(tokio::time::timeout(self.pause, stop.wait_for(|stopping| *stopping)).await);
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                }
            }
            self.report();
        }
        if let Err(error) = self.shared.spool.tidy(self.next) {
            tracing::warn!(%error, "a committed segment of the spool is left behind");
        }
        self.report();
    }

    /// Writes one batch.
    async fn round(&mut self) -> Round {
        self.shared.memory_to_spool();
        // Cameras come first, so that zeros can be filled in from the first bin on.
        if self.link.is_none() {
            match self.connect().await {
                Ok(link) => self.link = Some(link),
                Err(error) => return Round::Failed(error),
            }
        }
        match self.write_memory().await {
            Ok(false) => {}
            Ok(true) => return Round::Written,
            Err(error) => return Round::Failed(error),
        }
        let batch = match self.shared.spool.read(self.next, u64::from(self.options.batch_rows)) {
            Ok(Some(batch)) => batch,
            Ok(None) => return self.close_earlier().await,
            Err(error) => return Round::Failed(error),
        };
        if let Err(error) = self.write(&batch.load).await {
            return Round::Failed(error);
        }
        self.next = batch.next;
        if let Err(error) = self.shared.spool.release(batch.next, batch.rows) {
            // The rows are committed; a segment that can't be deleted is written again at the next start.
            tracing::warn!(%error, "a committed segment of the spool is left behind");
        }
        Round::Written
    }

    /// Nothing of earlier runs waits any more: what they left open is marked, once.
    async fn close_earlier(&mut self) -> Round {
        if self.earlier_closed {
            return Round::Nothing;
        }
        let Some(mut link) = self.link.take() else { return Round::Nothing };
        let (cameras, epoch) = (&self.options.cameras, self.options.epoch);
        let asked = incidents::close_earlier(&mut link.connection, cameras, epoch);
        match self.database.answer("the incidents of earlier runs", asked).await {
            Ok(closed) => {
                if closed > 0 {
                    tracing::info!(
                        incidents = closed,
                        "earlier runs left incidents open; nobody saw their end"
                    );
                }
                self.earlier_closed = true;
                self.link = Some(link);
                Round::Nothing
            }
            Err(error) => Round::Failed(error),
        }
    }

    /// Writes what the spool could not take straight to the database.
    async fn write_memory(&mut self) -> Result<bool, StoreError> {
        let load = {
            let mut state = self.shared.lock();
            let mut load = Load::default();
            let mut taken = 0;
            while taken < self.options.batch_rows as usize {
                if let Some(notice) = state.memory_notices.pop_front() {
                    taken += notice.rows();
                    load.notices.push(notice);
                } else if let Some(record) = state.memory.pop_front() {
                    taken += record.rows();
                    load.bins.push(record);
                } else {
                    break;
                }
            }
            state.memory_rows = state.memory_rows.saturating_sub(taken);
            load
        };
        if load.is_empty() {
            return Ok(false);
        }
        match self.write(&load).await {
            Ok(()) => Ok(true),
            Err(error) => {
                self.shared.back_to_memory(load);
                Err(error)
            }
        }
    }

    async fn connect(&mut self) -> Result<Link, StoreError> {
        let mut connection = self.database.own_connection().await?;
        let now = self.clock.now();
        months::ensure_ahead(&mut connection, now).await?;
        let (cameras, epoch) = (&self.options.cameras, Some(self.options.epoch));
        self.database.answer("the cameras", cameras::upsert(&mut connection, cameras, epoch, now)).await?;
        Ok(Link { connection, months: months::ahead(now).into_iter().collect() })
    }

    /// A connection on which nothing was written for a while, unless it broke meanwhile, as it does where PostgreSQL was started
    /// anew: that is no reason to say that the database is away.
    async fn still_there(&mut self, mut link: Link) -> Result<Option<Link>, StoreError> {
        let rested = std::mem::take(&mut self.rested);
        let asked = async { Ok(!rested || link.connection.ping().await.is_ok()) };
        let is_there = self.database.answer("whether it is there", asked).await?;
        Ok(is_there.then_some(link))
    }

    /// Commits these records. Where the database refuses the data itself, finds the record at fault and puts
    /// it aside, so that one bad record never holds up all others.
    async fn write(&mut self, load: &Load) -> Result<(), StoreError> {
        let began = self.clock.monotonic();
        let written = self.write_once(load).await;
        let took = self.clock.monotonic() - began;
        metrics::histogram!("wayside_store_write_seconds").record(took.as_secs_f64());
        self.shared.lock().stats.last_write = Some(took);
        match written {
            Err(error) if is_about_data(&error) => {}
            other => return other,
        }
        for one in load.each() {
            match self.write_once(&one).await {
                Ok(()) => {}
                Err(error) if is_about_data(&error) => self.reject(&one, &error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn write_once(&mut self, load: &Load) -> Result<(), StoreError> {
        let rows = Rows::of(load);
        // The link is taken out and put back only after success: a connection that failed or hangs is
        // dropped, which breaks it off.
        let known = match self.link.take() {
            Some(link) => self.still_there(link).await?,
            None => None,
        };
        let mut link = match known {
            Some(link) => link,
            None => self.connect().await?,
        };
        let mut wanted = rows.months();
        wanted.extend(months::ahead(self.clock.now()));
        for month in wanted {
            if !link.months.contains(&month) {
                months::ensure(&mut link.connection, month).await?;
                link.months.insert(month);
            }
        }
        self.database.answer("a batch of bins", upsert::write(&mut link.connection, &rows)).await?;
        self.link = Some(link);
        self.shared.lock().stats.written_rows += rows.len() as u64;
        metrics::counter!("wayside_store_rows_written_total").increment(rows.len() as u64);
        Ok(())
    }

    fn reject(&self, refused: &Load, error: &StoreError) -> Result<(), StoreError> {
        let path = self.shared.spool.dir().join("rejected.jsonl");
        let line = refused.to_lines();
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_data()))
            .map_err(StoreError::io("writing", path.as_path()))?;
        let camera = refused.camera();
        tracing::error!(camera, %error, file = %path.display(), "the database refuses a record; it is put aside");
        let mut state = self.shared.lock();
        state.stats.rejected_rows += refused.rows() as u64;
        state.stats.last_error = Some(error.to_string());
        Ok(())
    }

    fn wait_for_bins(&self) {
        let mut state = self.shared.lock();
        if !state.submitted && !state.stopping {
            state = self.shared.wake.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.submitted = false;
    }

    fn is_away(&mut self, error: &StoreError) {
        self.link = None;
        let mut state = self.shared.lock();
        state.stats.last_error = Some(error.to_string());
        if !state.stats.database_away {
            state.stats.database_away = true;
            tracing::warn!(%error, "closed bins and incidents can't be written and wait in the spool; trying again");
        }
    }

    fn is_back(&mut self) {
        self.pause = FIRST_PAUSE;
        let mut state = self.shared.lock();
        if state.stats.database_away {
            state.stats.database_away = false;
            tracing::info!("closed bins are written again");
        }
    }

    fn report(&self) {
        let stats = self.shared.stats();
        #[expect(clippy::cast_precision_loss, reason = "a gauge; exact far beyond any real spool")]
        {
            metrics::gauge!("wayside_store_spooled_rows").set(stats.spooled_rows as f64);
            metrics::gauge!("wayside_store_memory_rows").set(stats.memory_rows as f64);
        }
        metrics::gauge!("wayside_store_database_away").set(if stats.database_away { 1.0 } else { 0.0 });
        metrics::counter!("wayside_store_rows_lost_total").absolute(stats.lost_rows);
        metrics::counter!("wayside_store_rows_rejected_total").absolute(stats.rejected_rows);
    }
}

/// SQLSTATE classes 22 (data) and 23 (integrity): the same rows will be refused for ever.
fn is_about_data(error: &StoreError) -> bool {
    matches!(error, StoreError::Refused { code: Some(code), .. } if code.starts_with("22") || code.starts_with("23"))
}
