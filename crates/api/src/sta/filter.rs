//! `$filter` (18-088, section 9.3.3.5): comparisons of properties and literals, joined by `and`, `or`, `not` and
//! parentheses. Functions and arithmetic are refused by name. Times compare as times; of an interval, `lt` and `le` take
//! the end, `gt` and `ge` the beginning.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

pub(super) use grammar::parse;

mod grammar;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Compare(Operand, Comparison, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// A property, by the names on the way to it.
    Path(Vec<String>),
    Text(String),
    Number(f64),
    Truth(bool),
    Time(Timestamp),
    Null,
}

impl Filter {
    /// Whether it holds for what `property` gives.
    pub(super) fn holds(&self, property: &impl Fn(&[String]) -> Option<Value>) -> bool {
        match self {
            Self::And(a, b) => a.holds(property) && b.holds(property),
            Self::Or(a, b) => a.holds(property) || b.holds(property),
            Self::Not(a) => !a.holds(property),
            Self::Compare(a, comparison, b) => compare(&value(a, property), *comparison, &value(b, property)),
        }
    }

    /// Every property that it names.
    pub(super) fn paths<'a>(&'a self, found: &mut Vec<&'a [String]>) {
        match self {
            Self::And(a, b) | Self::Or(a, b) => {
                a.paths(found);
                b.paths(found);
            }
            Self::Not(a) => a.paths(found),
            Self::Compare(a, _, b) => {
                for side in [a, b] {
                    if let Operand::Path(path) = side {
                        found.push(path);
                    }
                }
            }
        }
    }

    /// The text that one of these properties must be equal to for the condition to hold, as far as that follows from comparisons
    /// that must all hold: who is asked for by name need not be sought among all.
    pub(super) fn must_equal(&self, properties: &[&[&str]]) -> Option<&str> {
        match self {
            Self::And(a, b) => a.must_equal(properties).or_else(|| b.must_equal(properties)),
            Self::Compare(Operand::Path(path), Comparison::Eq, Operand::Text(text))
            | Self::Compare(Operand::Text(text), Comparison::Eq, Operand::Path(path)) => {
                properties.iter().any(|property| path == property).then_some(text)
            }
            _ => None,
        }
    }

    /// The times before and after which nothing can hold, as far as they follow from comparisons of `phenomenonTime` and
    /// `resultTime` that must all hold.
    pub(super) fn time_bounds(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::And(a, b) => {
                let ((from_a, to_a), (from_b, to_b)) = (a.time_bounds(), b.time_bounds());
                let later = from_a.into_iter().chain(from_b).max();
                (later, to_a.into_iter().chain(to_b).min())
            }
            Self::Compare(Operand::Path(path), comparison, Operand::Time(at)) => {
                bounds(path, *comparison, *at)
            }
            Self::Compare(Operand::Time(at), comparison, Operand::Path(path)) => {
                bounds(path, comparison.turned(), *at)
            }
            _ => (None, None),
        }
    }
}

fn bounds(path: &[String], comparison: Comparison, at: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
    if !matches!(path, [one] if one == "phenomenonTime" || one == "resultTime") {
        return (None, None);
    }
    match comparison {
        Comparison::Gt | Comparison::Ge => (Some(at), None),
        Comparison::Lt | Comparison::Le => (None, Some(at)),
        Comparison::Eq => (Some(at), Some(at)),
        Comparison::Ne => (None, None),
    }
}

impl Comparison {
    /// The same with its sides exchanged.
    const fn turned(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            same => same,
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
        }
    }
}

/// A value to compare.
#[derive(Debug, Clone, PartialEq)]
enum Compared {
    Missing,
    Text(String),
    Number(f64),
    Truth(bool),
    /// From, to; an instant twice.
    Time(Timestamp, Timestamp),
}

fn value(operand: &Operand, property: &impl Fn(&[String]) -> Option<Value>) -> Compared {
    match operand {
        Operand::Path(path) => match property(path) {
            Some(Value::String(text)) => times(&text).unwrap_or(Compared::Text(text)),
            Some(Value::Number(n)) => n.as_f64().map_or(Compared::Missing, Compared::Number),
            Some(Value::Bool(yes)) => Compared::Truth(yes),
            _ => Compared::Missing,
        },
        Operand::Text(text) => times(text).unwrap_or_else(|| Compared::Text(text.clone())),
        Operand::Number(n) => Compared::Number(*n),
        Operand::Truth(yes) => Compared::Truth(*yes),
        Operand::Time(at) => Compared::Time(*at, *at),
        Operand::Null => Compared::Missing,
    }
}

/// An instant or an interval in text.
fn times(text: &str) -> Option<Compared> {
    match text.split_once('/') {
        Some((from, to)) => Some(Compared::Time(from.parse().ok()?, to.parse().ok()?)),
        None => {
            let at = text.parse().ok()?;
            Some(Compared::Time(at, at))
        }
    }
}

