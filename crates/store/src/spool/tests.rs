//! The spool under kills, torn writes and flipped bytes: what was acknowledged comes back, in order and
//! unaltered; what was not acknowledged comes back whole or not at all.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::testing::{incident, minute, minutes};

const SMALL: Limits = Limits { segment_bytes: 2_000, reuse_bytes: 500 };

fn read_all(spool: &Spool) -> Vec<ClosedBins> {
    let mut position = spool.start();
    let mut all = Vec::new();
    while let Some(batch) = spool.read(position, 10).unwrap() {
        all.extend(batch.load.bins);
        position = batch.next;
    }
    all
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| number_of(path).is_some())
        .collect();
    paths.sort();
    paths
}

/// Appends each record alone and returns where each one's frame ends, in one segment.
fn append_each(dir: &Path, records: &[ClosedBins]) -> Vec<usize> {
    let spool = Spool::open(dir).unwrap();
    let mut ends = Vec::new();
    for record in records {
        spool.append(&Load::of_bins(vec![record.clone()])).unwrap();
        ends.push(usize::try_from(fs::metadata(&segments(dir)[0]).unwrap().len()).unwrap());
    }
    ends
}

/// What an older program wrote is a list of bins and is read as before; a notice is a record of its own.
#[test]
fn bins_and_notices_lie_side_by_side() {
    let dir = TempDir::new().unwrap();
    let spool = Spool::open(dir.path()).unwrap();
    let notices = vec![Notice::Incident(incident(1)), Notice::Incident(incident(2))];
    let load = Load { bins: vec![minute(1, 1, 60.0)], notices: notices.clone() };
    spool.append(&load).unwrap();
    assert_eq!(spool.waiting_rows(), 2 + 2 + 2);
    drop(spool);
    let spool = Spool::open(dir.path()).unwrap();
    assert_eq!(spool.waiting_rows(), 6);
    let first = spool.read(spool.start(), 1).unwrap().unwrap();
    assert_eq!(first.load, Load::of_bins(vec![minute(1, 1, 60.0)]));
    let rest = spool.read(first.next, u64::MAX).unwrap().unwrap();
    assert_eq!((rest.load, rest.rows), (Load::of_notices(notices), 4));
}

#[test]
fn two_processes_cannot_share_a_spool() {
    let dir = TempDir::new().unwrap();
    let _first = Spool::open(dir.path()).unwrap();
    assert!(matches!(Spool::open(dir.path()), Err(StoreError::InUse { .. })));
}

#[test]
fn threads_that_append_at_once_lose_nothing() {
    let dir = TempDir::new().unwrap();
    let spool = Spool::open_with(dir.path(), SMALL).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let spool = &spool;
            scope.spawn(move || {
                for n in 0..25 {
                    spool.append(&Load::of_bins(vec![minute(thread * 100 + n, 1, 60.0)])).unwrap();
                }
            });
        }
    });
    assert_eq!(spool.waiting_rows(), 8 * 25 * 2);
    let mut starts: Vec<i64> = read_all(&spool).iter().map(|one| one.coverage.start.as_second()).collect();
    starts.sort_unstable();
    let mut wanted: Vec<i64> = (0..8)
        .flat_map(|t| (0..25).map(move |n| minute(t * 100 + n, 1, 60.0).coverage.start.as_second()))
        .collect();
    wanted.sort_unstable();
    assert_eq!(starts, wanted);
}

#[test]
fn what_is_released_is_gone_from_disk() {
    let dir = TempDir::new().unwrap();
    let spool = Spool::open_with(dir.path(), SMALL).unwrap();
    for n in 0..50 {
        spool.append(&Load::of_bins(vec![minute(n, 1, 60.0)])).unwrap();
    }
    assert!(segments(dir.path()).len() > 5);
    let batch = spool.read(spool.start(), u64::MAX).unwrap().unwrap();
    spool.release(batch.next, batch.rows).unwrap();
    assert_eq!(spool.waiting_rows(), 0);
    assert!(segments(dir.path()).len() <= 1);
    spool.tidy(batch.next).unwrap();
    assert_eq!(segments(dir.path()).len(), 0);
    // And goes on being of use.
    spool.append(&Load::of_bins(vec![minute(99, 1, 60.0)])).unwrap();
    let batch = spool.read(batch.next, u64::MAX).unwrap().unwrap();
    assert_eq!(batch.load.bins, [minute(99, 1, 60.0)]);
}

