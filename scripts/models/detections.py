"""What a model finds in a picture, in numpy, and how much two models differ in it. For the scripts that make
variants of models and must know whether the variant is still as good; Wayside itself has all this in
crates/detect.
"""

from typing import NamedTuple

import cv2
import numpy as np

NMS_IOU = 0.45
# Lower than any score that is judged, so that a box that lost a little is seen to have lost a little.
MIN_SCORE = 0.1
# A box counts if the first model gives it this score; the other may give it a third less.
JUDGED_SCORE, OTHER_SCORE, SAME_IOU = 0.3, 0.2, 0.5


class Found(NamedTuple):
    """Boxes of one picture in pixels of the model's input: [n, 4], [n], [n]."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def tensor(picture, spec):
    """A BGR picture as the model wants it; `spec` is a manifest's [input]."""
    width, height = spec["width"], spec["height"]
    if spec.get("tensor", "nchw") != "nchw":
        raise SystemExit("input.tensor is not nchw; this script knows nothing else")
    if spec["resize"] == "stretch":
        fitted = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    else:
        rows, columns = picture.shape[:2]
        ratio = min(width / columns, height / rows)
        size = max(round(columns * ratio), 1), max(round(rows * ratio), 1)
        left, top = (0, 0) if spec["resize"].endswith("top-left") else ((width - size[0]) // 2, (height - size[1]) // 2)
        fitted = np.full((height, width, 3), spec.get("pad", 114), np.uint8)
        fitted[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if spec["colour"] == "rgb":
        fitted = fitted[..., ::-1]
    values = (fitted.astype(np.float32) * spec.get("scale", 1.0) - spec.get("mean", [0] * 3)) / spec.get("std", [1] * 3)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)


def find(session, picture_tensor, manifest):
    """Runs the model and decodes what comes out by the manifest's layout."""
    spec, roles = manifest["input"], manifest["output"]
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {spec["name"]: picture_tensor}), strict=True))
    by_role = {role: outputs[name][0] for role, name in roles.items()}
    boxes, scores = DECODERS[manifest["layout"]](by_role, spec)
    scores = scores[:, [int(label) for label in manifest["classes"]]]
    labels, best = scores.argmax(1), scores.max(1)
    kept = best >= MIN_SCORE
    return suppress(Found(boxes[kept], labels[kept], best[kept]))


def yolox_raw(out, spec):
    rows = out["predictions"]
    cells, steps = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[0 : spec["height"] // stride, 0 : spec["width"] // stride]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        steps.append(np.full((x.size, 1), stride))
    cells, steps = np.concatenate(cells), np.concatenate(steps)
    return corners((rows[:, :2] + cells) * steps, np.exp(rows[:, 2:4]) * steps), rows[:, 4:5] * rows[:, 5:]


def yolov8(out, _spec):
    rows = out["predictions"].T
    return corners(rows[:, :2], rows[:, 2:4]), rows[:, 4:]


def ssd(out, spec):
    return out["boxes"] * np.array([spec["width"], spec["height"]] * 2), out["scores"]


DECODERS = {"yolox_raw": yolox_raw, "yolov8": yolov8, "ssd": ssd}


def corners(middle, size):
    return np.concatenate([middle - size / 2, middle + size / 2], axis=1)


def suppress(found):
    """Per class, best first."""
    order = np.argsort(-found.scores, kind="stable")
    boxes, labels, scores = (part[order] for part in found)
    overlaps = (iou(boxes, boxes) > NMS_IOU) & (labels[:, None] == labels)
    kept = []
    for i in range(len(scores)):
        if not overlaps[i, kept].any():
            kept.append(i)
    return Found(boxes[kept], labels[kept], scores[kept])


def iou(a, b):
    low = np.maximum(a[:, None, :2], b[:, :2])
    high = np.minimum(a[:, None, 2:], b[:, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    area = [np.clip(part[:, 2:] - part[:, :2], 0, None).prod(axis=1) for part in (a, b)]
    return both / np.maximum(area[0][:, None] + area[1] - both, 1e-9)


class Agreement(NamedTuple):
    """How two models' findings in the same pictures compare."""

    boxes: int  # of the reference, at JUDGED_SCORE and above
    kept: float  # share of those that the other finds
    backed: float  # share of the other's boxes that the reference finds
    drift: float  # mean absolute difference of the scores of boxes that both find

    def __str__(self):
        return f"{self.kept:.1%} of {self.boxes} boxes found again, {self.backed:.1%} of its own backed, scores differ by {self.drift:.3f}"


def agreement(reference, other):
    """Compares two lists of Found, one entry a picture."""
    kept, changes = matched(reference, other)
    backed, _ = matched(other, reference)
    return Agreement(len(kept), share(kept), share(backed), float(np.mean(np.abs(changes))) if changes else 1.0)


def share(flags):
    return float(np.mean(flags)) if flags else 0.0


def matched(ours, theirs):
    """For each box of ours whether they have it, and how their score differs."""
    flags, changes = [], []
    for a, b in zip(ours, theirs, strict=True):
        judged = Found(*(part[a.scores >= JUDGED_SCORE] for part in a))
        there = Found(*(part[b.scores >= OTHER_SCORE] for part in b))
        overlap = iou(judged.boxes, there.boxes) * (judged.labels[:, None] == there.labels)
        for row, score in zip(overlap, judged.scores, strict=True):
            flags.append(bool(row.size) and row.max() >= SAME_IOU)
            if flags[-1]:
                changes.append(float(there.scores[row.argmax()] - score))
    return flags, changes
