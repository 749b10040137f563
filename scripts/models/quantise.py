#!/usr/bin/env python3
"""Makes an INT8 copy of a detector from frames of your own cameras, and keeps it only if it is worth having.

    .wayside/venv/bin/python -m pip install --require-hashes -r scripts/models/requirements-quantise.txt
    .wayside/venv/bin/python scripts/models/quantise.py --model NAME --frames PATH...

PATHs are videos, pictures, or folders of them: about a hundred frames of different hours and weather. They
set the range of every activation, so a street that was never seen in calibration costs accuracy. The last
quarter of each video or folder is held out. On it the copy must find what the original finds, and it must be
faster on this machine; otherwise nothing is written and the exit status is 1.

Static quantisation (QDQ, 8 bits, weights per channel). Three ways are tried, the one that saves most first, and
the first that passes is kept: every operator up to the last convolutions; convolutions only, with their
activations in float; the same without the heads, whose box offsets would share 256 steps with what becomes
a score, and without the depthwise convolutions, whose channels differ too much in range to share them.

Writes NAME_int8.onnx beside the original and its manifest beside the others. The result depends on the frames,
so its hash is written into that manifest, and there is nothing to fetch.
"""

import argparse
import hashlib
import logging
import re
import statistics
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

try:
    import cv2
    import numpy as np
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed; the first lines of {__file__} say how to get it")

import detections

ROOT = Path(__file__).resolve().parents[2]
FRAMES_A_SOURCE = 60
PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm"}
# Per-channel quantisation needs 13.
OPSET = 13
# With fewer boxes on the held-out frames the shares below say nothing.
MIN_BOXES = 50
CONVOLUTIONS = ["Conv", "Clip"]
OPERATORS = [*CONVOLUTIONS, "Sigmoid", "Mul", "Add", "Concat", "MaxPool", "Resize"]


def arguments():
    parser = argparse.ArgumentParser(description="Makes an INT8 copy of a detector, kept only if its detections hold.")
    parser.add_argument("--model", required=True, help="name of a manifest, without .toml")
    parser.add_argument("--frames", required=True, nargs="+", type=Path, help="videos, pictures, or folders of them")
    parser.add_argument("--manifests", type=Path, default=ROOT / "models", help="folder of manifests")
    parser.add_argument("--models", type=Path, default=ROOT / ".wayside/models", help="folder of model files")
    parser.add_argument("--calibration", choices=["minmax", "percentile", "entropy"], default="minmax")
    parser.add_argument("--min-kept", type=float, default=0.97, help="share of boxes that must be found again, and be backed")
    parser.add_argument("--max-drift", type=float, default=0.05, help="largest mean change of their scores")
    parser.add_argument("--max-time", type=float, default=0.9, help="largest share of the original's time")
    options = parser.parse_args()
    for name in ("min_kept", "max_drift", "max_time"):
        if not 0 < getattr(options, name) <= 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(options, name)}; it must be above 0 and at most 1")
    return options


def sources(paths):
    """Lists of pictures, one a video or folder, in their own order."""
    for path in paths:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES | VIDEOS)
            if not files:
                raise SystemExit(f"{path}: no pictures or videos in it (known: {' '.join(sorted(PICTURES | VIDEOS))})")
            stills = [p for p in files if p.suffix.lower() in PICTURES]
            if stills:
                yield [picture(p) for p in spread(stills)]
            for video in files:
                if video.suffix.lower() in VIDEOS:
                    yield frames(video)
        elif path.suffix.lower() in PICTURES:
            yield [picture(path)]
        else:
            yield frames(path)


