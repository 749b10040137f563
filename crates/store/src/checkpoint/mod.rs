//! The checkpoint: the open bins and incidents of all cameras in one file that is overwritten in place every 10 s, so that
//! a kill costs seconds and not bins. When it is saved and what becomes of what it holds is the engine's
//! and [`crate::writer`]'s business.
//!
//! The file has two halves of the same length. A save goes to the half that does not hold the newest
//! checkpoint and carries the next sequence number and a checksum, so a kill at any byte of it leaves the
//! other half whole. When a checkpoint outgrows its half, a larger file is made beside and renamed over it.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use wayside_types::{ClosedBins, IncidentRecord};

use crate::cluster::sync_dir;
use crate::error::StoreError;

const MAGIC: &[u8; 8] = b"WAYCHKP1";
/// Magic, sequence number, length of the payload, CRC-32 of what precedes it and of the payload.
const HEADER: usize = 24;
/// Room for the open bins of a few cameras.
const FIRST_HALF: u64 = 64 << 10;

/// What is open at a moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenState {
    /// Bins, as far as they were seen.
    pub bins: Vec<ClosedBins>,
    /// Incidents, with the moment at which each was last seen.
    #[serde(default)]
    pub incidents: Vec<IncidentRecord>,
}

impl OpenState {
    /// Bins alone.
    #[must_use]
    pub const fn of_bins(bins: Vec<ClosedBins>) -> Self {
        Self { bins, incidents: Vec::new() }
    }
}

/// The open bins and incidents on disk. Saving may happen from any thread, one at a time.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    half: u64,
    sequence: u64,
    /// The half that holds the newest checkpoint.
    newest: u64,
}

/// A checkpoint that is whole.
struct Slot {
    sequence: u64,
    payload: Vec<u8>,
}

impl Checkpoint {
    /// Opens the file, or makes an empty one.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::DiskFull`], naming the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let exists = path.try_exists().map_err(StoreError::io("looking for", path))?;
        let file = if exists {
            OpenOptions::new().read(true).write(true).open(path).map_err(StoreError::io("opening", path))?
        } else {
            replace(path, FIRST_HALF, None)?
        };
        let length = file.metadata().map_err(StoreError::io("looking at", path))?.len();
        // A file of a strange length was cut by somebody: what can be read of it still is.
        let mut half = length / 2;
        let slots = [read_slot(&file, 0, length), read_slot(&file, half, length)];
        let newest = match &slots {
            [Some(a), Some(b)] if b.sequence > a.sequence => 1,
            [None, Some(_)] => 1,
            _ => 0,
        };
        let sequence = slots.iter().flatten().map(|slot| slot.sequence).max().unwrap_or_default();
        if slots.iter().all(Option::is_none) && file_has_bytes(&file) {
            tracing::error!(file = %path.display(), "both halves of the checkpoint are damaged; the bins that were open are lost");
        }
        if half < FIRST_HALF {
            half = 0;
        }
        Ok(Self { path: path.to_owned(), open: Mutex::new(Open { file, half, sequence, newest }) })
    }

    /// Overwrites the older half with what is open now and waits until it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Io`] or [`StoreError::DiskFull`]; the checkpoint before stays valid.
    pub fn save(&self, now: &OpenState) -> Result<(), StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = open.sequence + 1;
        let slot = encode(sequence, now).map_err(|reason| StoreError::BadBin {
            camera: now.bins.first().map(|one| one.coverage.camera.to_string()).unwrap_or_default(),
            reason,
        })?;
        let needed = slot.len() as u64;
        if needed > open.half {
            let half = (needed * 2).next_power_of_two().max(FIRST_HALF);
            open.file = replace(&self.path, half, Some(&slot))?;
            open.half = half;
            open.newest = 0;
        } else {
            let target = 1 - open.newest;
            let written =
                open.file.write_all_at(&slot, target * open.half).and_then(|()| open.file.sync_data());
            written.map_err(StoreError::io("writing", self.path.as_path()))?;
            open.newest = target;
        }
        open.sequence = sequence;
        Ok(())
    }

    /// The newest checkpoint that is whole; `None` when there never was one, or none is left whole.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the file can't be read.
    pub fn load(&self) -> Result<Option<OpenState>, StoreError> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let length = open.file.metadata().map_err(StoreError::io("looking at", self.path.as_path()))?.len();
        let slots = [read_slot(&open.file, 0, length), read_slot(&open.file, length / 2, length)];
        let newest = slots.into_iter().flatten().max_by_key(|slot| slot.sequence);
        let Some(newest) = newest else { return Ok(None) };
        // An older program wrote the bins alone, as a list.
        let understood = match newest.payload.first() {
            Some(b'[') => serde_json::from_slice(&newest.payload).map(OpenState::of_bins),
            _ => serde_json::from_slice(&newest.payload),
        };
        match understood {
            Ok(open) => Ok(Some(open)),
            Err(error) => {
                // The checksum holds, so another version wrote it. The bins that were open then are lost;
                // refusing to start would lose more.
                tracing::error!(%error, file = %self.path.display(), "the checkpoint can't be understood; the bins that were open are lost");
                Ok(None)
            }
        }
    }
}

fn encode(sequence: u64, open: &OpenState) -> Result<Vec<u8>, String> {
    let mut slot = vec![0; HEADER];
    serde_json::to_writer(&mut slot, open).map_err(|error| error.to_string())?;
    let length = u32::try_from(slot.len() - HEADER).map_err(|_| "more than 4 GiB of open bins".to_owned())?;
    slot[..8].copy_from_slice(MAGIC);
    slot[8..16].copy_from_slice(&sequence.to_le_bytes());
    slot[16..20].copy_from_slice(&length.to_le_bytes());
    let crc = checksum(&slot[..20], &slot[HEADER..]);
    slot[20..24].copy_from_slice(&crc.to_le_bytes());
    Ok(slot)
}

fn read_slot(file: &File, at: u64, end: u64) -> Option<Slot> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, at).ok()?;
    if &header[..8] != MAGIC {
        return None;
    }
    let sequence = u64::from_le_bytes(header[8..16].try_into().ok()?);
    let length = u32::from_le_bytes(header[16..20].try_into().ok()?);
    let crc = u32::from_le_bytes(header[20..24].try_into().ok()?);
    if at + HEADER as u64 + u64::from(length) > end {
        return None;
    }
    let mut payload = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut payload, at + HEADER as u64).ok()?;
    (checksum(&header[..20], &payload) == crc).then_some(Slot { sequence, payload })
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}

/// Whether anything but zeros was ever written.
fn file_has_bytes(file: &File) -> bool {
    let mut head = [0; 8];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => head != [0; 8],
        Err(_) => file.metadata().is_ok_and(|meta| meta.len() > 0),
    }
}

/// Makes a file of two halves with the checkpoint in the first, whole before it takes the old one's place.
fn replace(path: &Path, half: u64, slot: Option<&[u8]>) -> Result<File, StoreError> {
    let fresh = path.with_extension("new");
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(StoreError::io("making", dir))?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&fresh)
        .map_err(StoreError::io("making", fresh.as_path()))?;
    // The zeros are written out, so that the disk's space is taken now and a later save can't run out of it.
    let zeros = vec![0; usize::try_from(half * 2).unwrap_or_default()];
    let written = file
        .write_all_at(&zeros, 0)
        .and_then(|()| slot.map_or(Ok(()), |slot| file.write_all_at(slot, 0)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&fresh, path));
    if let Err(error) = written {
        drop(fs::remove_file(&fresh));
        return Err(StoreError::io("writing", fresh)(error));
    }
    sync_dir(dir)?;
    Ok(file)
}
