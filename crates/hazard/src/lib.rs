//! Incident rules.
