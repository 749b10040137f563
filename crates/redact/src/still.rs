//! Evidence stills: one moment of a camera's view in which nobody can be recognised. People on foot and on two wheels are
//! flat areas with an icon, vehicles coarse grey cells, and all of it is at the scale of [`crate::still_width`]. A still
//! is redacted from its first moment on; what is detected within a second of it is covered as well, as soon as it is
//! known. Where stills wait for an incident is the engine's business.

use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;
use image::{ExtendedColorType, RgbImage};
use wayside_types::{BBox, Detection, FrameSize, Point, RoadUserClass};

use crate::background::{GROW_SHARE, RedactError, fill};
use crate::icon::draw_icon;

/// A vehicle becomes cells of this part of its longer side.
const CELLS: f32 = 12.0;
const JPEG_QUALITY: u8 = 80;
/// The colour of outlines and places.
const MARK: [u8; 3] = [255, 80, 80];

/// A picture of one moment, redacted.
#[derive(Clone)]
pub struct Still {
    picture: RgbImage,
    source: FrameSize,
    /// In pixels of the picture, not grown.
    people: Vec<(RoadUserClass, BBox)>,
}

impl std::fmt::Debug for Still {
    /// Prints nothing of what it shows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Still").field("source", &self.source).finish_non_exhaustive()
    }
}

/// What is marked on a still: outlines and a place, fractions of width and height.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marks {
    /// The incident's zone.
    pub outline: Vec<Point>,
    /// Where it is.
    pub place: Option<Point>,
}

impl Still {
    /// Redacts a reduced picture of a frame at once. `rgb` holds packed R, G, B of `size`, a mean of the pixels of
    /// `source`; `detections` are in pixels of `source`, all of score 0.1 and more of this frame and of those within a
    /// second before it; `width_px` is what [`crate::still_width`] allows.
    ///
    /// # Errors
    /// [`RedactError`] when the buffer does not fit its size.
    pub fn new(
        size: FrameSize,
        rgb: Vec<u8>,
        source: FrameSize,
        width_px: u32,
        detections: &[Detection],
    ) -> Result<Self, RedactError> {
        let (want, got) = (size.width as usize * size.height as usize * 3, rgb.len());
        let bad = RedactError::Shape { width: size.width, height: size.height, want, got, flags: want / 3 };
        let picture = RgbImage::from_raw(size.width, size.height, rgb).filter(|_| want == got && want > 0);
        let mut still = Self { picture: picture.ok_or(bad)?, source, people: Vec::new() };
        still.bring_to(width_px);
        still.cover(detections);
        Ok(still)
    }

    /// Pixels across.
    #[must_use]
    pub fn width_px(&self) -> u32 {
        self.picture.width()
    }

    /// Covers what was detected in another frame within a second of this one.
    pub fn cover(&mut self, detections: &[Detection]) {
        let across = self.picture.width() as f32 / self.source.width.max(1) as f32;
        let down = self.picture.height() as f32 / self.source.height.max(1) as f32;
        for Detection { bbox, class, .. } in detections {
            let at = BBox::new(bbox.x1 * across, bbox.y1 * down, bbox.x2 * across, bbox.y2 * down);
            if class.is_motor_vehicle() && *class != RoadUserClass::Motorcycle {
                coarsen(&mut self.picture, &at);
            } else if !self.people.contains(&(*class, at)) {
                self.people.push((*class, at));
            }
        }
        // After all vehicles, whose cells may reach over them.
        let size = FrameSize { width: self.picture.width(), height: self.picture.height() };
        for (_, bbox) in &self.people {
            fill(&mut self.picture, size, &bbox.grown(GROW_SHARE));
        }
    }

    /// Makes it no wider than this; never larger.
    pub fn bring_to(&mut self, width_px: u32) {
        let (width, height) = self.picture.dimensions();
        let out_width = width_px.clamp(1, width);
        if out_width == width {
            return;
        }
        let out_height = (u64::from(height) * u64::from(out_width) / u64::from(width)).max(1);
        let out_height = u32::try_from(out_height).unwrap_or(height);
        // Every pixel of the result is the mean of those it covers: nothing finer survives.
        self.picture = thumbnail(&self.picture, out_width, out_height);
        let (across, down) = (out_width as f32 / width as f32, out_height as f32 / height as f32);
        for (_, b) in &mut self.people {
            *b = BBox::new(b.x1 * across, b.y1 * down, b.x2 * across, b.y2 * down);
        }
    }

    /// The JPEG, with icons and marks, and `comment` as its only words.
    ///
    /// # Errors
    /// [`RedactError`] when it can't be encoded.
    pub fn jpeg(&self, marks: &Marks, comment: &str) -> Result<Vec<u8>, RedactError> {
        let mut picture = self.picture.clone();
        let mut drawn: Vec<BBox> = Vec::new();
        for (class, bbox) in &self.people {
            // The same person a moment later needs no second icon.
            if drawn.iter().all(|other| other.intersection(bbox) <= 0.0) {
                draw_icon(&mut picture, *class, bbox);
                drawn.push(*bbox);
            }
        }
        mark(&mut picture, marks);
        let (width, height) = picture.dimensions();
        let mut jpeg = Vec::with_capacity(32 * 1024);
        JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode(
            &picture,
            width,
            height,
            ExtendedColorType::Rgb8,
        )?;
        Ok(with_comment(jpeg, comment))
    }
}

