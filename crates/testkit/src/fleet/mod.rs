//! A fleet of labelled scenes for `wayside accept`, made of real pixels from a seed: clips are taken apart into an empty road
//! and the road users who pass, put together anew with and without a hazard, and seen through weather and faults.
//!
//! | module | what |
//! | --- | --- |
//! | [`families`], `faults`, `more` | which scenes there are, tuned and sealed |
//! | `quiet` | long scenes in which nothing goes wrong |
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
mod quiet;
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
use quiet::Quiet;

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
    /// Instead of all these, long scenes in which nothing goes wrong, of so many seconds.
    pub quiet_s: Option<f64>,
    /// Scenes made at a time.
    pub jobs: usize,
}

/// A scene to make.
struct Job {
    what: What,
    name: String,
    seed: u64,
}

enum What {
    Of(Family),
    Quiet(Quiet, f64),
}

impl Job {
    fn write(&self, library: &Library, dir: &Path) -> anyhow::Result<()> {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed);
        let (scene, about, family) = match &self.what {
            What::Of(family) => ((family.make)(library, &mut random), family.about, family.name),
            // They are about no kind in particular; an alert counts against its own.
            What::Quiet(quiet, seconds) => {
                (quiet.make(library, &mut random, *seconds), IncidentKind::StoppedVehicle, &*quiet.name)
            }
        };
        let scene = scene.with_context(|| family.to_owned())?;
        scene.write(dir, &self.name, about, family).with_context(|| self.name.clone())
    }
}

/// Makes scenes into a directory; gives how many.
///
/// # Errors
/// When a scene can't be made or written.
pub fn make(library: &Library, order: &Order, dir: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(dir).with_context(|| format!("{}: can't be made", dir.display()))?;
    let jobs = order.quiet_s.map_or_else(|| jobs(order), |seconds| quiet_jobs(order, seconds));
    let count = jobs.len();
    let waiting = Mutex::new(jobs.into_iter());
    let work = || {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(job) = next else { return anyhow::Ok(()) };
            job.write(library, dir)?;
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

/// One scene of each street through each condition.
fn quiet_jobs(order: &Order, seconds: f64) -> Vec<Job> {
    let all = quiet::all().into_iter().enumerate();
    let wanted = all.filter(|(_, quiet)| quiet.name.contains(&order.family));
    wanted
        .map(|(index, quiet)| Job {
            name: format!("quiet-{index:03}"),
            seed: order.seed.wrapping_mul(1_000_003).wrapping_add(index as u64),
            what: What::Quiet(quiet, seconds),
        })
        .collect()
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
            jobs.push(Job { what: What::Of(*family), name, seed });
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
                quiet_s: None,
                jobs: 1,
            };
            let jobs = jobs(&order);
            assert_eq!(jobs.len(), 12 * 20);
            let family = |job: &Job| match &job.what {
                What::Of(family) => Some(*family),
                What::Quiet(..) => None,
            };
            let families: Vec<Family> = jobs.iter().filter_map(family).collect();
            assert_eq!(families.len(), jobs.len());
            assert_eq!(families.iter().filter(|family| family.positive).count(), 12 * 10);
            assert_eq!(jobs.iter().map(|job| job.seed).collect::<BTreeSet<_>>().len(), jobs.len());
            assert!(families.iter().all(|family| family.sealed == sealed));
        }
    }
}
