//! `wayside migrate`: brings the database's schema up to date and stops, for sites that keep the rights
//! to do so apart from those to run.

use std::path::Path;

use wayside_config::load_site;
use wayside_types::SystemClock;

use crate::process::say;
use crate::run::open_database;

/// Runs the subcommand.
///
/// # Errors
/// When settings are wrong, the database can't be reached, or a migration fails.
pub fn run(config: Option<&Path>) -> anyhow::Result<()> {
    let site = load_site(config)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let database = open_database(&site.settings, SystemClock::shared()).await?;
        say("the schema is up to date");
        database.close().await;
        Ok(())
    })
}
