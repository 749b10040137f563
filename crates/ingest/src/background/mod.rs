//! The running background picture.
