//! 128-bit canaries and the search for them: raw, in hex, decimal and base64, in plain bytes, in what gzip
//! unpacks to and in the pixels of pictures. What is planted where, and where to look, is the test's matter.

use std::fmt::Write as _;
use std::io::Read;

use aho_corasick::{AhoCorasick, MatchKind};
use image::ImageFormat;
use wayside_types::BBox;

/// 128 bits that occur nowhere by chance.
pub type Canary = [u8; 16];

/// Coordinates of one box this near to each other are that box, written down.
const NEAR_BYTES: usize = 256;

/// A canary from a seed (SplitMix64).
pub fn canary(seed: u64) -> Canary {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let bits = (u128::from(next()) << 64) | u128::from(next());
    bits.to_le_bytes()
}

/// What a match means.
#[derive(Debug, Clone)]
enum Meaning {
    /// The canary, in these words.
    Whole(String),
    /// One coordinate of a box, which alone may be chance.
    Coordinate { of_box: usize, which: usize },
}

/// Every form of every canary.
#[derive(Default)]
pub struct Forms {
    texts: Vec<Vec<u8>>,
    meanings: Vec<Meaning>,
    boxes: usize,
}

impl Forms {
    fn add(&mut self, text: impl Into<Vec<u8>>, meaning: Meaning) {
        self.texts.push(text.into());
        self.meanings.push(meaning);
    }

    fn add_bytes(&mut self, what: &str, bytes: &Canary) {
        for (form, text) in byte_forms(bytes) {
            self.add(text, Meaning::Whole(format!("{what}, {form}")));
        }
    }

    /// A canary planted in pictures: as bytes, as a decimal number, as a list of numbers.
    pub fn frame(&mut self, canary: &Canary) {
        self.add_bytes("frame canary", canary);
        for (form, text) in number_forms(canary) {
            self.add(text, Meaning::Whole(format!("frame canary, {form}")));
        }
    }

    /// A box: four coordinates of 32 bits. One that has hardly a fraction is no canary and is left out.
    pub fn bbox(&mut self, bbox: &BBox) {
        let coordinates = [bbox.x1, bbox.y1, bbox.x2, bbox.y2];
        if coordinates.iter().filter(|c| c.fract() != 0.0).count() < 2 {
            return;
        }
        let of_box = self.boxes;
        self.boxes += 1;
        let (mut little, mut big): (Canary, Canary) = ([0; 16], [0; 16]);
        for (which, value) in coordinates.iter().enumerate() {
            little[which * 4..][..4].copy_from_slice(&value.to_le_bytes());
            big[which * 4..][..4].copy_from_slice(&value.to_be_bytes());
            for text in decimals(*value) {
                self.add(text, Meaning::Coordinate { of_box, which });
            }
        }
        self.add_bytes("box, little-endian", &little);
        self.add_bytes("box, big-endian", &big);
    }

    /// Boxes taken in.
    pub fn boxes(&self) -> usize {
        self.boxes
    }

    /// Ready to search.
    pub fn searcher(self, frame: Canary) -> Searcher {
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&self.texts).unwrap();
        Searcher { automaton, meanings: self.meanings, frame }
    }
}

/// Hex of both cases, and base64 of both alphabets wherever the canary begins within a group of three.
pub fn byte_forms(bytes: &Canary) -> Vec<(&'static str, Vec<u8>)> {
    let hex = bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let upper = hex.to_uppercase();
    let mut forms =
        vec![("raw", bytes.to_vec()), ("hex", hex.into_bytes()), ("hex in capitals", upper.into_bytes())];
    for ahead in 0..3 {
        let text = base64_within(bytes, ahead);
        let url: Vec<u8> = text
            .iter()
            .map(|c| match c {
                b'+' => b'-',
                b'/' => b'_',
                c => *c,
            })
            .collect();
        forms.push(("base64", text));
        forms.push(("base64url", url));
    }
    forms
}

