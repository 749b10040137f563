//! What access units of H.264 and H.265 hold, as far as their units' headers tell: whether another picture is made from
//! the one in them. Pure; who asks is `pipeline::encoded`.

use crate::decoder::Codec;

/// How access units are laid out in buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Start codes before each unit (ITU-T H.264 and H.265, annex B).
    StartCodes,
    /// A length of so many bytes, 1 to 4, before each unit (ISO/IEC 14496-15).
    Lengths(usize),
}

impl Layout {
    /// The next unit, and what follows the place where it was found. The unit may go on to the end of the data: only how
    /// it begins is of use.
    fn next(self, data: &[u8]) -> Option<(&[u8], &[u8])> {
        match self {
            Self::StartCodes => {
                let at = data.windows(3).position(|three| three == [0, 0, 1])?;
                let unit = data.get(at + 3..).filter(|unit| !unit.is_empty())?;
                Some((unit, unit))
            }
            Self::Lengths(bytes) => {
                let (length, unit) = data.split_at_checked(bytes)?;
                let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
                // A broken length ends the search as an unknown unit would: whoever decodes it may complain.
                let tail = unit.get(length..).unwrap_or_default();
                Some((unit, tail))
            }
        }
    }
}

/// What a unit means for the picture that it is part of.
enum Unit {
    /// A slice of a picture that no other is made from.
    Spared,
    /// Supplemental information, a delimiter, filler: says nothing of it.
    Aside,
    /// Must be kept, whatever else there is.
    Kept,
    /// Ends the search: the picture is needed, or unknown.
    Needed,
}

/// A stream of one codec in one layout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    codec: Codec,
    layout: Layout,
    /// Whether all of an H.265 stream's pictures are of one temporal layer, once a parameter set has said so. What
    /// is no reference for its own layer may still be one for a higher.
    one_layer: Option<bool>,
}

impl Stream {
    /// A stream whose parameter sets are still to come.
    pub fn new(codec: Codec, layout: Layout) -> Self {
        Self { codec, layout, one_layer: None }
    }

    /// Reads the parameter sets of an H.265 stream that lie in its decoder configuration record (ISO/IEC 14496-15,
    /// 8.3.3.1). A record that is cut short says nothing.
    pub fn read_record(&mut self, record: &[u8]) {
        let Some((&arrays, mut rest)) = record.get(22..).and_then(<[u8]>::split_first) else { return };
        for _ in 0..arrays {
            let Some(([_, count @ ..], tail)) = rest.split_first_chunk::<3>() else { return };
            rest = tail;
            for _ in 0..u16::from_be_bytes(*count) {
                let Some((length, tail)) = rest.split_first_chunk::<2>() else { return };
                let Some((unit, tail)) = tail.split_at_checked(u16::from_be_bytes(*length).into()) else {
                    return;
                };
                self.h265(unit);
                rest = tail;
            }
        }
    }

    /// Whether no other picture is made from this access unit: it consists of slices that are no reference (H.264, 7.4.1:
    /// `nal_ref_idc` 0; H.265, table 7-1: sub-layer non-reference pictures, in a stream of one temporal layer), and of
    /// nothing that must be kept, such as parameter sets. In doubt, no.
    pub fn spares(&mut self, unit: &[u8]) -> bool {
        let (mut rest, mut slices, mut kept) = (unit, false, false);
        while let Some((unit, tail)) = self.layout.next(rest) {
            let means = match self.codec {
                Codec::H264 => Self::h264(unit),
                Codec::H265 => self.h265(unit),
            };
            match means {
                Unit::Spared => slices = true,
                Unit::Aside => {}
                Unit::Kept => kept = true,
                Unit::Needed => return false,
            }
            rest = tail;
        }
        slices && !kept
    }

    fn h264(unit: &[u8]) -> Unit {
        let header = unit.first().copied().unwrap_or(0);
        match (header & 0x1f, header >> 5 & 3) {
            // Data partitions (2 to 4) come from nobody's camera.
            (1, 0) => Unit::Spared,
            (6 | 9 | 12, _) => Unit::Aside,
            _ => Unit::Needed,
        }
    }

