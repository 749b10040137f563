//! The drawing of a calibrated camera: a grid of metres, its lines and zones over its background, as SVG. What lies
//! behind is the redacted background view, or nothing: a frame of the camera never gets here.

use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use wayside_measure::Homography;
use wayside_types::{CameraSpec, Point};

/// The drawing is this wide, whatever the camera's width.
const WIDTH: f64 = 1280.0;
/// Lines of the grid are so far apart, metres: the first that is not too dense.
const SPACINGS_M: [f64; 6] = [1.0, 5.0, 10.0, 50.0, 100.0, 500.0];
/// No more lines than this either way.
const MOST_LINES: f64 = 40.0;
/// The grid goes this share of the calibrated area beyond it.
const BEYOND: f64 = 0.25;
/// Every so many lines carry their metres.
const LABEL_EVERY: f64 = 5.0;
/// A line of the grid is drawn in so many straight pieces, since a lens may bend it.
const PIECES: u32 = 120;

/// Draws a camera into `dir` and says the file.
///
/// # Errors
/// When the file can't be written.
pub fn write(
    dir: &Path,
    camera: &CameraSpec,
    homography: &Homography,
    background: Option<&[u8]>,
) -> anyhow::Result<PathBuf> {
    let file = dir.join(format!("{}.svg", camera.id));
    let text = drawing(camera, homography, background);
    std::fs::write(&file, text).with_context(|| format!("--grid {}: can't be written", file.display()))?;
    Ok(file)
}

/// A rectangle on the ground in whole spacings.
struct Extent {
    spacing_m: f64,
    x: (f64, f64),
    y: (f64, f64),
}

fn drawing(camera: &CameraSpec, homography: &Homography, background: Option<&[u8]>) -> String {
    let size = homography.lens().size();
    let height = (WIDTH * f64::from(size.height) / f64::from(size.width.max(1))).round();
    let mut svg = String::new();
    let mut put = |text: &str| {
        svg.push_str(text);
        svg.push('\n');
    };
    put(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"15\">"
    ));
    put(&format!("<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#666\"/>"));
    if let Some(jpeg) = background {
        put(&format!(
            "<image width=\"{WIDTH}\" height=\"{height}\" preserveAspectRatio=\"none\" \
             href=\"data:image/jpeg;base64,{}\"/>",
            BASE64_STANDARD.encode(jpeg)
        ));
    }
    let extent = Extent::of(camera);
    put(&metre_grid(homography, &extent, height));
    put(&drawn(camera, height));
    let pairs = camera.calibration.iter().flat_map(|c| &c.image).enumerate();
    for (i, p) in pairs {
        let p = p.scaled(WIDTH, height);
        put(&format!(
            "<circle class=\"pair\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"none\" stroke=\"#f0f\" \
             stroke-width=\"2\"/>{}",
            p.x,
            p.y,
            label(p, &format!("{}", i + 1), "#f0f")
        ));
    }
    let behind = if background.is_some() { "" } else { ", no background" };
    let title = format!("{}: a line every {} m{behind}", camera.id, extent.spacing_m);
    put(&label(Point::new(8.0, 20.0), &title, "#fff"));
    put("</svg>");
    svg
}

impl Extent {
    /// What the calibration's points span, and a little more.
    fn of(camera: &CameraSpec) -> Self {
        let ground = camera.calibration.iter().flat_map(|c| &c.ground_m);
        let (mut x, mut y) = ((f64::MAX, f64::MIN), (f64::MAX, f64::MIN));
        for p in ground {
            x = (x.0.min(p.x), x.1.max(p.x));
            y = (y.0.min(p.y), y.1.max(p.y));
        }
        let wider = |(low, high): (f64, f64)| {
            let by = (high - low).abs() * BEYOND;
            (low - by, high + by)
        };
        let (x, y) = (wider(x), wider(y));
        let longest = (x.1 - x.0).max(y.1 - y.0);
        let spacing_m =
            SPACINGS_M.into_iter().find(|s| longest / s <= MOST_LINES).unwrap_or(longest / MOST_LINES);
        let whole = |(low, high): (f64, f64)| {
            ((low / spacing_m).floor() * spacing_m, (high / spacing_m).ceil() * spacing_m)
        };
        Self { spacing_m, x: whole(x), y: whole(y) }
    }

