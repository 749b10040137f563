//! Association and motion filter.
