//! RTSP and files to time-stamped frames.
