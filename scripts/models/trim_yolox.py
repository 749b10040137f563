#!/usr/bin/env python3
"""Makes a faster YOLOX out of the plain export, with the same weights: another input size, six labels.

    trim_yolox.py PLAIN.onnx WIDTH HEIGHT OUT.onnx

WIDTH and HEIGHT are multiples of 32. The result is the same to the byte wherever it runs with the versions
in requirements.txt, as no weight is computed, only moved.

What changes, and why:

* The input's size. The network is convolutions throughout, so it takes any. A 16:9 picture fills 56 % of a
  square; the rest is grey padding that costs as much as picture.
* The first layer. The export cuts the picture into four by its odd and even rows and columns (YOLOX's
  "Focus") and convolves those 12 channels by 3x3. The same sums are one convolution of the 3 channels by
  6x6 with stride 2, without the eight strided copies.
* The class heads. Of COCO's 80 labels the six that Wayside reads are kept, in this order: pedestrian
  bicycle car motorcycle bus truck. There is nothing else left to read.

    input  `images`  [1, 3, HEIGHT, WIDTH]  BGR, 0 to 255
    output `output`  [1, cells, 11]         the grid of strides 8, 16, 32: box, objectness, six scores
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

LABELS = 80
# COCO counted from 0: person bicycle car motorcycle bus truck.
KEPT = [0, 1, 2, 3, 5, 7]
STRIDES = [8, 16, 32]
# Rows and columns that Focus takes for its four quarters, in the order in which it joins them.
QUARTERS = [(0, 0), (1, 0), (0, 1), (1, 1)]
# Focus is eight slices (rows, then columns, of each quarter) and a concatenation.
FOCUS_OPS = ["Slice"] * 8 + ["Concat"]


class Constants:
    """The graph's initializers as arrays, by name."""

    def __init__(self, graph):
        self.graph = graph
        self.index = {tensor.name: i for i, tensor in enumerate(graph.initializer)}

    def __getitem__(self, name):
        return numpy_helper.to_array(self.graph.initializer[self.index[name]])

    def __setitem__(self, name, array):
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
        if name in self.index:
            self.graph.initializer[self.index[name]].CopyFrom(tensor)
        else:
            self.index[name] = len(self.graph.initializer)
            self.graph.initializer.append(tensor)


def resize_input(graph, width, height):
    shape = graph.input[0].type.tensor_type.shape.dim
    shape[2].dim_value, shape[3].dim_value = height, width


def keep_labels(graph, constants):
    """Cuts the class heads down, and what counts on their width."""
    heads = [n for n in graph.node if n.op_type == "Conv" and constants[n.input[1]].shape[0] == LABELS]
    joints = [n for n in graph.node if n.op_type == "Reshape"]
    if len(heads) != len(STRIDES) or len(joints) != len(STRIDES):
        raise SystemExit(f"expected three class heads of {LABELS} labels and three reshapes, found {len(heads)} and {len(joints)}")
    for head in heads:
        for name in head.input[1:3]:
            constants[name] = constants[name][KEPT]
    for joint in joints:
        constants[joint.input[1]] = np.array([1, 5 + len(KEPT), -1], np.int64)


def join_focus(graph, constants):
    """One 6x6 convolution instead of Focus and a 3x3 one."""
    nodes = list(graph.node)
    focus, first = nodes[:9], nodes[9]
    weights = constants[first.input[1]] if first.op_type == "Conv" else np.empty(0)
    if [n.op_type for n in focus] != FOCUS_OPS or weights.shape[1:] != (12, 3, 3):
        raise SystemExit("the graph does not begin with YOLOX's Focus and a 3x3 convolution")
    for quarter, (row, column) in enumerate(quarters(focus, constants)):
        if (row, column) != QUARTERS[quarter]:
            raise SystemExit(f"Focus takes quarter {quarter} from row {row} and column {column}; {QUARTERS[quarter]} was expected")
    joined = np.zeros((weights.shape[0], 3, 6, 6), weights.dtype)
    for quarter, (row, column) in enumerate(QUARTERS):
        joined[:, :, row::2, column::2] = weights[:, 3 * quarter : 3 * quarter + 3]
    constants["stem"] = joined
    stem = helper.make_node(
        "Conv",
        [graph.input[0].name, "stem", first.input[2]],
        list(first.output),
        name=first.name,
        kernel_shape=[6, 6],
        strides=[2, 2],
        pads=[2, 2, 2, 2],
    )
    del graph.node[:]
    graph.node.extend([stem, *nodes[10:]])


def quarters(focus, constants):
    """First row and column of each quarter, in the order of the concatenation."""
    made_by = {n.output[0]: n for n in focus}
    for name in focus[-1].input:
        columns = made_by[name]
        rows = made_by[columns.input[0]]
        yield int(constants[rows.input[1]][0]), int(constants[columns.input[1]][0])


def drop_unused(graph):
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def trim(model, width, height):
    graph = model.graph
    # Shapes of the plain export's tensors; all of them are others now.
    del graph.value_info[:]
    constants = Constants(graph)
    resize_input(graph, width, height)
    keep_labels(graph, constants)
    join_focus(graph, constants)
    drop_unused(graph)
    out = graph.output[0].type.tensor_type.shape.dim
    out[1].dim_value = sum((width // s) * (height // s) for s in STRIDES)
    out[2].dim_value = 5 + len(KEPT)
    model.producer_name = "wayside"
    # Infers every shape anew, so a size that does not fit is found here.
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    width, height = map(int, sys.argv[2:4])
    for name, side in [("WIDTH", width), ("HEIGHT", height)]:
        if side % 32 or not 32 <= side <= 4096:
            raise SystemExit(f"{name} is {side}; it must be a multiple of 32, 32 to 4096")
    Path(sys.argv[4]).write_bytes(trim(onnx.load(sys.argv[1]), width, height))


if __name__ == "__main__":
    main()
