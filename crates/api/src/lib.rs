//! HTTP: queries, live events, OpenAPI.
