//! Writes one frame of a drawn scene as a PNG:
//! `cargo run --release -p wayside-camsim --example still -- arterial 12.5 out.png [seed] [WxH]`.

use wayside_camsim::scene::stage::Stage;
use wayside_camsim::{SceneKind, SceneSpec};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, seconds, out, rest @ ..] = &arguments[..] else {
        return Err("usage: still junction|arterial|highway SECONDS OUT.png [SEED] [WxH]".into());
    };
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let mut spec = SceneSpec::new(kind.parse::<SceneKind>()?, seed);
    if let Some((width, height)) = rest.get(1).and_then(|size| size.split_once('x')) {
        spec.size = (width.parse()?, height.parse()?);
    }
    let mut stage = Stage::new(&spec)?;
    let seconds: f64 = seconds.parse()?;
    while stage.time_s() < seconds {
        stage.skip();
    }
    let picture = stage.next_frame();
    image::save_buffer(out, &picture.to_rgb(), spec.size.0, spec.size.1, image::ColorType::Rgb8)?;
    Ok(())
}
