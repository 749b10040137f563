//! Makes pictures fit to be shown: the background view, the stills of incidents, the cells of silhouettes.
//! Everything here works in memory and gives JPEGs without metadata; finding the boxes is `detect`'s
//! work, keeping the running background `ingest`'s, and deciding when to show something the engine's.

mod background;
mod icon;
mod scale;
mod silhouette;
mod still;

pub use background::{BackgroundPicture, RedactError, background_jpeg};
pub use scale::{MAX_WIDTH_PX, SeenSizes, still_width};
pub use silhouette::{calibrated_grid, uncalibrated_grid};
pub use still::{Marks, Still};
