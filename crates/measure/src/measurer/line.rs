//! Whether a crossing of a line counts: not where somebody was counted for the same one. Who was is `recent`'s to know.

use wayside_types::{Direction, Sign, Track};

use super::settle::Pending;
use super::{MeasuredLine, User};
use crate::company::{Company, Seen};
use crate::path::seconds;
use crate::recent::Counted;

impl MeasuredLine {
    /// Whether what crossed is part of a vehicle that was counted there: it need not be waited for.
    pub(super) fn is_part_of_counted(
        &self,
        track: &Track,
        user: &User,
        pending: &Pending,
        company: &Company,
    ) -> bool {
        let Pending { passage, seen, .. } = pending;
        let unit = user.path.unit_since(passage.at);
        let within = |other| match company.seen(track, other, unit, *seen) {
            Seen::Within => Seen::Within,
            _ => Seen::Apart,
        };
        self.recent.same_place(passage, unit, track.class.is_motor_vehicle(), within).is_some()
    }

    /// Whether a track was followed for much less before it crossed than tracks usually are here; `None` while nobody knows.
    pub(super) fn is_brief(&self, user: &User, pending: &Pending) -> Option<bool> {
        let lead_s = lead_s(user, pending);
        self.leads.get(way(pending)).and_then(|leads| leads.is_brief(lead_s))
    }

    /// Counts a crossing and remembers it, unless somebody was counted there: then says by what that is known. `brief` is
    /// [`Self::is_brief`]'s answer.
    pub(super) fn accept(
        &mut self,
        (track, user): (&Track, &User),
        pending: &Pending,
        brief: Option<bool>,
        company: &Company,
    ) -> Result<(), Sign> {
        let Pending { passage, seen, .. } = pending;
        let unit = user.path.unit_since(passage.at);
        let motor = track.class.is_motor_vehicle();
        let place =
            self.recent.same_place(passage, unit, motor, |other| company.seen(track, other, unit, *seen));
        let rejoined = self.recent.broken(passage, user.path.first().at, unit, motor);
        match place {
            Some(Seen::Within) => return Err(Sign::Part),
            _ if rejoined => return Err(Sign::Rejoined),
            // A second vehicle was followed as long as others are; a box that came up beside the counted one is a part of it.
            Some(_) if !seen || brief == Some(true) => return Err(Sign::Part),
            Some(_) => return Err(Sign::Duplicate),
            None => {}
        }
        if let Some(leads) = self.leads.get_mut(way(pending)).filter(|_| *seen) {
            leads.note(lead_s(user, pending));
        }
        self.recent.push(Counted {
            track: track.id,
            direction: passage.direction,
            at: passage.at,
            place: passage.place,
            unit,
            motor,
            last_seen: track.last_seen,
            velocity: user.path.velocity_at_end(0.6).unwrap_or(track.velocity_px_s),
        });
        Ok(())
    }
}

/// For how long a track was followed before it crossed, seconds; negative where it began behind the line.
fn lead_s(user: &User, pending: &Pending) -> f64 {
    seconds(user.path.first().at, pending.passage.at)
}

fn way(pending: &Pending) -> usize {
    usize::from(pending.passage.direction == Direction::Backward)
}