    /// Where the lines across an axis are.
    fn steps(&self, (low, high): (f64, f64)) -> impl Iterator<Item = f64> + use<> {
        let spacing_m = self.spacing_m;
        let most = ((high - low) / spacing_m).round().clamp(0.0, 4.0 * MOST_LINES);
        (0_u32..).map(f64::from).take_while(move |i| *i <= most).map(move |i| low + i * spacing_m)
    }
}

/// Lines of equal x and of equal y, some with their metres where they are nearest to the camera.
fn metre_grid(homography: &Homography, extent: &Extent, height: f64) -> String {
    let mut svg = String::from("<g class=\"grid\" fill=\"none\" stroke=\"#0cf\" stroke-width=\"1.2\">\n");
    let mut labels = String::new();
    let between = |(low, high): (f64, f64), i: u32| low + (high - low) * f64::from(i) / f64::from(PIECES);
    let along_y = extent.steps(extent.x).map(|x| {
        let line: Vec<Point> = (0..=PIECES).map(|i| Point::new(x, between(extent.y, i))).collect();
        ("x", x, line)
    });
    let along_x = extent.steps(extent.y).map(|y| {
        let line: Vec<Point> = (0..=PIECES).map(|i| Point::new(between(extent.x, i), y)).collect();
        ("y", y, line)
    });
    for (axis, metres, line) in along_y.chain(along_x) {
        let (pieces, nearest) = seen(homography, &line);
        for piece in pieces.iter().filter(|p| p.len() > 1) {
            let scaled: Vec<Point> = piece.iter().map(|p| p.scaled(WIDTH, height)).collect();
            svg.push_str(&format!("<polyline points=\"{}\"/>\n", points(&scaled)));
        }
        let is_labelled = (metres / extent.spacing_m / LABEL_EVERY).fract().abs() < 1e-6;
        if let Some(p) = nearest.filter(|_| is_labelled) {
            labels.push_str(&label(p.scaled(WIDTH, height), &format!("{axis} {metres}"), "#0cf"));
        }
    }
    svg + "</g>\n" + &labels
}

/// The parts of a way over the ground that the picture shows (fractions), and the place of it that is nearest to the
/// camera.
fn seen(homography: &Homography, way: &[Point]) -> (Vec<Vec<Point>>, Option<Point>) {
    let mut nearest: Option<Point> = None;
    let mut pieces: Vec<Vec<Point>> = vec![Vec::new()];
    for ground in way {
        // A little beyond the edges, so that lines reach them.
        let near = |p: &Point| (-0.1..=1.1).contains(&p.x) && (-0.1..=1.1).contains(&p.y);
        match (homography.to_image(*ground).filter(near), pieces.last_mut()) {
            (Some(p), Some(piece)) => {
                let shown = (0.0..=0.97).contains(&p.x) && (0.03..=1.0).contains(&p.y);
                if shown && nearest.is_none_or(|n| p.y > n.y) {
                    nearest = Some(p);
                }
                piece.push(p);
            }
            _ => pieces.push(Vec::new()),
        }
    }
    (pieces, nearest)
}

