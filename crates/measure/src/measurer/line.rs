//! Whether a crossing of a line counts: not where somebody was counted for the same one. Who was is `recent`'s to know.

use wayside_types::{Sign, Track};

use super::{MeasuredLine, Pending, User};
use crate::company::{Company, Seen};
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

    /// Counts a crossing and remembers it, unless somebody was counted there: then says by what that is known.
    pub(super) fn accept(
        &mut self,
        track: &Track,
        user: &User,
        pending: &Pending,
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
            Some(_) => return Err(Sign::Duplicate),
            None => {}
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
