//! What the database needs beside being written: stored quarters of an hour and hours are summed once they are over
//! (`sums`, `flows`, `movements`, `zones`), days are packed (`days`), and what is older than it is kept goes (`retention`). It runs beside the writer on a connection of
//! its own. Nothing is lost while it does not run: queries take what is not summed yet from its parts.

mod days;
mod flows;
mod movements;
mod retention;
mod sums;
mod zones;

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wayside_types::{Retention, SharedClock, Timestamp};

use crate::database::DatabaseHandle;
use crate::error::StoreError;

/// It looks for something to sum this often.
const EVERY: Duration = Duration::from_secs(2);
/// After a failure it waits longer.
const PAUSE: Duration = Duration::from_secs(15);
/// What is too old is looked for this often.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// The running upkeep.
#[derive(Debug)]
pub struct Upkeep {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Upkeep {
    /// Starts it on the current runtime; [`Self::stop`] ends it.
    #[must_use]
    pub fn start(database: DatabaseHandle, clock: SharedClock, retention: Retention) -> Self {
        let (stop, stopped) = watch::channel(false);
        let worker = Worker { database, clock, retention, tidied: None, failing: false };
        Self { stop, task: tokio::spawn(worker.run(stopped)) }
    }

    /// Ends it; what it was at is rolled back and done by the next run.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the upkeep of the database ended early");
        }
    }
}

/// Sums everything that is over by `now` and not summed yet, and returns how many quarters, hours and days of cameras those were.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn catch_up(database: &DatabaseHandle, now: Timestamp) -> Result<u64, StoreError> {
    let mut connection = database.own_connection().await?;
    let mut all = 0;
    loop {
        let done = database.answer("the sums of bins", sums::round(&mut connection, now)).await?;
        all += done;
        if done == 0 {
            return Ok(all);
        }
    }
}

/// Deletes what is older than it is kept.
///
/// # Errors
/// [`StoreError::Unavailable`] when the database can't be reached or takes too long.
pub async fn tidy(
    database: &DatabaseHandle,
    now: Timestamp,
    retention: &Retention,
) -> Result<(), StoreError> {
    let mut connection = database.own_connection().await?;
    let asked = retention::apply(&mut connection, now, retention);
    database.answer("the deletion of what is too old", asked).await
}

struct Worker {
    database: DatabaseHandle,
    clock: SharedClock,
    retention: Retention,
    /// When what is too old was last looked for.
    tidied: Option<Duration>,
    failing: bool,
}

impl Worker {
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut connection = None;
        loop {
            let pause = tokio::select! {
                _ = stop.wait_for(|stopping| *stopping) => return,
                pause = self.round(&mut connection) => pause,
            };
            tokio::select! {
                _ = stop.wait_for(|stopping| *stopping) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Does what there is to do and says how long to wait.
    async fn round(&mut self, link: &mut Option<PgConnection>) -> Duration {
        match self.work(link).await {
            Ok(done) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("bins are summed again");
                }
                metrics::counter!("wayside_store_sums_total").increment(done);
                if done > 0 { Duration::ZERO } else { EVERY }
            }
            Err(error) => {
                // A connection that failed or hangs is dropped, which breaks it off.
                *link = None;
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!(%error, "bins can't be summed; queries take longer until they can");
                }
                PAUSE
            }
        }
    }

    async fn work(&mut self, link: &mut Option<PgConnection>) -> Result<u64, StoreError> {
        let connection = match link {
            Some(connection) => connection,
            None => link.insert(self.database.own_connection().await?),
        };
        let now = self.clock.now();
        let done = self.database.answer("the sums of bins", sums::round(connection, now)).await?;
        let at = self.clock.monotonic();
        if done == 0 && self.tidied.is_none_or(|then| at.saturating_sub(then) >= TIDY_EVERY) {
            let asked = retention::apply(connection, now, &self.retention);
            self.database.answer("the deletion of what is too old", asked).await?;
            self.tidied = Some(at);
        }
        Ok(done)
    }
}
