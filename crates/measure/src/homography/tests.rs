//! Pairs of known cameras: what comes back, which pair is named, and what is refused in which words.

use super::*;
use proptest::prelude::*;

const SIZE: FrameSize = FrameSize { width: 1280, height: 720 };

fn points(p: &[[f64; 2]]) -> Vec<Point> {
    p.iter().map(|&p| Point::from(p)).collect()
}

fn calibration(image: &[[f64; 2]], ground: &[[f64; 2]]) -> Calibration {
    Calibration { image: points(image), ground_m: points(ground), ground_origin: None, distortion: None }
}

const IMAGE: [[f64; 2]; 4] = [[0.10, 0.90], [0.90, 0.90], [0.70, 0.30], [0.30, 0.30]];
const GROUND: [[f64; 2]; 4] = [[0., 0.], [14., 0.], [14., 60.], [0., 60.]];

#[test]
fn the_example_of_the_camera_file_fits() {
    let h = Homography::fit(&calibration(&IMAGE, &GROUND), SIZE).unwrap();
    assert!(h.residual_m() < 1e-6);
    for (i, g) in IMAGE.iter().zip(&GROUND) {
        assert!(h.to_ground(Point::from(*i)).unwrap().distance(Point::from(*g)) < 1e-6);
        assert!(h.to_image(Point::from(*g)).unwrap().distance(Point::from(*i)) < 1e-9);
    }
    // The two long sides meet at y = -0.3: nothing above that is ground.
    assert!(h.to_ground(Point::new(0.5, -0.31)).is_none());
    assert!(h.jacobian(Point::new(0.5, -0.31)).is_none());
}

#[test]
fn refusals_name_the_fault() {
    let mirrored: Vec<[f64; 2]> = GROUND.iter().map(|g| [-g[0], g[1]]).collect();
    let crossed = [GROUND[0], GROUND[1], GROUND[3], GROUND[2]];
    for (what, image, ground, want) in [
        ("three", &IMAGE[..3], &GROUND[..3], "3 pairs"),
        ("unpaired", &IMAGE[..], &GROUND[..3], "4 points in `image` but 3"),
        ("mirrored", &IMAGE[..], &mirrored[..], "mirrored"),
        ("crossed", &IMAGE[..], &crossed[..], "horizon"),
        ("in line", &[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.9, 0.9]][..], &GROUND[..], "straight line"),
        (
            "three in line",
            &[[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.9, 0.1]][..],
            &GROUND[..],
            "straight line",
        ),
        ("ground in line", &IMAGE[..], &[[0., 0.], [1., 0.], [2., 0.], [3., 0.]][..], "ground_m points"),
        ("twice", &[IMAGE[0], IMAGE[0], IMAGE[2], IMAGE[3]][..], &GROUND[..], "pairs 1 and 2"),
        ("no number", &[[f64::NAN, 0.], IMAGE[1], IMAGE[2], IMAGE[3]][..], &GROUND[..], "pair 1"),
        (
            "contradiction",
            &[IMAGE[0], IMAGE[1], IMAGE[2], IMAGE[3], [0.5, 0.6]][..],
            &[GROUND[0], GROUND[1], GROUND[2], GROUND[3], [30., 15.]][..],
            "off on average",
        ),
    ] {
        let error = Homography::fit(&calibration(image, ground), SIZE).unwrap_err().to_string();
        assert!(error.contains(want), "{what}: {error}");
    }
}

/// A pinhole camera over flat ground, x to the right and y ahead of its foot, behind a lens.
#[derive(Debug, Clone, Copy)]
struct Camera {
    height_m: f64,
    tilt: f64,
    /// In half diagonals.
    focal: f64,
    turn: f64,
    distortion: f64,
}

impl Camera {
    fn lens(&self) -> Lens {
        Lens::new(SIZE, self.distortion)
    }

