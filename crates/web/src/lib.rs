//! The web app, embedded: its built files by path, with what a server has to say about each. The app's
//! source is in `ui/` (Vite, TypeScript, Svelte) and is built before Cargo runs; serving it, its headers
//! and its session are `api`'s work.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/app"]
struct App;

/// One file of the web app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The file as it is to be sent.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type, with the character set of texts.
    pub content_type: &'static str,
    /// Whether its path holds a hash of its bytes, so that a browser may keep it for ever. Everything else
    /// must be asked for anew each time.
    pub immutable: bool,
}

/// The file at `path`, without a leading slash; the page itself is `index.html`. `None` when the app has
/// no such file.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let file = App::get(path)?;
    Some(Asset { bytes: file.data, content_type: content_type(path), immutable: path.starts_with(HASHED) })
}

/// Where Vite puts the files whose names hold a hash of their bytes.
const HASHED: &str = "assets/";

/// Media types of what the app is made of (IANA media types registry).
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        String::from_utf8(asset(path).unwrap_or_else(|| panic!("{path} is missing")).bytes.into_owned())
            .unwrap()
    }

    #[test]
    fn the_page_is_there_and_asked_for_anew_each_time() {
        let page = asset("index.html").unwrap();
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert!(!page.immutable);
        assert!(text("index.html").contains("<title>Wayside</title>"));
    }

    #[test]
    fn nothing_lies_outside_the_app() {
        for path in ["", "/index.html", "../build.rs", "assets/../index.html", "assets", "nothing.js"] {
            assert_eq!(asset(path), None, "{path:?}");
        }
    }

    /// The content security policy allows scripts and styles from files of our own only, and the app must
    /// work without any other machine.
    #[test]
    fn the_page_holds_no_inline_code_and_names_no_other_machine() {
        let page = text("index.html");
        assert!(!page.contains("<style"), "inline style sheet");
        assert!(!page.contains(" style="), "inline style");
        assert!(!page.contains("//"), "an address of another machine in {page}");
        for script in page.split("<script").skip(1) {
            assert!(
                script.starts_with(" type=\"module\"") && script.contains("></script>"),
                "inline script: {script}"
            );
        }
    }

    #[test]
    fn every_file_that_the_page_names_is_embedded() {
        let page = text("index.html");
        let named = page.split(['"', '\'']).filter(|s| s.starts_with("/assets/") || s.ends_with(".svg"));
        for path in named {
            let asset = asset(path.trim_start_matches('/')).unwrap_or_else(|| panic!("{path} is missing"));
            assert_eq!(asset.immutable, path.starts_with("/assets/"), "{path}");
            assert_ne!(asset.content_type, "application/octet-stream", "{path}");
            assert!(!asset.bytes.is_empty(), "{path}");
        }
    }

    #[test]
    fn every_file_has_a_media_type() {
        for path in App::iter() {
            let asset = asset(&path).unwrap();
            assert_ne!(asset.content_type, "application/octet-stream", "{path}");
        }
    }
}
