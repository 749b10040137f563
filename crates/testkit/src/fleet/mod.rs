//! A fleet of labelled scenes for `wayside accept`, made of real pixels from a seed: clips are taken apart into an empty road
//! and the road users who pass, put together anew with and without a hazard, and seen through weather and faults.
//!
//! | module | what |
//! | --- | --- |
//! | [`families`], `faults`, `more` | which scenes there are, tuned and sealed |
//! | `road`, `things`, `view` | scenes about road users, about things and places, about the view |
//! | `street`, `footage`, `library` | streets put together of a clip's parts; the clips and the drawn streets |
//! | `sight`, `dark`, `pixels` | weather, light and faults; what is done to pictures |
//! | `scene` | a scene on its way to disk |

mod dark;
pub mod families;
mod faults;
mod footage;
mod library;
mod more;
mod pixels;
mod road;
mod scene;
mod sight;
mod street;
mod things;
mod view;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Context;
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use wayside_types::IncidentKind;

pub use families::Family;
pub use library::Library;

/// Which scenes are made.
#[derive(Debug, Clone)]
pub struct Order {
    /// Of everything random.
    pub seed: u64,
    /// The sealed families rather than those that rules may be tuned on.
    pub sealed: bool,
    /// Positives of each kind; as many negatives.
    pub per_kind: usize,
    /// Only these kinds; all if empty.
    pub kinds: BTreeSet<IncidentKind>,
    /// Only families whose name holds this.
    pub family: String,
    /// Scenes made at a time.
    pub jobs: usize,
}

/// A scene to make.
struct Job {
    family: Family,
    name: String,
    seed: u64,
}

/// Makes scenes into a directory; gives how many.
///
/// # Errors
/// When a scene can't be made or written.
pub fn make(library: &Library, order: &Order, dir: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(dir).with_context(|| format!("{}: can't be made", dir.display()))?;
    let jobs = jobs(order);
    let count = jobs.len();
    let waiting = Mutex::new(jobs.into_iter());
    let work = || {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(job) = next else { return anyhow::Ok(()) };
            let mut random = Pcg64Mcg::seed_from_u64(job.seed);
            let scene =
                (job.family.make)(library, &mut random).with_context(|| job.family.name.to_owned())?;
            scene
                .write(dir, &job.name, job.family.about, job.family.name)
                .with_context(|| job.name.clone())?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..order.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("a thread ended unexpectedly"))??;
        }
        Ok(count)
    })
}

/// Families of a kind take turns until there are enough.
fn jobs(order: &Order) -> Vec<Job> {
    let wanted = |family: &Family| {
        let named = family.name.contains(&order.family);
        named
            && family.sealed == order.sealed
            && (order.kinds.is_empty() || order.kinds.contains(&family.about))
    };
    let families: Vec<(usize, Family)> =
        families::all().into_iter().enumerate().filter(|(_, f)| wanted(f)).collect();
    let mut jobs = Vec::new();
    for (about, positive) in IncidentKind::ALL.iter().flat_map(|kind| [(kind, true), (kind, false)]) {
        let of_kind: Vec<&(usize, Family)> =
            families.iter().filter(|(_, f)| (f.about, f.positive) == (*about, positive)).collect();
        for n in 0..if of_kind.is_empty() { 0 } else { order.per_kind } {
            let (index, family) = of_kind[n % of_kind.len()];
            let sign = if positive { "yes" } else { "no" };
            let name = format!("{about}-{sign}-{n:03}");
            // A scene is the same whatever else is made.
            let seed = order.seed.wrapping_mul(1_000_003).wrapping_add((*index * 10_007 + n) as u64);
            jobs.push(Job { family: *family, name, seed });
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_rule_has_tuned_and_sealed_families_of_both_sorts() {
        let all = families::all();
        let names: BTreeSet<&str> = all.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), all.len(), "names tell families apart");
        for kind in IncidentKind::ALL.iter().filter(|kind| **kind != IncidentKind::External) {
            for (positive, sealed) in [(true, true), (true, false), (false, true), (false, false)] {
                let is = |f: &&Family| f.about == *kind && f.positive == positive && f.sealed == sealed;
                assert!(all.iter().any(|f| is(&f)), "{kind}: positive {positive}, sealed {sealed}");
            }
        }
    }

    #[test]
    fn as_many_negatives_as_positives_and_never_a_seed_twice() {
        for sealed in [false, true] {
            let order = Order {
                seed: 1,
                sealed,
                per_kind: 10,
                kinds: BTreeSet::new(),
                family: String::new(),
                jobs: 1,
            };
            let jobs = jobs(&order);
            assert_eq!(jobs.len(), 12 * 20);
            assert_eq!(jobs.iter().filter(|job| job.family.positive).count(), 12 * 10);
            assert_eq!(jobs.iter().map(|job| job.seed).collect::<BTreeSet<_>>().len(), jobs.len());
            assert!(jobs.iter().all(|job| job.family.sealed == sealed));
        }
    }
}
