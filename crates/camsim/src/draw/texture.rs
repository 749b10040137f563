//! SVG drawings as textures: rasterised once, repainted in the colour asked for, kept at halving sizes
//! so that a far vehicle is as smooth as a near one.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;

use crate::error::CamsimError;

/// A colour as the video carries it: BT.601, limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yuv {
    /// Luma, 16 to 235.
    pub y: u8,
    /// Blue difference, 128 is none.
    pub u: u8,
    /// Red difference, 128 is none.
    pub v: u8,
}

impl Yuv {
    /// From linear weights of gamma-coded R, G, B of 0 to 255 (ITU-R BT.601).
    #[must_use]
    pub fn from_rgb(r: f32, g: f32, b: f32) -> Self {
        let y = 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0;
        let u = 128.0 + (-37.797 * r - 74.203 * g + 112.0 * b) / 255.0;
        let v = 128.0 + (112.0 * r - 93.786 * g - 18.214 * b) / 255.0;
        Self { y: byte(y), u: byte(u), v: byte(v) }
    }

    /// Back to R, G, B of 0 to 255.
    #[must_use]
    pub fn to_rgb(self) -> [u8; 3] {
        let (y, u, v) = (f32::from(self.y) - 16.0, f32::from(self.u) - 128.0, f32::from(self.v) - 128.0);
        [1.164 * y + 1.596 * v, 1.164 * y - 0.392 * u - 0.813 * v, 1.164 * y + 2.017 * u].map(byte)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte's range")]
fn byte(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

/// One size of a texture: Y, U, V and coverage of each texel, row by row.
#[derive(Debug, Clone)]
struct Level {
    width: usize,
    height: usize,
    texels: Vec<[u8; 4]>,
}

/// A drawing at several sizes.
#[derive(Debug, Clone)]
pub struct Texture {
    levels: Vec<Level>,
    /// Texels of the finest level per unit of the drawing.
    scale: f32,
}

impl Texture {
    /// Rasterises an SVG at `scale` texels per unit; `paint` replaces the fill of its rule `.paint`.
    ///
    /// # Errors
    /// When the drawing is no valid SVG.
    pub fn from_svg(
        name: &'static str,
        svg: &str,
        scale: f32,
        paint: Option<[u8; 3]>,
    ) -> Result<Self, CamsimError> {
        let fail = |reason: String| CamsimError::Drawing { name, reason };
        let painted = paint.map_or_else(|| svg.to_owned(), |rgb| repaint(svg, "paint", rgb));
        let tree = usvg::Tree::from_str(&painted, &usvg::Options::default())
            .map_err(|error| fail(error.to_string()))?;
        let size = tree.size().to_int_size().scale_by(scale);
        let size = size.ok_or_else(|| fail("it has no size".into()))?;
        let mut pixmap =
            Pixmap::new(size.width(), size.height()).ok_or_else(|| fail("it is too large".into()))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
        let rgba: Vec<[f32; 4]> = pixmap
            .pixels()
            .iter()
            .map(|p| [p.red(), p.green(), p.blue(), p.alpha()].map(f32::from))
            .collect();
        Ok(Self::from_premultiplied(size.width() as usize, size.height() as usize, rgba, scale))
    }

    fn from_premultiplied(width: usize, height: usize, mut rgba: Vec<[f32; 4]>, scale: f32) -> Self {
        let (mut width, mut height) = (width, height);
        let mut levels = Vec::new();
        loop {
            levels.push(Level { width, height, texels: rgba.iter().map(|&p| texel(p)).collect() });
            if width < 8 || height < 8 {
                return Self { levels, scale };
            }
            let (w, h) = (width / 2, height / 2);
            let at = |x: usize, y: usize| rgba[y * width + x];
            let mean = |x: usize, y: usize| {
                let four = [at(x, y), at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)];
                std::array::from_fn(|c| four.iter().map(|p| p[c]).sum::<f32>() / 4.0)
            };
            rgba = (0..w * h).map(|i| mean(i % w * 2, i / w * 2)).collect();
            (width, height) = (w, h);
        }
    }

    /// Texels of the finest level per unit of the drawing.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Width and height in texels of the finest level.
    #[must_use]
    pub fn size(&self) -> (f32, f32) {
        (self.levels[0].width as f32, self.levels[0].height as f32)
    }

    /// The pixels of the finest level over black, for drawings that are laid onto the picture as they
    /// are.
    pub fn pixels(&self) -> impl Iterator<Item = (usize, usize, Yuv)> + '_ {
        let level = &self.levels[0];
        level
            .texels
            .iter()
            .enumerate()
            .map(|(i, &[y, u, v, _])| (i % level.width, i / level.width, Yuv { y, u, v }))
    }

    /// The level for this many finest texels per sample along each side.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small non-negative number"
    )]
    pub fn level_for(&self, texels_per_sample: f32) -> usize {
        (texels_per_sample.max(1.0).log2().round() as usize).min(self.levels.len() - 1)
    }

    /// Y, U, V and coverage at a place in texels of the finest level.
    #[must_use]
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the level's size"
    )]
    pub fn sample(&self, level: usize, u: f32, v: f32) -> [u8; 4] {
        let shrink = LEVEL_SCALE[level.min(LEVEL_SCALE.len() - 1)];
        let level = &self.levels[level];
        let x = ((u * shrink).max(0.0) as usize).min(level.width - 1);
        let y = ((v * shrink).max(0.0) as usize).min(level.height - 1);
        level.texels[y * level.width + x]
    }
}

