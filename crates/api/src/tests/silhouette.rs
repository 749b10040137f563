//! Silhouettes over a real TCP connection: for the page only, only while somebody watches, and nothing but cells.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use wayside_types::{CameraId, FrameSize, Silhouette, SilhouetteBand, SilhouetteGrid};

use super::live::{Stream, start};
use crate::testing::{Site, no_database};

const PATH: &str = "/api/v1/cameras/hp-07/silhouette";

fn grid(side_px: u32) -> Arc<SilhouetteGrid> {
    let band = |row| SilhouetteBand { top_px: 4 + row * side_px, side_px, columns: 30 / side_px };
    Arc::new(SilhouetteGrid { size: FrameSize { width: 32, height: 18 }, bands: vec![band(0), band(1)] })
}

fn silhouette(second: i64, grid: Arc<SilhouetteGrid>, set: &[usize]) -> Silhouette {
    let cells = (0..grid.cells()).map(|cell| set.contains(&cell)).collect();
    Silhouette { at: jiff::Timestamp::from_second(second).unwrap(), grid, cells, known_share: 0.5 }
}

#[tokio::test]
async fn the_page_is_told_cells_and_their_grid() {
    let server = start().await;
    let camera = CameraId::new("hp-07").unwrap();
    let [(_, cookie), _] = server.site.page_headers().await;
    assert!(!server.site.hub.is_silhouette_wanted(&camera));
    let headers = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
    let mut stream = Stream::open(server.port, PATH, &headers).await;
    assert!(server.site.hub.is_silhouette_wanted(&camera));
    assert!(!server.site.hub.is_silhouette_wanted(&CameraId::new("hp-01").unwrap()));

    server.site.hub.show_silhouette(&camera, silhouette(1, grid(5), &[0, 5, 6]));
    let band = |top_px: u32| json!({"top_px": top_px, "side_px": 5, "columns": 6});
    assert_eq!(
        stream.next().await,
        ("grid".to_owned(), json!({"size_px": [32, 18], "bands": [band(4), band(9)]}))
    );
    let cells = |second: u32, rows: [&str; 2]| {
        let at = format!("1970-01-01T00:00:0{second}Z");
        ("cells".to_owned(), json!({"at": at, "known_share": 0.5, "rows": rows}))
    };
    assert_eq!(stream.next().await, cells(1, ["84", "80"]));
    // The same cut again is not told again, another one is.
    server.site.hub.show_silhouette(&camera, silhouette(2, grid(5), &[]));
    assert_eq!(stream.next().await, cells(2, ["00", "00"]));
    server.site.hub.show_silhouette(&camera, silhouette(3, grid(10), &[5]));
    assert_eq!(stream.next().await.0, "grid");
    assert_eq!(stream.next().await, cells(3, ["0", "2"]));

    // Whoever stops watching is noticed, and nothing is made or kept any more.
    drop(stream);
    for second in 4.. {
        server.site.hub.show_silhouette(&camera, silhouette(second, grid(5), &[1]));
        if !server.site.hub.is_silhouette_wanted(&camera) {
            break;
        }
        assert!(second < 400, "still wanted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nobody_but_the_page_is_told() {
    let site = Site::over(no_database().await);
    let answer = site.get(PATH).await;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (403, Some("urn:wayside:problem:browser-only"))
    );
    assert!(!site.hub.is_silhouette_wanted(&CameraId::new("hp-07").unwrap()));
    let page = site.page_headers().await;
    let page: Vec<(&str, &str)> = page.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let none = site.get_with("/api/v1/cameras/hp-99/silhouette", &page).await;
    assert_eq!((none.status, none.json()["errors"][0]["field"].as_str()), (404, Some("id")));
    let odd = site.get_with(&format!("{PATH}?scale=2"), &page).await;
    assert_eq!((odd.status, odd.json()["errors"][0]["field"].as_str()), (400, Some("scale")));
}
