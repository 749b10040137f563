//! `GET /api/v1/cameras/{id}/silhouette`: which cells of a camera's picture differ from the empty road, as server-sent events,
//! for a person who tallies what passes. Coarse, black or white, never kept, and given to the page only; a silhouette is made
//! only while somebody has this stream open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio_stream::wrappers::WatchStream;
use utoipa::ToSchema;
use wayside_types::{Silhouette, SilhouetteGrid};

use super::camera_of_path;
use crate::listen::Closing;
use crate::params::Params;
use crate::problem::{Body, Kind, Problem};
use crate::routes::live::{Place, event};
use crate::state::ApiState;

/// How often a silent stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Event `grid`: how the picture is cut into cells, before the first `cells` and whenever it changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilhouetteGridEvent {
    /// Width and height of the picture that is cut, in its own pixels; lines lie in it by their fractions.
    size_px: [u32; 2],
    /// Rows of square cells from top to bottom.
    bands: Vec<SilhouetteBandEvent>,
}

/// A row of square cells, beginning at the picture's left edge.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilhouetteBandEvent {
    /// First row of pixels.
    top_px: u32,
    /// Width and height of a cell in pixels: 20 cm of the ground or more.
    side_px: u32,
    /// Cells across.
    columns: u32,
}

/// Event `cells`: which cells differ from the empty road, at most four times a second.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilhouetteCellsEvent {
    /// Capture time of the picture.
    at: Timestamp,
    /// Share of the picture whose empty road is known, 0 to 1; elsewhere no cell is set.
    known_share: f32,
    /// For each band its cells from left to right as hexadecimal digits, four cells a digit, the highest bit first; the
    /// last digit is filled with zeros.
    rows: Vec<String>,
}

impl From<&SilhouetteGrid> for SilhouetteGridEvent {
    fn from(grid: &SilhouetteGrid) -> Self {
        let band = |band: &wayside_types::SilhouetteBand| SilhouetteBandEvent {
            top_px: band.top_px,
            side_px: band.side_px,
            columns: band.columns,
        };
        Self { size_px: [grid.size.width, grid.size.height], bands: grid.bands.iter().map(band).collect() }
    }
}

impl From<&Silhouette> for SilhouetteCellsEvent {
    fn from(silhouette: &Silhouette) -> Self {
        let mut cells = silhouette.cells.as_slice();
        let rows = silhouette.grid.bands.iter().map(|band| {
            let (row, rest) = cells.split_at((band.columns as usize).min(cells.len()));
            cells = rest;
            hex(row)
        });
        Self { at: silhouette.at, known_share: silhouette.known_share, rows: rows.collect() }
    }
}

fn hex(row: &[bool]) -> String {
    let digit =
        |four: &[bool]| (0..4).fold(0_u32, |digit, n| digit << 1 | u32::from(four.get(n) == Some(&true)));
    row.chunks(4).filter_map(|four| char::from_digit(digit(four), 16)).collect()
}

/// A camera's motion silhouette
///
/// For a person who tallies what passes: cells of 20 cm of the ground or more that differ from the empty road, black or
/// white, without a detector's help. A stream of server-sent events: `grid` (schema `SilhouetteGridEvent`) first and
/// whenever it changes, then `cells` (`SilhouetteCellsEvent`), at most four a second. Nothing of it is kept. For browser
/// sessions of the page only.
#[utoipa::path(
    get,
    path = "/api/v1/cameras/{id}/silhouette",
    operation_id = "get_silhouette",
    tag = "cameras",
    params(("id" = String, Path, description = "The camera's id", example = "hp-07")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "The stream"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter that does not exist"),
        (status = 403, body = Body, content_type = "application/problem+json", description = "Not the page"),
        (status = 404, body = Body, content_type = "application/problem+json", description = "No such camera"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "Too many streams are open"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    closing: Option<Extension<Closing>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::parse(query.as_deref()).finish()?;
    let not_the_page =
        || Problem::new(Kind::BrowserOnly, "silhouettes are for the web page in a browser only");
    let session = state.sessions.of(&headers).ok_or_else(not_the_page)?;
    let spec = camera_of_path(&state, &id)?;
    let place = Place::take(&state)?;
    let mut told: Option<Arc<SilhouetteGrid>> = None;
    let news = WatchStream::new(state.hub.watch_silhouette(&spec.id)).filter_map(std::future::ready);
    let events = news
        // A session that is over ends the stream; its place is given back with it.
        .take_while(move |_| {
            let _taken = &place;
            std::future::ready(session.is_open())
        })
        .flat_map(move |silhouette| {
            let grid = &silhouette.grid;
            let is_new = told.as_ref().is_none_or(|told| told != grid);
            told = Some(grid.clone());
            let first = is_new.then(|| event("grid", &SilhouetteGridEvent::from(&**grid)));
            let cells = event("cells", &SilhouetteCellsEvent::from(&*silhouette));
            stream::iter(first.into_iter().chain([cells]).map(Ok::<_, Infallible>))
        });
    let events = match closing {
        Some(Extension(Closing(token))) => events.take_until(token.cancelled_owned()).boxed(),
        None => events.boxed(),
    };
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_bits_from_left_to_right() {
        let row = |text: &str| text.bytes().map(|b| b == b'#').collect::<Vec<_>>();
        for (cells, digits) in
            [("", ""), ("#", "8"), ("...#", "1"), ("#.#.##..", "ac"), ("####.....#", "f04")]
        {
            assert_eq!(hex(&row(cells)), digits, "{cells}");
        }
    }
}