def spread(things):
    """At most FRAMES_A_SOURCE of them, evenly."""
    return things[:: max(-(-len(things) // FRAMES_A_SOURCE), 1)]


def picture(path):
    found = cv2.imread(str(path))
    if found is None:
        raise SystemExit(f"{path}: no picture in it can be read")
    return found


def frames(path):
    capture = cv2.VideoCapture(str(path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    step, index, kept = max(-(-count // FRAMES_A_SOURCE), 1), 0, []
    while capture.grab():
        if index % step == 0:
            kept.append(capture.retrieve()[1])
        index += 1
    if not kept:
        raise SystemExit(f"{path}: no picture in it can be read")
    return kept


def split(groups, spec):
    """(for calibration, held out): of each group its last quarter is held out."""
    known, held_out = [], []
    for group in groups:
        tensors = [detections.tensor(p, spec) for p in group]
        cut = len(tensors) - len(tensors) // 4
        known += tensors[:cut]
        held_out += tensors[cut:]
    if not held_out:
        raise SystemExit("no frames are left to judge the result by: give videos, or folders of four pictures and more")
    return known, held_out


class Reader(CalibrationDataReader):
    def __init__(self, name, tensors):
        self.name, self.rest = name, iter(tensors)

    def get_next(self):
        tensor = next(self.rest, None)
        return None if tensor is None else {self.name: tensor}


def prepared(path):
    """The model in an opset that can be quantised per channel, with shapes and a name for each node."""
    model = onnx.load(path)
    if model.opset_import[0].version < OPSET:
        del model.graph.value_info[:]
        model = onnx.version_converter.convert_version(model, OPSET)
    for index, node in enumerate(model.graph.node):
        node.name = f"{index}_{node.op_type}"
    return onnx.shape_inference.infer_shapes(model)


class Recipe(NamedTuple):
    name: str
    operators: list
    left_alone: list  # names of nodes that stay in float


def recipes(model):
    """The one that saves most first."""
    convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
    depthwise = [n.name for n in convolutions if any(a.name == "group" and a.i > 1 for a in n.attribute)]
    tail, read_by_tail = behind_the_last_convolutions(model.graph)
    heads = [n.name for n in convolutions if n.output[0] in read_by_tail]
    present = {n.op_type for n in model.graph.node}
    every, few = ([op for op in ops if op in present] for ops in (OPERATORS, CONVOLUTIONS))
    return [
        Recipe("every operator", every, tail),
        Recipe("convolutions", few, tail),
        Recipe("convolutions but heads and depthwise", few, tail + heads + depthwise),
    ]


def behind_the_last_convolutions(graph):
    """(names of nodes after which no convolution follows, names of the tensors that these read)."""
    ahead, nodes, reads = set(), [], set()
    for node in reversed(graph.node):
        if node.op_type == "Conv" or any(name in ahead for name in node.output):
            ahead.update(node.input)
        else:
            nodes.append(node.name)
            reads.update(node.input)
    return nodes, reads


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def milliseconds(sessions, name, tensor):
    """Median processor time of a run on one thread, by turns, so that other work on the machine costs all alike."""
    times = [[] for _ in sessions]
    for turn in range(23):
        for one, spent in zip(sessions, times, strict=True):
            start = time.process_time()
            one.run(None, {name: tensor})
            if turn >= 3:
                spent.append(time.process_time() - start)
    return [1e3 * statistics.median(spent) for spent in times]


def quantise(source, target, reader, recipe, method):
    quantize_static(
        str(source),
        str(target),
        reader,
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=recipe.operators,
        nodes_to_exclude=recipe.left_alone,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[{"minmax": "MinMax", "percentile": "Percentile", "entropy": "Entropy"}[method]],
    )


def objections(result, ratio, options):
    """Why a copy is not worth having; empty if it is."""
    limits = [
        (result.kept < options.min_kept, f"finds only {result.kept:.1%} of the boxes again ({options.min_kept:.1%} wanted)"),
        (result.backed < options.min_kept, f"only {result.backed:.1%} of its boxes are the original's too ({options.min_kept:.1%} wanted)"),
        (result.drift > options.max_drift, f"scores change by {result.drift:.3f} (at most {options.max_drift} wanted)"),
        (ratio > options.max_time, f"takes {ratio:.2f} of the original's time (at most {options.max_time} wanted)"),
    ]
    return [text for failed, text in limits if failed]


def write_manifest(source, target, name, sha256):
    text = source.read_text().split("\n[fetch]")[0]
    text = text[text.index("name = ") :]
    text = re.sub(r'^name = ".*"', f'name = "{name}_int8"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r'^file = ".*"', f'file = "{name}_int8.onnx"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r'sha256 = "[0-9a-f]*"', f'sha256 = "{sha256}"', text, count=1)
    text = re.sub(r'origin = "(.*)"', r'origin = "\1; quantised on frames of our own"', text, count=1)
    target.write_text(f"# The INT8 copy of {name}, made here by scripts/models/quantise.py.\n\n{text.rstrip()}\n")


def first_worth_having(original, manifest, known, held_out, reference, options):
    """Leaves the INT8 copy in place and gives its path, or None."""
    spec, path = manifest["input"], options.models / manifest["file"]
    with tempfile.TemporaryDirectory(dir=options.models, prefix=".quantise-") as work:
        source, copy = Path(work) / "prepared.onnx", Path(work) / "copy.onnx"
        model = prepared(path)
        onnx.save(model, source)
        for recipe in recipes(model):
            quantise(source, copy, Reader(spec["name"], known), recipe, options.calibration)
            smaller = session(copy)
            result = detections.agreement(reference, [detections.find(smaller, t, manifest) for t in held_out])
            before, after = milliseconds([original, smaller], spec["name"], held_out[0])
            against = objections(result, after / before, options)
            print(f"{recipe.name}: {before:.1f} ms -> {after:.1f} ms, {result}", flush=True)
            if not against:
                return copy.replace(options.models / f"{options.model}_int8.onnx")
            print("  refused: " + "; ".join(against), flush=True)
    return None


def main():
    options = arguments()
    # It advises a pre-processing that would fuse what is to be quantised.
    logging.getLogger().setLevel(logging.ERROR)
    path = options.manifests / f"{options.model}.toml"
    if not path.is_file():
        raise SystemExit(f"--model {options.model}: there is no {path}")
    manifest = tomllib.loads(path.read_text())
    if manifest["layout"] not in detections.DECODERS:
        raise SystemExit(f"layout {manifest['layout']} can't be judged here; known are: {' '.join(detections.DECODERS)}")
    known, held_out = split(sources(options.frames), manifest["input"])
    original = session(options.models / manifest["file"])
    reference = [detections.find(original, t, manifest) for t in held_out]
    boxes = sum(int((found.scores >= detections.JUDGED_SCORE).sum()) for found in reference)
    print(f"{len(known)} frames to calibrate on; {len(held_out)} held out, with {boxes} boxes of score {detections.JUDGED_SCORE} and above")
    if boxes < MIN_BOXES:
        raise SystemExit(f"{boxes} boxes are too few to judge by; at least {MIN_BOXES} are needed: give more, or busier frames")
    target = first_worth_having(original, manifest, known, held_out, reference, options)
    if target is None:
        raise SystemExit(f"no INT8 copy of {options.model} is worth having; nothing is written")
    sha256 = hashlib.sha256(target.read_bytes()).hexdigest()
    write_manifest(path, options.manifests / f"{options.model}_int8.toml", options.model, sha256)
    print(f"{target} and its manifest are written")


if __name__ == "__main__":
    main()