/// What a run may do, and what may befall it.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<ClosedBins>),
    Commit {
        max_rows: u64,
    },
    /// Killed: opened again by the next run, after some bytes of an unfinished append.
    Kill {
        torn: Vec<u8>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => minutes(6).prop_filter("an append of nothing", |list| !list.is_empty()).prop_map(Step::Append),
        2 => (1..30_u64).prop_map(|max_rows| Step::Commit { max_rows }),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(|torn| Step::Kill { torn }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cut_leaves_every_record_before_it(records in minutes(12), share in 0.0..=1.0_f64) {
        prop_assume!(!records.is_empty());
        let dir = TempDir::new().unwrap();
        let ends = append_each(dir.path(), &records);
        let path = segments(dir.path())[0].clone();
        let length = *ends.last().unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
        let cut = (share * length as f64) as usize;
        File::options().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count();

        let spool = Spool::open(dir.path()).unwrap();
        prop_assert_eq!(spool.damaged(), 0);
        prop_assert_eq!(&read_all(&spool), &records[..whole]);
        // The next run's records follow; the torn one stays out.
        spool.append(&Load::of_bins(vec![minute(-1, 3, 60.0)])).unwrap();
        drop(spool);
        let mut wanted = records[..whole].to_vec();
        wanted.push(minute(-1, 3, 60.0));
        prop_assert_eq!(read_all(&Spool::open(dir.path()).unwrap()), wanted);
    }

    #[test]
    fn a_flipped_byte_costs_one_record(records in minutes(12), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        prop_assume!(!records.is_empty());
        let dir = TempDir::new().unwrap();
        let ends = append_each(dir.path(), &records);
        let path = segments(dir.path())[0].clone();
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, &bytes).unwrap();

        let mut wanted = records.clone();
        // A flip in the segment's own head costs nothing: the records speak for themselves.
        if at >= frame::SEGMENT_MAGIC.len() {
            wanted.remove(ends.iter().position(|end| at < *end).unwrap());
        }
        prop_assert_eq!(read_all(&Spool::open(dir.path()).unwrap()), wanted);
    }

    #[test]
    fn any_run_of_kills_delivers_everything(steps in prop::collection::vec(step(), 1..40)) {
        let dir = TempDir::new().unwrap();
        let mut spool = Some(Spool::open_with(dir.path(), SMALL).unwrap());
        let mut position = spool.as_ref().unwrap().start();
        let (mut appended, mut delivered) = (Vec::new(), Vec::new());
        for step in steps {
            let open = spool.as_ref().unwrap();
            match step {
                Step::Append(records) => {
                    open.append(&Load::of_bins(records.clone())).unwrap();
                    appended.extend(records);
                }
                Step::Commit { max_rows } => {
                    if let Some(batch) = open.read(position, max_rows).unwrap() {
                        delivered.extend(batch.load.bins);
                        position = batch.next;
                        open.release(batch.next, batch.rows).unwrap();
                    }
                }
                Step::Kill { torn } => {
                    drop(spool.take());
                    if let Some(last) = segments(dir.path()).last() {
                        let mut bytes = fs::read(last).unwrap();
                        bytes.extend(torn);
                        fs::write(last, bytes).unwrap();
                    }
                    spool = Some(Spool::open_with(dir.path(), SMALL).unwrap());
                    position = spool.as_ref().unwrap().start();
                }
            }
        }
        let open = spool.as_ref().unwrap();
        while let Some(batch) = open.read(position, 10).unwrap() {
            delivered.extend(batch.load.bins);
            position = batch.next;
            open.release(batch.next, batch.rows).unwrap();
        }
        // Nothing is lost and nothing is invented; a record may come twice, which the database does not mind.
        for record in &appended {
            prop_assert!(delivered.contains(record));
        }
        for record in &delivered {
            prop_assert!(appended.contains(record));
        }
        prop_assert_eq!(open.waiting_rows(), 0);
    }
}