/// As one decimal number of either byte order, and as a list of bytes as `Debug` and JSON write it.
pub fn number_forms(bytes: &Canary) -> Vec<(&'static str, Vec<u8>)> {
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    vec![
        ("decimal, little-endian", u128::from_le_bytes(*bytes).to_string().into_bytes()),
        ("decimal, big-endian", u128::from_be_bytes(*bytes).to_string().into_bytes()),
        ("list", list.join(", ").into_bytes()),
        ("JSON list", list.join(",").into_bytes()),
    ]
}

/// The characters of base64 that are the canary's alone, with so many bytes ahead of it.
fn base64_within(bytes: &Canary, ahead: usize) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bit = |n: usize| usize::from(bytes[n / 8] >> (7 - n % 8) & 1);
    // The first group of six bits that begins at or after the canary's own first bit.
    let first = (6 - ahead * 8 % 6) % 6;
    let starts = (first..).step_by(6).take_while(|start| start + 6 <= 128);
    starts.map(|start| ALPHABET[(start..start + 6).fold(0, |six, n| six << 1 | bit(n))]).collect()
}

/// With three decimals, cut off (the beginning of any longer form) and rounded; nothing for whole numbers.
fn decimals(value: f32) -> Vec<String> {
    let exact = format!("{:.9}", f64::from(value));
    let cut = exact[..exact.len() - 6].to_owned();
    if value < 1.0 || cut.ends_with(".000") {
        return Vec::new();
    }
    let rounded = format!("{value:.3}");
    if rounded == cut { vec![cut] } else { vec![cut, rounded] }
}

/// Finds every form.
pub struct Searcher {
    automaton: AhoCorasick,
    meanings: Vec<Meaning>,
    frame: Canary,
}

impl Searcher {
    /// What of the canaries is in these bytes, what they unpack to, or the pixels that they hold.
    pub fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = self.find_plain(bytes);
        if bytes.starts_with(&[0x1f, 0x8b]) {
            found.extend(self.find(&gunzip(bytes)));
        }
        if is_picture(bytes) {
            found.extend(self.find_in_picture(bytes));
        }
        found
    }

    fn find_plain(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut last: Vec<(usize, usize, usize)> = Vec::new();
        for hit in self.automaton.find_overlapping_iter(bytes) {
            match &self.meanings[hit.pattern().as_usize()] {
                Meaning::Whole(what) => found.push(format!("{what} at {}", hit.start())),
                Meaning::Coordinate { of_box, which } => {
                    last.retain(|(at, ..)| at + NEAR_BYTES > hit.start());
                    let (at, of_box, which) = (hit.start(), *of_box, *which);
                    // Another coordinate, elsewhere: one number may be an edge of several boxes by chance.
                    if last.iter().any(|l| l.1 == of_box && l.2 != which && at.abs_diff(l.0) > 4) {
                        found.push(format!("box {of_box}, decimal at {at}"));
                    }
                    last.push((at, of_box, which));
                }
            }
        }
        found
    }

    /// Raw in the pixels, and in their brightness so far as lossy compression leaves it.
    fn find_in_picture(&self, bytes: &[u8]) -> Vec<String> {
        let picture = image::load_from_memory(bytes).unwrap();
        let (luma, rgb) = (picture.to_luma8(), picture.to_rgb8());
        let mut found = self.find_plain(luma.as_raw());
        found.extend(self.find_plain(rgb.as_raw()));
        let width = luma.width() as usize;
        let rows: Vec<&[u8]> = luma.as_raw().chunks_exact(width).collect();
        for (y, row) in rows.iter().enumerate() {
            for (x, place) in row.windows(self.frame.len()).enumerate() {
                if likeness(place, &self.frame) > 0.97 {
                    found.push(format!("frame canary, as brightness at {x}, {y}"));
                }
            }
        }
        found
    }
}

/// Correlation, -1 to 1.
fn likeness(a: &[u8], b: &[u8]) -> f64 {
    let n = a.len() as f64;
    let mean = |s: &[u8]| s.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    if aa < 16.0 * n || bb == 0.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}

fn is_picture(bytes: &[u8]) -> bool {
    image::guess_format(bytes).is_ok_and(|format| matches!(format, ImageFormat::Jpeg | ImageFormat::Png))
}

/// Unpacks gzip.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}
