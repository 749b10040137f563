//! What goes into the zone bins of a quarter of an hour: how full a zone was, its queue, the time lost in it. What a
//! zone is like from frame to frame is `zones`' to say, when a bin opens and closes `binner`'s.

use wayside_types::{LEAST_SUMMARISED, ZoneBin, ZoneDelay, ZoneId, ZoneQueue};

use crate::event::ZoneMoment;
use crate::flow::whole;

/// Vehicle seconds are told in tens: one vehicle's time in a zone of known length would be its speed.
const VEHICLE_STEP_S: f64 = 10.0;

/// One zone bin in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct ZoneCell {
    occupied_s: f64,
    vehicle_s: f64,
    length_m: Option<f64>,
    queue: Option<ZoneQueue>,
    left: u32,
    lost_s: f64,
}

impl ZoneCell {
    pub fn add(&mut self, moment: &ZoneMoment) {
        self.occupied_s += moment.seconds * moment.share;
        self.vehicle_s += moment.seconds * f64::from(moment.vehicles);
        self.length_m = moment.length_m.or(self.length_m);
        if let Some((metres, vehicles)) = moment.queue {
            let queue = self.queue.get_or_insert_default();
            queue.max_m = queue.max_m.max(metres);
            queue.max_vehicles = queue.max_vehicles.max(vehicles);
            (queue.last_m, queue.last_vehicles) = (metres, vehicles);
        }
        self.left = self.left.saturating_add(u32::try_from(moment.lost_s.len()).unwrap_or(u32::MAX));
        self.lost_s += moment.lost_s.iter().sum::<f64>();
    }

    /// The bin; `None` while nothing is in it. `carried_s` are occupancy and vehicle seconds that earlier bins left
    /// over.
    pub fn bin(&self, zone: &ZoneId, carried_s: (f64, f64)) -> Option<ZoneBin> {
        let occupied_s = whole(self.occupied_s + carried_s.0);
        let vehicle_s = tens(self.vehicle_s + carried_s.1);
        let queued = self.queue.filter(|queue| queue.max_vehicles > 0);
        let delay = (self.left >= LEAST_SUMMARISED).then_some(ZoneDelay { n: self.left, sum_s: self.lost_s });
        (occupied_s > 0 || vehicle_s > 0 || queued.is_some() || delay.is_some()).then(|| ZoneBin {
            zone: zone.clone(),
            occupied_s,
            vehicle_s,
            length_m: self.length_m,
            queue: self.queue,
            delay,
        })
    }

    /// What the whole seconds and tens of [`ZoneCell::bin`] leave over.
    pub fn left_over(&self, carried_s: (f64, f64)) -> (f64, f64) {
        let (occupied_s, vehicle_s) = (self.occupied_s + carried_s.0, self.vehicle_s + carried_s.1);
        (occupied_s - f64::from(whole(occupied_s)), vehicle_s - f64::from(tens(vehicle_s)))
    }
}

/// Whole tens of a sum of seconds, as seconds.
fn tens(sum_s: f64) -> u32 {
    whole(sum_s / VEHICLE_STEP_S).saturating_mul(10)
}
