//! Serving: accepting connections until told to stop, then letting
//! answers finish and live streams end. What is served is `router`'s business;
//! where the server may listen is checked in `config`.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long answers under way may take once the server was told to stop.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Connections that may be open at once; more wait until one closes.
const CONNECTIONS_MAX: usize = 1_024;

/// How long the head of a request may take, and how long a connection may be idle between two.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// Largest head of a request, in bytes.
const HEAD_MAX_BYTES: usize = 32 * 1_024;

/// How long to wait after a connection could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Told to everyone who answers for longer than a moment: the server is about to stop.
#[derive(Debug, Clone)]
pub(crate) struct Closing(pub(crate) CancellationToken);

/// Serves until `shutdown` is done; then no connection is taken, live streams end, and answers under way
/// may finish within 5 s. Connections are bounded, and so is the time that a request's head may take: one
/// slow or greedy client keeps nobody else out for long.
///
/// # Errors
/// When the address of the listener can't be told any more, that is, when it is broken.
pub async fn serve(
    listener: TcpListener,
    router: axum::Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.local_addr()?;
    let closing = CancellationToken::new();
    let router = router.layer(Extension(Closing(closing.clone())));
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::pin!(shutdown);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut shutdown => break,
        };
        let service = router.clone().map_request(|request: Request<Incoming>| request.map(Body::new));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_MAX)
            .max_buf_size(HEAD_MAX_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = open.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    drop(listener);
    closing.cancel();
    if tokio::time::timeout(STOP_MAX, open.shutdown()).await.is_err() {
        tracing::warn!(waited_s = STOP_MAX.as_secs(), "some answers did not finish before the stop");
    }
    Ok(())
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so that there always is a permit.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Live events are small and should not wait for more bytes to come.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "could not switch off delaying of small packets");
                }
                return (stream, place);
            }
            Err(error) => {
                // A client that is gone already concerns nobody; out of file descriptors may pass.
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}
