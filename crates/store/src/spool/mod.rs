//! The append-only spool: closed bins and incidents lie here, synced to disk, before anything else happens to them, and
//! until the database has committed them. How a record looks on disk is `frame`; who reads the spool and
//! writes the database is [`crate::writer`].
//!
//! The spool is a directory of numbered segments. A run never appends to a segment of an earlier run, whose
//! last record may be torn; it starts a new one. A segment is deleted once all of it is committed. A record
//! may therefore be read again after a kill: rows hold absolute values, so writing one twice is harmless.

mod frame;
mod load;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use wayside_types::ClosedBins;

use crate::cluster::sync_dir;
use crate::error::StoreError;

pub(crate) use load::{Load, Notice};

/// How long segments get.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// A segment this long is closed and a new one begun.
    segment_bytes: u64,
    /// A committed segment shorter than this goes on being used: making and deleting files costs syncs.
    reuse_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, reuse_bytes: 1 << 20 }
    }
}

/// A place in the spool: a segment and an offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    segment: u64,
    offset: u64,
}

/// Records read in one go.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) load: Load,
    /// Rows that they will make, as counted when they were appended.
    pub(crate) rows: u64,
    /// Where to go on, and what to release once the batch is committed.
    pub(crate) next: Position,
}

/// The spool. Appending may happen from many threads; reading is one thread's.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    limits: Limits,
    state: Mutex<State>,
    synced: Condvar,
    _lock: File,
}

#[derive(Debug)]
struct State {
    segments: BTreeMap<u64, Segment>,
    active: Option<u64>,
    next: u64,
    waiting_rows: u64,
    damaged: u64,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    /// Open for appending, in a segment of this run.
    file: Option<Arc<File>>,
    written: u64,
    synced: u64,
    /// A thread is syncing now.
    syncing: bool,
    /// A sync failed: what was not synced before may or may not be on disk.
    failed: bool,
}

