//! Whether a crossing of a line counts: not where somebody was counted for the same one. Who was is `recent`'s to know.

use wayside_types::Track;

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
        self.recent.same_place(passage, unit, track.class.is_motor_vehicle(), within)
    }

    /// Whether a crossing counts, as nobody was counted there; if so, it is remembered.
    pub(super) fn accept(
        &mut self,
        track: &Track,
        user: &User,
        pending: &Pending,
        company: &Company,
    ) -> bool {
        let Pending { passage, seen, .. } = pending;
        let unit = user.path.unit_since(passage.at);
        let motor = track.class.is_motor_vehicle();
        if self.recent.same_place(passage, unit, motor, |other| company.seen(track, other, unit, *seen))
            || self.recent.broken(passage, user.path.first().at, unit, motor)
        {
            return false;
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
        true
    }
}
