//! Lists in pages. Every list is answered as `items` and `next_cursor`; what a cursor holds is the
//! endpoint's business and nobody else's.

use serde::Serialize;
use utoipa::ToSchema;

use crate::params::Params;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on this page.
    pub(crate) items: Vec<T>,
    /// Give this back as `cursor` for the next page; null on the last one.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// Takes `limit`, between 1 and `max`.
pub(crate) fn limit(params: &mut Params, default: u32, max: u32) -> u32 {
    params
        .parsed("limit", format!("a whole number from 1 to {max}"), |v| {
            v.parse().ok().filter(|n| (1..=max).contains(n))
        })
        .unwrap_or(default)
}
