//! Query parameters, strictly: every parameter at fault is reported at once with its value and what would
//! be accepted, and a parameter that no one asked for is refused instead of ignored. What the parameters
//! of an endpoint mean is that endpoint's file to say.

use std::fmt::Display;

use crate::problem::{FieldError, Kind, Problem};

/// The parameters of one request, taken out one by one.
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    asked: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Params {
    /// Splits and decodes a query string (`application/x-www-form-urlencoded`).
    pub(crate) fn parse(query: Option<&str>) -> Self {
        // Decoding is lossy on broken escapes; the replaced characters then fail as values, with a
        // message that shows them.
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { pairs, asked: Vec::new(), errors: Vec::new() }
    }

    /// A parameter that may be given once.
    pub(crate) fn one(&mut self, name: &'static str) -> Option<String> {
        self.asked.push(name);
        let mut values = self.pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone());
        let first = values.next();
        let again = values.next();
        if let Some(again) = again {
            self.refuse(name, &again, "given at most once");
            return None;
        }
        first
    }

    /// Whether a parameter was given at all.
    pub(crate) fn has(&mut self, name: &'static str) -> bool {
        self.asked.push(name);
        self.pairs.iter().any(|(n, _)| n == name)
    }

    /// A parameter that may be repeated or hold several values separated by commas; each value once.
    pub(crate) fn many(&mut self, name: &'static str) -> Vec<String> {
        self.asked.push(name);
        let mut values: Vec<String> = Vec::new();
        for (_, list) in self.pairs.iter().filter(|(n, _)| n == name) {
            for value in list.split(',') {
                if !values.iter().any(|v| v == value) {
                    values.push(value.to_owned());
                }
            }
        }
        values
    }

    /// A parameter that may be given once and has to parse.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        accepted: impl Display,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.one(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.refuse(name, &value, accepted);
        }
        parsed
    }

    /// Notes that a value is not acceptable.
    pub(crate) fn refuse(&mut self, name: &str, value: &str, accepted: impl Display) {
        self.errors.push(FieldError::new(name, Some(value), accepted));
    }

    /// Notes that a parameter is missing.
    pub(crate) fn miss(&mut self, name: &str, accepted: impl Display) {
        self.errors.push(FieldError::new(name, None, accepted));
    }

    /// Whether this parameter was refused already, so that what follows from it need not be said as well.
    pub(crate) fn refused(&self, name: &str) -> bool {
        self.errors.iter().any(|error| error.field == name)
    }

    /// The end: all that is wrong at once, unknown parameters included.
    ///
    /// # Errors
    /// A 400 problem that names every parameter at fault.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, value) in &self.pairs {
            if !self.asked.contains(&name.as_str()) {
                let accepted = if self.asked.is_empty() {
                    "no parameters here".to_owned()
                } else {
                    format!("only the parameters: {}", self.asked.join(" "))
                };
                self.errors.push(FieldError::new(name, Some(value), accepted));
            }
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::fields(Kind::InvalidParameter, self.errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_repeated_or_separated() {
        let mut params = Params::parse(Some("camera=a,b&camera=c&camera=a&limit=5"));
        assert_eq!(params.many("camera"), ["a", "b", "c"]);
        assert_eq!(params.parsed("limit", "a number", |v| v.parse().ok()), Some(5_u32));
        assert!(params.finish().is_ok());
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut params = Params::parse(Some("limit=x&bin=1m&bin=5m&colour=red"));
        assert_eq!(params.parsed("limit", "1 to 10", |v| v.parse::<u32>().ok()), None);
        assert_eq!(params.one("bin"), None);
        let text = format!("{:?}", params.finish().unwrap_err());
        for part in ["limit is \\\"x\\\"; accepted: 1 to 10", "given at most once", "colour is \\\"red\\\""] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
