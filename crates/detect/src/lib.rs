//! ONNX Runtime detectors.