    /// The picture (fractions) of a place in the camera's own metres.
    fn see(&self, x: f64, y: f64) -> Option<Point> {
        let (sin, cos) = self.tilt.sin_cos();
        let depth = y * cos + self.height_m * sin;
        let down = self.height_m * cos - y * sin;
        self.lens().shown(nalgebra::Vector2::new(x, down) * (self.focal / depth))
    }

    /// The same place in the metres of somebody whose axes lie otherwise.
    fn ground(&self, x: f64, y: f64) -> Point {
        let (sin, cos) = self.turn.sin_cos();
        Point::new(x * cos - y * sin + 3.0, x * sin + y * cos - 7.0)
    }

    /// Places on the road that the picture shows: rows across it from near to far, `n` in all.
    fn places(&self, n: usize) -> Vec<(f64, f64)> {
        let far = 6.0 * self.height_m;
        let near =
            self.height_m * (std::f64::consts::FRAC_PI_2 - self.tilt - 0.45 / self.focal).tan().max(0.3);
        let mut places = Vec::new();
        for step in 0_u32.. {
            let y = near + (far - near) * f64::from(step % 7) / 6.0 + 0.13 * f64::from(step / 7);
            let width = 0.9 * (y * self.tilt.cos() + self.height_m * self.tilt.sin()) / self.focal;
            let x = width * [-0.8, 0.75, 0.1, -0.35, 0.5][step as usize % 5];
            let inside = |p: Point| (0.0..=1.0).contains(&p.x) && (0.0..=1.0).contains(&p.y);
            if self.see(x, y).is_some_and(inside) {
                places.push((x, y));
            }
            if places.len() == n || step > 200 {
                break;
            }
        }
        places
    }

    fn calibration(&self, n: usize, asked: Option<Distortion>) -> Calibration {
        let places = self.places(n);
        assert_eq!(places.len(), n, "{self:?} sees too little");
        Calibration {
            image: places.iter().map(|(x, y)| self.see(*x, *y).unwrap()).collect(),
            ground_m: places.iter().map(|(x, y)| self.ground(*x, *y)).collect(),
            ground_origin: None,
            distortion: asked,
        }
    }

    /// How far off the ground is at places between the pairs, in standard deviations of one pair.
    fn worst_off(&self, found: &Homography, n: usize) -> f64 {
        self.places(n)
            .windows(2)
            .map(|w| ((w[0].0 + w[1].0) / 2.0, (w[0].1 + w[1].1) / 2.0))
            .map(|(x, y)| {
                let pair = Pair { image: self.see(x, y).unwrap(), ground: self.ground(x, y) };
                found.model.off(&pair)
            })
            .fold(0.0, f64::max)
    }
}

fn cameras() -> impl Strategy<Value = Camera> {
    (4.0_f64..20.0, 0.25_f64..0.7, 1.0_f64..2.2, -3.0_f64..3.0)
        .prop_map(|(height_m, tilt, focal, turn)| Camera { height_m, tilt, focal, turn, distortion: 0.0 })
}

/// Moves each point by up to two standard deviations of what is known of it.
fn shake(calibration: &mut Calibration, by: &[f64]) {
    let lens = Lens::new(SIZE, 0.0).centred_per_fraction();
    let mut by = by.iter().copied().cycle();
    let mut next = || by.next().unwrap_or(0.0);
    for (image, ground) in calibration.image.iter_mut().zip(&mut calibration.ground_m) {
        *image = Point::new(image.x + 0.004 * next() / lens[(0, 0)], image.y + 0.004 * next() / lens[(1, 1)]);
        *ground = Point::new(ground.x + 0.15 * next(), ground.y + 0.15 * next());
    }
}

#[test]
fn four_pairs_are_met_exactly_and_five_are_evened_out() {
    let camera = Camera { height_m: 8.0, tilt: 0.4, focal: 1.3, turn: 0.5, distortion: 0.0 };
    let mut four = camera.calibration(4, None);
    four.ground_m[2].x += 1.0;
    let fitted = Homography::fit(&four, SIZE).unwrap();
    assert!(fitted.residual_m() < 1e-9 && fitted.agreement().left_out.is_empty());
    let mut five = camera.calibration(5, None);
    five.ground_m[2].x += 0.5;
    let fitted = Homography::fit(&five, SIZE).unwrap();
    assert!(fitted.residual_m() > 0.01 && fitted.agreement().left_out.is_empty());
    assert_eq!(fitted.agreement().used, 5);
}

