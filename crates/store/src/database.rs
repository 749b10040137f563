//! A database that is ready to use: the given server or a private cluster, migrated to this program's
//! schema, behind a pool whose waits all end. What is asked of it lies in [`crate::query`] and
//! [`crate::writer`].

use std::future::Future;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgTransaction};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::sync::OnceCell;
use wayside_types::SharedClock;

use crate::cluster::{Cluster, ClusterOptions};
use crate::error::StoreError;
use crate::months;
use crate::secret::SecretUrl;

static MIGRATOR: Migrator = sqlx::migrate!();

/// The database's name in a private cluster.
const NAME: &str = "wayside";
/// How long a query waits for a free connection, and a connection for the server.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long we wait for one answer: longer than the server's own limit, for a server that hangs.
const ANSWER: Duration = Duration::from_secs(20);

/// Where measurements are kept.
#[derive(Debug, Clone)]
pub enum DatabaseOptions {
    /// In a private cluster under this directory (`data_dir/pg`), run as our child.
    Private {
        /// Made when it is missing.
        dir: PathBuf,
    },
    /// On this server.
    Url(SecretUrl),
}

/// A handle on the database. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

/// The name under which other parts keep a [`Database`].
pub type DatabaseHandle = Database;

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    connect: PgConnectOptions,
    schema: OnceCell<()>,
    cluster: Mutex<Option<Cluster>>,
    clock: DebugClock,
}

/// A clock that has a `Debug`.
#[derive(Clone)]
struct DebugClock(SharedClock);

impl std::fmt::Debug for DebugClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Database {
    /// Starts the private cluster if that is what is asked for, connects, and brings the schema up to date.
    ///
    /// # Errors
    /// Those of [`Cluster::start`], [`StoreError::Url`], [`StoreError::Unavailable`],
    /// [`StoreError::Migration`].
    pub async fn open(options: &DatabaseOptions, clock: SharedClock) -> Result<Self, StoreError> {
        let database = Self::connect_lazy(options, clock).await?;
        database.bring_up_to_date().await?;
        Ok(database)
    }

