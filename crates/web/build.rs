//! Puts the built web app where the crate embeds it from. It never runs npm itself: building the app is
//! `scripts/setup`'s work, and a build that fetches things unasked would not be offline. Where the app was
//! not built, a page that says so is embedded instead, so that `cargo check` works on its own.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let app = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("app");
    let dist = root.join("ui/dist");
    // A path that does not exist makes Cargo look again at every build, which is what a missing app wants.
    println!("cargo::rerun-if-changed=ui/dist");
    println!("cargo::rerun-if-changed=ui/not-built");
    println!("cargo::rerun-if-changed=build.rs");

    if app.exists() {
        fs::remove_dir_all(&app)?;
    }
    if dist.join("index.html").is_file() {
        copy(&dist, &app)
    } else {
        println!(
            "cargo::warning=the web app was not built, a page that says so is embedded: run scripts/setup, \
             or `npm ci && npm run build` in crates/web/ui"
        );
        copy(&root.join("ui/not-built"), &app)
    }
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
