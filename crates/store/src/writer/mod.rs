//! Brings closed bins and incidents into the database without ever making the engine wait for it. What a batch looks like
//! is `batch`, `flow_columns`, `incidents` and `stills`, its SQL `upsert`, the loop that retries `worker`, the files
//! [`crate::spool`].
//!
//! The protocol, which loses and doubles no closed bin whatever is killed when:
//!
//! 1. A bin closes; [`Writer::submit`] appends it to the spool and returns when it is synced. From here on
//!    it is safe.
//! 2. The worker reads the spool, upserts in batches, each in one transaction, and deletes a segment once all
//!    of it is committed. A kill between commit and delete has the segment written again, which changes
//!    nothing: rows are absolute and their key holds the run's epoch.
//! 3. Every 10 s the engine saves the bins that are still open to the [`crate::Checkpoint`].
//! 4. At the next start [`Writer::recover`] submits what the checkpoint holds, still under the old epoch and
//!    with the coverage that was observed; then what is left in the spool is written; then a new epoch
//!    ([`crate::epoch::next`]) begins. Where a bin had closed after the last checkpoint, the upsert keeps
//!    the larger count, so the stale checkpoint lowers nothing.
//!
//! Incidents go the same way. Of those that were open when a run ended, the checkpoint says when each was last seen;
//! and once all that earlier runs left is written, whatever they left open is marked: nobody saw its end.
//!
//! While the database is away, bins wait on disk. While the spool's disk is full, they wait in memory, up to
//! a bound, are written to the database directly if that is there, and every loss is an error and counted.

mod batch;
mod flow_columns;
mod incidents;
mod quality_columns;
mod stills;
mod upsert;
mod worker;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wayside_types::{CameraSpec, ClosedBins, IncidentRecord, IncidentStill, SharedClock};

use crate::checkpoint::Checkpoint;
use crate::database::DatabaseHandle;
use crate::error::StoreError;
use crate::spool::{Load, Notice, Spool};

pub(crate) use batch::plural;
pub(crate) use flow_columns::FlowColumns;
pub(crate) use upsert::write_flows;

/// What a writer needs to know besides where its spool is.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// The number of this run, from [`crate::epoch::next`].
    pub epoch: i64,
    /// Written before the first bins, whenever the database can first be reached.
    pub cameras: Vec<CameraSpec>,
    /// About how many rows go into one transaction.
    pub batch_rows: u32,
    /// How many rows may wait in memory while the spool can't be written.
    pub memory_rows: usize,
}

impl WriterOptions {
    /// For these cameras in this run, with batches of 5,000 rows and at most 200,000 rows in memory (about
    /// 100 MB).
    #[must_use]
    pub fn new(epoch: i64, cameras: Vec<CameraSpec>) -> Self {
        Self { epoch, cameras, batch_rows: 5_000, memory_rows: 200_000 }
    }
}

/// How the writer is doing. Nothing here says what was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Rows in the spool that wait for the database.
    pub spooled_rows: u64,
    /// Rows in memory, because the spool can't be written.
    pub memory_rows: u64,
    /// Rows that the database has committed since the start; a row written twice counts twice.
    pub written_rows: u64,
    /// Rows lost because spool, memory and database all failed.
    pub lost_rows: u64,
    /// Rows that broke a rule and were put aside.
    pub rejected_rows: u64,
    /// Damaged records found in the spool.
    pub damaged_records: u64,
    /// Whether the last attempt to write the database failed.
    pub database_away: bool,
    /// How long the last batch took, committed or failed.
    pub last_write: Option<Duration>,
    /// The last fault, for people; it stays when the fault is over.
    pub last_error: Option<String>,
}

