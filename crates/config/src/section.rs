//! A walk through a parsed file: tables whose keys are known, values whose types and ranges are checked.
//! Each getter notes what is wrong and gives `None`, so that reading goes on and finds the next mistake.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wayside_types::Point;

use crate::document::Document;

/// A table and the keys that may stand in it.
pub(crate) struct Section<'d> {
    doc: &'d Document,
    table: &'d DeTable<'d>,
    /// Where the table begins; `None` for the file as a whole.
    at: Option<usize>,
    /// Names of the tables around, each with a dot behind it.
    prefix: String,
    keys: &'static [&'static str],
}

/// A value with its place.
pub(crate) struct Item<'d> {
    doc: &'d Document,
    value: &'d DeValue<'d>,
    span: Range<usize>,
    key: String,
    secret: bool,
}

impl<'d> Section<'d> {
    /// The file's top table. Keys outside `keys` are noted as unknown.
    pub(crate) fn root(doc: &'d Document, table: &'d DeTable<'d>, keys: &'static [&'static str]) -> Self {
        let section = Self { doc, table, at: None, prefix: String::new(), keys };
        section.refuse_unknown(keys);
        section
    }

    fn refuse_unknown(&self, root_keys: &'static [&'static str]) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.keys.contains(&name) {
                continue;
            }
            let hint = if let Some(close) = closest(name, self.keys.iter().copied()) {
                format!("; did you mean {close}?")
            } else if !self.prefix.is_empty() && root_keys.contains(&name) {
                "; it belongs above the first [table] of the file".to_owned()
            } else {
                String::new()
            };
            let message = format!("unknown key{hint} (accepted here: {})", self.keys.join(", "));
            self.doc.fail(Some(key.span().start), &format!("{}{name}", self.prefix), None, message);
        }
    }

    /// An optional value.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'d>> {
        debug_assert!(self.keys.contains(&key), "{key} is read but not listed among the known keys");
        let value = self.table.get(key)?;
        Some(Item {
            doc: self.doc,
            value: value.get_ref(),
            span: value.span(),
            key: format!("{}{key}", self.prefix),
            secret: false,
        })
    }

    /// A value that must be there; `what` says what to write.
    pub(crate) fn need(&self, key: &'static str, what: &str) -> Option<Item<'d>> {
        let item = self.get(key);
        if item.is_none() {
            self.doc.fail_missing(self.at, &format!("{}{key}", self.prefix), what);
        }
        item
    }

    /// Notes a mistake about the table as a whole.
    pub(crate) fn fail(&self, message: impl Into<String>) {
        self.doc.fail(self.at, self.prefix.trim_end_matches('.'), None, message.into());
    }

    /// The document it is part of.
    pub(crate) fn doc(&self) -> &'d Document {
        self.doc
    }
}

impl<'d> Item<'d> {
    /// From now on, mistakes about it don't show it.
    pub(crate) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Notes a mistake about it.
    pub(crate) fn fail(&self, message: impl Into<String>) {
        let shown = (!self.secret).then(|| self.span.clone());
        self.doc.fail(Some(self.span.start), &self.key, shown, message.into());
    }

    /// Where it begins, in bytes.
    pub(crate) fn at(&self) -> usize {
        self.span.start
    }

