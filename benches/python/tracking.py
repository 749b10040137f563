#!/usr/bin/env python3
"""Judges trackers on made detections: HOTA, IDF1 and MOTA as the `trackers` package computes them.

Reads one JSON object a line from standard input, as `wayside-benches tracking` writes them: frames with the truth,
what was found, and what our tracker made of it. Runs ByteTrack and OC-SORT of the package over what was found, each
with every setting of GRID, and tells for each tracker at each rate of the setting whose HOTA, IDF1 and MOTA together are best on these very
scenes; of ours also what the shipped setting does.
"""
import itertools
import json
import sys
import warnings

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker, OCSORTTracker
from trackers.eval import (
    aggregate_clear_metrics,
    aggregate_hota_metrics,
    aggregate_identity_metrics,
    box_iou,
    compute_clear_metrics,
    compute_hota_metrics,
    compute_identity_metrics,
)

warnings.filterwarnings("ignore")
# Score of a sure detection, least IoU. More than one detection to confirm a track did worse in every trial.
GRID = list(itertools.product([0.25, 0.4, 0.6], [0.1, 0.3]))
# Frames of the package's `lost_track_buffer` are of a camera with 30 a second: 1.5 s, as long as ours.
LOST = 45


def bytetrack(rate, high, iou):
    return ByteTrackTracker(
        lost_track_buffer=LOST,
        frame_rate=rate,
        track_activation_threshold=high,
        high_conf_det_threshold=high,
        minimum_iou_threshold=iou,
        minimum_consecutive_frames=1,
    )


def ocsort(rate, high, iou):
    return OCSORTTracker(
        lost_track_buffer=LOST,
        frame_rate=rate,
        high_conf_det_threshold=high,
        minimum_iou_threshold=iou,
        minimum_consecutive_frames=1,
    )


def follow(tracker, frames):
    tracks = []
    for frame in frames:
        found = frame["found"]
        boxes = np.array([f[0] for f in found], np.float32).reshape(-1, 4)
        given = sv.Detections(
            xyxy=boxes,
            confidence=np.array([f[1] for f in found], np.float32),
            class_id=np.array([f[2] for f in found], int),
        )
        out = tracker.update(given, timestamp=frame["t"])
        ids = out.tracker_id if out.tracker_id is not None else np.empty(0, int)
        named = [(int(i), box) for i, box in zip(ids, out.xyxy) if i >= 0]
        tracks.append(named)
    return tracks


def split(frames):
    ids = [np.array([i for i, _ in frame], int) for frame in frames]
    boxes = [np.array([box for _, box in frame], float).reshape(-1, 4) for frame in frames]
    return ids, boxes


def judged(truth, tracks):
    (true_ids, true_boxes), (ids, boxes) = split(truth), split(tracks)
    alike = [box_iou(a, b) if len(a) and len(b) else np.zeros((len(a), len(b))) for a, b in zip(true_boxes, boxes)]
    # The package wants identities counted from zero.
    _, flat = np.unique(np.concatenate(ids) if ids else [], return_inverse=True)
    dense = np.split(flat, np.cumsum([len(i) for i in ids])[:-1])
    _, flat = np.unique(np.concatenate(true_ids), return_inverse=True)
    true_dense = np.split(flat, np.cumsum([len(i) for i in true_ids])[:-1])
    return tuple(
        compute(true_dense, dense, alike)
        for compute in (compute_hota_metrics, compute_identity_metrics, compute_clear_metrics)
    )


def summed(parts):
    hota = aggregate_hota_metrics([p[0] for p in parts])
    identity = aggregate_identity_metrics([p[1] for p in parts])
    clear = aggregate_clear_metrics([p[2] for p in parts])
    return hota["HOTA"], identity["IDF1"], clear["MOTA"], clear["IDSW"]


def row(rate, name, figures, settings=""):
    hota, idf1, mota, switches = figures
    print(f"{rate:>4}/s  {name:<20} HOTA {hota:6.3f}  IDF1 {idf1:6.3f}  MOTA {mota:6.3f}  switches {switches:5.0f}  {settings}", flush=True)


def main():
    sequences = [json.loads(line) for line in sys.stdin]
    for scene in dict.fromkeys(s["scene"] for s in sequences):
        mean = next(s["vehicles"] for s in sequences if s["scene"] == scene)
        print(f"{scene}: {mean:.0f} vehicles in view on average")
    for rate in sorted({s["rate"] for s in sequences}):
        chosen = [s for s in sequences if s["rate"] == rate]
        truths = [[f["truth"] for f in s["frames"]] for s in chosen]
        tried = []
        for index, (high, start) in enumerate(chosen[0]["settings"]):
            tracks = [[f["ours"][index] for f in s["frames"]] for s in chosen]
            figures = summed([judged(t, o) for t, o in zip(truths, tracks)])
            tried.append((figures, f"(high {high:.2f}, start {start:.2f})"))
        row(rate, "Wayside, as shipped", *tried[0])
        row(rate, "Wayside", *max(tried, key=lambda row: sum(row[0][:3])))
        for name, make in (("ByteTrack", bytetrack), ("OC-SORT", ocsort)):
            tried = []
            for high, iou in GRID:
                parts = [judged(t, follow(make(rate, high, iou), s["frames"])) for t, s in zip(truths, chosen)]
                tried.append((summed(parts), f"(high {high:.2f}, IoU {iou:.2f})"))
            row(rate, name, *max(tried, key=lambda row: sum(row[0][:3])))


main()