fn compare(a: &Compared, comparison: Comparison, b: &Compared) -> bool {
    let order = match (a, b) {
        (Compared::Missing, Compared::Missing) => Some(Ordering::Equal),
        (Compared::Text(a), Compared::Text(b)) => Some(a.cmp(b)),
        (Compared::Number(a), Compared::Number(b)) => a.partial_cmp(b),
        (Compared::Truth(a), Compared::Truth(b)) => Some(a.cmp(b)),
        (Compared::Time(a0, a1), Compared::Time(b0, b1)) => Some(match comparison {
            // The beginning of what is later, the end of what is earlier.
            Comparison::Gt | Comparison::Ge => a0.cmp(b1),
            Comparison::Lt | Comparison::Le => a1.cmp(b0),
            Comparison::Eq | Comparison::Ne => a0.cmp(b0).then(a1.cmp(b1)),
        }),
        _ => None,
    };
    match order {
        Some(order) if matches!((a, b), (Compared::Missing, Compared::Missing)) => {
            matches!(comparison, Comparison::Eq) && order.is_eq()
        }
        Some(order) => comparison.holds(order),
        // What is not there, or of another kind, is neither more nor less nor the same.
        None => comparison == Comparison::Ne,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(text: &str) -> bool {
        let entity = json!({
            "name": "O'Hara Street", "result": 18.5, "on": true, "properties": {"line": "east-in"},
            "phenomenonTime": "2026-11-21T08:00:00Z/2026-11-21T08:15:00Z",
            "resultTime": "2026-11-21T08:15:00Z",
        });
        let property = |path: &[String]| {
            let found = path.iter().try_fold(&entity, |value, name| value.get(name));
            found.cloned()
        };
        parse(text).unwrap().holds(&property)
    }

    #[test]
    fn conditions_hold_as_the_standard_says() {
        for (text, want) in [
            ("result eq 18.5", true),
            ("result gt 18.5", false),
            ("18 lt result", true),
            ("result ge 18.5 and result le 18.5", true),
            ("result ne -1", true),
            ("name eq 'O''Hara Street'", true),
            ("name eq 'o''hara street'", false),
            ("name lt 'P'", true),
            ("on eq true", true),
            ("not (on eq true)", false),
            ("not on eq false", true),
            ("properties/line eq 'east-in'", true),
            ("properties/none eq 'x'", false),
            ("properties/none ne 'x'", true),
            ("properties/none eq null", true),
            ("properties/line eq null", false),
            // and binds closer than or.
            ("result eq 1 and result eq 2 or on eq true", true),
            ("result eq 1 and (result eq 2 or on eq true)", false),
            // An interval is later than what it begins after, earlier than what it ends before.
            ("phenomenonTime ge 2026-11-21T08:00:00Z", true),
            ("phenomenonTime gt 2026-11-21T08:00:00Z", false),
            ("phenomenonTime gt 2026-11-21T07:59:59.999Z", true),
            ("phenomenonTime le 2026-11-21T08:15:00Z", true),
            ("phenomenonTime lt 2026-11-21T08:15:00Z", false),
            ("phenomenonTime lt 2026-11-21T08:10:00Z", false),
            ("resultTime eq 2026-11-21T09:15:00+01:00", true),
            ("result eq 'text'", false),
        ] {
            assert_eq!(holds(text), want, "{text}");
        }
    }

    #[test]
    fn names_that_must_be_met_are_known() {
        let own: &[&[&str]] = &[&["id"], &["@iot.id"]];
        for (text, want) in [
            ("id eq 'a'", Some("a")),
            ("'a' eq @iot.id", Some("a")),
            ("result gt 5 and (name eq 'n' and id eq 'a')", Some("a")),
            ("id ne 'a'", None),
            ("id eq 'a' or id eq 'b'", None),
            ("not (id eq 'a')", None),
            ("Thing/id eq 'a'", None),
            ("id eq 5", None),
        ] {
            assert_eq!(parse(text).unwrap().must_equal(own), want, "{text}");
        }
        let thing = parse("Thing/@iot.id eq 'a'").unwrap();
        assert_eq!(thing.must_equal(&[&["Thing", "@iot.id"]]), Some("a"));
    }

    #[test]
    fn times_bound_what_must_be_read() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (early, late) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
        for (text, want) in [
            (
                "phenomenonTime ge 2026-11-20T00:00:00Z and resultTime lt 2026-11-21T00:00:00Z",
                (Some(early), Some(late)),
            ),
            ("2026-11-20T00:00:00Z lt phenomenonTime and result gt 5", (Some(early), None)),
            ("phenomenonTime ge 2026-11-20T00:00:00Z or result gt 5", (None, None)),
            ("not phenomenonTime ge 2026-11-20T00:00:00Z", (None, None)),
        ] {
            assert_eq!(parse(text).unwrap().time_bounds(), want, "{text}");
        }
    }
}
