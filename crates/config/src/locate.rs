//! Where the settings file and the home directory are: `--config`, else `WAYSIDE_HOME`, else the checkout
//! that the binary was built from. The working directory is never looked into.

use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::error::{ConfigError, ConfigErrors};

/// The variable that names the home directory.
const HOME_VARIABLE: &str = "WAYSIDE_HOME";

/// What was found.
pub(crate) struct Place {
    /// Where `pipelines/`, `models/` and `.wayside/` lie unless the settings say otherwise; absolute.
    pub(crate) home: PathBuf,
    /// The settings file.
    pub(crate) config: PathBuf,
}

/// Finds both.
///
/// # Errors
/// When `WAYSIDE_HOME` is no absolute path of a directory, or there is no settings file.
pub(crate) fn locate(config: Option<&Path>, env: &Env) -> Result<Place, ConfigErrors> {
    let refuse =
        |file: &Path, message: String| Err(ConfigErrors(vec![ConfigError::about_file(file, message)]));
    let home = match env.get(HOME_VARIABLE).map(PathBuf::from) {
        Some(home) if !home.is_absolute() => {
            return refuse(&home, format!("{HOME_VARIABLE} must be an absolute path"));
        }
        Some(home) if !home.is_dir() => {
            return refuse(&home, format!("{HOME_VARIABLE} must be an existing directory"));
        }
        Some(home) => home,
        None => checkout(),
    };
    let config = config.map_or_else(|| home.join("config/wayside.toml"), Path::to_owned);
    if !config.exists() {
        return refuse(
            &config,
            format!(
                "does not exist; name the settings file with --config FILE, or set {HOME_VARIABLE} to the directory that holds config/wayside.toml"
            ),
        );
    }
    Ok(Place { home, config })
}

/// The checkout that this crate was built in.
fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}
