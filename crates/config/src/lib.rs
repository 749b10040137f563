//! Reads settings, cameras and profiles into types.
