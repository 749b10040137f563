//! Records a drawn scene with its truth and camera file:
//! `cargo run --release -p wayside-camsim --example record -- arterial 60 OUT_DIR [seed] [hazard…]`, where
//! a hazard is one of `stopped wrong-way object fog`, each from the twentieth second on.

use std::path::Path;

use wayside_camsim::{Hazard, SceneKind, SceneSpec, record};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, seconds, out, rest @ ..] = &arguments[..] else {
        return Err("usage: record junction|arterial|highway SECONDS OUT_DIR [SEED] [HAZARD…]".into());
    };
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let mut spec = SceneSpec::new(kind.parse::<SceneKind>()?, seed);
    for hazard in rest.iter().skip(1) {
        let unknown = || format!("hazard {hazard:?} is not one of: {}", Hazard::NAMES.join(" "));
        spec.hazards.push(Hazard::usual(hazard, 20.0).ok_or_else(unknown)?);
    }
    let file = |end: &str| Path::new(out).join(format!("{kind}.{end}"));
    let (video, truth, camera) = (file("mp4"), file("truth.json"), file("toml"));
    record(&spec, seconds.parse()?, &video, &truth, &camera)?;
    Ok(())
}
