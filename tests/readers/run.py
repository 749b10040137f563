#!/usr/bin/env python3
"""Plants faces and plates in real footage, lets Wayside make its background views and stills of it, and has readers look.

    run.py SHARED ASTRONAUT HELPER…    footage, the picture of a face, and the command that makes the views

Each planted thing must be read in the camera's frames, and none in any view made of them. The last line counts
the checks. The views are made by crates/engine/tests/readers.rs, which the helper runs with WAYSIDE_READERS_DIR.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy

from plant import plant
from readers import FaceReader, PlateReader, overlap

# Of each kind at least so many of the pictures that nothing was done to but making them 480 px wide must be
# readable, or the readers could not tell what redaction is for.
CONTROLS_READ = 3
# Of the five sizes in each place so many must lie as the place says. What is planted may be seen by the detector
# itself, as a head is now and then taken for a pedestrian.
WELL_PLACED = 3


def frame_of(case, folder):
    """A case's first frame, as the camera sent it."""
    raw = numpy.frombuffer((folder / case["frames"][0]).read_bytes(), numpy.uint8)
    return cv2.cvtColor(raw.reshape(case["height"] * 3 // 2, case["width"]), cv2.COLOR_YUV2BGR_I420)


def scaled(box, case, picture):
    """A box of the frame in a picture made of it."""
    across, down = picture.shape[1] / case["width"], picture.shape[0] / case["height"]
    return box[0] * across, box[1] * down, box[2] * across, box[3] * down


def well_placed(case, boxes):
    """Whether the detector sees the place as the case says it should. A parked car may be either."""
    if case["place"] == "parked":
        return True
    inside = lambda b: b[0] <= case["box"][0] and b[1] <= case["box"][1] and b[2] >= case["box"][2] and b[3] >= case["box"][3]
    if case["place"] == "in-box":
        return any(inside(box) for box in boxes[0])
    return not any(overlap(box, case["box"]) > 0 for box in boxes[0])


class Verdict:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, good, words):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {words}")


def judge(case, folder, reader, verdict):
    """Reads one case before and after; whether it lies where it should."""
    name, box = case["name"], case["box"]
    read, text = reader.before(frame_of(case, folder), case, box)
    verdict.check(read, f"{name}: it can't be read in the frame either ({text!r}), so that it shows nothing")
    boxes = json.loads((folder / f"{name}.boxes.json").read_text())
    # Whatever redaction makes has a name of this form; the word says what it is.
    pictures = sorted(folder.glob(f"{name}.redacted.*.jpg"))
    stills = [path for path in pictures if ".still-" in path.name]
    verdict.check(len(pictures) - len(stills) >= 2, f"{name}: {len(pictures) - len(stills)} views were made of it")
    verdict.check(len(stills) == 3, f"{name}: {len(stills)} stills were made of it")
    widths, looked_at = [], set()
    for path in pictures:
        # Where nothing moves, the later picture may be the earlier one to the byte.
        if path.read_bytes() in looked_at:
            continue
        looked_at.add(path.read_bytes())
        picture = cv2.imread(str(path))
        widths.append(picture.shape[1])
        read, text = reader.after(picture, case, scaled(box, case, picture))
        verdict.check(not read, f"{name}: {text!r} is read in {path.name}, {picture.shape[1]} px wide")
    covered = any(overlap(b, box) > 0 for b in boxes[0])
    print(f"{name:<26} {case['width']:>4} px {'detected' if covered else 'not detected':<12} views {widths} px wide", flush=True)
    return well_placed(case, boxes)


def control_is_read(case, folder, reader):
    """Whether the case is read in a background that nothing was done to but making it 480 px wide."""
    picture = cv2.imread(str(folder / f"{case['name']}.control.jpg"))
    return reader.after(picture, case, scaled(case["box"], case, picture))[0]


def main(shared, astronaut, helper):
    shared = pathlib.Path(shared)
    if not (shared / "clips").is_dir() or not (shared / "models" / "frame.png").is_file():
        print(f"SKIPPED: the footage is not beside this checkout ({shared}): nothing was planted or read")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory(prefix="wayside-readers-") as folder:
        folder = pathlib.Path(os.environ.get("WAYSIDE_READERS_KEEP", folder))
        cases = plant(shared, cv2.imread(astronaut), folder)
        made = subprocess.run(helper, env=os.environ | {"WAYSIDE_READERS_DIR": str(folder)}, check=False)
        if made.returncode != 0:
            print("FAILED: the views could not be made")
            print("0 passed, 1 failed, 0 skipped")
            return 1
        verdict, readers = Verdict(), {"plate": PlateReader(), "face": FaceReader()}
        controls, placed = {kind: 0 for kind in readers}, {}
        for case in cases:
            kind = case["kind"]
            place = f"{kind}s {case['place']} ({case['view']})"
            placed[place] = placed.get(place, 0) + judge(case, folder, readers[kind], verdict)
            if controls[kind] < CONTROLS_READ:
                controls[kind] += control_is_read(case, folder, readers[kind])
    for place, well in placed.items():
        verdict.check(well >= WELL_PLACED, f"only {well} {place} lie as they should for the detector")
    for kind, read in controls.items():
        verdict.check(read >= CONTROLS_READ, f"only {read} {kind}s were read in the controls: the readers are too weak")
    print(f"{verdict.passed} passed, {verdict.failed} failed, 0 skipped")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
