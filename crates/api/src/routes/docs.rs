//! `GET /api/docs/`: a page to browse this API by. It is Swagger UI, whose files come inside the binary:
//! nothing is fetched from anywhere, so that it works on a network without the internet.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::Config;

use crate::problem::{Kind, Problem};

/// Like every page's, but with styles in attributes, which Swagger UI writes.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The files of the page, without source maps and the OAuth hand-over that we don't use.
const FILES: [&str; 8] = [
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // The validator is a service on the internet that would be shown every address.
    Arc::new(Config::new(["/api/openapi.json"]).validator_url("none").use_base_layout())
});

/// `/api/docs` without the slash: the page's own links are relative to the folder.
pub(crate) async fn redirect() -> Redirect {
    Redirect::permanent("/api/docs/")
}

/// The page.
pub(crate) async fn index() -> Result<Response, Problem> {
    file_named("index.html")
}

/// One of its files.
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    file_named(&name)
}

fn file_named(name: &str) -> Result<Response, Problem> {
    let missing = || Problem::field(Kind::NotFound, "file", name, format!("one of: {}", FILES.join(" ")));
    if !FILES.contains(&name) {
        return Err(missing());
    }
    let file = utoipa_swagger_ui::serve(name, CONFIG.clone()).map_err(|error| Problem::internal(&error))?;
    let file = file.ok_or_else(missing)?;
    let content_type = HeaderValue::from_str(&file.content_type).map_err(|e| Problem::internal(&e))?;
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, file.bytes.into_owned()).into_response())
}
