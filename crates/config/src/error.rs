//! What a mistake in a file looks like: where it stands, what was written, what is accepted. Finding
//! mistakes is the work of the modules that read; here they are only told.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// One mistake. `Display` prints it on one line as `FILE:LINE:COLUMN: KEY = VALUE: what is accepted`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file (or directory) it is in.
    pub file: PathBuf,
    /// Where in the file; `None` when it is about the file as a whole.
    pub position: Option<Position>,
    /// The setting at fault, with dots between tables (`zone.heading`); empty when it is about the file.
    pub key: String,
    /// The value as it is written in the file, shortened; `None` where there is none or it may be secret.
    pub value: Option<String>,
    /// What is wrong and what is accepted.
    pub message: String,
}

impl ConfigError {
    /// A mistake about a file or directory as a whole.
    pub(crate) fn about_file(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            position: None,
            key: String::new(),
            value: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(at) = self.position {
            write!(f, "{}:{}:", at.line, at.column)?;
        }
        f.write_str(" ")?;
        match (&self.value, self.key.is_empty()) {
            (_, true) => {}
            (None, false) => write!(f, "{}: ", self.key)?,
            (Some(value), false) => write!(f, "{} = {value}: ", self.key)?,
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// Every mistake that was found, in the order of files and lines; never empty when returned as an error.
/// `Display` prints one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    /// `Ok` with the value when nothing was found and the value could be made.
    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.sorted()),
        }
    }

    /// Keeps files in the order they were read and sorts each file's mistakes by place.
    fn sorted(mut self) -> Self {
        let mut files: Vec<PathBuf> = Vec::new();
        for error in &self.0 {
            if !files.contains(&error.file) {
                files.push(error.file.clone());
            }
        }
        self.0.sort_by_key(|e| (files.iter().position(|f| *f == e.file), e.position));
        self.0.dedup();
        self
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
