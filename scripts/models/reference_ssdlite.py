#!/usr/bin/env python3
"""Runs the TensorFlow.js graph of SSDLite as it is, in numpy, and writes what it finds in a picture.

    reference_ssdlite.py PACKAGE PICTURE.png OUT.json

It shares nothing with the converter but the reading of the file: NHWC, batch norms unfolded, all 91
labels, TensorFlow's own order of things. crates/detect compares the converted model, run by ONNX Runtime
and decoded in Rust, with crates/detect/tests/fixtures/ssdlite.expected.json, which this wrote from
../shared/models/frame.png.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

from tfjs import LABELS, SIDE, Graph

MIN_SCORE, NMS_IOU = 0.3, 0.45


def read_png(path):
    """An 8-bit RGB PNG without interlacing as [height, width, 3]."""
    data, offset, body = Path(path).read_bytes(), 8, b""
    while offset < len(data):
        length, kind = struct.unpack(">I4s", data[offset : offset + 8])
        chunk = data[offset + 8 : offset + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunk)
            if (depth, colour, interlaced) != (8, 2, 0):
                raise SystemExit(f"{path}: only 8-bit RGB without interlacing is read")
        body += chunk if kind == b"IDAT" else b""
        offset += 12 + length
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + 3 * width)
    picture = np.zeros((height + 1, width + 1, 3), np.int64)
    for y in range(height):
        kind, line = rows[y, 0], rows[y, 1:].reshape(width, 3).astype(np.int64)
        for x in range(width):
            left, up, corner = picture[y + 1, x], picture[y, x + 1], picture[y, x]
            guess = left + up - corner
            errors = np.abs(guess - left), np.abs(guess - up), np.abs(guess - corner)
            nearest_up = np.where(errors[1] <= errors[2], up, corner)
            paeth = np.where((errors[0] <= errors[1]) & (errors[0] <= errors[2]), left, nearest_up)
            predicted = (0, left, up, (left + up) // 2, paeth)[kind]
            picture[y + 1, x + 1] = (line[x] + predicted) & 255
    return picture[1:, 1:]


def resize_weights(source, target):
    """Rows of a triangle filter as wide as the scale asks for: what Wayside does beyond a halving."""
    scale = source / target
    middle = (np.arange(target) + 0.5) * scale
    distance = np.abs(np.arange(source)[None] + 0.5 - middle[:, None]) / max(scale, 1.0)
    weights = np.maximum(1.0 - distance, 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


class Interpreter:
    """Evaluates nodes by name, in float32 as TensorFlow does."""

    def __init__(self, graph, picture):
        self.graph, self.values = graph, {graph.picture: picture}

    def __call__(self, name):
        name = self.graph.plain(name)
        if self.graph.is_constant(name):
            return self.graph.constant(name)
        if name not in self.values:
            node = self.graph.node(name)
            self.values[name] = getattr(self, node["op"])(node, *node["input"])
        return self.values[name]

    def Conv2D(self, node, source, kernel):
        patches = self.patches(node, self(source), self(kernel).shape)
        kernel = self(kernel)
        return np.tensordot(patches, kernel, axes=([3, 4, 5], [0, 1, 2]))

    def DepthwiseConv2dNative(self, node, source, kernel):
        patches = self.patches(node, self(source), self(kernel).shape)
        return np.einsum("nyxhwc,hwc->nyxc", patches, self(kernel)[..., 0])

    @staticmethod
    def patches(node, x, kernel_shape):
        stride = int(node["attr"]["strides"]["list"]["i"][1])
        padding = bytes(node["attr"]["padding"]["s"]).decode()
        if padding != "SAME":
            raise SystemExit(f"{node['name']}: padding {padding}")
        pads = [(0, 0)]
        for side, size in zip(x.shape[1:3], kernel_shape[:2]):
            total = max((-(-side // stride) - 1) * stride + size - side, 0)
            pads.append((total // 2, total - total // 2))
        x = np.pad(x, pads + [(0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel_shape[:2], axis=(1, 2))
        return windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)

    def FusedBatchNorm(self, node, *inputs):
        x, gamma, beta, mean, variance = map(self, inputs)
        return (x - mean) / np.sqrt(variance + np.float32(node["attr"]["epsilon"]["f"])) * gamma + beta

    def Add(self, _node, a, b):
        return self(a) + self(b)

    BiasAdd = AddN = Add

    def Mul(self, _node, a, b):
        return self(a) * self(b)

    def Relu6(self, _node, x):
        return np.clip(self(x), 0, 6)


def detect(graph, picture):
    height, width = picture.shape[:2]
    rows, columns = resize_weights(height, SIDE), resize_weights(width, SIDE)
    resized = np.einsum("yY,YXc,xX->yxc", rows, picture.astype(np.float64), columns, optimize=True)
    run = Interpreter(graph, (resized / 127.5 - 1).astype(np.float32)[None])
    # The heads' own Reshape needs the batch size of a graph that runs; its input is reshaped here.
    before = [[graph.node(f"BoxPredictor_{k}/{r}")["input"][0] for k in range(6)] for r in ("Reshape", "Reshape_1")]
    codes = np.concatenate([run(n).reshape(-1, 4) for n in before[0]])
    logits = np.concatenate([run(n).reshape(-1, 91) for n in before[1]])
    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))[:, list(LABELS)]
    y1, x1, y2, x2 = graph.anchors()[0].astype(np.float64).T
    ty, tx, th, tw = codes.astype(np.float64).T / np.array([[10], [10], [5], [5]])
    cy, cx = ty * (y2 - y1) + (y1 + y2) / 2, tx * (x2 - x1) + (x1 + x2) / 2
    h, w = np.exp(th) * (y2 - y1), np.exp(tw) * (x2 - x1)
    boxes = np.stack([(cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height], 1)
    return suppress(boxes, scores.argmax(1), scores.max(1))


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.prod(np.maximum(high - low, 0))
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def suppress(boxes, labels, scores):
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if scores[i] >= MIN_SCORE and all(labels[k] != labels[i] or iou(boxes[k], boxes[i]) <= NMS_IOU for k in kept):
            kept.append(i)
    names = list(LABELS.values())
    return [
        {"class": names[labels[i]], "score": round(float(scores[i]), 3), "box_px": np.round(boxes[i], 1).tolist()}
        for i in kept
    ]


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    package, picture, out = sys.argv[1:]
    found = detect(Graph(package), read_png(picture))
    spec = {"note": f"score >= {MIN_SCORE}, per-class NMS at IoU {NMS_IOU}", "ssdlite": found}
    Path(out).write_text(json.dumps(spec, indent=1) + "\n")


if __name__ == "__main__":
    main()
