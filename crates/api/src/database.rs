//! The questions that the API asks of the store, each on a thread for blocking work. The store's futures
//! can't be moved between threads (sqlx' migrations borrow in a way that the compiler can't prove to be
//! `Send` for every lifetime), which handlers of axum must be.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wayside_store::query::{self, MeasurementQuery, MeasurementRow, Page};
use wayside_store::{Database, StoreError};

/// Whether the database answers; see [`Database::ready`].
pub(crate) async fn ready(database: Database) -> Result<(), StoreError> {
    on_a_thread(move || async move { database.ready().await }).await
}

/// A page of measurements; see [`query::measurements`].
pub(crate) async fn measurements(
    database: Database,
    question: MeasurementQuery,
) -> Result<Page<MeasurementRow>, StoreError> {
    on_a_thread(move || async move { query::measurements(&database, &question).await }).await
}

/// Runs a future to its end on one thread, or drops it when nobody waits for it any more.
async fn on_a_thread<T, F>(ask: impl FnOnce() -> F + Send + 'static) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>>,
{
    let runtime = Handle::current();
    let (waiting, gone) = oneshot::channel::<()>();
    let asked = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                answer = ask() => Some(answer),
                _ = gone => None,
            }
        })
    });
    let answer = asked.await;
    drop(waiting);
    match answer {
        Ok(Some(answer)) => answer,
        Ok(None) => Err(StoreError::Unavailable { reason: "the question was given up".to_owned() }),
        Err(error) => Err(StoreError::Unavailable { reason: format!("the question broke off: {error}") }),
    }
}
