//! A database for each test. Where `WAYSIDE_TEST_PG` names the socket directory of a running server, each
//! test gets a database there, which costs some tens of milliseconds; else the test process starts a server
//! of its own in a temporary directory, which costs a second or two. Nothing of either waits for the disk.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, Weak};

use tempfile::TempDir;
use wayside_store::cluster::socket_url;
use wayside_store::{Cluster, ClusterOptions, Database, DatabaseOptions, SecretUrl, StoreError};
use wayside_types::SharedClock;

/// The environment variable that names the socket directory of a server for all tests.
pub const SHARED_SERVER: &str = "WAYSIDE_TEST_PG";

/// A throw-away server. Dropping it stops it and removes its files.
#[derive(Debug)]
pub struct SharedServer {
    // Order matters: the server stops before its directory goes.
    cluster: Cluster,
    _dir: TempDir,
}

impl SharedServer {
    /// Starts a server in a temporary directory. Blocks for a second or two.
    ///
    /// # Errors
    /// Those of [`Cluster::start`].
    pub fn start() -> Result<Self, StoreError> {
        let dir = temporary()?;
        let options = ClusterOptions { durable: false, ..ClusterOptions::new(dir.path().join("pg")) };
        Ok(Self { cluster: Cluster::start(&options)?, _dir: dir })
    }

    /// What [`SHARED_SERVER`] is to be set to.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        self.cluster.socket_dir()
    }
}

/// A temporary directory that the server's user can reach even when we are root.
fn temporary() -> Result<TempDir, StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |source| StoreError::Io { action: "making", path: env::temp_dir(), source };
    let dir = tempfile::Builder::new().prefix("wayside-test-").tempdir().map_err(failed)?;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).map_err(failed)?;
    Ok(dir)
}

/// The server of this process, while any of its databases lives.
static OWN: Mutex<Weak<SharedServer>> = Mutex::new(Weak::new());
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of one test, empty and with the current schema. Dropping it removes it.
#[derive(Debug)]
pub struct TestDb {
    name: String,
    socket_dir: PathBuf,
    url: SecretUrl,
    _server: Option<Arc<SharedServer>>,
}

impl TestDb {
    /// Makes an empty database; opening it brings its schema up to date.
    ///
    /// # Panics
    /// When there is no server and none can be started: the test can't run.
    pub async fn new() -> Self {
        match Self::try_new().await {
            Ok(database) => database,
            #[expect(clippy::panic, reason = "a test without its database must fail")]
            Err(error) => panic!("no database for this test: {error}"),
        }
    }

    /// Like [`TestDb::new`].
    ///
    /// # Errors
    /// Those of [`Cluster::start`] and [`wayside_store::database::create`].
    pub async fn try_new() -> Result<Self, StoreError> {
        let (socket_dir, server) = match env::var_os(SHARED_SERVER) {
            Some(dir) => (PathBuf::from(dir), None),
            None => {
                let server = own_server().await?;
                (server.socket_dir().to_owned(), Some(server))
            }
        };
        // Unique among the processes that share a server.
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        wayside_store::database::create(&socket_url(&socket_dir, "postgres")?, &name).await?;
        let url = socket_url(&socket_dir, &name)?;
        Ok(Self { name, socket_dir, url, _server: server })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &SecretUrl {
        &self.url
    }

    /// As an option for [`Database::open`].
    #[must_use]
    pub fn options(&self) -> DatabaseOptions {
        DatabaseOptions::Url(self.url.clone())
    }

    /// Opens it.
    ///
    /// # Panics
    /// When it can't be opened: the test can't run.
    pub async fn open(&self, clock: SharedClock) -> Database {
        match Database::open(&self.options(), clock).await {
            Ok(database) => database,
            #[expect(clippy::panic, reason = "a test without its database must fail")]
            Err(error) => panic!("the database of this test can't be opened: {error}"),
        }
    }
}

async fn own_server() -> Result<Arc<SharedServer>, StoreError> {
    let start = || {
        let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = own.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(SharedServer::start()?);
        *own = Arc::downgrade(&server);
        Ok(server)
    };
    match tokio::task::spawn_blocking(start).await {
        Ok(started) => started,
        Err(error) => Err(StoreError::ServerStart { dir: env::temp_dir(), reason: error.to_string() }),
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if self._server.is_some() {
            // The whole server goes, or goes soon.
            return;
        }
        let (name, socket_dir) = (self.name.clone(), self.socket_dir.clone());
        // A drop may happen inside a runtime, which can't wait for itself: a thread of its own can.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            let server = socket_url(&socket_dir, "postgres").ok()?;
            runtime.block_on(wayside_store::database::remove(&server, &name)).ok()
        });
        // A database that stays behind goes with its server.
        drop(removal.join());
    }
}
