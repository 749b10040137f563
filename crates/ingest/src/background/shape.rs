//! Where a frame differs from the running background: the cells of a silhouette, black or white. No detector has a part in
//! it but that the background holds nothing that one found. How large cells are is told from outside.

use wayside_types::{Frame, FrameSize, SilhouetteBand, SilhouetteGrid};

use super::reduce::{Grid, RowSums, Source};
use super::{Background, Running};

/// A pixel differs from this many grey levels on …
const LEAST_STEP: u16 = 12;
/// … or from so many times the usual step of all pixels on, if that is more …
const NOISE_FACTOR: u16 = 5;
/// … but never is a larger step than this overlooked.
const MOST_STEP: u16 = 40;
/// A change of all pixels alike is the camera's exposure or a cloud; it is no larger than this.
const MOST_SHIFT: i16 = 32;
/// A cell is set where this share of its known pixels differ …
const SET_SHARE: f32 = 0.25;
/// … and as large a share of all of its pixels is known.
const KNOWN_SHARE: f32 = 0.5;

/// Which cells of a frame differ.
pub struct Shape {
    /// Band by band of the grid, from left to right.
    pub cells: Vec<bool>,
    /// Share of the picture's pixels of which the background is known, 0 to 1.
    pub known_share: f32,
}

impl Background {
    /// The size of the small picture, and of the frames that it is made of; `None` before the first.
    #[must_use]
    pub fn sizes(&self) -> Option<(FrameSize, FrameSize)> {
        self.running.as_ref().map(|running| (running.grid.size(), running.source))
    }

    /// Which cells of a frame differ from the background. `None` where there is no background of frames of this size yet,
    /// for a grid of another picture, and for a frame whose planes are shorter than its size says.
    pub fn shape(&mut self, frame: &Frame, cells: &SilhouetteGrid) -> Option<Shape> {
        let running = self.running.as_mut()?;
        if running.source != frame.size || running.grid.size() != cells.size {
            return None;
        }
        running.shape(frame, cells)
    }
}

/// A known pixel's step from the background; `None` where that is not known.
type Step = Option<i16>;

impl Running {
    fn shape(&mut self, frame: &Frame, cells: &SilhouetteGrid) -> Option<Shape> {
        let source = Source::of(frame)?;
        let luma = self.luma.get_or_insert_with(|| self.planes[0].medians());
        let known = |index| self.planes[0].is_known(index);
        let now = luma_of(&source, &self.grid, &mut self.sums);
        let steps: Vec<Step> = now
            .iter()
            .zip(luma.iter())
            .enumerate()
            .map(|(index, (&now, &usual))| known(index).then(|| i16::from(now) - i16::from(usual)))
            .collect();
        let known = steps.iter().flatten().count();
        let shift = middle(steps.iter().flatten().copied()).clamp(-MOST_SHIFT, MOST_SHIFT);
        let noise = middle(steps.iter().flatten().map(|step| (step - shift).abs())).unsigned_abs();
        let accepted = (NOISE_FACTOR * noise).clamp(LEAST_STEP, MOST_STEP);
        let differs = |step: i16| (step - shift).unsigned_abs() >= accepted;
        let width = cells.size.width as usize;
        let cells = cells.bands.iter().flat_map(cells_of).map(|[left, top, side]| {
            let rows = steps.chunks(width).skip(top).take(side);
            let inside = rows.flat_map(|row| row.iter().skip(left).take(side).flatten());
            let (seen, different) = inside.fold((0_usize, 0_usize), |(seen, different), step| {
                (seen + 1, different + usize::from(differs(*step)))
            });
            seen as f32 >= KNOWN_SHARE * (side * side) as f32 && different as f32 >= SET_SHARE * seen as f32
        });
        Some(Shape { cells: cells.collect(), known_share: known as f32 / steps.len().max(1) as f32 })
    }
}

/// Left, top and side of each cell of a band.
fn cells_of(band: &SilhouetteBand) -> impl Iterator<Item = [usize; 3]> {
    let (top, side) = (band.top_px as usize, band.side_px as usize);
    (0..band.columns as usize).map(move |column| [column * side, top, side])
}

/// The brightness of the small picture.
fn luma_of(source: &Source<'_>, grid: &Grid, sums: &mut RowSums) -> Vec<u8> {
    let (columns, rows) = grid.luma();
    let mut luma = Vec::with_capacity(grid.luma_len());
    for &row in rows {
        source.sum_luma_rows(row, sums);
        luma.extend(columns.iter().map(|&column| source.luma(sums, column)));
    }
    luma
}

