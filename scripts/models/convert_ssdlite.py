#!/usr/bin/env python3
"""Converts the TensorFlow.js graph of SSDLite-MobileNetV2 (COCO) to ONNX, with numpy and onnx only.

    convert_ssdlite.py PACKAGE OUT.onnx

PACKAGE is the unpacked npm package (or its models/coco-ssd directory). The result is the same to the
byte wherever it runs with the versions in requirements.txt: only additions, multiplications, divisions
and square roots of float64, which IEEE 754 rounds alike everywhere.

What changes on the way: NHWC becomes NCHW; batch norms and biases are folded into the convolutions;
SAME padding is written out; the anchors are decoded in the graph; and of the 91 labels of the class
heads only the six that Wayside reads are kept, which saves time and leaves nothing else to read.

    input  `images`  [batch, 3, 300, 300]  RGB, pixel / 127.5 - 1, stretched
    output `boxes`   [batch, 1917, 4]      x1, y1, x2, y2 in fractions of the input
    output `scores`  [batch, 1917, 6]      pedestrian bicycle car motorcycle bus truck, through the sigmoid
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tfjs import LABELS, SIDE, Graph

OPSET = 13
IR_VERSION = 8


class Writer:
    """Collects ONNX nodes and constants."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name


class Converter:
    """Walks the graph from its heads to the picture and writes each node once."""

    def __init__(self, graph):
        self.graph, self.writer = graph, Writer()
        self.done = {}

    def tensor(self, name):
        """The ONNX name and the spatial size of a TensorFlow node's output."""
        if name not in self.done:
            self.done[name] = self.convert(name)
        return self.done[name]

    def convert(self, name):
        if name == self.graph.picture:
            return "images", SIDE
        node = self.graph.node(name)
        if node["op"] == "Relu6":
            source, side = self.tensor(node["input"][0])
            return self.writer.node("Clip", [source, "zero", "six"], name), side
        if self.is_sum(node):
            return self.sum(node, np.float64(0.0))
        inner = self.varying(node)
        if node["op"] == "Add" and self.is_sum(inner):
            # A bias that an optimiser moved behind the residual's sum: it goes back to the convolution.
            return self.sum(inner, self.affine(node)[1], name)
        return self.convolution(name)

    def varying(self, node):
        """The node behind the one input that is not constant."""
        return self.graph.node(next(i for i in node["input"] if not self.graph.is_constant(i)))

    def is_sum(self, node):
        """Whether a node adds two tensors, neither of them constant."""
        return node["op"] in ("Add", "AddN") and not any(map(self.graph.is_constant, node["input"]))

    def sum(self, node, bias, name=None):
        first, second = node["input"]
        a, side = self.convolution(first, bias=bias)
        b, _ = self.tensor(second)
        return self.writer.node("Add", [a, b], name or node["name"]), side

    def convolution(self, name, labels=None, bias=np.float64(0.0)):
        """A convolution with everything affine that follows it. `name` is the last node of that chain."""
        scale, shift = np.float64(1.0), bias
        node = self.graph.node(name)
        while node["op"] not in ("Conv2D", "DepthwiseConv2dNative"):
            gain, offset = self.affine(node)
            # The later node sees what the earlier one gives: y = scale * (gain * x + offset) + shift.
            scale, shift = scale * gain, scale * offset + shift
            node = self.varying(node)
        source, side = self.tensor(node["input"][0])
        kernel = self.graph.constant(node["input"][1]).astype(np.float64)
        group = 1
        if node["op"] == "DepthwiseConv2dNative":
            height, width, channels, multiplier = kernel.shape
            group, kernel = channels, kernel.reshape(height, width, 1, channels * multiplier)
        kernel = kernel.transpose(3, 2, 0, 1)
        channels = kernel.shape[0]
        kernel = kernel * np.broadcast_to(scale, channels).reshape(-1, 1, 1, 1)
        shift = np.broadcast_to(shift, channels)
        if labels is not None:
            kept = [a * labels[0] + label for a in range(channels // labels[0]) for label in labels[1]]
            kernel, shift = kernel[kept], shift[kept]
        stride = node["attr"]["strides"]["list"]["i"][1]
        pads, out_side = same_padding(side, kernel.shape[2], int(stride))
        weights = self.writer.constant(f"{name}/kernel", kernel.astype(np.float32))
        biases = self.writer.constant(f"{name}/bias", shift.astype(np.float32))
        output = self.writer.node(
            "Conv",
            [source, weights, biases],
            name,
            kernel_shape=list(kernel.shape[2:]),
            strides=[int(stride)] * 2,
            pads=pads,
            group=group,
        )
        return output, out_side

    def affine(self, node):
        """(gain, offset) of a node that multiplies or adds constants, in float64."""
        values = [self.graph.constant(i).astype(np.float64) for i in node["input"] if self.graph.is_constant(i)]
        if node["op"] in ("Add", "AddV2", "BiasAdd"):
            return np.float64(1.0), values[0].reshape(-1)
        if node["op"] == "Mul":
            return values[0].reshape(-1), np.float64(0.0)
        if node["op"] == "FusedBatchNorm":
            gamma, beta, mean, variance = values
            gain = gamma / np.sqrt(variance + node["attr"]["epsilon"]["f"])
            return gain, beta - mean * gain
        raise SystemExit(f"{node['name']}: op {node['op']} is not expected here")

    def head(self, name, width, labels=None):
        """A predictor's convolution as [batch, anchors, width]."""
        source, _ = self.convolution(self.graph.node(name)["input"][0], labels)
        rows = self.writer.node("Transpose", [source], f"{name}/nhwc", perm=[0, 2, 3, 1])
        return self.writer.node("Reshape", [rows, f"per_anchor_{width}"], name)


def same_padding(side, kernel, stride):
    """TensorFlow's SAME: the odd pixel of padding goes to the right and the bottom."""
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    before, after = total // 2, total - total // 2
    return [before, before, after, after], out


def decode_boxes(writer, codes, anchors):
    """Faster R-CNN box codes (ty, tx, th, tw, divided by 10, 10, 5, 5) to corners."""
    y1, x1, y2, x2 = (anchors.astype(np.float64)[..., i : i + 1] for i in range(4))
    axes = {"y": (y1, y2), "x": (x1, x2)}
    writer.constant("split", np.array([1, 1, 1, 1], np.int64))
    writer.constant("half", np.array(0.5, np.float32))
    writer.constant("fifth", np.array(0.2, np.float32))
    writer.nodes.append(helper.make_node("Split", [codes, "split"], ["ty", "tx", "th", "tw"], name="codes", axis=2))
    corners = {}
    for axis, (low, high) in axes.items():
        size = high - low
        writer.constant(f"{axis}/middle", ((low + high) / 2).astype(np.float32))
        writer.constant(f"{axis}/step", (size / 10).astype(np.float32))
        writer.constant(f"{axis}/size", size.astype(np.float32))
        moved = writer.node("Mul", [f"t{axis}", f"{axis}/step"], f"{axis}/moved")
        middle = writer.node("Add", [moved, f"{axis}/middle"], f"{axis}/centre")
        code = "th" if axis == "y" else "tw"
        exponent = writer.node("Mul", [code, "fifth"], f"{axis}/exponent")
        grown = writer.node("Exp", [exponent], f"{axis}/grown")
        whole = writer.node("Mul", [grown, f"{axis}/size"], f"{axis}/extent")
        half = writer.node("Mul", [whole, "half"], f"{axis}/half")
        corners[f"{axis}1"] = writer.node("Sub", [middle, half], f"{axis}1")
        corners[f"{axis}2"] = writer.node("Add", [middle, half], f"{axis}2")
    writer.node("Concat", [corners[c] for c in ("x1", "y1", "x2", "y2")], "boxes", axis=2)


def convert(graph):
    converter = Converter(graph)
    writer = converter.writer
    writer.constant("zero", np.array(0.0, np.float32))
    writer.constant("six", np.array(6.0, np.float32))
    writer.constant("per_anchor_4", np.array([0, -1, 4], np.int64))
    writer.constant(f"per_anchor_{len(LABELS)}", np.array([0, -1, len(LABELS)], np.int64))
    heads = range(6)
    codes = [converter.head(f"BoxPredictor_{k}/Reshape", 4) for k in heads]
    classes = (91, list(LABELS))
    logits = [converter.head(f"BoxPredictor_{k}/Reshape_1", len(LABELS), classes) for k in heads]
    decode_boxes(writer, writer.node("Concat", codes, "all_codes", axis=1), graph.anchors())
    writer.node("Sigmoid", [writer.node("Concat", logits, "all_logits", axis=1)], "scores")
    anchors = graph.anchors().shape[1]
    model = helper.make_model(
        helper.make_graph(
            writer.nodes,
            "ssdlite_mobilenetv2_300",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
            [
                helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", anchors, 4]),
                helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", anchors, len(LABELS)]),
            ],
            writer.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="wayside",
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    package, out = map(Path, sys.argv[1:])
    out.write_bytes(convert(Graph(package)))


if __name__ == "__main__":
    main()