/// Takes closed bins and sees to it that they end up in the database. Cheap to clone; all clones are one.
/// When the last is dropped the worker ends, and what it has not written stays in the spool.
#[derive(Debug, Clone)]
pub struct Writer {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// What submitting threads and the worker share.
#[derive(Debug)]
struct Shared {
    spool: Spool,
    memory_limit: usize,
    state: Mutex<State>,
    wake: Condvar,
    /// Wakes the worker while it waits for the database.
    stop: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// Something was submitted since the worker last looked.
    submitted: bool,
    stopping: bool,
    /// Bins and notices that the spool could not take.
    memory: VecDeque<ClosedBins>,
    memory_notices: VecDeque<Notice>,
    memory_rows: usize,
    spool_failing: bool,
    stats: WriterStats,
}

impl Writer {
    /// Opens the spool and starts the worker, which at once writes what an earlier run left there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has the spool, [`StoreError::Io`] and
    /// [`StoreError::DiskFull`] when it can't be read or made.
    pub fn start(
        database: DatabaseHandle,
        spool_dir: &Path,
        clock: SharedClock,
        options: WriterOptions,
    ) -> Result<Self, StoreError> {
        let spool = Spool::open(spool_dir)?;
        let waiting = spool.waiting_rows();
        if waiting > 0 {
            tracing::info!(rows = waiting, "the spool holds rows of an earlier run; writing them first");
        }
        let stats = WriterStats { damaged_records: spool.damaged(), ..WriterStats::default() };
        let shared = Arc::new(Shared {
            spool,
            memory_limit: options.memory_rows,
            state: Mutex::new(State { submitted: true, stats, ..State::default() }),
            wake: Condvar::new(),
            stop: tokio::sync::watch::Sender::new(false),
        });
        let worker = worker::spawn(Arc::clone(&shared), database, clock, options)
            .map_err(StoreError::io("starting a thread for", spool_dir))?;
        Ok(Self { handle: Arc::new(Handle { shared, worker: Mutex::new(Some(worker)) }) })
    }

    /// Keeps these bins: returns when they are synced to the spool. Never waits for the database. Many small
    /// calls cost a sync each; threads that call at the same time share one.
    ///
    /// When the spool can't be written (a full disk), the bins are kept in memory, the fault is logged once
    /// and counted in [`WriterStats`], and the call succeeds.
    ///
    /// # Errors
    /// [`StoreError::BadBin`] or [`StoreError::TooFine`] for bins that must not be stored; the others of the
    /// call are kept. [`StoreError::Overflow`] when neither disk nor memory can take more: these are lost.
    pub fn submit(&self, closed: Vec<ClosedBins>) -> Result<(), StoreError> {
        self.handle.shared.submit(closed)
    }

    /// Keeps these incidents as they stand, like [`Writer::submit`] keeps bins. A record may come again, and late: the
    /// newest stays.
    ///
    /// # Errors
    /// [`StoreError::BadIncident`] for records that must not be stored; the others of the call are kept.
    /// [`StoreError::Overflow`] when neither disk nor memory can take more.
    pub fn submit_incidents(&self, records: Vec<IncidentRecord>) -> Result<(), StoreError> {
        self.handle.shared.submit_incidents(records)
    }

    /// Keeps a still, after its incident.
    ///
    /// # Errors
    /// [`StoreError::BadIncident`] for one that must not be stored; [`StoreError::Overflow`] when neither disk nor memory
    /// can take more.
    pub fn submit_still(&self, still: IncidentStill) -> Result<(), StoreError> {
        stills::check(&still)?;
        self.handle.shared.take(Load::of_notices(vec![Notice::Still(still)]), None)
    }

    /// Submits what was open when an earlier run ended, under that run's epoch. Call it before the engine
    /// saves its first checkpoint. Returns how many bins there were.
    ///
    /// # Errors
    /// Those of [`Checkpoint::load`] and [`Writer::submit`].
    pub fn recover(&self, checkpoint: &Checkpoint) -> Result<usize, StoreError> {
        let Some(open) = checkpoint.load()? else { return Ok(0) };
        let (bins, incidents) = (open.bins.len(), open.incidents.len());
        if bins > 0 {
            tracing::info!(bins, "writing the bins that were open when the last run ended");
            self.submit(open.bins)?;
        }
        if incidents > 0 {
            tracing::info!(incidents, "incidents were open when the last run ended; nobody saw their end");
            self.submit_incidents(open.incidents.into_iter().map(IncidentRecord::unwatched).collect())?;
        }
        Ok(bins)
    }

    /// How the writer is doing.
    #[must_use]
    pub fn stats(&self) -> WriterStats {
        self.handle.shared.stats()
    }

