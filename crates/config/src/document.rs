//! One TOML file with its text, so that every mistake can be told with its line and column. Parsing itself
//! is the `toml` crate's; walking through the parsed tables is `section`'s.

use std::cell::RefCell;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use crate::error::{ConfigError, Position};

/// A file longer than this is no settings file.
const MAX_BYTES: u64 = 1 << 20;
/// A value is shown up to this many characters.
const SHOWN_CHARS: usize = 60;

/// A file's text and the mistakes found in it so far.
pub(crate) struct Document {
    file: PathBuf,
    text: String,
    line_starts: Vec<usize>,
    found: RefCell<Vec<(Kind, ConfigError)>>,
}

/// Whether a mistake can be believed when the file isn't TOML throughout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The text breaks the rules of TOML.
    Syntax,
    /// Something isn't there; perhaps only because the syntax mistake hides it.
    Missing,
    /// Something that is there is wrong.
    Wrong,
}

impl Document {
    /// Reads a file whole.
    ///
    /// # Errors
    /// When it is missing, unreadable, not a file, over 1 MiB or not UTF-8.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let about = |message: String| ConfigError::about_file(file, message);
        let meta = fs::metadata(file).map_err(|e| about(format!("can't be read: {e}")))?;
        if !meta.is_file() {
            return Err(about("is not a file; a TOML file is wanted".to_owned()));
        }
        if meta.len() > MAX_BYTES {
            return Err(about(format!("is {} bytes long; at most {MAX_BYTES} are accepted", meta.len())));
        }
        let bytes = fs::read(file).map_err(|e| about(format!("can't be read: {e}")))?;
        Self::from_bytes(file, bytes)
    }

    /// The same for bytes that were read already.
    pub(crate) fn from_bytes(file: &Path, bytes: Vec<u8>) -> Result<Self, ConfigError> {
        let text = String::from_utf8(bytes).map_err(|e| {
            let good = e.utf8_error().valid_up_to();
            let line = e.as_bytes().iter().take(good).filter(|b| **b == b'\n').count() + 1;
            ConfigError::about_file(file, format!("is not UTF-8 text (first bad byte in line {line})"))
        })?;
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Ok(Self { file: file.to_owned(), text, line_starts, found: RefCell::default() })
    }

    /// The file it came from.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Parses as far as possible. Syntax mistakes are noted; the second value says whether there were any.
    /// What stands behind the first of them is not trusted to be what its writer meant, so [`Self::finish`]
    /// drops later mistakes and those about something missing.
    pub(crate) fn parse(&self) -> (Spanned<DeTable<'_>>, bool) {
        let (table, faults) = DeTable::parse_recoverable(&self.text);
        let mut seen_line = None;
        for fault in &faults {
            let line = fault.span().map(|span| self.position(span.start).line);
            // What follows from the first mistake only confuses: more about its line, and keys that seem to
            // stand twice because the header between them was lost.
            if seen_line.is_some() && (line == seen_line || fault.message() == "duplicate key") {
                continue;
            }
            seen_line = line;
            let at = fault.span().map(|span| span.start);
            let twice = (fault.message() == "duplicate key")
                .then(|| fault.span().and_then(|s| self.snippet(s)))
                .flatten();
            let error = match twice {
                Some(key) => self.error(at, &key, None, "stands twice; give each key once".to_owned()),
                // Never the error's `Display`: that prints the line, which may hold a password.
                None => self.error(at, "", None, format!("not TOML: {}", fault.message())),
            };
            self.note(Kind::Syntax, error);
        }
        (table, !faults.is_empty())
    }

    /// Notes a mistake about something that is there. `value` is the part of the file to show, if any.
    pub(crate) fn fail(&self, at: Option<usize>, key: &str, value: Option<Range<usize>>, message: String) {
        self.note(Kind::Wrong, self.error(at, key, value, message));
    }

    /// Notes that a key isn't there; `what` says what to write.
    pub(crate) fn fail_missing(&self, at: Option<usize>, key: &str, what: &str) {
        self.note(Kind::Missing, self.error(at, key, None, format!("missing: {what}")));
    }

    fn note(&self, kind: Kind, error: ConfigError) {
        self.found.borrow_mut().push((kind, error));
    }

    fn error(
        &self,
        at: Option<usize>,
        key: &str,
        value: Option<Range<usize>>,
        message: String,
    ) -> ConfigError {
        ConfigError {
            file: self.file.clone(),
            position: at.map(|offset| self.position(offset)),
            key: key.to_owned(),
            value: value.and_then(|span| self.snippet(span)),
            message,
        }
    }

    /// All that was found and can be believed.
    pub(crate) fn finish(self) -> Vec<ConfigError> {
        let found = self.found.into_inner();
        let fault = found.iter().filter(|(kind, _)| *kind == Kind::Syntax).map(|(_, e)| e.position).min();
        found
            .into_iter()
            .filter(|(kind, error)| match (kind, fault) {
                (Kind::Syntax, _) | (_, None) => true,
                (Kind::Missing, Some(_)) => false,
                (Kind::Wrong, Some(fault)) => error.position < fault,
            })
            .map(|(_, error)| error)
            .collect()
    }

    /// Line and column of a byte offset.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |s| s.chars().count()) + 1;
        Position { line, column }
    }

    /// The first line of a part of the text, shortened.
    fn snippet(&self, span: Range<usize>) -> Option<String> {
        let whole = self.text.get(span)?;
        let first = whole.lines().next().unwrap_or_default().trim_end();
        let mut shown: String =
            first.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { '?' } else { c }).collect();
        if shown.len() < whole.trim_end().len() {
            shown.push('…');
        }
        Some(shown)
    }
}
