//! The number of a run. Rows of different runs never share a key, so a run must get a number that no run
//! before had, even when the machine's clock went back or the database is away.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use wayside_types::Clock;

use crate::cluster::sync_dir;
use crate::error::StoreError;

/// Takes the next epoch: the time in milliseconds since 1970, or one more than the last where the clock went
/// back. The number is on disk in `dir/epoch` before it is returned.
///
/// # Errors
/// [`StoreError::Io`], [`StoreError::DiskFull`], and [`StoreError::Damaged`] when the file holds no number.
pub fn next(dir: &Path, clock: &dyn Clock) -> Result<i64, StoreError> {
    fs::create_dir_all(dir).map_err(StoreError::io("making", dir))?;
    let path = dir.join("epoch");
    let last: i64 = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| StoreError::Damaged {
            path: path.clone(),
            reason: "it should hold the number of the last run; delete it if the clock is right".to_owned(),
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(StoreError::io("reading", path)(error)),
    };
    let epoch = clock.now().as_millisecond().max(last + 1);
    let fresh = dir.join("epoch.new");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&fresh)?;
        writeln!(file, "{epoch}")?;
        file.sync_all()?;
        fs::rename(&fresh, &path)
    };
    write().map_err(StoreError::io("writing", path.as_path()))?;
    sync_dir(dir)?;
    Ok(epoch)
}
