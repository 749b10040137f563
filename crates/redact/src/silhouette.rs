//! How coarse a motion silhouette must be before a page may show it: so that a cell holds a torso or a wheel, and nobody's
//! shape, face or plate could be made out. Which cells are set is seen elsewhere; a cell is black or white, and never a
//! mean of pixels.

use wayside_types::{FrameSize, SilhouetteBand, SilhouetteGrid};

use crate::scale::SeenSizes;

/// A cell covers at least this much on both sides, at the finest place of its band, 2.5 m above the ground.
const MIN_CELL_M: f64 = 0.2;
/// Without a calibration, a cell is at least so many pixels of the camera's frame, and at least what is 20 cm of the largest
/// car or pedestrian seen ([`SeenSizes`]).
const MIN_CELL_PX: f64 = 16.0;
/// Until somebody was seen near, a cell is at least this share of the picture's longer side.
const CELLS_ACROSS_UNKNOWN: f64 = 20.0;
/// A cell needs so many pixels of the small picture on a side to tell anything from noise.
const MIN_SIDE_PX: u32 = 3;

/// Cuts a small picture of a camera's frames into cells by the calibration. `finest_metres_per_px` says what a pixel of
/// the *frame* covers at the finest place between two rows (fractions of the height), 2.5 m above the ground and along the
/// smallest direction; `None` where all of that is above the horizon, where no cells are.
#[must_use]
pub fn calibrated_grid(
    small: FrameSize,
    source: FrameSize,
    finest_metres_per_px: &dyn Fn((f64, f64)) -> Option<f64>,
) -> SilhouetteGrid {
    let (height, width) = (small.height, small.width);
    let of_height = |row: u32| f64::from(row) / f64::from(height.max(1));
    // Rows may be scaled by a little less than columns: both are held to the rule.
    let frame_px = (f64::from(source.width) / f64::from(width.max(1)))
        .min(f64::from(source.height) / f64::from(height.max(1)));
    let side_m = |top: u32, side: u32| {
        let rows = (of_height(top), of_height((top + side).min(height)));
        finest_metres_per_px(rows).map(|finest| finest * frame_px * f64::from(side))
    };
    let mut bands: Vec<SilhouetteBand> = Vec::new();
    let mut top = 0;
    while top < height {
        if side_m(top, 1).is_none() && bands.is_empty() {
            top += 1;
            continue;
        }
        let side = (MIN_SIDE_PX..=width.min(height))
            .find(|side| side_m(top, *side).is_some_and(|m| m >= MIN_CELL_M));
        let Some(side) = side.filter(|side| top + side <= height) else { break };
        bands.push(band(top, side, width));
        top += side;
    }
    SilhouetteGrid { size: small, bands }
}

