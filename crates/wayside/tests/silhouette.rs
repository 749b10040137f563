//! The silhouette that a person tallies by, on drawn streets: whoever is on the road is in it, although no detector looked
//! and nothing was kept out of the background; where nobody is, nothing is; and no cell is finer than it may be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

use std::sync::Arc;
use std::time::Duration;

use wayside_camsim::scene::stage::Stage;
use wayside_camsim::{SceneKind, SceneSpec, camera_toml};
use wayside_engine::view::LiveView;
use wayside_measure::{Homography, Pose};
use wayside_types::frame::OwnedPixels;
use wayside_types::{
    Calibration, CameraId, Frame, FrameSize, PixelFormat, Point, RoadUserClass, Silhouette, Timestamp,
};

const SIZE: FrameSize = FrameSize { width: 640, height: 360 };
/// Until the empty road is learnt.
const LEARN_S: u32 = 40;
/// Pictures that are looked at after that, one every other second.
const LOOKS: u32 = 40;
const MIN_CELL_M: f64 = 0.2;

fn calibration(spec: &SceneSpec) -> Calibration {
    let file: toml::Table = camera_toml(spec, "x.mp4").unwrap().parse().unwrap();
    let points = |key: &str| -> Vec<Point> {
        let pairs = file["calibration"][key].as_array().unwrap().iter();
        pairs.map(|p| Point::new(p[0].as_float().unwrap(), p[1].as_float().unwrap())).collect()
    };
    Calibration {
        image: points("image"),
        ground_m: points("ground_m"),
        ground_origin: None,
        distortion: None,
    }
}

fn frame(i420: &[u8], at_s: f64) -> Frame {
    let (luma, chroma) = i420.split_at(640 * 360);
    let (u, v) = chroma.split_at(chroma.len() / 2);
    let planes = vec![(luma.to_vec(), 640), (u.to_vec(), 320), (v.to_vec(), 320)];
    let media_time = Duration::from_secs_f64(at_s);
    Frame {
        camera: CameraId::new("drawn").unwrap(),
        captured_at: Timestamp::UNIX_EPOCH + media_time,
        media_time,
        seq: 0,
        size: SIZE,
        format: PixelFormat::I420,
        pixels: Arc::new(OwnedPixels::planar(planes)),
    }
}

/// Whether a cell is set within some pixels of the frame around a place a little above a road user's foot.
fn shows(silhouette: &Silhouette, foot: Point, within_px: f64) -> bool {
    let scale = f64::from(silhouette.grid.size.width) / f64::from(SIZE.width);
    let at = (foot.x * scale, (foot.y - 0.5 * within_px) * scale);
    let mut cells = silhouette.cells.iter();
    silhouette.grid.bands.iter().any(|band| {
        let row = cells.by_ref().take(band.columns as usize);
        row.enumerate().filter(|(_, set)| **set).any(|(column, _)| {
            let side = f64::from(band.side_px);
            let middle = ((column as f64 + 0.5) * side, f64::from(band.top_px) + 0.5 * side);
            let reach = within_px * scale + 0.5 * side;
            (middle.0 - at.0).abs() <= reach && (middle.1 - at.1).abs() <= reach
        })
    })
}

/// Share of road users that show, and of cells far from everybody that are set.
fn look(kind: SceneKind, seed: u64) -> (f64, f64, usize) {
    let spec = SceneSpec { fps: 5, density: 2.0, ..SceneSpec::new(kind, seed) };
    let calibration = calibration(&spec);
    let pose = Pose::of(&Homography::fit(&calibration, SIZE).unwrap()).unwrap();
    let mut view = LiveView::new(Some(calibration), Duration::ZERO);
    let mut stage = Stage::new(&spec).unwrap();
    let (mut shown, mut all, mut stray, mut far) = (0_usize, 0_usize, 0_usize, 0_usize);
    for second in 0..LEARN_S + 2 * LOOKS {
        let users: Vec<(RoadUserClass, Point)> = stage.road_users().collect();
        let now = Duration::from_secs(second.into());
        let frame = frame(&stage.next_frame().data, now.as_secs_f64());
        // As if the detector had found nobody at all.
        view.sample(now, &frame, &[]);
        (1..5).for_each(|_| stage.skip());
        let Some(silhouette) = view.silhouette(now, &frame).filter(|_| second >= LEARN_S && second % 2 == 0)
        else {
            continue;
        };
        let height = f64::from(silhouette.grid.size.height);
        for band in &silhouette.grid.bands {
            let rows = [band.top_px, band.top_px + band.side_px].map(|row| f64::from(row) / height);
            let finest = pose.finest_metres_per_px_in_rows(2.5, (rows[0], rows[1])).unwrap();
            let frame_px =
                f64::from(band.side_px) * f64::from(SIZE.width) / f64::from(silhouette.grid.size.width);
            assert!(finest * frame_px >= MIN_CELL_M - 1e-9, "{kind:?}: cells of {} m", finest * frame_px);
        }
        for (_, foot) in
            users.iter().filter(|(_, p)| (40.0..600.0).contains(&p.x) && (150.0..350.0).contains(&p.y))
        {
            all += 1;
            shown += usize::from(shows(&silhouette, *foot, 12.0));
        }
        let (mut cells, scale) = (silhouette.cells.iter(), 640.0 / f64::from(silhouette.grid.size.width));
        for band in &silhouette.grid.bands {
            for (column, set) in cells.by_ref().take(band.columns as usize).enumerate() {
                let side = f64::from(band.side_px);
                let x = (column as f64 + 0.5) * side * scale;
                let y = (f64::from(band.top_px) + 0.5 * side) * scale;
                // Nobody's foot is near, neither beside nor below by the height of a lorry.
                let near = |(_, p): &(RoadUserClass, Point)| {
                    (p.x - x).abs() < 160.0 && y < p.y + 40.0 && y > p.y - 200.0
                };
                if !users.iter().any(near) {
                    far += 1;
                    stray += usize::from(*set);
                }
            }
        }
    }
    assert!(far > 0, "{kind:?}: no cell is far from everybody");
    (shown as f64 / all.max(1) as f64, stray as f64 / far as f64, all)
}

#[test]
fn whoever_is_on_the_road_shows_and_nobody_else_does() {
    for (kind, seed) in [(SceneKind::Arterial, 5), (SceneKind::Highway, 6)] {
        let (shown, stray, all) = look(kind, seed);
        eprintln!(
            "{kind:?}: {:.1} % of {all} show, {:.2} % of far cells are set",
            100.0 * shown,
            100.0 * stray
        );
        assert!(all >= 15, "{kind:?}: only {all} road users");
        assert!(shown >= 0.95, "{kind:?}: {shown} of {all} show");
        assert!(stray <= 0.01, "{kind:?}: {stray} of the cells far from everybody are set");
    }
}
