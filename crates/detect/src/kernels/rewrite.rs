//! Gives operators of an ONNX graph another domain, in the bytes of its protobuf (onnx.proto of ONNX 1.15; field
//! numbers beside each use). Nothing is parsed that is not on the way there, and nothing moves: the new domain is as
//! long as the old one.

use std::ops::Range;

/// An operator as a graph names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    /// NodeProto.op_type.
    pub op: &'static str,
    /// NodeProto.domain.
    pub domain: &'static str,
    /// An attribute of type FLOAT and the value that it must have.
    pub attribute: (&'static str, f32),
}

/// Puts the domain `to` in the place of each `from` in the main graph of a ModelProto, and imports it, version 1. Gives
/// the number of operators renamed; 0, and no change, where there is none, the bytes are no ModelProto, or the domains
/// differ in length.
pub(super) fn rename(model: &mut Vec<u8>, from: Named, to: &str) -> usize {
    if to.len() != from.domain.len() {
        return 0;
    }
    // ModelProto.graph 7, GraphProto.node 1.
    let whole = 0..model.len();
    let domains: Vec<Range<usize>> = fields(model, whole)
        .filter(|field| field.number == 7)
        .flat_map(|graph| fields(model, graph.bytes))
        .filter(|field| field.number == 1)
        .filter_map(|node| domain_of(model, node.bytes, from))
        .collect();
    for domain in &domains {
        if let Some(place) = model.get_mut(domain.clone()) {
            place.copy_from_slice(to.as_bytes());
        }
    }
    if let (false, Ok(length)) = (domains.is_empty(), u8::try_from(to.len())) {
        // ModelProto.opset_import 8, OperatorSetIdProto: domain 1, version 2. A repeated field may stand anywhere.
        model.extend([8 << 3 | 2, length + 4, 1 << 3 | 2, length]);
        model.extend(to.as_bytes());
        model.extend([2 << 3, 1]);
    }
    domains.len()
}

/// Where a NodeProto's domain lies, if it is the operator looked for.
fn domain_of(model: &[u8], node: Range<usize>, wanted: Named) -> Option<Range<usize>> {
    let is = |field: &Field, text: &str| model.get(field.bytes.clone()) == Some(text.as_bytes());
    let (mut op, mut domain, mut attribute) = (false, None, false);
    for field in fields(model, node) {
        match field.number {
            4 => op = is(&field, wanted.op),
            5 => attribute |= has_attribute(model, field.bytes, wanted.attribute),
            7 if is(&field, wanted.domain) => domain = Some(field.bytes),
            _ => {}
        }
    }
    domain.filter(|_| op && attribute)
}

/// Whether an AttributeProto (name 1, f 2) is this one.
fn has_attribute(model: &[u8], attribute: Range<usize>, (name, value): (&str, f32)) -> bool {
    let (mut named, mut valued) = (false, false);
    for field in fields(model, attribute) {
        let bytes = model.get(field.bytes);
        match field.number {
            1 => named = bytes == Some(name.as_bytes()),
            2 => valued = bytes == Some(&value.to_le_bytes()[..]),
            _ => {}
        }
    }
    named && valued
}

/// A field of a message: its number and where its content lies.
struct Field {
    number: u64,
    bytes: Range<usize>,
}

/// The fields of the message that lies at `at`, as far as they can be read.
fn fields(model: &[u8], mut at: Range<usize>) -> impl Iterator<Item = Field> {
    std::iter::from_fn(move || {
        let tag = varint(model, &mut at)?;
        let length = match tag & 7 {
            0 => {
                let start = at.start;
                varint(model, &mut at)?;
                return Some(Field { number: tag >> 3, bytes: start..at.start });
            }
            1 => 8,
            2 => usize::try_from(varint(model, &mut at)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let end = at.start.checked_add(length).filter(|end| *end <= at.end)?;
        let bytes = at.start..end;
        at.start = end;
        Some(Field { number: tag >> 3, bytes })
    })
}

/// A number of seven bits a byte, least first; moves `at` behind it.
fn varint(model: &[u8], at: &mut Range<usize>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *model.get(at.clone())?.first()?;
        at.start += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: Named = Named { op: "QuickGelu", domain: "com.microsoft", attribute: ("alpha", 1.0) };
    const TO: &str = "wayside.graph";

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// A NodeProto with the domain before or behind the rest.
    fn node(op: &str, domain: &str, alpha: f32, first: bool) -> Vec<u8> {
        let attribute = [&field(1, b"alpha")[..], &[2 << 3 | 5], &alpha.to_le_bytes()].concat();
        let parts =
            [field(1, b"in"), field(2, b"out"), field(4, op.as_bytes()), field(5, &attribute)].concat();
        let domain = field(7, domain.as_bytes());
        if first { [domain, parts].concat() } else { [parts, domain].concat() }
    }

    fn model(nodes: &[Vec<u8>]) -> Vec<u8> {
        let graph: Vec<u8> = nodes.iter().flat_map(|node| field(1, node)).collect();
        // ir_version 1 is a number, and a graph of over 127 bytes has a length of two bytes.
        let length = [graph.len() as u8 & 0x7f | 0x80, (graph.len() >> 7) as u8];
        [&[1 << 3, 8, 7 << 3 | 2][..], &length, &graph, &field(8, &[2 << 3, 13])].concat()
    }

    #[test]
    fn only_the_operator_looked_for_is_renamed() {
        let others = [
            node("FusedConv", "com.microsoft", 1.0, false),
            node("QuickGelu", "com.elsewhere", 1.0, false),
            node("QuickGelu", "com.microsoft", 1.702, false),
        ];
        let before = |domain: &str| {
            let ours = [node("QuickGelu", domain, 1.0, false), node("QuickGelu", domain, 1.0, true)];
            model(&[&others[..], &ours[..]].concat())
        };
        let mut renamed = before("com.microsoft");
        assert_eq!(rename(&mut renamed, WANTED, TO), 2);
        let import = [&[8 << 3 | 2, 17, 1 << 3 | 2, 13][..], TO.as_bytes(), &[2 << 3, 1]].concat();
        assert_eq!(renamed, [before(TO), import].concat());
    }

    #[test]
    fn where_there_is_none_nothing_changes() {
        for mut bytes in [model(&[node("Relu", "", 1.0, false)]), Vec::new(), b"no model at all".to_vec()] {
            let before = bytes.clone();
            assert_eq!(rename(&mut bytes, WANTED, TO), 0);
            assert_eq!(bytes, before);
        }
        let mut found = model(&[node("QuickGelu", "com.microsoft", 1.0, false)]);
        assert_eq!(rename(&mut found, WANTED, "short"), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            rename(&mut bytes, WANTED, TO);
            let mut cut_off = model(&[node("QuickGelu", "com.microsoft", 1.0, false)]);
            cut_off.truncate(cut);
            rename(&mut cut_off, WANTED, TO);
        }
    }
}
