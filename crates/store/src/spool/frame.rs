//! How a record lies in a segment: `"WSR1"`, length, rows, CRC-32 (of length, rows and payload; IEEE
//! polynomial), payload; numbers are little-endian. The payload is JSON, so that a newer program reads
//! what an older one left. A damaged record is skipped by looking for the next one that is whole.

use serde::Serialize;

/// The first bytes of a segment.
pub(super) const SEGMENT_MAGIC: &[u8; 8] = b"WAYSPOL1";
const MAGIC: &[u8; 4] = b"WSR1";
const HEADER: usize = 16;

/// Makes a frame of something that will be `rows` rows.
pub(super) fn encode(what: &(impl Serialize + ?Sized), rows: usize) -> Result<Vec<u8>, String> {
    let mut frame = vec![0; HEADER];
    serde_json::to_writer(&mut frame, what).map_err(|error| error.to_string())?;
    let too_long = |_| format!("{} bytes in one go are more than a record takes", frame.len());
    let length = u32::try_from(frame.len() - HEADER).map_err(too_long)?;
    let rows = u32::try_from(rows).map_err(too_long)?;
    frame[..4].copy_from_slice(MAGIC);
    frame[4..8].copy_from_slice(&length.to_le_bytes());
    frame[8..12].copy_from_slice(&rows.to_le_bytes());
    let crc = checksum(&frame[4..12], &frame[HEADER..]);
    frame[12..16].copy_from_slice(&crc.to_le_bytes());
    Ok(frame)
}

/// A whole record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) payload: &'a [u8],
    pub(super) rows: u32,
    /// Where the next begins.
    pub(super) end: usize,
}

/// Goes through the records of a segment.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    damaged: u64,
}

impl<'a> Scan<'a> {
    /// From a segment's beginning.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::resume(bytes, true)
    }

    /// From somewhere between two records, or from the beginning.
    pub(super) fn resume(bytes: &'a [u8], beginning: bool) -> Self {
        let at = if beginning && bytes.starts_with(SEGMENT_MAGIC) { SEGMENT_MAGIC.len() } else { 0 };
        Self { bytes, at, damaged: 0 }
    }

    /// The next whole record.
    pub(super) fn next(&mut self) -> Option<Found<'a>> {
        let mut skipped = false;
        while self.at < self.bytes.len() {
            if let Some(found) = whole(self.bytes, self.at) {
                self.at = found.end;
                self.damaged += u64::from(skipped);
                return Some(found);
            }
            skipped = true;
            let rest = &self.bytes[self.at + 1..];
            self.at = match rest.windows(MAGIC.len()).position(|window| window == MAGIC) {
                Some(next) => self.at + 1 + next,
                None => self.bytes.len(),
            };
        }
        // What is torn at the very end was never acknowledged, so it is no damage.
        None
    }

    /// How many times something that is no record lay before one.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }
}

fn whole(bytes: &[u8], at: usize) -> Option<Found<'_>> {
    let header = bytes.get(at..at + HEADER)?;
    if &header[..4] != MAGIC {
        return None;
    }
    let length = usize::try_from(number(&header[4..8])?).ok()?;
    let rows = number(&header[8..12])?;
    let end = at.checked_add(HEADER)?.checked_add(length)?;
    let payload = bytes.get(at + HEADER..end)?;
    (checksum(&header[4..12], payload) == number(&header[12..16])?).then_some(Found { payload, rows, end })
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(payload);
    hasher.finalize()
}
