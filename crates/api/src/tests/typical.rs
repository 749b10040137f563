//! A day beside what is usual, who is furthest from it, peak hours and gaps, from a real database.

use jiff::SignedDuration;
use serde_json::{Value, json};
use wayside_testkit::TestDb;
use wayside_types::{BinLength, ClosedBins, Direction, RoadUserClass, Timestamp};

use super::measurements::{count, line, site, watched};
use crate::testing::Site;

/// Ten o'clock of a Saturday, so many weeks before the one on which the site's clock stands.
fn ten(weeks: i64) -> Timestamp {
    let today: Timestamp = "2026-11-21T04:15:00Z".parse().unwrap();
    today.checked_sub(SignedDuration::from_hours(weeks * 7 * 24)).unwrap()
}

/// The hour from ten on, so many of its minutes watched, each with so many cars; twice as many in the last quarter.
fn hour(weeks: i64, minutes: i64, cars: u32) -> Vec<ClosedBins> {
    let minute = |n: i64| {
        let start = ten(weeks).checked_add(SignedDuration::from_mins(n)).unwrap();
        let cars = if n < 45 { cars } else { 2 * cars };
        let east = line("east-in", Direction::Forward);
        count(watched(BinLength::Minute1, start), east, RoadUserClass::Car, cars)
    };
    (0..minutes).map(minute).collect()
}

async fn answer(site: &Site, query: &str) -> Value {
    let answer = site.get(&format!("/api/v1/measurements/{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_day_stands_beside_what_is_usual() {
    let db = TestDb::new().await;
    // Of the fifth week before only half of the hour was watched.
    let weeks = [(0, 60, 3), (1, 60, 1), (2, 60, 2), (3, 60, 1), (5, 30, 9)];
    let bins = weeks.into_iter().flat_map(|(weeks, minutes, cars)| hour(weeks, minutes, cars)).collect();
    let (site, database) = site(&db, bins).await;

    let day = answer(&site, "typical?camera=hp-07&line=east-in&class=car&group=line,direction").await;
    assert_eq!((&day["day"], &day["weeks"]), (&json!("2026-11-21"), &json!(8)));
    assert_eq!(day["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        day["items"][1],
        json!({
            "camera": "hp-07", "line": "east-in", "direction": "forward", "class": null,
            "start": "2026-11-21T04:15:00Z", "end": "2026-11-21T05:15:00Z", "count": 225,
            "usual": {"median": 75.0, "low": 75.0, "high": 112.5, "days": 3},
        })
    );
    assert_eq!(day["items"][0]["usual"]["median"], 0.0, "backward");
    // Two of the days are not enough.
    let few = answer(&site, "typical?camera=hp-07&group=none&weeks=3&day=2026-11-14").await;
    let bin = &few["items"][0];
    assert_eq!(
        (&few["items"].as_array().unwrap().len(), &bin["count"], &bin["usual"]),
        (&1, &json!(75), &json!(null))
    );
    // Yesterday nobody watched, nor on any Friday.
    assert_eq!(answer(&site, "typical?day=2026-11-20").await["items"], json!([]));

    let movers = answer(&site, "movers").await;
    assert_eq!(
        movers["items"],
        json!([{"camera": "hp-07", "count": 225, "usual": 75.0, "difference": 150.0, "ratio": 3.0, "hours": 1}])
    );

    let peaks = answer(&site, "peaks?camera=hp-07&line=east-in&from=2026-11-21T00:00:00Z").await;
    assert_eq!(
        peaks["items"][1],
        json!({
            "camera": "hp-07", "line": "east-in", "direction": "forward", "day": "2026-11-21",
            "start": "2026-11-21T04:15:00Z", "end": "2026-11-21T05:15:00Z", "volume": 225,
            "highest_quarter": 90, "factor": 0.625,
        })
    );

    let gaps = answer(&site, "gaps?from=2026-11-21T04:00:00Z&to=2026-11-21T05:30:00Z").await;
    let gap = |camera: &str, start: &str, end: &str, missing_s: f64| {
        json!({"camera": camera, "start": format!("2026-11-21T{start}:00Z"), "end": format!("2026-11-21T{end}:00Z"),
               "observed_s": 0.0, "missing_s": missing_s})
    };
    let of = |camera: &str| -> Vec<Value> {
        let items = gaps["items"].as_array().unwrap();
        items.iter().filter(|gap| gap["camera"] == camera).cloned().collect()
    };
    assert_eq!(of("hp-07"), [gap("hp-07", "04:00", "04:15", 900.0), gap("hp-07", "05:15", "05:30", 900.0)]);
    assert_eq!(of("hp-01"), [gap("hp-01", "04:00", "05:30", 5_400.0)]);
    let partly =
        answer(&site, "gaps?camera=hp-07&from=2026-10-17T04:15:00Z&to=2026-10-17T05:15:00Z&limit=1").await;
    assert_eq!((&partly["items"].as_array().unwrap().len(), &partly["more"]), (&1, &json!(false)));
    assert_eq!(partly["items"][0]["missing_s"], 1_800.0);

    for (query, part) in [
        ("typical?bin=1m", "bin is \"1m\"; accepted: one of: 15m 1h 1d"),
        ("typical?day=2026-02-30", "day is \"2026-02-30\"; accepted: a day such as"),
        ("typical?weeks=2", "weeks is \"2\"; accepted: a number from 3 to 26"),
        ("typical?camera=nowhere", "camera is \"nowhere\""),
        ("movers?limit=0", "limit is \"0\"; accepted: a number from 1 to 1000"),
        ("movers?group=line", "group is \"line\"; accepted: only the parameters"),
        ("peaks?from=2026-01-01T00:00:00Z", "at most three months"),
        ("gaps?from=2026-01-01T00:00:00Z", "three months at most"),
    ] {
        let refused = site.get(&format!("/api/v1/measurements/{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part), "{query}: {detail}");
    }
    database.close().await;
}