#[test]
fn two_swapped_pairs_of_twelve_are_both_named() {
    let camera = Camera { height_m: 8.0, tilt: 0.4, focal: 1.3, turn: 0.5, distortion: 0.0 };
    let mut calibration = camera.calibration(12, None);
    calibration.ground_m.swap(3, 8);
    let fitted = Homography::fit(&calibration, SIZE).unwrap();
    let named: Vec<usize> = fitted.agreement().left_out.iter().map(|p| p.pair).collect();
    assert_eq!((named, fitted.agreement().used), (vec![4, 9], 10));
    assert!(fitted.residual_m() < 1e-6);
}

#[test]
fn forty_pairs_with_ten_wrong_ones_are_sorted_out_in_no_time() {
    let camera = Camera { height_m: 10.0, tilt: 0.5, focal: 1.1, turn: -1.0, distortion: 0.0 };
    let mut calibration = camera.calibration(40, None);
    for i in 0..10 {
        calibration.ground_m[i * 4].x += 4.0 + i as f64;
    }
    let fitted = Homography::fit(&calibration, SIZE).unwrap();
    let named: Vec<usize> = fitted.agreement().left_out.iter().map(|p| p.pair).collect();
    assert_eq!(named, (0..10).map(|i| i * 4 + 1).collect::<Vec<_>>());
}

#[test]
fn coarse_points_are_all_used_and_the_wrong_one_among_them_is_not() {
    let camera = Camera { height_m: 8.0, tilt: 0.4, focal: 1.3, turn: 0.5, distortion: 0.0 };
    let mut calibration = camera.calibration(10, None);
    for (i, ground) in calibration.ground_m.iter_mut().enumerate() {
        // Half a metre this way and that.
        *ground =
            Point::new(ground.x + 0.5 * (i as f64 * 2.4).sin(), ground.y + 0.5 * (i as f64 * 1.7).cos());
    }
    let fitted = Homography::fit(&calibration, SIZE).unwrap();
    assert!(fitted.agreement().left_out.is_empty(), "{:?}", fitted.agreement());
    calibration.ground_m[6].x += 12.0;
    let fitted = Homography::fit(&calibration, SIZE).unwrap();
    assert_eq!(fitted.agreement().left_out.iter().map(|p| p.pair).collect::<Vec<_>>(), [7]);
}

#[test]
fn a_mirrored_set_is_refused_with_a_wrong_pair_in_it_too() {
    let camera = Camera { height_m: 8.0, tilt: 0.4, focal: 1.3, turn: 0.5, distortion: 0.0 };
    let mut calibration = camera.calibration(9, None);
    calibration.ground_m.iter_mut().for_each(|p| p.x = -p.x);
    calibration.ground_m[4].y += 20.0;
    assert_eq!(Homography::fit(&calibration, SIZE).unwrap_err(), CalibrationError::Mirrored);
}

