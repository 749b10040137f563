//! Where a private cluster's files lie, and to whom they belong: `data` (PostgreSQL's directory), `socket`
//! and `lock` under `data_dir/pg`. PostgreSQL refuses to run as root, so a root process hands the directory
//! to the user `postgres` (or to whoever owns an existing cluster) and runs the server as that user.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::programs::Programs;
use super::{PORT, SUPERUSER};
use crate::error::StoreError;

/// A socket's path must fit `sun_path`, which holds 108 bytes with its closing zero.
const SOCKET_PATH_MAX: usize = 107;

/// As whom the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerUser {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The directories of one private cluster.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
    data: PathBuf,
    /// Set when we are root and the server must be somebody else.
    user: Option<ServerUser>,
}

/// The lock that keeps two processes from one cluster. Released when dropped.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl Layout {
    /// Makes `dir`, decides as whom the server runs, and checks that it can get there.
    pub(super) fn prepare(dir: &Path) -> Result<Self, StoreError> {
        let us = rustix::process::geteuid().as_raw();
        fs::create_dir_all(dir).map_err(StoreError::io("making", dir))?;
        let dir = dir.canonicalize().map_err(StoreError::io("finding", dir))?;
        let data = dir.join("data");
        let owner = match fs::metadata(&data) {
            Ok(meta) => Some(ServerUser { uid: meta.uid(), gid: meta.gid() }),
            Err(_) => None,
        };
        let user = match (us, owner) {
            (0, Some(owner)) if owner.uid != 0 => Some(owner),
            (0, _) => Some(postgres_user()?),
            (us, Some(owner)) if owner.uid != us => {
                return Err(StoreError::NotOurs { path: data, owner: owner.uid, us });
            }
            _ => None,
        };
        if let Some(user) = user {
            check_traversable(&dir, user)?;
            chown(&dir, Some(user.uid), Some(user.gid)).map_err(StoreError::io("handing over", &dir))?;
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))
            .map_err(StoreError::io("closing", &dir))?;
        Ok(Self { dir, data, user })
    }

    /// `data_dir/pg`.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// PostgreSQL's data directory.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Takes the lock of the directory, for as long as the value lives.
    pub(super) fn lock(&self) -> Result<DirLock, StoreError> {
        let path = self.dir.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("opening", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(StoreError::InUse { dir: self.dir.clone(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io("locking", &path)(error)),
        }
        // The number is there for whoever is refused; the lock itself is the kernel's.
        let write = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        write.map_err(StoreError::io("writing", &path))?;
        Ok(DirLock { _file: file })
    }

    /// The major version that made the cluster; `None` when there is none yet.
    pub(super) fn made_by(&self) -> Result<Option<String>, StoreError> {
        made_by(&self.data)
    }

    /// A command that runs as the server's user, with nothing of our environment but the search path.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LANG", "C").env("LC_ALL", "C").env("TZ", "UTC").current_dir(&self.dir);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Makes the cluster beside its place and moves it there whole, so that a kill midway leaves no half of it.
    pub(super) fn initdb(&self, programs: &Programs) -> Result<(), StoreError> {
        let fresh = self.dir.join("data.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(StoreError::io("removing", &fresh))?;
        }
        let output = self
            .command(&programs.initdb())
            .arg("--pgdata")
            .arg(&fresh)
            .args(["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"])
            .arg("--data-checksums")
            .output()
            .map_err(StoreError::io("running", programs.initdb()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(self.explain(&said));
        }
        // An empty `data` may lie there; rename replaces it.
        fs::rename(&fresh, &self.data).map_err(StoreError::io("moving", &fresh))?;
        sync_dir(&self.dir)
    }

    /// The directory of the socket: under `dir` where its path is short enough, else a private one of the
    /// same user in a short place, always the same for the same cluster.
    pub(super) fn socket_dir(&self) -> Result<PathBuf, StoreError> {
        let near = self.dir.join("socket");
        if near.join(format!(".s.PGSQL.{PORT}")).as_os_str().len() <= SOCKET_PATH_MAX {
            self.private_dir(&near)?;
            return Ok(near);
        }
        let hash = crc32fast::hash(self.dir.as_os_str().as_encoded_bytes());
        let owner = self.server_uid();
        let far = std::env::temp_dir().join(format!("wayside-pg-{owner}-{hash:08x}"));
        let far = if far.as_os_str().len() > 80 {
            Path::new("/tmp").join(far.file_name().unwrap_or_default())
        } else {
            far
        };
        self.private_dir(&far)?;
        Ok(far)
    }

    fn server_uid(&self) -> u32 {
        self.user.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid)
    }

    /// Makes a directory of mode 0700 that belongs to the server's user, or accepts exactly such a one.
    fn private_dir(&self, path: &Path) -> Result<(), StoreError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                if let Some(user) = self.user {
                    chown(path, Some(user.uid), Some(user.gid))
                        .map_err(StoreError::io("handing over", path))?;
                }
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let meta = fs::symlink_metadata(path).map_err(StoreError::io("looking at", path))?;
                if !meta.is_dir() {
                    let reason = "a directory for the database's socket was expected".to_owned();
                    return Err(StoreError::Damaged { path: path.to_owned(), reason });
                }
                let root = rustix::process::geteuid().is_root();
                if meta.uid() != self.server_uid() && !(root && meta.uid() == 0) {
                    return Err(StoreError::NotOurs {
                        path: path.to_owned(),
                        owner: meta.uid(),
                        us: self.server_uid(),
                    });
                }
                if let Some(user) = self.user {
                    chown(path, Some(user.uid), Some(user.gid))
                        .map_err(StoreError::io("handing over", path))?;
                }
                fs::set_permissions(path, fs::Permissions::from_mode(0o700))
                    .map_err(StoreError::io("closing", path))
            }
            Err(error) => Err(StoreError::io("making", path)(error)),
        }
    }

    /// What the server or initdb said, as an error.
    pub(super) fn explain(&self, said: &str) -> StoreError {
        if said.contains("No space left on device") || said.contains("could not extend file") {
            return StoreError::DiskFull { path: self.dir.clone() };
        }
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.iter().rev().take(6).rev().copied().collect::<Vec<_>>().join("; ");
        let reason = if last.is_empty() { "it said nothing".to_owned() } else { last };
        StoreError::ServerStart { dir: self.dir.clone(), reason }
    }
}