/// Zones, and lines with a dot where they begin.
fn drawn(camera: &CameraSpec, height: f64) -> String {
    let mut svg = String::new();
    for zone in &camera.zones {
        let corners: Vec<Point> = zone.polygon.iter().map(|p| p.scaled(WIDTH, height)).collect();
        svg.push_str(&format!(
            "<polygon class=\"zone\" points=\"{}\" fill=\"#ff0\" fill-opacity=\"0.12\" stroke=\"#ff0\"/>\n",
            points(&corners)
        ));
        if let Some(corner) = corners.first() {
            svg.push_str(&label(*corner, zone.id.as_str(), "#ff0"));
        }
    }
    for line in &camera.lines {
        let [a, b] = line.points.map(|p| p.scaled(WIDTH, height));
        svg.push_str(&format!(
            "<polyline class=\"line\" points=\"{}\" stroke=\"#f60\" stroke-width=\"4\"/><circle cx=\"{:.1}\" \
             cy=\"{:.1}\" r=\"6\" fill=\"#f60\"/>\n{}",
            points(&[a, b]),
            a.x,
            a.y,
            label(b, line.id.as_str(), "#f60")
        ));
    }
    svg
}

/// A few words at a place, kept within the picture; ids and numbers only, so nothing needs escaping.
fn label(at: Point, text: &str, colour: &str) -> String {
    format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\" stroke=\"#000\" stroke-width=\"3\" \
         paint-order=\"stroke\">{text}</text>\n",
        (at.x + 4.0).clamp(2.0, WIDTH - 40.0),
        (at.y - 4.0).max(16.0)
    )
}

fn points(all: &[Point]) -> String {
    all.iter().map(|p| format!("{:.1},{:.1}", p.x, p.y)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::{Calibration, FrameSize, Line, LineId};

    fn camera(ground_m: [[f64; 2]; 4]) -> CameraSpec {
        CameraSpec {
            name: "A <name> & more".to_owned(),
            calibration: Some(Calibration {
                image: [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]].map(Point::from).to_vec(),
                ground_m: ground_m.map(Point::from).to_vec(),
                ground_origin: None,
                distortion: None,
            }),
            lines: vec![Line {
                id: LineId::new("in").unwrap(),
                points: [Point::new(0.2, 0.5), Point::new(0.8, 0.5)],
            }],
            ..wayside_testkit::camera("hp-07")
        }
    }

    /// Seen from straight above, a metre is as long everywhere: 20 m across 1280 pixels, a line every 64.
    #[test]
    fn the_grid_lies_where_the_metres_are() {
        let camera = camera([[0.0, 0.0], [20.0, 0.0], [20.0, 10.0], [0.0, 10.0]]);
        let size = FrameSize { width: 640, height: 320 };
        let homography = Homography::fit(camera.calibration.as_ref().unwrap(), size).unwrap();
        let svg = drawing(&camera, &homography, Some(b"jpeg"));
        assert!(svg.contains("data:image/jpeg;base64,anBlZw==") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a line every 1 m<") && !svg.contains("<name>"));
        let upright: Vec<f64> = svg
            .lines()
            .filter_map(|l| l.strip_prefix("<polyline points=\"")?.split_once('"').map(|(points, _)| points))
            .filter_map(|points| {
                let x = |pair: &str| pair.split_once(',').unwrap().0.parse::<f64>().unwrap();
                let xs: Vec<f64> = points.split(' ').map(x).collect();
                xs.iter().all(|x| (x - xs[0]).abs() < 0.2).then(|| xs[0])
            })
            .collect();
        // The picture's own 21 and those a tenth beyond its edges.
        for metre in 0..=20 {
            let want = f64::from(metre) * 64.0;
            assert!(upright.iter().any(|x| (x - want).abs() < 0.2), "no line at {want}: {upright:?}");
        }
        assert!(upright.len() <= 25, "{upright:?}");
        assert!(svg.contains("class=\"line\" points=\"256.0,320.0 1024.0,320.0\""));
    }

    #[test]
    fn large_views_get_wider_grids_and_no_background_is_said() {
        let camera = camera([[0.0, 0.0], [400.0, 0.0], [400.0, 200.0], [0.0, 200.0]]);
        let size = FrameSize { width: 640, height: 320 };
        let homography = Homography::fit(camera.calibration.as_ref().unwrap(), size).unwrap();
        let svg = drawing(&camera, &homography, None);
        assert!(svg.contains("a line every 50 m, no background<") && !svg.contains("<image"));
    }
}