    /// Writes what waits while the database is there, leaves the rest in the spool, and ends the worker. Bins
    /// submitted after this stay in the spool for the next run.
    pub async fn shutdown(self) {
        self.handle.shared.ask_to_stop();
        let worker = self.handle.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            // A panic of the worker has been reported by its own thread.
            drop(tokio::task::spawn_blocking(move || worker.join()).await);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.ask_to_stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_to_stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_all();
        self.stop.send_replace(true);
    }

    fn stats(&self) -> WriterStats {
        let spooled_rows = self.spool.waiting_rows();
        let state = self.lock();
        WriterStats { spooled_rows, memory_rows: state.memory_rows as u64, ..state.stats.clone() }
    }

    fn submit(&self, closed: Vec<ClosedBins>) -> Result<(), StoreError> {
        let (good, bad) = self.sort_out(closed, batch::check, ClosedBins::rows);
        self.take(Load::of_bins(good), bad)
    }

    fn submit_incidents(&self, records: Vec<IncidentRecord>) -> Result<(), StoreError> {
        let (good, bad) = self.sort_out(records, incidents::check, incidents::rows);
        self.take(Load::of_notices(good.into_iter().map(Notice::Incident).collect()), bad)
    }

    fn take(&self, good: Load, bad: Option<StoreError>) -> Result<(), StoreError> {
        let kept = if good.is_empty() { Ok(()) } else { self.keep(good) };
        let mut state = self.lock();
        state.submitted = true;
        drop(state);
        self.wake.notify_all();
        match bad {
            Some(bad) => Err(bad),
            None => kept,
        }
    }

    /// Takes out what must not be stored.
    fn sort_out<T>(
        &self,
        mut good: Vec<T>,
        check: impl Fn(&T) -> Result<(), StoreError>,
        rows: impl Fn(&T) -> usize,
    ) -> (Vec<T>, Option<StoreError>) {
        let mut bad = None;
        good.retain(|one| match check(one) {
            Ok(()) => true,
            Err(error) => {
                let mut state = self.lock();
                state.stats.rejected_rows += rows(one) as u64;
                state.stats.last_error = Some(error.to_string());
                bad = Some(error);
                false
            }
        });
        (good, bad)
    }

    /// To disk, or to memory where that fails.
    fn keep(&self, load: Load) -> Result<(), StoreError> {
        // What waits in memory goes first, so that a disk that has space again empties it.
        self.memory_to_spool();
        match self.spool.append(&load) {
            Ok(()) => {
                self.spool_works();
                Ok(())
            }
            Err(error) => self.keep_in_memory(load, &error),
        }
    }

    fn keep_in_memory(&self, load: Load, why: &StoreError) -> Result<(), StoreError> {
        let rows = load.rows();
        let mut state = self.lock();
        if !state.spool_failing {
            state.spool_failing = true;
            tracing::error!(error = %why, "closed bins and incidents can't be spooled; keeping them in memory");
        }
        state.stats.last_error = Some(why.to_string());
        if state.memory_rows + rows > self.memory_limit {
            state.stats.lost_rows += rows as u64;
            let (dir, limit) = (self.spool.dir().to_owned(), self.memory_limit);
            return Err(StoreError::Overflow { rows, dir, reason: why.to_string(), limit });
        }
        state.memory_rows += rows;
        state.memory.extend(load.bins);
        state.memory_notices.extend(load.notices);
        Ok(())
    }

    /// Tries to move to disk what waits in memory.
    fn memory_to_spool(&self) {
        let waiting = {
            let mut state = self.lock();
            state.memory_rows = 0;
            Load { bins: state.memory.drain(..).collect(), notices: state.memory_notices.drain(..).collect() }
        };
        if waiting.is_empty() {
            return;
        }
        match self.spool.append(&waiting) {
            Ok(()) => self.spool_works(),
            Err(_) => self.back_to_memory(waiting),
        }
    }

    fn back_to_memory(&self, load: Load) {
        let mut state = self.lock();
        state.memory_rows += load.rows();
        for bins in load.bins.into_iter().rev() {
            state.memory.push_front(bins);
        }
        for notice in load.notices.into_iter().rev() {
            state.memory_notices.push_front(notice);
        }
    }

    fn spool_works(&self) {
        let mut state = self.lock();
        if state.spool_failing {
            state.spool_failing = false;
            tracing::info!("closed bins are spooled again");
        }
    }
}
