//! Every column of the migrated schema, compared with a reviewed list. A column for bytes, JSON, arrays or
//! vectors could hold what must never be stored (a picture, a track, features of a face): a new one is a
//! change of this list that somebody has to look at, see section 1 of the design.

use wayside_testkit::{SimClock, TestDb};

/// Types that hold one plain value. Anything else needs a reason in `columns.txt` and a line here.
const PLAIN: &[&str] = &[
    "text",
    "integer",
    "bigint",
    "double precision",
    "timestamp with time zone",
    "boolean",
    "smallint",
    "date",
];

/// Columns of other types that were reviewed, as `table.column`. sqlx keeps the checksum of each applied
/// migration as bytes. The arrays are histograms of at least five speeds or headways: how many fell into each bucket of
/// fixed edges, which says nothing of the order in which they came. The pictures are an incident's two stills, which
/// `redact` made unreadable before anything else saw them (design 1.4; scripts/readers reads them and finds nothing). A
/// camera's day is what the rows of `line_bin`, `line_flow`, `line_quality` and `coverage` of that day add up to, packed by
/// `src/days.rs` from these rows and from nothing else.
const REVIEWED: &[&str] = &[
    "_sqlx_migrations.checksum",
    "camera_day.counts",
    "camera_day.flows",
    "camera_day.signs",
    "camera_day.watched",
    "incident_still.jpeg",
    "line_flow.headway_counts",
    "line_flow.speed_counts",
];

#[tokio::test]
async fn every_column_is_on_the_reviewed_list() {
    let db = TestDb::new().await;
    let database = db.open(SimClock::at("2026-11-21T12:00:00Z").shared()).await;
    let columns = wayside_store::database::columns(&database).await.unwrap();
    let found: String = columns.iter().map(|column| format!("{column}\n")).collect();
    let reviewed = include_str!("columns.txt");
    let listed: String = reviewed
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(
        found, listed,
        "the schema and crates/store/tests/columns.txt differ; the schema has:\n{found}"
    );

    for column in &columns {
        let plain = PLAIN.contains(&column.kind.as_str());
        let name = format!("{}.{}", column.table, column.name);
        assert!(
            plain || REVIEWED.contains(&name.as_str()),
            "{name} is of type {}, which nobody reviewed",
            column.kind
        );
    }
    // The list is worth something only if it sees the tables.
    assert!(columns.iter().any(|column| column.table == "line_bin" && column.name == "count"));
    database.close().await;
}