    fn h265(&mut self, unit: &[u8]) -> Unit {
        let &[first, second, ..] = unit else { return Unit::Needed };
        let (kind, layer) = (first >> 1 & 0x3f, (first & 1) << 5 | second >> 3);
        if layer != 0 {
            return Unit::Needed;
        }
        match kind {
            // Even numbers below 16 are slices that are no reference for their own temporal layer.
            0..16 if kind.is_multiple_of(2) && self.one_layer == Some(true) => Unit::Spared,
            33 => {
                let one = unit.get(2).is_some_and(|byte| byte >> 1 & 7 == 0);
                self.one_layer = Some(one && self.one_layer != Some(false));
                Unit::Kept
            }
            32 | 34 => Unit::Kept,
            35 | 38..=40 => Unit::Aside,
            _ => Unit::Needed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAYOUTS: [Layout; 4] =
        [Layout::StartCodes, Layout::Lengths(4), Layout::Lengths(2), Layout::Lengths(1)];

    /// An access unit of these units, laid out so.
    fn access_unit(layout: Layout, units: &[&[u8]]) -> Vec<u8> {
        let one = |unit: &&[u8]| {
            let before = match layout {
                Layout::StartCodes => vec![0, 0, 0, 1],
                Layout::Lengths(bytes) => {
                    let mut length = vec![0; bytes];
                    length[bytes - 1] = u8::try_from(unit.len()).unwrap();
                    length
                }
            };
            [before, unit.to_vec()].concat()
        };
        units.iter().flat_map(one).collect()
    }

    #[test]
    fn only_pictures_that_nothing_is_made_from_are_spared() {
        for layout in LAYOUTS {
            let spares = |headers: &[u8]| {
                let units: Vec<[u8; 3]> = headers.iter().map(|header| [*header, 0xaa, 0xbb]).collect();
                let units: Vec<&[u8]> = units.iter().map(<[u8; 3]>::as_slice).collect();
                Stream::new(Codec::H264, layout).spares(&access_unit(layout, &units))
            };
            assert!(spares(&[0x01]), "a slice of nal_ref_idc 0");
            assert!(spares(&[0x09, 0x06, 0x01, 0x01]), "with delimiter, SEI and a second slice");
            for needed in [[0x21], [0x41], [0x61], [0x65]] {
                assert!(!spares(&needed), "a reference: {needed:02x?}");
            }
            assert!(!spares(&[0x67, 0x68, 0x01]), "parameter sets");
            assert!(!spares(&[0x01, 0x41]), "the second field is a reference");
            assert!(!spares(&[0x02]), "a data partition");
            assert!(!spares(&[0x09]) && !spares(&[]), "no slice at all");
        }
        let spares = |layout, bytes: &[u8]| Stream::new(Codec::H264, layout).spares(bytes);
        assert!(!spares(Layout::Lengths(4), &[0xff, 0xff, 0xff, 0xff]));
        assert!(!spares(Layout::Lengths(4), &[0, 0]));
        assert!(!spares(Layout::StartCodes, &[0, 0, 1]));
    }

    /// A unit of H.265: its type, and what follows the two bytes of its header.
    fn h265(kind: u8, byte: u8) -> [u8; 4] {
        [kind << 1, 1, byte, 0xaa]
    }

    #[test]
    fn pictures_of_h265_are_spared_once_there_is_known_to_be_one_layer() {
        const TRAIL_N: u8 = 0;
        const TRAIL_R: u8 = 1;
        for layout in LAYOUTS {
            let unit = |units: &[[u8; 4]]| {
                access_unit(layout, &units.iter().map(<[u8; 4]>::as_slice).collect::<Vec<_>>())
            };
            let key =
                |layers: u8| unit(&[h265(32, 0), h265(33, (layers - 1) << 1), h265(34, 0), h265(19, 0)]);
            let picture = |kind: u8| unit(&[h265(35, 0), h265(kind, 0), h265(kind, 0)]);
            let mut stream = Stream::new(Codec::H265, layout);
            assert!(!stream.spares(&picture(TRAIL_N)), "nothing is known of its layers");
            assert!(!stream.spares(&key(1)));
            assert!(stream.spares(&picture(TRAIL_N)) && stream.spares(&picture(8)));
            for needed in [TRAIL_R, 9, 19, 20, 21] {
                assert!(!stream.spares(&picture(needed)), "type {needed}");
            }
            assert!(!stream.spares(&unit(&[h265(0, 0), h265(1, 0)])), "a slice is a reference");
            assert!(!stream.spares(&unit(&[[0, 1 | 1 << 3, 0, 0]])), "another spatial layer");
            assert!(!stream.spares(&unit(&[h265(34, 0), h265(0, 0)])), "a parameter set comes with it");
            assert!(!stream.spares(&unit(&[h265(35, 0)])), "no slice at all");
            assert!(!stream.spares(&key(3)));
            assert!(!stream.spares(&picture(TRAIL_N)), "a higher layer may be made from it");
            assert!(!stream.spares(&key(1)) && !stream.spares(&picture(TRAIL_N)), "said once is enough");
        }
    }

    /// A configuration record with these units, each in an array of its own.
    fn record(units: &[[u8; 4]]) -> Vec<u8> {
        let mut record = vec![0; 22];
        record.push(u8::try_from(units.len()).unwrap());
        for unit in units {
            record.extend([unit[0] >> 1, 0, 1, 0, 4]);
            record.extend(unit);
        }
        record
    }

    #[test]
    fn parameter_sets_in_the_record_count() {
        let picture = access_unit(Layout::Lengths(4), &[&h265(0, 0)]);
        for (layers, spared) in [(1, true), (2, false)] {
            let record = record(&[h265(32, 0), h265(33, (layers - 1) << 1), h265(34, 0)]);
            for (length, says) in
                [(record.len(), spared), (record.len() - 10, false), (22, false), (0, false)]
            {
                let mut stream = Stream::new(Codec::H265, Layout::Lengths(4));
                stream.read_record(&record[..length]);
                assert_eq!(stream.spares(&picture), says, "{layers} layers, {length} bytes of the record");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), length in 1usize..=4) {
            for codec in [Codec::H264, Codec::H265] {
                for layout in [Layout::StartCodes, Layout::Lengths(length)] {
                    let mut stream = Stream::new(codec, layout);
                    stream.read_record(&bytes);
                    stream.spares(&bytes);
                }
            }
        }
    }
}