    /// Like [`Database::open`], but where another Wayside runs the private cluster, talks to its server: for tools that
    /// are used beside it.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn join(options: &DatabaseOptions, clock: SharedClock) -> Result<Self, StoreError> {
        match (Self::open(options, clock.clone()).await, options) {
            (Err(StoreError::InUse { .. }), DatabaseOptions::Private { dir }) => {
                let url = crate::cluster::running_url(dir, NAME)?;
                Self::open(&DatabaseOptions::Url(url), clock).await
            }
            (opened, _) => opened,
        }
    }

    /// Like [`Database::open`], but does not mind a server that is away: the schema is brought up to date
    /// when it is first reached. A private cluster is started all the same, for it is ours.
    ///
    /// # Errors
    /// Those of [`Cluster::start`], and [`StoreError::Url`].
    pub async fn connect_lazy(options: &DatabaseOptions, clock: SharedClock) -> Result<Self, StoreError> {
        let (connect, cluster) = match options {
            DatabaseOptions::Url(url) => (parse(url)?, None),
            DatabaseOptions::Private { dir } => {
                let cluster = start_cluster(ClusterOptions::new(dir)).await?;
                (create_if_missing(&cluster, NAME).await?, Some(cluster))
            }
        };
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(Duration::from_secs(600))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // As statements and not as start-up parameters, which poolers such as PgBouncer refuse.
                    connection.execute(LIMITS).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(connect.clone());
        let inner = Inner {
            pool,
            connect,
            schema: OnceCell::new(),
            cluster: Mutex::new(cluster),
            clock: DebugClock(clock),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the database answers and its schema is current: what `/readyz` asks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Migration`].
    pub async fn ready(&self) -> Result<(), StoreError> {
        let test = async {
            self.schema().await?;
            self.answer("a test", sqlx::query_scalar!("SELECT 1").fetch_one(self.pool())).await
        };
        match tokio::time::timeout(READY, test).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(no_answer("a test", READY)),
        }
    }

    /// Closes all connections and stops the private cluster, for all clones of the handle.
    pub async fn close(self) {
        self.inner.pool.close().await;
        let cluster = self.inner.cluster.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(cluster) = cluster {
            // A failure to join means that the runtime is going away, and the drop has happened there.
            drop(tokio::task::spawn_blocking(move || cluster.stop()).await);
        }
    }

    /// The process id of the private cluster's server, while it runs.
    #[must_use]
    pub fn cluster_pid(&self) -> Option<u32> {
        let cluster = self.inner.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.as_ref().and_then(Cluster::pid)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    /// A connection on which every question sees the same moment.
    pub(crate) async fn snapshot(&self) -> Result<PgTransaction<'static>, StoreError> {
        let begun = self.pool().begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        self.answer("a connection", begun).await
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.inner.clock.0
    }

    /// Brings the schema up to date, once, however long it takes.
    async fn bring_up_to_date(&self) -> Result<(), StoreError> {
        self.inner.schema.get_or_try_init(|| self.migrate()).await.copied()
    }

    /// Waits until the schema is up to date, but not for ever: whoever asks waits for an answer.
    pub(crate) async fn schema(&self) -> Result<(), StoreError> {
        match tokio::time::timeout(ANSWER, self.bring_up_to_date()).await {
            Ok(done) => done,
            Err(_) => Err(no_answer("bringing the schema up to date", ANSWER)),
        }
    }

    /// A connection of its own, outside the pool, with the schema up to date: dropping it breaks it off at
    /// once, whatever the server does.
    pub(crate) async fn own_connection(&self) -> Result<PgConnection, StoreError> {
        self.bring_up_to_date().await?;
        let mut connection = self.answer("a connection", self.inner.connect.connect()).await?;
        self.answer("a connection's limits", connection.execute(LIMITS)).await?;
        Ok(connection)
    }

    /// Waits for an answer, but not for ever: a server may hang without closing its connections.
    pub(crate) async fn answer<T>(
        &self,
        what: &'static str,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(answer) => answer.map_err(StoreError::sql(what)),
            Err(_) => Err(no_answer(what, ANSWER)),
        }
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        // A connection of its own: a migration may take long, and the limits of queries do not apply to it.
        let mut connection = self.answer("a connection", self.inner.connect.connect()).await?;
        // Not by `run`, whose future can't be moved between threads: it borrows what it runs on for any lifetime.
        MIGRATOR.run_direct(None, &mut connection, false).await.map_err(migration_error)?;
        months::ensure_ahead(&mut connection, self.clock().now()).await?;
        drop(tokio::time::timeout(ACQUIRE, connection.close()).await);
        Ok(())
    }
}

/// How long `/readyz` waits.
const READY: Duration = Duration::from_secs(3);
/// Every wait on the server's side ends, too; and no plan is compiled, which takes longer than our questions do.
const LIMITS: &str = "SET statement_timeout = '15s'; SET lock_timeout = '10s'; \
                      SET idle_in_transaction_session_timeout = '60s'; SET jit = off";

fn no_answer(what: &str, waited: Duration) -> StoreError {
    StoreError::Unavailable { reason: format!("no answer to {what} within {} s", waited.as_secs()) }
}

fn parse(url: &SecretUrl) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url.expose()).map_err(StoreError::sql("the address"))?;
    Ok(options.application_name("wayside"))
}

fn migration_error(error: MigrateError) -> StoreError {
    let reason = match error {
        MigrateError::VersionMissing(version) => format!(
            "it was brought to version {version} by a newer Wayside; run that one, or restore an older database"
        ),
        MigrateError::VersionMismatch(version) => {
            format!("migration {version} was changed after it had been applied; migrations are frozen")
        }
        MigrateError::Execute(error) => return StoreError::sql("a migration")(error),
        other => other.to_string(),
    };
    StoreError::Migration { reason }
}

async fn start_cluster(options: ClusterOptions) -> Result<Cluster, StoreError> {
    let dir = options.dir.clone();
    match tokio::task::spawn_blocking(move || Cluster::start(&options)).await {
        Ok(started) => started,
        Err(error) => Err(StoreError::ServerStart { dir, reason: error.to_string() }),
    }
}

/// Makes the database in a private cluster unless it is there, and says how to connect to it.
async fn create_if_missing(cluster: &Cluster, name: &'static str) -> Result<PgConnectOptions, StoreError> {
    let mut connection =
        cluster.connect_options("postgres").connect().await.map_err(StoreError::sql("a connection"))?;
    let found = sqlx::query_scalar!(r#"SELECT true AS "found!" FROM pg_database WHERE datname = $1"#, name)
        .fetch_optional(&mut connection)
        .await
        .map_err(StoreError::sql("a look at its databases"))?;
    if found.is_none() {
        create_database(&mut connection, name).await?;
    }
    drop(connection.close().await);
    Ok(cluster.connect_options(name))
}

async fn create_database(connection: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    let sql = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)))
        .await
        .map_err(StoreError::sql("making a database"))?;
    Ok(())
}

/// Looks whether there is a database to be had, and changes nothing: that the server of an address lets us in, or that
/// PostgreSQL's programs for a private cluster are installed.
///
/// # Errors
/// [`StoreError::Url`], [`StoreError::Unavailable`], [`StoreError::Refused`] of a server; [`StoreError::NoServerPrograms`],
/// [`StoreError::OtherMajorVersion`] of a private cluster.
pub async fn look(options: &DatabaseOptions) -> Result<(), StoreError> {
    match options {
        DatabaseOptions::Url(url) => {
            let connect = parse(url)?;
            let asked = tokio::time::timeout(ACQUIRE, connect.connect());
            let connection = asked.await.map_err(|_| no_answer("a connection", ACQUIRE))?;
            drop(connection.map_err(StoreError::sql("a connection"))?.close().await);
            Ok(())
        }
        DatabaseOptions::Private { dir } => crate::cluster::look(dir),
    }
}

/// Makes an empty database on the server of this address: for tests and tools.
///
/// # Errors
/// [`StoreError::Url`], [`StoreError::Unavailable`], [`StoreError::Refused`] when the name is taken.
pub async fn create(server: &SecretUrl, name: &str) -> Result<(), StoreError> {
    let mut connection = parse(server)?.connect().await.map_err(StoreError::sql("a connection"))?;
    create_database(&mut connection, name).await
}

/// Removes a database on the server of this address, with everyone connected to it: for tests and tools.
///
/// # Errors
/// [`StoreError::Url`], [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn remove(server: &SecretUrl, name: &str) -> Result<(), StoreError> {
    let mut connection = parse(server)?.connect().await.map_err(StoreError::sql("a connection"))?;
    let sql = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", name.replace('"', "\"\""));
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql)))
        .await
        .map_err(StoreError::sql("removing a database"))?;
    Ok(())
}

/// A column of the schema. Shown as "table column type".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The table or view; partitions are not listed beside their parents.
    pub table: String,
    /// The column.
    pub name: String,
    /// Its type as the standard calls it, "integer" or "ARRAY", or the name of a user's type.
    pub kind: String,
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.table, self.name, self.kind)
    }
}

/// Every column of every table outside the system's own schemas: what the privacy review goes through.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Refused`].
pub async fn columns(database: &Database) -> Result<Vec<Column>, StoreError> {
    database.schema().await?;
    let rows = sqlx::query!(
        r#"SELECT c.table_name::text AS "table!", c.column_name::text AS "name!",
                  CASE c.data_type WHEN 'USER-DEFINED' THEN c.udt_name ELSE c.data_type END::text AS "kind!"
           FROM information_schema.columns c
           JOIN pg_class t ON t.oid = to_regclass(quote_ident(c.table_schema) || '.' || quote_ident(c.table_name))
           WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') AND NOT t.relispartition
           ORDER BY c.table_name COLLATE "C", c.ordinal_position"#
    )
    .fetch_all(database.pool());
    let rows = database.answer("its columns", rows).await?;
    Ok(rows.into_iter().map(|row| Column { table: row.table, name: row.name, kind: row.kind }).collect())
}