/// The middle one of steps from −255 to 255; 0 of none.
fn middle(steps: impl Iterator<Item = i16>) -> i16 {
    const OFFSET: i16 = 255;
    let mut counts = [0_usize; 511];
    let mut all = 0;
    for step in steps {
        if let Some(count) = counts.get_mut(usize::try_from(step + OFFSET).unwrap_or_default()) {
            *count += 1;
            all += 1;
        }
    }
    let mut below = 0;
    let found = counts.iter().position(|count| {
        below += count;
        2 * below > all
    });
    found.and_then(|index| i16::try_from(index).ok()).map_or(0, |index| index - OFFSET)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use wayside_types::frame::OwnedPixels;
    use wayside_types::{BBox, CameraId, PixelFormat, Timestamp};

    use super::*;

    const SIZE: FrameSize = FrameSize { width: 320, height: 180 };

    fn frame(luma: impl Fn(usize, usize) -> u8) -> Frame {
        let data = (0..180).flat_map(|y| (0..320).map(move |x| (x, y))).map(|(x, y)| luma(x, y)).collect();
        let chroma = vec![128; 160 * 90];
        Frame {
            camera: CameraId::new("c").unwrap(),
            captured_at: Timestamp::UNIX_EPOCH,
            media_time: Duration::ZERO,
            seq: 0,
            size: SIZE,
            format: PixelFormat::I420,
            pixels: Arc::new(OwnedPixels::planar(vec![(data, 320), (chroma.clone(), 160), (chroma, 160)])),
        }
    }

    /// A road with a pattern and some noise that is another one in every frame.
    fn road(x: usize, y: usize, seed: usize) -> u8 {
        let noise = (x * 7 + y * 13 + seed * 31) * 2_654_435_761 % 7;
        u8::try_from(80 + x % 40 + noise).unwrap()
    }

    fn grid() -> SilhouetteGrid {
        let size = FrameSize { width: 160, height: 90 };
        let band = |row: u32| SilhouetteBand { top_px: 10 * row, side_px: 10, columns: 16 };
        SilhouetteGrid { size, bands: (1..9).map(band).collect() }
    }

    fn background() -> Background {
        let mut background = Background::new(160);
        // The right hand twentieth is never seen free.
        let boxes = [BBox::new(306.0, 0.0, 320.0, 180.0)];
        (0..6).for_each(|seed| background.update(&frame(|x, y| road(x, y, seed)), &boxes));
        background
    }

    fn set(shape: &Shape) -> Vec<(usize, usize)> {
        let of = |(index, set): (usize, &bool)| set.then_some((index % 16, index / 16 + 1));
        shape.cells.iter().enumerate().filter_map(of).collect()
    }

    #[test]
    fn what_is_on_the_road_sets_the_cells_that_it_covers_and_no_others() {
        let mut background = background();
        assert_eq!(background.sizes(), Some((grid().size, SIZE)));
        let empty = background.shape(&frame(|x, y| road(x, y, 9)), &grid()).unwrap();
        assert_eq!((empty.cells.len(), set(&empty)), (128, Vec::new()));
        assert!((0.9..0.96).contains(&empty.known_share), "{}", empty.known_share);
        // A lorry in the cells 3 to 5 of two bands, once darker and once brighter than the road; one above the bands,
        // and one where nothing is known.
        for grey in [20, 220] {
            let inside =
                |x: usize, y: usize| (60..120).contains(&x) && (80..120).contains(&y) || y < 20 || x > 306;
            let seen =
                background.shape(&frame(|x, y| if inside(x, y) { grey } else { road(x, y, 3) }), &grid());
            assert_eq!(set(&seen.unwrap()), [(3, 4), (4, 4), (5, 4), (3, 5), (4, 5), (5, 5)]);
        }
    }

    #[test]
    fn what_all_of_the_picture_does_is_nobody() {
        let mut background = background();
        for more in [0, 12, 24] {
            let seen = background.shape(&frame(|x, y| road(x, y, 5) + more), &grid()).unwrap();
            assert_eq!(set(&seen), [], "brighter by {more}");
        }
        let noisy =
            frame(|x, y| road(x, y, 5).saturating_add_signed(if (x / 2 + y / 2) % 2 == 0 { 7 } else { -7 }));
        assert_eq!(set(&background.shape(&noisy, &grid()).unwrap()), []);
    }

    #[test]
    fn without_a_background_of_its_size_there_is_none() {
        assert!(Background::new(160).shape(&frame(|_, _| 90), &grid()).is_none());
        let other = SilhouetteGrid { size: FrameSize { width: 80, height: 45 }, bands: Vec::new() };
        assert!(background().shape(&frame(|_, _| 90), &other).is_none());
        let mut small = frame(|_, _| 90);
        small.size = FrameSize { width: 160, height: 90 };
        assert!(background().shape(&small, &grid()).is_none());
    }
}
