//! Wires the stages of many cameras.
