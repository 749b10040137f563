//! Scratch.
use std::ops::ControlFlow;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let rate: f64 = std::env::args().nth(2).map_or(10.0, |r| r.parse().unwrap());
    let options = wayside_ingest::SourceOptions { rate_fps: rate, ..Default::default() };
    let end = wayside_ingest::read_file(
        wayside_types::CameraId::new("x").unwrap(),
        path.as_ref(),
        &options,
        &mut |_| ControlFlow::Continue(()),
    );
    eprintln!("{end:?}");
}
