//! `wayside run`: everything in one process. Starts in the order in which the parts need one another, stops
//! in the opposite one, and loses no bin on the way.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use wayside_api::{ApiParts, Exports, Publisher, os_random};
use wayside_config::{RtspSettings, Settings, Site, load_site};
use wayside_engine::{Engine, EngineParts, IngestSources};
use wayside_ingest::{Backoff, SourceOptions};
use wayside_store::checkpoint::Checkpoint;
use wayside_store::{Database, DatabaseOptions, SecretUrl, Upkeep, Writer, WriterOptions, epoch};
use wayside_types::live::CameraStatus;
use wayside_types::{CameraSpec, LiveEvent, LiveHub, SharedClock, SystemClock};

use crate::process::{say, stop_signal};
use crate::{detectors, ground};

/// Arguments of `wayside run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Settings file; else config/wayside.toml under WAYSIDE_HOME, else under the checkout this was built from
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on an address that other machines can reach, although there is no access control yet
    #[arg(long)]
    insecure: bool,
}

/// Live events that a slow page may fall behind.
const LIVE_BACKLOG: usize = 1_024;
/// Upper bounds of the histograms' buckets, seconds.
const SECONDS: &[f64] = &[0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0, 5.0, 10.0];

/// Runs the subcommand until Ctrl-C or SIGTERM.
///
/// # Errors
/// When settings are wrong, the address is taken, a model or library can't be loaded, the database can't be
/// started, or the last bins can't be kept.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let site = load_site(args.config.as_deref())?;
    site.settings.check_listen(args.insecure)?;
    for warning in &site.warnings {
        tracing::warn!("{warning}");
    }
    let listen = site.settings.listen;
    let listener = TcpListener::bind(listen).with_context(|| {
        format!("listen = \"{listen}\": the address can't be used; is another Wayside running?")
    })?;
    listener.set_nonblocking(true)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(site, listener))
}

async fn serve(site: Site, listener: TcpListener) -> anyhow::Result<()> {
    let clock = SystemClock::shared();
    let metrics = start_metrics()?;
    let listen = listener.local_addr()?;
    let settings = site.settings.clone();
    let database = connect_database(&settings, clock.clone()).await?;
    let hub = LiveHub::new(LIVE_BACKLOG);
    for camera in &site.cameras {
        hub.publish(LiveEvent::Camera(CameraStatus::connecting(camera.id.clone(), clock.now())));
    }
    let running = match start_engine(&site, database.clone(), clock.clone(), hub.clone()).await {
        Ok(running) => running,
        Err(error) => {
            database.close().await;
            return Err(error);
        }
    };
    let parts = ApiParts {
        ground: ground::map(&site.cameras, hub.clone()),
        publisher: Publisher {
            country: settings.publisher.country,
            identifier: settings.publisher.identifier,
        },
        cameras: site.cameras.into(),
        schemes: site.schemes.into(),
        hub,
        database: database.clone(),
        writer_stats: {
            let writer = running.writer.clone();
            Arc::new(move || writer.stats())
        },
        clock,
        random: os_random(),
        time_zone: settings.time_zone,
        metrics: Arc::new(move || metrics.render()),
        version: env!("CARGO_PKG_VERSION"),
        listen,
    };
    let exports = Exports::start(&parts, settings.exports, &settings.data_dir.join("exports"));
    let router = wayside_api::router(parts);
    say(&format!("Wayside is at http://{listen}/"));
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let served = wayside_api::serve(listener, router, async {
        if let Err(error) = stop_signal().await {
            tracing::error!(%error, "signals can't be waited for; stopping");
        }
    })
    .await;
    tracing::info!("stopping");
    exports.stop().await;
    let stopped = running.stop().await;
    database.close().await;
    served.context("the HTTP server failed")?;
    stopped
}

/// The parts that must be stopped in order.
struct Running {
    engine: Engine,
    writer: Writer,
    upkeep: Upkeep,
}

