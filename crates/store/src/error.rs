//! What can go wrong with stored measurements, said so that an operator knows which setting, directory or
//! server to look at. No message repeats a password or an address with one.

use std::io;
use std::path::PathBuf;

use wayside_types::BinLength;

/// A fault of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// `database.url` cannot be used.
    #[error("database.url can't be used: {reason}")]
    Url {
        /// Why, without the address.
        reason: String,
    },
    /// The server's programs are not on this machine.
    #[error(
        "PostgreSQL's programs initdb and postgres were not found in {searched}; install them \
         (Debian 12: apt-get install postgresql-15) or give the address of a server as database.url"
    )]
    NoServerPrograms {
        /// Where they were looked for.
        searched: String,
    },
    /// The data directory was made by another major version.
    #[error(
        "{} was made by PostgreSQL {made_by}, but the programs found on this machine are of version {installed}; \
         install postgresql-{made_by}, or move the data over with pg_upgrade or pg_dump, or move the \
         directory away to start with an empty database", data.display()
    )]
    OtherMajorVersion {
        /// The directory.
        data: PathBuf,
        /// The version in its `PG_VERSION`.
        made_by: String,
        /// What is installed.
        installed: String,
    },
    /// PostgreSQL does not run as root, and its own user is missing.
    #[error(
        "PostgreSQL refuses to run as root and there is no user \"postgres\" to run it as; install the package \
         postgresql-15, which makes the user, or start Wayside as another user"
    )]
    NoServerUser,
    /// The server's user cannot reach the data directory.
    #[error(
        "user {user:?}, as whom PostgreSQL runs, can't enter {} on the way to {}; allow it with \
         `chmod o+x {}`, or set data_dir to a place that it can reach, such as /var/lib/wayside",
        blocked.display(), target.display(), blocked.display()
    )]
    NotTraversable {
        /// As whom the server runs.
        user: String,
        /// The directory that stops it.
        blocked: PathBuf,
        /// Where it was going.
        target: PathBuf,
    },
    /// The data directory belongs to somebody else.
    #[error(
        "{} belongs to user id {owner}, but Wayside runs as user id {us}; run it as that user (or as root), or \
         set data_dir to another place", path.display()
    )]
    NotOurs {
        /// The directory or file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Another process works on the same directory.
    #[error("{} is in use by another Wayside{}; two can't share a data_dir", dir.display(), pid.map(|p| format!(" (process {p})")).unwrap_or_default())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Who, if known.
        pid: Option<u32>,
    },
    /// A disk has no space left.
    #[error("no space is left on the disk of {}; free some, or set data_dir to another disk", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The private server does not start.
    #[error("the private PostgreSQL under {} did not start: {reason}", dir.display())]
    ServerStart {
        /// `data_dir/pg`.
        dir: PathBuf,
        /// The last words of the server.
        reason: String,
    },
    /// The server can't be reached, or does not answer in time. Worth trying again.
    #[error("the database can't be reached: {reason}")]
    Unavailable {
        /// What the client library says.
        reason: String,
    },
    /// The server answers, and refuses.
    #[error("the database refused {what}: {reason}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// SQLSTATE, if there is one.
        code: Option<String>,
        /// What the server says.
        reason: String,
    },
    /// The schema cannot be brought up to date.
    #[error("the database's schema can't be brought up to date: {reason}")]
    Migration {
        /// Why.
        reason: String,
    },
    /// A file or directory of ours fails.
    #[error("{action} {} failed: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "writing".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of ours holds something else.
    #[error("{} is damaged or not ours: {reason}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An incident that must not be stored.
    #[error("incident {id} can't be stored: {reason}")]
    BadIncident {
        /// Which.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither disk nor memory can take more closed bins; these are lost.
    #[error(
        "{rows} rows of closed bins are lost: the spool {} can't be written ({reason}), the database is away, \
         and {limit} rows wait in memory already", dir.display()
    )]
    Overflow {
        /// How many rows were not taken.
        rows: usize,
        /// The spool.
        dir: PathBuf,
        /// Why it can't be written.
        reason: String,
        /// How many rows memory may hold.
        limit: usize,
    },
    /// A bin that must not be stored.
    #[error("a bin of camera {camera} must not be stored: {reason}")]
    BadBin {
        /// Whose.
        camera: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// A query that can't be answered.
    #[error("{field} can't be used: {reason}")]
    BadQuery {
        /// The field at fault, as the API names it.
        field: &'static str,
        /// Why, with the accepted range.
        reason: String,
    },
    /// A class in a bin finer than the privacy rule allows.
    #[error(
        "{what} are stored and shown in bins of {shortest} or longer (privacy rule: aggregates only), not {asked}"
    )]
    TooFine {
        /// A class, or "movements".
        what: String,
        /// The shortest allowed.
        shortest: BinLength,
        /// What was asked.
        asked: BinLength,
    },
}

impl StoreError {
    /// Names the path in an I/O error, and tells a full disk from other faults.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| {
            if source.kind() == io::ErrorKind::StorageFull || source.kind() == io::ErrorKind::QuotaExceeded {
                Self::DiskFull { path }
            } else {
                Self::Io { action, path, source }
            }
        }
    }

    /// Whether the same attempt may succeed later without anybody changing the input.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::DiskFull { .. } => true,
            // Classes 08 connection, 40 rollback, 53 resources, 55 object state, 57 intervention, 58 system.
            Self::Refused { code: Some(code), .. } => {
                ["08", "40", "53", "55", "57", "58", "25"].iter().any(|class| code.starts_with(class))
            }
            _ => false,
        }
    }

    /// Sorts an error of the client library.
    pub(crate) fn sql(what: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |error| match error {
            sqlx::Error::Database(error) => Self::Refused {
                what,
                code: error.code().map(std::borrow::Cow::into_owned),
                reason: error.message().to_owned(),
            },
            sqlx::Error::PoolTimedOut => {
                Self::Unavailable { reason: "no connection was free in time".to_owned() }
            }
            // Whatever a configuration error quotes may come from the address.
            sqlx::Error::Configuration(_) => {
                Self::Url { reason: "it is not a valid PostgreSQL address".to_owned() }
            }
            error @ (sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::RowNotFound) => Self::Refused { what, code: None, reason: error.to_string() },
            error => Self::Unavailable { reason: error.to_string() },
        }
    }
}
