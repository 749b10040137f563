//! Reads the site's settings, cameras, profiles and class schemes and checks them: every mistake of every file is found
//! in one go and told with its file, line, key, value and what is accepted. The words it reads into live in
//! `types`; model manifests are read by `detect`; what a setting does is described where it is used.
//!
//! Entry points: [`load_site`] for `run` and `check`, [`load_for_analyze`] for `analyze`. Secrets come in
//! through `${ENV}` and are wrapped at once; no error or `Debug` of this crate prints one.

mod calibration;
mod camera;
mod document;
mod drawing;
mod env;
mod error;
mod locate;
mod odd;
mod profile;
mod publish;
mod rules;
mod schema;
mod schema_publish;
mod schema_rules;
mod schemes;
mod section;
mod settings;
mod site;
mod source;
mod tangent;

pub use camera::{CameraUse, load_camera_file};
pub use env::Env;
pub use error::{ConfigError, ConfigErrors, Position};
pub use profile::load_profiles;
pub use publish::{
    ExportEvery, ExportFormat, ExportSettings, ExportTarget, ExportWhat, PublisherSettings, Secret,
};
pub use schema::{camera_schema_json, profile_schema_json, schemes_schema_json, site_schema_json};
pub use settings::{DatabaseUrl, Provider, RtspSettings, Settings};
pub use site::{Analysis, Site, load_for_analyze, load_for_analyze_in, load_site, load_site_in};
