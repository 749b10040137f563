//! The checkpoint under kills: whatever part of a save reached the disk, loading gives the checkpoint before
//! it or the one it wrote.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::testing::{incident, minute, minutes};

fn of(bins: &[ClosedBins]) -> OpenState {
    OpenState::of_bins(bins.to_vec())
}

#[test]
fn a_new_checkpoint_is_empty_and_a_saved_one_is_found_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("deeper/checkpoint");
    let checkpoint = Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.load().unwrap(), None);
    for n in 0..5 {
        let bins = vec![minute(n, 9, 12.5)];
        let open = OpenState { bins, incidents: vec![incident(1)] };
        checkpoint.save(&open).unwrap();
        assert_eq!(checkpoint.load().unwrap().as_ref(), Some(&open));
        assert_eq!(Checkpoint::open(&path).unwrap().load().unwrap(), Some(open));
    }
    checkpoint.save(&OpenState::default()).unwrap();
    assert_eq!(Checkpoint::open(&path).unwrap().load().unwrap(), Some(OpenState::default()));
}

#[test]
fn it_is_overwritten_in_place_and_grows_when_it_must() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("checkpoint");
    let checkpoint = Checkpoint::open(&path).unwrap();
    let size = || fs::metadata(&path).unwrap().len();
    for n in 0..20 {
        checkpoint.save(&of(&[minute(n, 9, 12.5)])).unwrap();
        assert_eq!(size(), 2 * FIRST_HALF);
    }
    let many: Vec<ClosedBins> = (0..2_000).map(|n| minute(n, 9, 60.0)).collect();
    checkpoint.save(&of(&many)).unwrap();
    assert!(size() > 2 * FIRST_HALF);
    assert_eq!(checkpoint.load().unwrap(), Some(of(&many)));
    let large = size();
    checkpoint.save(&of(&many[..1_999])).unwrap();
    checkpoint.save(&of(&many)).unwrap();
    assert_eq!(size(), large);
    assert_eq!(Checkpoint::open(&path).unwrap().load().unwrap(), Some(of(&many)));
}

#[test]
fn a_file_of_something_else_is_no_checkpoint_and_no_obstacle() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("checkpoint");
    for content in [&b""[..], b"x", b"WAYCHKP1", &[0xff; 200_000]] {
        fs::write(&path, content).unwrap();
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(checkpoint.load().unwrap(), None);
        checkpoint.save(&of(&[minute(1, 2, 3.0)])).unwrap();
        assert_eq!(Checkpoint::open(&path).unwrap().load().unwrap(), Some(of(&[minute(1, 2, 3.0)])));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_save_that_is_cut_off_leaves_the_one_before(
        saves in prop::collection::vec(minutes(40), 1..4),
        last in minutes(40),
        reached in prop::collection::vec(any::<bool>(), 256),
        cut in 0..512_usize,
    ) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("checkpoint");
        let checkpoint = Checkpoint::open(&path).unwrap();
        for bins in &saves {
            checkpoint.save(&of(bins)).unwrap();
        }
        let before = fs::read(&path).unwrap();
        checkpoint.save(&of(&last)).unwrap();
        let after = fs::read(&path).unwrap();
        prop_assert_eq!(before.len(), after.len());
        // Sectors reach the disk in any order; the first that did not arrive whole is cut somewhere.
        let mut torn = before.clone();
        let mut cut = Some(cut);
        for (sector, arrived) in reached.iter().enumerate() {
            let range = sector * 512..(sector * 512 + 512).min(torn.len());
            if *arrived {
                torn[range.clone()].copy_from_slice(&after[range]);
            } else if let Some(cut) = cut.take() {
                let part = range.start..range.start + cut.min(range.len());
                torn[part.clone()].copy_from_slice(&after[part]);
            }
        }
        fs::write(&path, &torn).unwrap();
        let found = Checkpoint::open(&path).unwrap().load().unwrap();
        let newest = saves.last().map(|bins| of(bins));
        prop_assert!(found == newest || found == Some(of(&last)), "{found:?}");
        // The next save goes over the torn half, never over the whole one.
        let again = Checkpoint::open(&path).unwrap();
        again.save(&of(&[minute(7, 7, 7.0)])).unwrap();
        prop_assert_eq!(again.load().unwrap(), Some(of(&[minute(7, 7, 7.0)])));
    }

    #[test]
    fn a_flipped_byte_never_makes_up_bins(saves in prop::collection::vec(minutes(20), 2..4), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("checkpoint");
        let checkpoint = Checkpoint::open(&path).unwrap();
        for bins in &saves {
            checkpoint.save(&of(bins)).unwrap();
        }
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        let found = Checkpoint::open(&path).unwrap().load().unwrap();
        prop_assert!(saves[saves.len() - 2..].iter().any(|bins| found == Some(of(bins))), "{found:?}");
    }
}