/// Pairs all over the picture tell the lens, shaken as they are, and the wrong one among them is named.
#[test]
fn a_lens_is_found_from_pairs_that_reach_the_corners() {
    let camera = Camera { height_m: 8.0, tilt: 0.55, focal: 1.0, turn: 0.0, distortion: -0.18 };
    let truth = Homography::fit(&camera.calibration(12, Some(Distortion::Given(-0.18))), SIZE).unwrap();
    let columns = [0.03, 0.3, 0.7, 0.97];
    let image: Vec<Point> =
        [0.45, 0.7, 0.97].iter().flat_map(|y| columns.map(|x| Point::new(x, *y))).collect();
    let ground_m = image.iter().map(|p| truth.to_ground(*p).unwrap()).collect();
    let mut calibration =
        Calibration { image, ground_m, ground_origin: None, distortion: Some(Distortion::Fit) };
    shake(&mut calibration, &[0.3, -0.6, 0.1, 0.5, -0.2, -0.4, 0.7]);
    calibration.ground_m[5].y += 6.0;
    let found = Homography::fit(&calibration, SIZE).unwrap();
    let (k, agreement) = (found.lens().distortion(), found.agreement());
    let sigma = agreement.distortion_sigma.unwrap();
    assert!(sigma < 0.04 && (k + 0.18).abs() < 2.0 * sigma, "{k} ± {sigma}");
    assert_eq!(agreement.left_out.iter().map(|p| p.pair).collect::<Vec<_>>(), [6]);
}

#[test]
fn a_lens_that_the_pairs_do_not_tell_is_refused() {
    let camera = Camera { height_m: 8.0, tilt: 0.4, focal: 1.3, turn: 0.5, distortion: 0.0 };
    let said = |calibration: &Calibration| Homography::fit(calibration, SIZE).unwrap_err().to_string();
    let few = camera.calibration(7, Some(Distortion::Fit));
    assert_eq!(
        said(&few),
        "calibration: distortion = \"fit\" needs 8 or more pairs, and there are 7; measure more, or write the number"
    );
    let wild = camera.calibration(4, Some(Distortion::Given(0.7)));
    assert_eq!(
        said(&wild),
        "calibration: a distortion of 0.7 is outside -0.6 to 0.6; beyond that one place in the picture may be two on the ground"
    );
    // All pairs in the middle of the picture, where every lens is straight.
    let mut middle = camera.calibration(8, Some(Distortion::Fit));
    for (i, image) in middle.image.iter_mut().enumerate() {
        *image = Point::new(0.5 + 0.06 * (i as f64 * 2.1).sin(), 0.5 + 0.06 * (i as f64 * 2.9).cos());
    }
    let straight = Homography::fit(&camera.calibration(8, None), SIZE).unwrap();
    middle.ground_m = middle.image.iter().map(|p| straight.to_ground(*p).unwrap()).collect();
    let error = said(&middle);
    assert!(error.contains("tell the lens' distortion only to ±"), "{error}");
}

