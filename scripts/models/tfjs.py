"""Reads the TensorFlow.js graph of SSDLite-MobileNetV2: nodes and float32 constants. What is made of it is
in convert_ssdlite.py; reference_ssdlite.py runs it as it is."""

import json
from pathlib import Path

import numpy as np

SIDE = 300

# COCO's label ids (1 to 90) of the road users that Wayside knows, in the order in which the converted
# graph and models/ssdlite_mobilenetv2_300.toml have them.
LABELS = {1: "pedestrian", 2: "bicycle", 3: "car", 4: "motorcycle", 6: "bus", 8: "truck"}


class Graph:
    """Nodes by name, and their constants."""

    def __init__(self, package):
        found = sorted(Path(package).rglob("model.json"))
        if not found:
            raise SystemExit(f"{package}: no model.json inside; give the unpacked npm package")
        spec = json.loads(found[0].read_text())
        self.nodes = {n["name"]: n for n in spec["modelTopology"]["node"]}
        self.weights = {}
        for group in spec["weightsManifest"]:
            data = b"".join((found[0].parent / path).read_bytes() for path in group["paths"])
            self.read_weights(group["weights"], data)
        # The picture enters behind the pre-processing, which Wayside does itself.
        self.picture = "Preprocessor/sub"

    def read_weights(self, weights, data):
        offset = 0
        for weight in weights:
            dtype = {"float32": "<f4", "int32": "<i4"}[weight["dtype"]]
            count = int(np.prod(weight["shape"], dtype=np.int64))
            array = np.frombuffer(data, dtype, count, offset).reshape(weight["shape"])
            self.weights[weight["name"]] = array
            offset += 4 * count
        if offset != len(data):
            raise SystemExit(f"weights are {len(data)} bytes long instead of {offset}")

    @staticmethod
    def plain(name):
        return name.lstrip("^").split(":")[0]

    def node(self, name):
        return self.nodes[self.plain(name)]

    def is_constant(self, name):
        return self.plain(name) in self.weights

    def constant(self, name):
        return self.weights[self.plain(name)]

    def anchors(self):
        """[1, 1917, 4]: ymin, xmin, ymax, xmax in fractions."""
        return self.weights["Postprocessor/ExpandDims"]