const LEVEL_SCALE: [f32; 8] = [1.0, 0.5, 0.25, 0.125, 0.062_5, 0.031_25, 0.015_625, 0.007_812_5];

fn texel([r, g, b, a]: [f32; 4]) -> [u8; 4] {
    if a < 1.0 {
        return [16, 128, 128, 0];
    }
    let k = 255.0 / a;
    let c = Yuv::from_rgb(r * k, g * k, b * k);
    [c.y, c.u, c.v, byte(a)]
}

/// Replaces the fill of a rule, which is named without its point.
pub(crate) fn repaint(svg: &str, rule: &str, [r, g, b]: [u8; 3]) -> String {
    let rule = format!(".{rule}{{fill:");
    let Some(start) = svg.find(&rule).map(|at| at + rule.len()) else { return svg.to_owned() };
    let end = svg[start..].find('}').map_or(svg.len(), |at| start + at);
    format!("{}#{r:02x}{g:02x}{b:02x}{}", &svg[..start], &svg[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32" viewBox="0 0 64 32">
        <style>.paint{fill:#ff0000}</style><rect class="paint" width="32" height="32"/></svg>"#;

    #[test]
    fn a_drawing_is_painted_in_the_colour_asked_for() {
        let blue = Texture::from_svg("test", SVG, 1.0, Some([0, 0, 255])).unwrap();
        let expected = Yuv::from_rgb(0.0, 0.0, 255.0);
        for level in 0..3 {
            assert_eq!(blue.sample(level, 8.0, 8.0), [expected.y, expected.u, expected.v, 255]);
            assert_eq!(blue.sample(level, 50.0, 8.0)[3], 0);
        }
        assert!(Texture::from_svg("test", "<svg", 1.0, None).is_err());
    }

    #[test]
    fn colours_come_back() {
        for rgb in [[0u8, 0, 0], [255, 255, 255], [200, 30, 60], [12, 140, 90]] {
            let back = Yuv::from_rgb(f32::from(rgb[0]), f32::from(rgb[1]), f32::from(rgb[2])).to_rgb();
            assert!(rgb.iter().zip(back).all(|(a, b)| a.abs_diff(b) <= 3), "{rgb:?} {back:?}");
        }
    }
}