/// Puts a comment segment (ITU-T T.81, B.2.4.5) behind the JFIF header, which comes first.
fn with_comment(mut jpeg: Vec<u8>, comment: &str) -> Vec<u8> {
    let words = comment.as_bytes();
    let header = match jpeg.get(2..6) {
        Some([0xff, 0xe0, high, low]) => usize::from(u16::from_be_bytes([*high, *low])) + 2,
        _ => 0,
    };
    // Two bytes of length count themselves.
    if let (Ok(length), true) = (u16::try_from(words.len() + 2), jpeg.len() > 2 + header) {
        let [high, low] = length.to_be_bytes();
        let segment = [0xff, 0xfe, high, low].into_iter().chain(words.iter().copied());
        jpeg.splice(2 + header..2 + header, segment);
    }
    jpeg
}

/// Makes a box grey cells of a twelfth of its longer side, each the mean of what it covers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clipped to the picture before")]
fn coarsen(picture: &mut RgbImage, bbox: &BBox) {
    let inside = bbox.clipped(picture.width() as f32, picture.height() as f32);
    let cell = (bbox.width().max(bbox.height()) / CELLS).max(1.0);
    let edges = |from: f32, to: f32| {
        let (first, last) = (from.floor() as u32, to.ceil() as u32);
        let mut edges = vec![first];
        let mut at = from + cell;
        while at.round() < last as f32 {
            edges.push(at.round() as u32);
            at += cell;
        }
        edges.push(last);
        edges.dedup();
        edges
    };
    let (columns, rows) = (edges(inside.x1, inside.x2), edges(inside.y1, inside.y2));
    for y in rows.windows(2) {
        for x in columns.windows(2) {
            even_out(picture, [x[0], x[1]], [y[0], y[1]]);
        }
    }
}

fn even_out(picture: &mut RgbImage, x: [u32; 2], y: [u32; 2]) {
    let places = move || (y[0]..y[1]).flat_map(move |row| (x[0]..x[1]).map(move |column| (column, row)));
    let (mut sum, mut n) = (0_u64, 0_u64);
    for (column, row) in places() {
        let [r, g, b] = picture.get_pixel(column, row).0.map(u64::from);
        // Luma of ITU-R BT.601, in thousandths.
        sum += 299 * r + 587 * g + 114 * b;
        n += 1_000;
    }
    let grey = u8::try_from(sum / n.max(1)).unwrap_or(u8::MAX);
    for (column, row) in places() {
        picture.put_pixel(column, row, image::Rgb([grey; 3]));
    }
}

fn mark(picture: &mut RgbImage, marks: &Marks) {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let corners: Vec<Point> = marks.outline.iter().map(|p| p.scaled(width, height)).collect();
    for (n, from) in corners.iter().enumerate() {
        if let Some(to) = corners.get((n + 1) % corners.len()) {
            line(picture, *from, *to);
        }
    }
    if let Some(at) = marks.place.map(|p| p.scaled(width, height)) {
        let r = (width / 40.0).max(4.0);
        let around = [(0.0, 0.0), (-r * 0.7, -r * 1.5), (r * 0.7, -r * 1.5)]
            .map(|(x, y)| Point::new(at.x + x, at.y + y));
        for n in 0..3 {
            line(picture, around[n], around[(n + 1) % 3]);
        }
    }
}

