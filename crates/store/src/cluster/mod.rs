//! The private PostgreSQL cluster under `data_dir/pg`: made with initdb, reachable by a unix socket only,
//! run as a child of this process and restarted when it dies. Which programs are used is `programs`, where
//! files lie and to whom they belong `layout`, what an earlier run left behind `orphan`, starting, watching
//! and stopping `supervisor`. Talking SQL to it is [`crate::Database`]'s work.
//!
//! Wayside may be killed at any moment. The server then gets SIGINT from the kernel (parent-death signal)
//! and shuts down cleanly; where that did not happen, the next start stops what still runs before it
//! starts its own. PostgreSQL's own lock file is left to PostgreSQL unless no process uses the directory.

mod layout;
mod orphan;
mod programs;
mod supervisor;

use std::path::{Path, PathBuf};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::StoreError;
use crate::secret::SecretUrl;
use layout::Layout;
pub(crate) use layout::sync_dir;
use programs::Programs;
use supervisor::Supervisor;

/// The superuser of a private cluster; its socket lies in a directory of mode 0700.
pub(crate) const SUPERUSER: &str = "wayside";
/// The port that names the socket file; nothing listens on TCP.
pub(crate) const PORT: u16 = 5432;

/// How a private cluster is run.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// `data_dir/pg`; made when it is missing.
    pub dir: PathBuf,
    /// Whether commits wait for the disk. Off only in tests.
    pub durable: bool,
    /// Where to look for `initdb` and `postgres` first; else `PATH` and `/usr/lib/postgresql/*/bin`.
    pub programs: Option<PathBuf>,
}

impl ClusterOptions {
    /// A durable cluster under this directory, with the system's programs.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), durable: true, programs: None }
    }
}

/// Whether the programs are there with which a cluster under `dir` can be made or run.
pub(crate) fn look(dir: &Path) -> Result<(), StoreError> {
    let data = layout::data_of(dir);
    Programs::find(None, layout::made_by(&data)?.as_deref(), &data).map(|_| ())
}

/// A running private cluster. Dropping it stops the server.
#[derive(Debug)]
pub struct Cluster {
    socket_dir: PathBuf,
    supervisor: Supervisor,
    // Held for its lock; released last, when the server is gone.
    _lock: layout::DirLock,
}

impl Cluster {
    /// Makes the cluster if there is none, stops what an earlier run left behind, starts the server and waits
    /// until it takes connections. Blocks; call it outside an async runtime or through `spawn_blocking`.
    ///
    /// # Errors
    /// [`StoreError::NoServerPrograms`], [`StoreError::OtherMajorVersion`], [`StoreError::InUse`],
    /// [`StoreError::NotTraversable`], [`StoreError::NotOurs`], [`StoreError::DiskFull`],
    /// [`StoreError::ServerStart`]: each says what to do.
    pub fn start(options: &ClusterOptions) -> Result<Self, StoreError> {
        let layout = Layout::prepare(&options.dir)?;
        let lock = layout.lock()?;
        let programs =
            Programs::find(options.programs.as_deref(), layout.made_by()?.as_deref(), layout.data())?;
        let socket_dir = layout.socket_dir()?;
        orphan::stop_leftovers(&layout, &socket_dir)?;
        if layout.made_by()?.is_none() {
            tracing::info!(dir = %layout.dir().display(), version = programs.major(), "making a private PostgreSQL cluster");
            layout.initdb(&programs)?;
        }
        let supervisor = Supervisor::start(supervisor::Plan {
            layout,
            programs,
            socket_dir: socket_dir.clone(),
            durable: options.durable,
        })?;
        Ok(Self { socket_dir, supervisor, _lock: lock })
    }

    /// The directory of the unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The process id of the server, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pid()
    }

    /// The address of a database of this cluster.
    ///
    /// # Errors
    /// [`StoreError::Url`] never in practice: the address is made here.
    pub fn url(&self, database: &str) -> Result<SecretUrl, StoreError> {
        socket_url(&self.socket_dir, database)
    }

    pub(crate) fn connect_options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket_dir)
            .port(PORT)
            .username(SUPERUSER)
            .ssl_mode(PgSslMode::Disable)
            .database(database)
    }

    /// Stops the server and waits for it: open transactions are rolled back, data is flushed.
    pub fn stop(self) {
        drop(self);
    }
}

/// The address of a database in the cluster that another process runs under this directory.
///
/// # Errors
/// As [`Cluster::start`] where the directory can't be used.
pub(crate) fn running_url(dir: &Path, database: &str) -> Result<SecretUrl, StoreError> {
    socket_url(&Layout::prepare(dir)?.socket_dir()?, database)
}

/// The address of a database in a private cluster whose socket lies in `socket_dir`.
///
/// # Errors
/// [`StoreError::Url`] never in practice: the address is made here.
pub fn socket_url(socket_dir: &Path, database: &str) -> Result<SecretUrl, StoreError> {
    let host: String = socket_dir
        .to_string_lossy()
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~/".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    SecretUrl::new(&format!("postgres://{SUPERUSER}@localhost:{PORT}/{database}?host={host}&sslmode=disable"))
}
