//! Whether the camera looks elsewhere: edges no longer agree with the empty scene's, and do better after a shift or a
//! turn, or nowhere.

use wayside_types::{Reason, Timestamp};

use super::Camera;
use super::doubt::Evidence;
use crate::reference::READY_S;
use crate::scene::Scene;
use crate::seconds;
use crate::shift::{Agreement, Directions, MOST_SHIFT, Movement, NEARBY};

/// Whether the camera looks elsewhere is asked this often.
const MOVED_EVERY_S: f64 = 0.18;
/// It may when edges agree less than this share of what they usually do; far away is looked at below the second.
const AGREEMENT_SHARE: f64 = 0.75;
const FAR_SHARE: f64 = 0.5;
/// Along the stripes of a road edges agree wherever one looks, so nearby it is looked at this often in any case.
const SEEK_EVERY_S: f64 = 1.0;
/// It does when they agree elsewhere by so many times more than here, and by this share of usual …
const FOUND_TIMES: f64 = 1.25;
const STILL_TIMES: f64 = 1.1;
const FOUND_SHARE: f64 = 0.45;
/// Where parts of the picture have lost edges, by more …
const FOUND_DIM_TIMES: f64 = 1.4;
const FOUND_DIM_SHARE: f64 = 0.6;
/// … or nowhere, and hardly any part of the picture agrees with what was there by more than this share of usual.
const LOST_SHARE: f64 = 0.5;

/// What is brighter than the empty scene by this many grey levels shines, and its edges hide those of the scene: by night the lamps of
/// a jam, and their shine on a wet road, do so all over the picture. Elsewhere a camera that moved shows as much that is darker.
const SHINE_LEVELS: f32 = 12.0;

/// How well edges agree where they were.
#[derive(Debug, Clone, Copy)]
struct Here {
    now: f64,
    usual: f64,
    /// Whether the picture has its edges.
    sharp: bool,
}

/// Whether the picture has its edges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sharp {
    /// Mostly.
    pub mostly: bool,
    /// Nearly everywhere: nothing lies on the lens.
    pub everywhere: bool,
}

/// Whether the edge in a cell is one of what shines.
fn shines(scene: &Scene, cell: usize) -> bool {
    let columns = scene.grid().columns;
    let beside = [cell.checked_sub(1), Some(cell + 1), cell.checked_sub(columns), Some(cell + columns)];
    let near = beside.into_iter().flatten().chain([cell]);
    near.into_iter().any(|i| scene.off(i).is_some_and(|off| off >= SHINE_LEVELS))
}

impl Camera {
    /// What a frame shows of it.
    pub(super) fn moved(&mut self, at: Timestamp, scene: &Scene, sharp: Sharp) -> Evidence {
        let due = self.asked_at.is_none_or(|then| seconds(then, at) >= MOVED_EVERY_S);
        if !due {
            return if self.moved.is_some() { Evidence::Untold } else { Evidence::Absent };
        }
        let dt_s = self.asked_at.map_or(0.0, |then| seconds(then, at).min(1.0));
        self.asked_at = Some(at);
        self.moved = self.ask_moved(at, dt_s, scene, sharp);
        match &self.moved {
            Some(why) => Evidence::There { why: why.clone(), excess: 0.0, since: self.agreed_at },
            None => {
                self.agreed_at = Some(at);
                Evidence::Absent
            }
        }
    }

    fn ask_moved(&mut self, at: Timestamp, dt_s: f64, scene: &Scene, sharp: Sharp) -> Option<Vec<Reason>> {
        let pictures = scene.pictures()?;
        let [then, now] = [pictures.empty, pictures.now].map(|levels| Directions::of(levels, pictures.shape));
        self.left = Some(then.left(&now)).filter(|_| self.agreement_s >= READY_S);
        let agreement = then.agreement(&now)?;
        let here = then.correlation(&now, 0, 0);
        let (usual, usual_here) = self.usual_agreement.unwrap_or((agreement.median, here));
        // Once it is known where the old view is now, it is there until it is here again.
        if let Some(movement) = self.movement
            && then.agreement_after(&now, movement) >= STILL_TIMES * here
        {
            return self.moved.clone();
        }
        // It is asked of a scene that was seen for some seconds, and only while its edges are there.
        let doubtful = agreement.median < AGREEMENT_SHARE * usual;
        let due = self.sought_at.is_none_or(|then| seconds(then, at) >= SEEK_EVERY_S);
        let ready = self.agreement_s >= READY_S;
        self.movement = None;
        if ready && (doubtful || due) {
            self.sought_at = Some(at);
            let far = agreement.median < FAR_SHARE * usual;
            let here = Here { now: here, usual: usual_here, sharp: sharp.mostly };
            // Along a road some edges agree however far it moved, and most of the picture moves when a camera turns.
            let widely_due = self.widely_sought_at.is_none_or(|then| seconds(then, at) >= SEEK_EVERY_S);
            let widely = doubtful && widely_due;
            let mut found = self.seek(&then, &now, here, far || widely);
            if widely {
                self.widely_sought_at = Some(at);
            }
            if found.is_none() && widely {
                found = self.accept(then.best_turn(&now), then.columns(), here);
            }
            if found.is_some() {
                return found;
            }
            let lost = |agreement: Agreement| agreement.best < LOST_SHARE * usual;
            if far
                && sharp.everywhere
                && lost(agreement)
                && then.agreement_where(&now, |cell| !shines(scene, cell)).is_some_and(lost)
            {
                let share = agreement.best / usual;
                return Some(vec![Reason::new("agreement_share", share, "min_agreement_share", LOST_SHARE)]);
            }
        }
        if !(ready && doubtful) && self.is_clean() {
            let share = (dt_s / self.agreement_s.clamp(1.0, 60.0)).min(1.0);
            let follow = |usual: f64, now: f64| usual + (now - usual) * share;
            self.usual_agreement = Some((follow(usual, agreement.median), follow(usual_here, here)));
            self.agreement_s += dt_s;
        }
        None
    }

    /// Looks for the old view elsewhere in the picture.
    fn seek(&mut self, then: &Directions, now: &Directions, here: Here, far: bool) -> Option<Vec<Reason>> {
        for most in if far { &[NEARBY, MOST_SHIFT][..] } else { &[NEARBY] } {
            let (shift, score) = then.best_shift(now, *most);
            let movement = Movement { shift, turn_deg: 0.0 };
            let found = self.accept((movement, score), then.columns(), here);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether the old view is where it agrees best, and why.
    fn accept(
        &mut self,
        (movement, score): (Movement, f64),
        columns: usize,
        here: Here,
    ) -> Option<Vec<Reason>> {
        let limit = self.settings.camera_moved.min_shift_share;
        let share = movement.share(columns);
        let (of_usual, times) =
            if here.sharp { (FOUND_SHARE, FOUND_TIMES) } else { (FOUND_DIM_SHARE, FOUND_DIM_TIMES) };
        let found = share >= limit && score >= of_usual * here.usual && score >= times * here.now;
        found.then(|| {
            self.movement = Some(movement);
            vec![Reason::new("shift_share", share, "min_shift_share", limit)]
        })
    }
}