proptest! {
    /// Pairs known as well as is assumed give the ground back between them, and nothing is left out.
    #[test]
    fn the_ground_comes_back_from_shaken_pairs(
        camera in cameras(), n in 8_usize..20, by in prop::collection::vec(-1.0_f64..1.0, 41),
    ) {
        let mut calibration = camera.calibration(n, None);
        shake(&mut calibration, &by);
        let fitted = Homography::fit(&calibration, SIZE).unwrap();
        prop_assert!(fitted.agreement().left_out.is_empty(), "{:?}", fitted.agreement());
        let off = camera.worst_off(&fitted, n);
        prop_assert!(off < 2.5, "{off}");
    }

    /// A wrong pair among the shaken ones is named, by about as many metres as it was moved, and does no harm.
    #[test]
    fn a_wrong_pair_is_named(
        camera in cameras(), n in 9_usize..20, wrong in 0_usize..9, far in 4.0_f64..40.0, way in 0.0_f64..6.2,
        by in prop::collection::vec(-0.7_f64..0.7, 41),
    ) {
        let mut calibration = camera.calibration(n, None);
        shake(&mut calibration, &by);
        let truth = Homography::fit(&camera.calibration(n, None), SIZE).unwrap();
        // Far away a few metres are what a click may be off: wrong is what is out of the question there.
        let worth = truth.model.whitening(calibration.image[wrong]).unwrap();
        let push = nalgebra::Vector2::new(way.cos(), way.sin());
        let push = push * (2.0 * far / (worth * push).norm());
        calibration.ground_m[wrong].x += push.x;
        calibration.ground_m[wrong].y += push.y;
        let fitted = Homography::fit(&calibration, SIZE);
        let fitted = fitted.unwrap();
        let named: Vec<usize> = fitted.agreement().left_out.iter().map(|p| p.pair).collect();
        if far > 8.0 {
            prop_assert_eq!(named, vec![wrong + 1], "{:?}", fitted.agreement());
            let off_m = fitted.agreement().left_out[0].off_m.unwrap();
            prop_assert!((off_m / push.norm() - 1.0).abs() < 0.4, "{} by {}", off_m, push.norm());
        }
    }

    /// The lens is found with the plane, and with its value given the pairs are met exactly.
    #[test]
    fn the_lens_comes_back(camera in cameras(), distortion in -0.35_f64..0.15, n in 14_usize..24) {
        let camera = Camera { distortion, ..camera };
        let given = Homography::fit(&camera.calibration(n, Some(Distortion::Given(distortion))), SIZE).unwrap();
        prop_assert!(given.residual_m() < 1e-5, "{}", given.residual_m());
        for (x, y) in camera.places(n) {
            let (image, ground) = (camera.see(x, y).unwrap(), camera.ground(x, y));
            prop_assert!(given.to_image(ground).unwrap().distance(image) < 1e-6);
            let e = 1e-6;
            let moved = given.to_ground(Point::new(image.x, image.y + e)).unwrap();
            let here = given.to_ground(image).unwrap();
            let slope = given.jacobian(image).unwrap();
            prop_assert!(((moved.y - here.y) / e - slope[(1, 1)]).abs() < 1e-2 * (1.0 + slope.norm()));
        }
        match Homography::fit(&camera.calibration(n, Some(Distortion::Fit)), SIZE) {
            Ok(found) => {
                let k = found.lens().distortion();
                prop_assert!((k - distortion).abs() < 1e-3, "{k} is not {distortion}");
                prop_assert!(found.agreement().distortion_sigma.unwrap() <= MAX_DISTORTION_SIGMA);
            }
            // A long lens that sees little of the near ground may leave it open, and then it says so.
            Err(error) => prop_assert!(matches!(error, CalibrationError::DistortionUnclear { .. }), "{error}"),
        }
    }
}

proptest! {
    /// A pinhole camera over flat ground is found again from five of its points, and the Jacobian is
    /// the derivative.
    #[test]
    fn finds_any_camera(height in 3.0_f64..20.0, tilt in 0.15_f64..1.2, focal in 0.6_f64..2.0, turn in -3.0_f64..3.0) {
        let see = |g: [f64; 2]| {
            // Ground x right, y ahead; the camera looks ahead and down by `tilt`.
            let (x, y) = (g[0], g[1] + height / tilt.tan());
            let (depth, down) = (y * tilt.cos() + height * tilt.sin(), height * tilt.cos() - y * tilt.sin());
            [0.5 + focal * x / depth, 0.5 + focal * down / depth]
        };
        let spin = |g: [f64; 2]| [g[0] * turn.cos() - g[1] * turn.sin() + 3.0, g[0] * turn.sin() + g[1] * turn.cos()];
        let near: Vec<[f64; 2]> = [[-3., -2.], [3., -2.], [4., 8.], [-4., 9.], [0.5, 2.]].to_vec();
        let image: Vec<[f64; 2]> = near.iter().map(|&g| see(g)).collect();
        let ground: Vec<[f64; 2]> = near.iter().map(|&g| spin(g)).collect();
        let h = Homography::fit(&calibration(&image, &ground), SIZE).unwrap();
        let at = Point::from(see([1.0, 4.0]));
        prop_assert!(h.to_ground(at).unwrap().distance(Point::from(spin([1.0, 4.0]))) < 1e-5);
        let j = h.jacobian(at).unwrap();
        let e = 1e-6;
        let moved = h.to_ground(Point::new(at.x + e, at.y)).unwrap();
        let here = h.to_ground(at).unwrap();
        prop_assert!(((moved.x - here.x) / e - j[(0, 0)]).abs() < 1e-2 * (1.0 + j[(0, 0)].abs()));
    }
}
