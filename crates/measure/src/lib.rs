//! Crossings, movements, speeds, bins.
