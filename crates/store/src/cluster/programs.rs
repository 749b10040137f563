//! Finds PostgreSQL's programs: in a directory that was named, in `PATH`, or where Debian keeps every major
//! version side by side. An existing cluster gets the version that made it, a new one the newest.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::StoreError;

/// Where Debian and Ubuntu install each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// One installed version.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    bin: PathBuf,
    major: u32,
}

impl Programs {
    /// The programs for a cluster made by major version `wanted`, or the newest when there is none yet.
    pub(super) fn find(first: Option<&Path>, wanted: Option<&str>, data: &Path) -> Result<Self, StoreError> {
        let dirs = candidates(first);
        let found: Vec<Self> = dirs.iter().filter_map(|bin| Self::in_dir(bin)).collect();
        let chosen = match wanted {
            Some(wanted) => found.iter().find(|programs| programs.major.to_string() == wanted),
            None => found.iter().max_by_key(|programs| programs.major),
        };
        match (chosen, wanted) {
            (Some(chosen), _) => Ok(chosen.clone()),
            (None, Some(wanted)) if !found.is_empty() => {
                let mut installed: Vec<u32> = found.iter().map(|programs| programs.major).collect();
                installed.sort_unstable();
                installed.dedup();
                let installed: Vec<String> = installed.iter().map(ToString::to_string).collect();
                Err(StoreError::OtherMajorVersion {
                    data: data.to_owned(),
                    made_by: wanted.to_owned(),
                    installed: installed.join(", "),
                })
            }
            _ => Err(StoreError::NoServerPrograms {
                searched: match first {
                    Some(dir) => dir.display().to_string(),
                    None => format!("PATH and {DEBIAN}/*/bin"),
                },
            }),
        }
    }

    /// Both programs in one directory, and their version.
    fn in_dir(bin: &Path) -> Option<Self> {
        let postgres = bin.join("postgres");
        if !bin.join("initdb").is_file() || !postgres.is_file() {
            return None;
        }
        // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
        let output = Command::new(&postgres).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let major = version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        Some(Self { bin: bin.to_owned(), major })
    }

    pub(super) fn major(&self) -> u32 {
        self.major
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.bin.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.bin.join("postgres")
    }
}

fn candidates(first: Option<&Path>) -> Vec<PathBuf> {
    if let Some(dir) = first {
        return vec![dir.to_owned()];
    }
    let mut dirs: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    if let Ok(versions) = fs::read_dir(DEBIAN) {
        dirs.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    dirs
}
