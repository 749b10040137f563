//! All rows of a question, page after page: what is made of them need not hold them all at once.

use super::measurements::{MeasurementQuery, MeasurementRow, measurements};
use crate::database::Database;
use crate::error::StoreError;

/// The pages of one question, from its cursor on; each has as many rows as its limit, the last perhaps fewer.
#[derive(Debug)]
pub struct Pages {
    db: Database,
    query: Option<MeasurementQuery>,
}

impl Pages {
    /// Nothing is asked before the first [`Self::next`].
    #[must_use]
    pub fn new(db: &Database, query: MeasurementQuery) -> Self {
        Self { db: db.clone(), query: Some(query) }
    }

    /// Whether the last page was given out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.query.is_none()
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// As [`measurements`]; the same page may then be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<MeasurementRow>>, StoreError> {
        let Some(query) = &mut self.query else { return Ok(None) };
        let page = measurements(&self.db, query).await?;
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => self.query = None,
        }
        Ok(Some(page.items))
    }
}
