//! Incident rules: what one camera's tracks and brightness say about hazards on the road, and whether the camera can
//! be believed at all. Pure: times come with what is seen, nothing in here reads a clock or leaves memory.
//!
//! Following road users is `track`'s, reading the brightness `ingest`'s, sending anyone out `desk`'s.
//!
//! | module | what |
//! | --- | --- |
//! | [`watch`] | all rules of one camera: what is seen goes in, incidents come out |
//! | `road` | road users with what is remembered of their way, and the zones they are in |
//! | `stands` | vehicles that stand, known by their place while detections come and go |
//! | `stopped`, `wrong_way`, `congestion`, `people` | the rules about road users |
//! | `objects` | the rule about things on the road |
//! | `watched` | the rule about watch zones |
//! | `cars` | how large cars are in each part of the picture |
//! | `field` | the usual direction at each place |
//! | `scene` | what the picture shows when nobody is there, in cells |
//! | `calm` | whether what a cell shows came at once or by and by |
//! | `parts` | how pictures are cut into parts |
//! | `reference` | how sharp and rich in contrast each part of the picture usually is |
//! | `focus` | whether the fine is lost and the coarse is left |
//! | `shift` | whether the camera looks elsewhere |
//! | `camera` | faults of the camera and low visibility, in their order |
//! | `ledger` | one incident a cause, from its beginning to its end |
//! | `severity` | how bad |

mod calm;
mod camera;
mod cars;
mod congestion;
mod field;
mod focus;
mod ledger;
mod objects;
mod parts;
mod people;
mod reference;
mod road;
mod scene;
mod severity;
mod shift;
mod stands;
mod stopped;
mod watch;
mod watched;
mod wrong_way;

pub use watch::{Belief, HazardWatch, Sight};

use wayside_types::Timestamp;

/// Seconds from one instant to another; negative when the second is earlier.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// An instant some seconds before another.
fn before(at: Timestamp, s: f64) -> Timestamp {
    let span = jiff::SignedDuration::try_from_secs_f64(s).unwrap_or_default();
    at.checked_sub(span).unwrap_or(at)
}