/// Where the server's own files lie in a cluster's directory.
pub(super) fn data_of(dir: &Path) -> PathBuf {
    dir.join("data")
}

/// The major version that made the cluster; `None` when there is none yet.
pub(super) fn made_by(data: &Path) -> Result<Option<String>, StoreError> {
    let path = data.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let occupied = fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some());
            if occupied {
                let reason = "it holds files but no PG_VERSION, so it is no PostgreSQL cluster; move it away"
                    .to_owned();
                return Err(StoreError::Damaged { path: data.to_owned(), reason });
            }
            Ok(None)
        }
        Err(error) => Err(StoreError::io("reading", path)(error)),
    }
}

/// Makes a rename or a new file in this directory survive a power cut.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("syncing", dir))
}

fn postgres_user() -> Result<ServerUser, StoreError> {
    let id = |flag: &str| -> Option<u32> {
        let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    match (id("-u"), id("-g")) {
        (Some(uid), Some(gid)) if uid != 0 => Ok(ServerUser { uid, gid }),
        _ => Err(StoreError::NoServerUser),
    }
}

/// Whether the server's user can walk down to the parent of `dir` (`dir` itself will be its own).
fn check_traversable(dir: &Path, user: ServerUser) -> Result<(), StoreError> {
    for ancestor in dir.ancestors().skip(1) {
        let meta = fs::metadata(ancestor).map_err(StoreError::io("looking at", ancestor))?;
        let bit = if meta.uid() == user.uid {
            0o100
        } else if meta.gid() == user.gid {
            0o010
        } else {
            0o001
        };
        if meta.mode() & bit == 0 {
            return Err(StoreError::NotTraversable {
                user: "postgres".to_owned(),
                blocked: ancestor.to_owned(),
                target: dir.to_owned(),
            });
        }
    }
    Ok(())
}
