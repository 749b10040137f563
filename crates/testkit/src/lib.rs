//! Simulated clock, throw-away database (dev only).
