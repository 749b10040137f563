//! The reference pages against the code: a metric that is not described, or a described one that is gone,
//! fails here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::root;

fn sources(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// Every word in quotes or backticks that is a metric's name.
fn metrics(text: &str, quote: char) -> BTreeSet<String> {
    let is_name = |word: &&str| {
        word.starts_with("wayside_")
            && ["_total", "_seconds", "_waiting", "_rows", "_away", "_streams"]
                .iter()
                .any(|e| word.ends_with(e))
    };
    text.split(quote).filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_metric_is_described_and_none_that_is_gone() {
    let mut code = String::new();
    for one in std::fs::read_dir(root().join("crates")).unwrap() {
        let source = one.unwrap().path().join("src");
        if source.is_dir() {
            sources(&source, &mut code);
        }
    }
    let page = std::fs::read_to_string(root().join("docs/reference/metrics.md")).unwrap();
    let (in_code, on_page) = (metrics(&code, '"'), metrics(&page, '`'));
    assert!(in_code.len() > 10, "found only {in_code:?}");
    assert_eq!(in_code, on_page);
}
