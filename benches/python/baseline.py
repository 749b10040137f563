#!/usr/bin/env python3
"""The usual way in Python: OpenCV decodes, onnxruntime detects, `trackers` follows, a line counts.

baseline.py VIDEO CAMERA.toml MODEL.onnx RATE

The same clip, detector, rate and lines as `wayside analyze`, on one core. Prints the counts, so that costs
are compared at known accuracy. The decoder and tensor code follow the model's own description (YOLOX: Ge
et al., arXiv 2107.08430).
"""
import sys
import tomllib

import cv2
import numpy as np
import onnxruntime
import supervision as sv
from trackers import ByteTrackTracker

SIZE = 416
VEHICLES = {2: "car", 5: "bus", 7: "truck", 3: "motorcycle", 1: "bicycle", 0: "pedestrian"}


def grid():
    centres, strides = [], []
    for stride in (8, 16, 32):
        n = SIZE // stride
        ys, xs = np.mgrid[0:n, 0:n]
        centres.append(np.stack([xs, ys], axis=-1).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    return np.concatenate(centres), np.concatenate(strides)


CENTRES, STRIDES = grid()


def tensor(frame):
    height, width = frame.shape[:2]
    ratio = min(SIZE / height, SIZE / width)
    small = cv2.resize(frame, (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
    padded = np.full((SIZE, SIZE, 3), 114, np.uint8)
    padded[: small.shape[0], : small.shape[1]] = small
    return np.ascontiguousarray(padded.transpose(2, 0, 1), np.float32)[None], ratio


def detections(output, ratio):
    rows = output[0]
    centre = (rows[:, :2] + CENTRES) * STRIDES
    size = np.exp(rows[:, 2:4]) * STRIDES
    scores = rows[:, 4:5] * rows[:, 5:]
    classes = scores.argmax(1)
    best = scores.max(1)
    keep = (best >= 0.1) & np.isin(classes, list(VEHICLES))
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)[keep] / ratio
    found = sv.Detections(xyxy=boxes.astype(np.float32), confidence=best[keep].astype(np.float32), class_id=classes[keep])
    return found.with_nms(threshold=0.45, class_agnostic=True)


def side(a, b, p):
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def crosses(a, b, p, q):
    return side(a, b, p) * side(a, b, q) < 0 and side(p, q, a) * side(p, q, b) < 0


def main(video, camera, model, rate):
    with open(camera, "rb") as file:
        lines = tomllib.load(file)["line"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    cv2.setNumThreads(1)
    source = cv2.VideoCapture(video)
    tracker = ByteTrackTracker(
        frame_rate=rate, track_activation_threshold=0.4, high_conf_det_threshold=0.4, minimum_consecutive_frames=2
    )
    last, counts, due = {}, {}, 0.0
    while source.grab():
        at = source.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if at + 1e-6 < due:
            continue
        due = max(due + 1 / rate, at)
        frame = source.retrieve()[1]
        pixels, ratio = tensor(frame)
        found = tracker.update(detections(session.run(None, {name: pixels})[0], ratio))
        height, width = frame.shape[:2]
        for box, track in zip(found.xyxy, found.tracker_id):
            if track < 0:
                continue
            point = ((box[0] + box[2]) / 2 / width, box[3] / height)
            before = last.get(track)
            last[track] = point
            for line in lines:
                a, b = line["points"]
                if before is not None and crosses(a, b, before, point):
                    way = "forward" if side(a, b, point) > 0 else "backward"
                    counts[line["id"], way] = counts.get((line["id"], way), 0) + 1
    print("python counts:", ", ".join(f"{line} {way} {n}" for (line, way), n in sorted(counts.items())))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