impl Spool {
    /// Opens the spool of this directory, and counts what an earlier run left in it.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Limits::default())
    }

    fn open_with(dir: &Path, limits: Limits) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::io("making", dir))?;
        let lock = lock(dir)?;
        let mut state =
            State { segments: BTreeMap::new(), active: None, next: 1, waiting_rows: 0, damaged: 0 };
        for entry in fs::read_dir(dir).map_err(StoreError::io("reading", dir))? {
            let path = entry.map_err(StoreError::io("reading", dir))?.path();
            let Some(number) = number_of(&path) else { continue };
            state.next = state.next.max(number + 1);
            let bytes = fs::read(&path).map_err(StoreError::io("reading", path.as_path()))?;
            let mut scan = frame::Scan::new(&bytes);
            while let Some(found) = scan.next() {
                state.waiting_rows += u64::from(found.rows);
            }
            state.damaged += scan.damaged();
            if scan.damaged() > 0 {
                tracing::error!(segment = %path.display(), records = scan.damaged(), "records in the spool are damaged and are left out");
            }
            let length = bytes.len() as u64;
            let segment =
                Segment { path, file: None, written: length, synced: length, syncing: false, failed: false };
            state.segments.insert(number, segment);
        }
        Ok(Self {
            dir: dir.to_owned(),
            limits,
            state: Mutex::new(state),
            synced: Condvar::new(),
            _lock: lock,
        })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Rows that wait for the database.
    pub(crate) fn waiting_rows(&self) -> u64 {
        self.lock().waiting_rows
    }

    /// Records that were found damaged when the spool was opened.
    pub(crate) fn damaged(&self) -> u64 {
        self.lock().damaged
    }

    /// Where reading begins.
    pub(crate) fn start(&self) -> Position {
        let first = self.lock().segments.keys().next().copied();
        Position { segment: first.unwrap_or_default(), offset: 0 }
    }

    /// Appends a record of all bins and one of each notice, and returns when they are on disk. Threads that append at
    /// the same time share a sync.
    pub(crate) fn append(&self, load: &Load) -> Result<(), StoreError> {
        let bad = |reason| StoreError::BadBin { camera: load.camera(), reason };
        let mut rows: usize = load.bins.iter().map(|one| one.bins.len() + 1).sum();
        let mut bytes = Vec::new();
        if !load.bins.is_empty() {
            bytes = frame::encode(&load.bins, rows).map_err(bad)?;
        }
        for notice in &load.notices {
            bytes.extend(frame::encode(notice, notice.rows()).map_err(bad)?);
            rows += notice.rows();
        }
        let mut state = self.lock();
        let (number, end) = self.write(&mut state, &bytes)?;
        // Counted before it can be read and released.
        state.waiting_rows += rows as u64;
        self.wait_synced(state, number, end).inspect_err(|_| {
            let mut state = self.lock();
            state.waiting_rows = state.waiting_rows.saturating_sub(rows as u64);
        })
    }

    /// Reads records from a position on until they make `max_rows` rows or all that is synced is read. `None`
    /// when there is nothing.
    pub(crate) fn read(&self, from: Position, max_rows: u64) -> Result<Option<Batch>, StoreError> {
        let mut batch = Batch { load: Load::default(), rows: 0, next: from };
        let known: Vec<(u64, PathBuf, u64)> = {
            let state = self.lock();
            let later = state.segments.range(from.segment..);
            later.map(|(number, segment)| (*number, segment.path.clone(), segment.synced)).collect()
        };
        for (number, path, synced) in known {
            let offset = if number == from.segment { from.offset } else { 0 };
            let bytes = read_range(&path, offset, synced)?;
            let mut scan = frame::Scan::resume(&bytes, offset == 0);
            while let Some(found) = scan.next() {
                match understand(found.payload, &mut batch.load) {
                    Ok(()) => {}
                    // The checksum holds, so this was written by another version.
                    Err(error) => {
                        tracing::error!(%error, segment = %path.display(), "a record in the spool can't be understood and is left out")
                    }
                }
                batch.rows += u64::from(found.rows);
                batch.next = Position { segment: number, offset: offset + found.end as u64 };
                if batch.rows >= max_rows {
                    return Ok(Some(batch));
                }
            }
            batch.next = Position { segment: number, offset: synced.max(offset) };
        }
        Ok((batch.next != from || !batch.load.is_empty()).then_some(batch))
    }

    /// Forgets everything before a position: it is committed. A short segment that is still appended to stays.
    pub(crate) fn release(&self, up_to: Position, rows: u64) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.waiting_rows = state.waiting_rows.saturating_sub(rows);
        let active = state.active;
        state.forget(|number, segment| {
            let reused = Some(number) == active && segment.written < self.limits.reuse_bytes;
            segment.is_behind(number, up_to) && !reused
        })
    }

    /// Forgets everything before a position, also the segment that would be appended to next.
    pub(crate) fn tidy(&self, up_to: Position) -> Result<(), StoreError> {
        self.lock().forget(|number, segment| segment.is_behind(number, up_to))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a frame at the end of the active segment; a write that fails leaves the segment as it was.
    fn write(&self, state: &mut State, bytes: &[u8]) -> Result<(u64, u64), StoreError> {
        let number = self.active(state)?;
        let Some(segment) = state.segments.get_mut(&number) else {
            return Err(StoreError::Damaged {
                path: self.dir.clone(),
                reason: "its active segment is gone".to_owned(),
            });
        };
        let Some(file) = segment.file.clone() else {
            return Err(StoreError::Damaged {
                path: segment.path.clone(),
                reason: "it is not open".to_owned(),
            });
        };
        if let Err(error) = file.write_all_at(bytes, segment.written) {
            // Half a frame may be there: cut it off, or leave the segment as it is and begin another.
            if file.set_len(segment.written).is_err() {
                state.active = None;
            }
            return Err(StoreError::io("writing", segment.path.clone())(error));
        }
        segment.written += bytes.len() as u64;
        Ok((number, segment.written))
    }

    /// The segment to append to; makes one where there is none or the last is long enough.
    fn active(&self, state: &mut State) -> Result<u64, StoreError> {
        if let Some(number) = state.active {
            match state.segments.get(&number) {
                Some(segment) if segment.written < self.limits.segment_bytes && !segment.failed => {
                    return Ok(number);
                }
                _ => state.active = None,
            }
        }
        let number = state.next;
        let path = self.dir.join(format!("{number:016}.spool"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(StoreError::io("making", path.as_path()))?;
        state.next += 1;
        if let Err(error) =
            file.write_all_at(frame::SEGMENT_MAGIC, 0).map_err(StoreError::io("writing", path.as_path()))
        {
            drop(fs::remove_file(&path));
            return Err(error);
        }
        sync_dir(&self.dir)?;
        let written = frame::SEGMENT_MAGIC.len() as u64;
        let file = Some(Arc::new(file));
        state
            .segments
            .insert(number, Segment { path, file, written, synced: 0, syncing: false, failed: false });
        state.active = Some(number);
        Ok(number)
    }

    /// Waits until a segment is synced up to `end`, syncing it unless another thread already does.
    fn wait_synced<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        number: u64,
        end: u64,
    ) -> Result<(), StoreError> {
        loop {
            // A segment is forgotten only when all of it was synced and committed.
            let Some(segment) = state.segments.get_mut(&number) else { return Ok(()) };
            if segment.synced >= end {
                return Ok(());
            }
            if segment.failed {
                let reason = "a sync failed, so what was written to it is not certain".to_owned();
                return Err(StoreError::Damaged { path: segment.path.clone(), reason });
            }
            if segment.syncing {
                state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let Some(file) = segment.file.clone() else { return Ok(()) };
            segment.syncing = true;
            let target = segment.written;
            drop(state);
            let result = file.sync_data();
            state = self.lock();
            self.synced.notify_all();
            let Some(segment) = state.segments.get_mut(&number) else { return Ok(()) };
            segment.syncing = false;
            if let Err(error) = result {
                // After a failed sync the kernel may have dropped the pages: the segment ends here.
                segment.failed = true;
                segment.written = segment.synced;
                return Err(StoreError::io("syncing", segment.path.clone())(error));
            }
            segment.synced = segment.synced.max(target);
        }
    }
}

impl State {
    /// Deletes the segments that `gone` names.
    fn forget(&mut self, gone: impl Fn(u64, &Segment) -> bool) -> Result<(), StoreError> {
        let done: Vec<u64> = self
            .segments
            .iter()
            .filter(|(number, segment)| gone(**number, segment))
            .map(|(number, _)| *number)
            .collect();
        for number in done {
            if self.active == Some(number) {
                self.active = None;
            }
            if let Some(segment) = self.segments.remove(&number) {
                fs::remove_file(&segment.path).map_err(StoreError::io("deleting", segment.path))?;
            }
        }
        Ok(())
    }
}

impl Segment {
    /// Whether all of it lies before a position and nobody is about to append to it.
    fn is_behind(&self, number: u64, position: Position) -> bool {
        let read =
            number < position.segment || (number == position.segment && self.written <= position.offset);
        read && !self.syncing && self.written == self.synced
    }
}

/// Bins lie in a list, a notice under its name.
fn understand(payload: &[u8], load: &mut Load) -> serde_json::Result<()> {
    if payload.first() == Some(&b'[') {
        load.bins.extend(serde_json::from_slice::<Vec<ClosedBins>>(payload)?);
    } else {
        load.notices.push(serde_json::from_slice(payload)?);
    }
    Ok(())
}

fn number_of(path: &Path) -> Option<u64> {
    let number = path.file_name()?.to_str()?.strip_suffix(".spool")?;
    number.parse().ok()
}

fn read_range(path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
    let length = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    let file = File::open(path).map_err(StoreError::io("opening", path))?;
    file.read_exact_at(&mut bytes, from).map_err(StoreError::io("reading", path))?;
    Ok(bytes)
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::io("opening", path.as_path()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned(), pid: None }),
        Err(TryLockError::Error(error)) => Err(StoreError::io("locking", path)(error)),
    }
}
