//! Searching what a run wrote and sent.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeSet;
use std::path::Path;

use crate::canary::Searcher;

pub fn nothing_in(name: &str, bytes: &[u8], searcher: &Searcher) {
    let found = searcher.find(bytes);
    assert!(found.is_empty(), "{name}: {found:?}");
}

/// Searches every file below a directory, for canaries and for pictures; how many bytes there were.
pub fn search_files(dir: &Path, searcher: &Searcher) -> usize {
    let mut searched = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // The server may remove a file of its own while we look.
        let Ok(kind) = path.symlink_metadata() else { continue };
        if kind.is_dir() {
            searched += search_files(&path, searcher);
        } else if kind.is_file()
            && let Ok(bytes) = std::fs::read(&path)
        {
            nothing_in(&path.display().to_string(), &bytes, searcher);
            only_stills(&path, &bytes);
            for magic in [b"Exif\0\0".as_slice(), b"\x89PNG\r\n\x1a\n", b"ftypisom", b"\x1aE\xdf\xa3"] {
                let holds = bytes.windows(magic.len()).any(|place| place == magic);
                assert!(!holds, "{} holds a picture or a film ({})", path.display(), magic.escape_ascii());
            }
            searched += bytes.len();
        }
    }
    searched
}

/// Every JPEG is an incident's still: it says so right after its header, which redaction alone writes.
fn only_stills(path: &Path, bytes: &[u8]) {
    let magic = b"JFIF\0";
    for (at, _) in bytes.windows(magic.len()).enumerate().filter(|(_, place)| place == magic) {
        // 14 bytes of JFIF, marker and length of the comment.
        let says = bytes.get(at + 14 + 4..).unwrap_or_default();
        assert!(says.starts_with(b"camera "), "{} holds a picture that is no still", path.display());
    }
}

/// No file is open that nobody can see.
pub fn no_hidden_files() {
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let Ok(target) = std::fs::read_link(entry.path()) else { continue };
        let target = target.display().to_string();
        assert!(!target.ends_with(" (deleted)"), "an unlinked file is open: {target}");
    }
}

/// Neither log nor metrics count by class or line.
pub fn nothing_counted(name: &str, text: &str, lines: &[String]) {
    for line in lines {
        assert!(!text.contains(line.as_str()), "{name} names the line {line}");
    }
    let labels: BTreeSet<&str> = ["class", "line", "direction", "movement"].into();
    let words = text.split(|c: char| !c.is_alphanumeric() && !"=_:\"".contains(c));
    for word in words {
        if let Some((label, _)) = word.split_once(['=', ':']) {
            assert!(!labels.contains(label.trim_matches('"')), "{name} has a label: {word}");
        }
    }
    for class in ["car", "bus", "truck", "motorcycle", "bicycle", "pedestrian"] {
        assert!(!text.contains(&format!("\"{class}\"")), "{name} names the class {class}");
    }
}