impl Running {
    async fn stop(self) -> anyhow::Result<()> {
        let engine = self.engine;
        let stopped = tokio::task::spawn_blocking(move || engine.stop()).await;
        self.writer.shutdown().await;
        self.upkeep.stop().await;
        Ok(stopped??)
    }
}

async fn start_engine(
    site: &Site,
    database: Database,
    clock: SharedClock,
    hub: LiveHub,
) -> anyhow::Result<Running> {
    let settings = &site.settings;
    let data_dir = &settings.data_dir;
    let epoch = epoch::next(data_dir, &*clock)?;
    let options = WriterOptions::new(epoch, site.cameras.clone());
    let upkeep = Upkeep::start(database.clone(), clock.clone(), settings.retention);
    let writer = Writer::start(database, &data_dir.join("spool"), clock.clone(), options)?;
    let checkpoint = Checkpoint::open(&data_dir.join("checkpoint"))?;
    writer.recover(&checkpoint)?;
    let models = site.cameras.iter().map(|camera| camera.profile.model.as_str());
    let parts = EngineParts {
        cameras: site.cameras.iter().cloned().map(Arc::<CameraSpec>::new).collect(),
        detectors: detectors::setup(settings, models)?,
        sources: Arc::new(IngestSources(source_options(&settings.rtsp))),
        time_zone: settings.time_zone.clone(),
        epoch,
        clock,
        hub,
        writer: Arc::new(writer.clone()),
        checkpoint,
        // Different in every run, so that machines that start together don't retry together.
        seed: epoch.unsigned_abs(),
    };
    let start = move || {
        detectors::start_media()?;
        Ok::<_, anyhow::Error>(Engine::start(parts)?)
    };
    let engine = tokio::task::spawn_blocking(start).await??;
    Ok(Running { engine, writer, upkeep })
}

pub(crate) fn source_options(rtsp: &RtspSettings) -> SourceOptions {
    let base = SourceOptions::default();
    SourceOptions {
        transport: rtsp.transport,
        connect_timeout_ms: u64::from(rtsp.connect_timeout_ms),
        watchdog_ms: u64::from(rtsp.stall_timeout_ms),
        backoff: Backoff {
            first_ms: u64::from(rtsp.retry_first_ms),
            max_ms: u64::from(rtsp.retry_max_ms),
            ..base.backoff
        },
        latency_ms: rtsp.jitter_buffer_ms,
        ..base
    }
}

/// Where this site keeps what is measured.
///
/// # Errors
/// When its database's address can't be used.
pub fn database_options(settings: &Settings) -> anyhow::Result<DatabaseOptions> {
    Ok(match &settings.database_url {
        Some(url) => DatabaseOptions::Url(SecretUrl::new(url.expose())?),
        None => DatabaseOptions::Private { dir: settings.data_dir.join("pg") },
    })
}

/// A handle that does not mind a server that is away: bins wait in the spool until it comes.
async fn connect_database(settings: &Settings, clock: SharedClock) -> anyhow::Result<Database> {
    make_data_dir(&settings.data_dir)?;
    Ok(Database::connect_lazy(&database_options(settings)?, clock).await?)
}

/// The same beside a `wayside run` of this site, whose private cluster is then used.
///
/// # Errors
/// When it can't be reached or brought up to date.
pub async fn join_database(settings: &Settings, clock: SharedClock) -> anyhow::Result<Database> {
    make_data_dir(&settings.data_dir)?;
    Ok(Database::join(&database_options(settings)?, clock).await?)
}

/// A handle on a database that is there and whose schema is up to date.
///
/// # Errors
/// When it can't be reached or brought up to date.
pub async fn open_database(settings: &Settings, clock: SharedClock) -> anyhow::Result<Database> {
    make_data_dir(&settings.data_dir)?;
    Ok(Database::open(&database_options(settings)?, clock).await?)
}

fn make_data_dir(data_dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("data_dir = {:?}: the directory can't be made", data_dir.display()))
}

fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}