    /// Its whole key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The document it is part of.
    pub(crate) fn doc(&self) -> &'d Document {
        self.doc
    }

    fn wrong_type(&self, wanted: &str) {
        self.fail(format!("is {} but must be {wanted}", with_article(self.value.type_str())));
    }

    /// A string.
    pub(crate) fn text(&self) -> Option<&'d str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("a string in quotes");
        }
        text
    }

    /// A string that isn't empty, with at most `most` characters and none of them a control character.
    pub(crate) fn words(&self, most: usize) -> Option<&'d str> {
        let text = self.text()?;
        let count = text.trim().chars().count();
        if count == 0 || count > most || text.chars().any(char::is_control) {
            self.fail(format!("must be 1 to {most} characters on one line"));
            return None;
        }
        Some(text.trim())
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type("true or false");
        }
        flag
    }

    /// A finite number, with or without a decimal point.
    fn finite(&self) -> Option<f64> {
        let number = match self.value {
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(lossy),
            DeValue::Float(f) => f.as_str().parse::<f64>().ok(),
            _ => {
                self.wrong_type("a number");
                return None;
            }
        };
        let number = number.filter(|n| n.is_finite());
        if number.is_none() {
            self.fail("must be a finite number");
        }
        number
    }

    /// A number within a range, in this unit (`"degrees"`; empty for none).
    pub(crate) fn number(&self, range: RangeInclusive<f64>, unit: &str) -> Option<f64> {
        let number = self.finite()?;
        if range.contains(&number) {
            return Some(number);
        }
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        self.fail(format!("must be from {} to {}{unit}", range.start(), range.end()));
        None
    }

    /// A number above `above` and up to `most`, in this unit.
    pub(crate) fn number_above(&self, above: f64, most: f64, unit: &str) -> Option<f64> {
        let number = self.finite()?;
        if number > above && number <= most {
            return Some(number);
        }
        self.fail(format!("must be above {above} and at most {most} {unit}"));
        None
    }

    /// A whole number within a range, in this unit.
    pub(crate) fn whole(&self, range: RangeInclusive<u32>, unit: &str) -> Option<u32> {
        let DeValue::Integer(integer) = self.value else {
            self.wrong_type("a whole number");
            return None;
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|n| range.contains(n));
        if number.is_none() {
            self.fail(
                format!("must be a whole number from {} to {} {unit}", range.start(), range.end()).trim_end(),
            );
        }
        number
    }

    /// A number within a range or, instead of it, a word; `None` within is the word.
    pub(crate) fn number_or(&self, range: &RangeInclusive<f64>, word: &str) -> Option<Option<f64>> {
        match self.value {
            DeValue::String(text) if text.as_ref() == word => return Some(None),
            DeValue::Integer(_) | DeValue::Float(_) => {
                let number = self.finite()?;
                if range.contains(&number) {
                    return Some(Some(number));
                }
            }
            _ => {}
        }
        self.fail(format!("must be a number from {} to {}, or \"{word}\"", range.start(), range.end()));
        None
    }

    /// One of a few words.
    pub(crate) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.fail(format!("must be one of: {}", names.join(", ")));
        }
        found
    }

    /// The members of an array of `least` to `most`.
    pub(crate) fn items(&self, least: usize, most: usize, of_what: &str) -> Option<Vec<Item<'d>>> {
        let Some(array) = self.value.as_array() else {
            self.wrong_type(&format!("an array of {of_what}"));
            return None;
        };
        if array.len() < least || array.len() > most {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            self.fail(format!("has {} {of_what} but must have {wanted}", array.len()));
            return None;
        }
        Some(array.iter().map(|value| self.member(value)).collect())
    }

    fn member(&self, value: &'d Spanned<DeValue<'d>>) -> Item<'d> {
        Item {
            doc: self.doc,
            value: value.get_ref(),
            span: value.span(),
            key: self.key.clone(),
            secret: self.secret,
        }
    }

    /// A pair of finite numbers `[x, y]`, both within a range; `meaning` says what they are.
    pub(crate) fn point(&self, range: &RangeInclusive<f64>, meaning: &str) -> Option<Point> {
        let [x, y] = self.pair().filter(|pair| pair.iter().all(|v| range.contains(v))).or_else(|| {
            self.fail(format!("must be [x, y], each from {} to {} ({meaning})", range.start(), range.end()));
            None
        })?;
        Some(Point::new(x, y))
    }

    /// A place on the map, `[lon, lat]` in degrees.
    pub(crate) fn lon_lat(&self) -> Option<[f64; 2]> {
        let right = |[lon, lat]: &[f64; 2]| (-180.0..=180.0).contains(lon) && (-90.0..=90.0).contains(lat);
        let pair = self.pair().filter(right);
        if pair.is_none() {
            self.fail("must be [lon, lat], degrees east from -180 to 180 and degrees north from -90 to 90");
        }
        pair
    }

    /// Two numbers in an array, finite or not.
    fn pair(&self) -> Option<[f64; 2]> {
        let number = |item: &Item<'_>| match item.value {
            DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok().map(lossy),
            DeValue::Float(f) => f.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let members: Vec<Item<'_>> = self.value.as_array()?.iter().map(|v| self.member(v)).collect();
        let [x, y] = members.as_slice() else { return None };
        Some([number(x)?, number(y)?])
    }

    /// An array of points; `None` if any of them is wrong.
    pub(crate) fn points(
        &self,
        (least, most): (usize, usize),
        range: &RangeInclusive<f64>,
        meaning: &str,
    ) -> Option<Vec<Point>> {
        let items = self.items(least, most, "points [x, y]")?;
        // Every point is looked at before giving up, so that all mistakes are told.
        let points: Vec<Option<Point>> = items.iter().map(|item| item.point(range, meaning)).collect();
        points.into_iter().collect()
    }

    /// A table with these keys. `root_keys` are the file's own, for a hint about misplaced ones.
    pub(crate) fn section(
        &self,
        keys: &'static [&'static str],
        root_keys: &'static [&'static str],
    ) -> Option<Section<'d>> {
        let Some(table) = self.value.as_table() else {
            self.wrong_type(&format!("a table with the keys {}", keys.join(", ")));
            return None;
        };
        let section = Section {
            doc: self.doc,
            table,
            at: Some(self.span.start),
            prefix: format!("{}.", self.key),
            keys,
        };
        section.refuse_unknown(root_keys);
        Some(section)
    }

    /// An array of tables with these keys, as `[[name]]` writes it.
    pub(crate) fn sections(
        &self,
        keys: &'static [&'static str],
        root_keys: &'static [&'static str],
        most: usize,
    ) -> Vec<Section<'d>> {
        if self.value.is_table() {
            self.doc.fail(
                Some(self.span.start),
                &self.key,
                None,
                format!("is a single table; write [[{0}]] with double brackets, once for each {0}", self.key),
            );
            return self.section(keys, root_keys).into_iter().collect();
        }
        let items = self.items(0, most, "tables").unwrap_or_default();
        items.iter().filter_map(|item| item.section(keys, root_keys)).collect()
    }
}

/// The nearest name to a misspelt one, if any is near.
pub(crate) fn closest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Long texts are no misspellings, and comparing them costs time.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_lowercase();
    names
        .map(|n| (strsim::damerau_levenshtein(&name, &n.to_lowercase()), n))
        .filter(|(distance, n)| *distance <= 2 && *distance < n.chars().count().max(2) - 1)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, n)| n)
}

fn with_article(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {type_name}")
}

/// Settings are far below 2⁵³, and a number above it is out of every range anyway.
#[expect(clippy::cast_precision_loss, reason = "out-of-range numbers are refused right after")]
fn lossy(number: i64) -> f64 {
    number as f64
}
