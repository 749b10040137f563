//! Simulated RTSP cameras.
