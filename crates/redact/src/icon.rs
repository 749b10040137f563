//! The icons of people on foot and on two wheels, drawn over what is filled flat in a still. They say what kind of road
//! user is there, and are the same for everybody.

use image::RgbImage;
use wayside_types::{BBox, RoadUserClass};

const INK: [u8; 3] = [20, 24, 28];
/// Rows of eleven; a hash is ink.
type Glyph = [&'static [u8; 11]; 11];

const PEDESTRIAN: Glyph = [
    b"....###....",
    b"....###....",
    b"....###....",
    b"..#######..",
    b"..#.###.#..",
    b"..#.###.#..",
    b"....###....",
    b"....#.#....",
    b"...##.##...",
    b"...#...#...",
    b"..##...##..",
];
const BICYCLE: Glyph = [
    b"...........",
    b"......###..",
    b".###...#...",
    b"..#....#...",
    b"..######...",
    b".##.##.##..",
    b"#..###..##.",
    b"#...#.#...#",
    b"#...#.#...#",
    b"#..#...#..#",
    b".##.....##.",
];
const MOTORCYCLE: Glyph = [
    b"...........",
    b".....##....",
    b"......#....",
    b".###..##...",
    b"..#######..",
    b"...#######.",
    b".#########.",
    b"###.###.###",
    b"#.#.....#.#",
    b"###.....###",
    b".#.......#.",
];

/// Draws the icon of a class into the middle of a box; nothing for vehicles and where it would not fit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tested to be within the picture"
)]
pub(crate) fn draw_icon(picture: &mut RgbImage, class: RoadUserClass, bbox: &BBox) {
    let glyph = match class {
        RoadUserClass::Pedestrian => PEDESTRIAN,
        RoadUserClass::Bicycle => BICYCLE,
        RoadUserClass::Motorcycle => MOTORCYCLE,
        RoadUserClass::Car | RoadUserClass::Bus | RoadUserClass::Truck => return,
    };
    // As large as the area that is filled allows, in whole pixels.
    let grown = bbox.grown(crate::background::GROW_SHARE);
    let scale = (grown.width().min(grown.height()) / 11.0).floor();
    if scale < 1.0 {
        return;
    }
    let centre = bbox.centre();
    let half = f64::from(scale) * 5.5;
    let (left, top) = ((centre.x - half).round(), (centre.y - half).round());
    for row in 0..11 * scale as u32 {
        for column in 0..11 * scale as u32 {
            let part = |n: u32| (n / scale as u32) as usize;
            let is_ink = glyph.get(part(row)).and_then(|line| line.get(part(column))) == Some(&b'#');
            let (x, y) = (left + f64::from(column), top + f64::from(row));
            let inside =
                x >= 0.0 && y >= 0.0 && x < f64::from(picture.width()) && y < f64::from(picture.height());
            if is_ink && inside {
                picture.put_pixel(x as u32, y as u32, image::Rgb(INK));
            }
        }
    }
}