/// A line two pixels wide.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tested to be within the picture"
)]
fn line(picture: &mut RgbImage, from: Point, to: Point) {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let steps = from.distance(to).ceil().clamp(1.0, 4_096.0);
    let mut step = 0.0;
    while step <= steps {
        let share = step / steps;
        let (x, y) = (from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share);
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)] {
            let (x, y) = ((x + dx).floor(), (y + dy).floor());
            if x >= 0.0 && y >= 0.0 && x < width && y < height {
                picture.put_pixel(x as u32, y as u32, image::Rgb(MARK));
            }
        }
        step += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::background::FILL;

    const SIZE: FrameSize = FrameSize { width: 240, height: 120 };

    /// Stripes one pixel wide: whatever is left of them is seen.
    fn stripes() -> Vec<u8> {
        let bright = |n: u32| if (n % 240).is_multiple_of(2) { [250, 20, 20] } else { [5, 5, 200] };
        (0..240 * 120).flat_map(bright).collect()
    }

    fn detection(class: RoadUserClass, bbox: [f32; 4]) -> Detection {
        let [x1, y1, x2, y2] = bbox;
        Detection { bbox: BBox::new(x1, y1, x2, y2), class, score: 0.1 }
    }

    fn decode(still: &Still, marks: &Marks) -> RgbImage {
        image::load_from_memory(&still.jpeg(marks, "a").unwrap()).unwrap().to_rgb8()
    }

    /// The largest difference between neighbours in a row within a part of the picture.
    fn detail(picture: &RgbImage, x: std::ops::Range<u32>, y: std::ops::Range<u32>) -> i32 {
        let luma = |x, y| {
            let [r, g, b] = picture.get_pixel(x, y).0.map(i32::from);
            (299 * r + 587 * g + 114 * b) / 1_000
        };
        let pairs = y.flat_map(|y| x.clone().skip(1).map(move |x| (x, y)));
        pairs.map(|(x, y)| (luma(x, y) - luma(x - 1, y)).abs()).max().unwrap()
    }

    #[test]
    fn people_are_flat_and_grown_vehicles_are_coarse_and_grey() {
        let seen = [
            detection(RoadUserClass::Pedestrian, [40.0, 40.0, 60.0, 80.0]),
            detection(RoadUserClass::Car, [120.0, 30.0, 216.0, 90.0]),
        ];
        let mut still = Still::new(SIZE, stripes(), SIZE, 480, &seen).unwrap();
        // Before an icon is drawn and JPEG rings at edges.
        let before = still.picture.clone();
        assert!(detail(&before, 0..30, 0..120) > 30, "the rest is as it was");
        // 20 % a side beyond the box.
        assert_eq!(detail(&before, 36..64, 32..88), 0);
        // Cells of 8 px.
        assert_eq!(detail(&before, 120..128, 30..38), 0);
        let [r, g, b] = before.get_pixel(125, 35).0;
        assert!(r.abs_diff(g) < 12 && g.abs_diff(b) < 12, "{r} {g} {b}");
        // Somebody who was missed and is seen within the second.
        still.cover(&[detection(RoadUserClass::Bicycle, [4.0, 4.0, 24.0, 34.0])]);
        assert_eq!(detail(&still.picture, 0..28, 0..40), 0);
    }

    #[test]
    fn a_vehicle_over_somebody_leaves_nothing_of_either() {
        let seen = [
            detection(RoadUserClass::Motorcycle, [60.0, 40.0, 90.0, 80.0]),
            detection(RoadUserClass::Truck, [0.0, 0.0, 240.0, 120.0]),
        ];
        let still = Still::new(SIZE, stripes(), SIZE, 480, &seen).unwrap();
        // The truck's cells are 20 px; the motorcycle is flat, also beyond the box.
        assert_eq!(detail(&still.picture, 0..20, 0..20), 0);
        assert_eq!(detail(&still.picture, 54..96, 32..88), 0);
    }

    #[test]
    fn it_is_brought_to_scale_marked_and_says_only_what_it_is_told_to() {
        let mut still = Still::new(SIZE, stripes(), FrameSize { width: 480, height: 240 }, 120, &[]).unwrap();
        assert_eq!((still.width_px(), still.picture.height()), (120, 60));
        still.bring_to(480);
        assert_eq!(still.width_px(), 120);
        // Stripes of one pixel are gone at half the width.
        assert!(detail(&decode(&still, &Marks::default()), 0..120, 0..60) < 12);
        // Boxes are those of the frame.
        still.cover(&[detection(RoadUserClass::Pedestrian, [0.0, 0.0, 480.0, 240.0])]);
        let [r, g, b] = decode(&still, &Marks::default()).get_pixel(5, 5).0;
        assert!(r.abs_diff(FILL[0]) < 8 && g.abs_diff(FILL[1]) < 8 && b.abs_diff(FILL[2]) < 8);

        let outline = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]].map(Point::from).to_vec();
        let marks = Marks { outline, place: Some(Point::new(0.3, 0.8)) };
        let marked = decode(&still, &marks);
        let is_red = |x, y| {
            let [r, g, _] = marked.get_pixel(x, y).0;
            r > 200 && g < 150
        };
        assert!(is_red(60, 6) && is_red(108, 30) && is_red(36, 48) && !is_red(20, 30));
        let jpeg = still.jpeg(&marks, "camera hp-07").unwrap();
        assert_eq!((&jpeg[..4], &jpeg[20..22]), (&[0xff, 0xd8, 0xff, 0xe0][..], &[0xff, 0xfe][..]));
        let has = |needle: &[u8]| jpeg.windows(needle.len()).any(|w| w == needle);
        assert!(has(b"camera hp-07") && !has(b"Exif") && !has(b"http") && !has(b"Photoshop"));
    }

    #[test]
    fn buffers_that_do_not_fit_are_refused() {
        assert!(matches!(Still::new(SIZE, vec![0; 5], SIZE, 480, &[]), Err(RedactError::Shape { .. })));
        let none = FrameSize { width: 0, height: 0 };
        assert!(matches!(Still::new(none, Vec::new(), SIZE, 480, &[]), Err(RedactError::Shape { .. })));
    }
}