/// The same where nothing but the sizes of road users seen says how near things are: all cells are alike.
#[must_use]
pub fn uncalibrated_grid(small: FrameSize, source: FrameSize, seen: &SeenSizes) -> SilhouetteGrid {
    let (width, height) = (f64::from(source.width.max(1)), f64::from(source.height.max(1)));
    let (share, is_near) = seen.cell_share();
    let unknown = if is_near { 0.0 } else { width.max(height) / CELLS_ACROSS_UNKNOWN };
    let side = (share * width).max(unknown).max(MIN_CELL_PX);
    // What a pixel of the small picture covers of the frame, where that is least.
    let frame_px = (width / f64::from(small.width.max(1))).min(height / f64::from(small.height.max(1)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
    let side = ((side / frame_px).ceil() as u32).max(MIN_SIDE_PX);
    let rows = if side <= small.width { small.height / side } else { 0 };
    let bands = (0..rows).map(|row| band(row * side, side, small.width)).collect();
    SilhouetteGrid { size: small, bands }
}

fn band(top_px: u32, side_px: u32, width: u32) -> SilhouetteBand {
    SilhouetteBand { top_px, side_px, columns: width / side_px }
}

#[cfg(test)]
mod tests {
    use wayside_types::{BBox, Detection, RoadUserClass};

    use super::*;

    const SMALL: FrameSize = FrameSize { width: 480, height: 270 };
    const SOURCE: FrameSize = FrameSize { width: 1920, height: 1080 };

    /// A camera whose horizon is at a third of the height: what a pixel covers grows with the distance from it.
    fn falling(rows: (f64, f64)) -> Option<f64> {
        (rows.1 > 0.34).then(|| 0.01 / (rows.1 - 1.0 / 3.0))
    }

    fn covers(grid: &SilhouetteGrid) {
        let mut row = grid.bands[0].top_px;
        for band in &grid.bands {
            assert_eq!(band.top_px, row, "{grid:?}");
            assert!(
                (1..=band.side_px).contains(&(grid.size.width + 1 - band.columns * band.side_px)),
                "{band:?}"
            );
            row += band.side_px;
        }
        assert!(row <= grid.size.height && row > grid.size.height - 40, "{row}");
    }

    #[test]
    fn calibrated_cells_are_20_cm_at_their_finest_place_wherever_they_lie() {
        let grid = calibrated_grid(SMALL, SOURCE, &falling);
        covers(&grid);
        // A third of 270 rows is above the horizon.
        assert!((90..=95).contains(&grid.bands[0].top_px), "{:?}", grid.bands[0]);
        for band in &grid.bands {
            let rows = [band.top_px, band.top_px + band.side_px].map(|row| f64::from(row) / 270.0);
            let metres = falling((rows[0], rows[1])).unwrap() * 4.0 * f64::from(band.side_px);
            assert!(metres >= 0.2, "{band:?} has cells of {metres} m");
        }
        let sides: Vec<u32> = grid.bands.iter().map(|band| band.side_px).collect();
        assert!(
            sides.is_sorted() && sides[0] == 3 && sides.last().is_some_and(|side| *side > 3),
            "{sides:?}"
        );
        // Whoever is nearer than that is not shown in more cells.
        let near = calibrated_grid(SMALL, SOURCE, &|rows| falling(rows).map(|m| m / 10.0));
        assert!(near.cells() < grid.cells() / 5);
        covers(&near);
        assert!(calibrated_grid(SMALL, SOURCE, &|_| None).bands.is_empty());
        assert!(
            calibrated_grid(SMALL, SOURCE, &|_| Some(1e-6)).bands.is_empty(),
            "no cell could be large enough"
        );
    }

    #[test]
    fn without_a_calibration_the_largest_road_users_seen_decide() {
        let side = |seen: &SeenSizes| {
            let grid = uncalibrated_grid(SMALL, SOURCE, seen);
            covers(&grid);
            assert!(grid.bands.iter().all(|band| band.side_px == grid.bands[0].side_px));
            grid.bands[0].side_px
        };
        let seen = |class, bbox, score| {
            let mut seen = SeenSizes::default();
            seen.observe(&[Detection { bbox, class, score }], SOURCE);
            seen
        };
        // A twentieth of 1920 are 96 pixels, of which the small picture has a quarter.
        assert_eq!(side(&SeenSizes::default()), 24);
        let car = |width, height, y2, score| {
            seen(RoadUserClass::Car, BBox::new(0.0, y2 - height, width, y2), score)
        };
        assert_eq!(side(&car(60.0, 50.0, 1000.0, 0.9)), 4, "16 pixels of the frame at least");
        // From its end, an eighth of its width; from the side, a seventh of its height.
        assert_eq!(side(&car(480.0, 480.0, 1000.0, 0.9)), 15);
        assert_eq!(side(&car(480.0, 210.0, 1000.0, 0.9)), 8);
        assert_eq!(
            side(&car(60.0, 50.0, 300.0, 0.9)),
            24,
            "the near may be larger than what was seen far away"
        );
        assert_eq!(side(&seen(RoadUserClass::Pedestrian, BBox::new(0.0, 600.0, 90.0, 1000.0), 0.9)), 13);
        assert_eq!(side(&car(1200.0, 840.0, 800.0, 0.9)), 30, "even the far are larger than that");
        // One that may be nobody at all neither makes cells larger nor allows for smaller ones.
        assert_eq!(side(&car(60.0, 50.0, 1000.0, 0.3)), 24);
        let mut both = car(480.0, 210.0, 1000.0, 0.9);
        let wrong = BBox::new(0.0, 0.0, 1920.0, 1080.0);
        both.observe(&[Detection { bbox: wrong, class: RoadUserClass::Car, score: 0.2 }], SOURCE);
        assert_eq!(side(&both), 8);
    }
}
