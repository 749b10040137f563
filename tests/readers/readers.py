"""The readers: OCR for plates, face detectors for faces. They are tools of this test and of nothing else; Wayside
itself neither has nor uses any. They get more than an attacker would: they are told where to look, and they look
at several magnifications.
"""

import difflib
import pathlib

import cv2
import numpy
import rapidocr

# What is looked at around a planted thing, as a share of its size a side.
MARGIN = 0.6
# Small pictures are magnified, too: a reader may like that better.
MAGNIFY = (1, 2, 4)
# So many characters in a row of a plate are a plate half read.
HALF_READ = 3
CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt.xml", "haarcascade_frontalface_alt2.xml")


def around(picture, box, margin):
    """The part of a picture around a box, and the box in it."""
    x1, y1, x2, y2 = box
    dx, dy = (x2 - x1) * margin, (y2 - y1) * margin
    # Not flatter than 1:2, so that a plate has surroundings above and below.
    dy = max(dy, ((x2 - x1 + 2 * dx) / 2 - (y2 - y1)) / 2)
    left, top = max(0, int(x1 - dx)), max(0, int(y1 - dy))
    part = picture[top:int(y2 + dy) + 1, left:int(x2 + dx) + 1]
    return part, (x1 - left, y1 - top, x2 - left, y2 - top)


def magnified(part, factor):
    return part if factor == 1 else cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


class PlateReader:
    """Reads text."""

    def __init__(self):
        self.engine = rapidocr.RapidOCR(params={"Global.log_level": "critical", "EngineConfig.onnxruntime.intra_op_num_threads": 2})

    def texts(self, picture, box):
        """Everything that can be read around a box: off the very place, and found in its surroundings."""
        part, inside = around(picture, box, MARGIN)
        x1, y1, x2, y2 = (round(v) for v in inside)
        exact = part[max(0, y1 - 1):y2 + 2, max(0, x1 - 1):x2 + 2]
        for factor in MAGNIFY:
            if min(exact.shape[:2]) >= 2:
                yield from self.engine(magnified(exact, factor), use_det=False, use_cls=False, use_rec=True).txts or ()
        # What finds text magnifies by itself.
        if min(part.shape[:2]) >= 8:
            yield from self.engine(part, use_det=True, use_cls=False, use_rec=True).txts or ()

    def longest(self, picture, case, box, enough):
        """How many characters in a row of the plate are read, and in what; stops looking at `enough`."""
        wanted = plain(case["text"])
        best = (0, "")
        for text in map(plain, self.texts(picture, box)):
            run = difflib.SequenceMatcher(None, wanted, text, autojunk=False).find_longest_match().size
            best = max(best, (run, text))
            if best[0] >= enough:
                break
        return best

    def before(self, picture, case, box):
        """Whether the whole plate is read, and what was."""
        whole = len(plain(case["text"]))
        run, text = self.longest(picture, case, box, whole)
        return run == whole, text

    def after(self, picture, case, box):
        """Whether as much of it is read as would narrow down whose it is, and what was."""
        run, text = self.longest(picture, case, box, HALF_READ)
        return run >= HALF_READ, text


class FaceReader:
    """Finds faces."""

    def __init__(self):
        folder = pathlib.Path(cv2.data.haarcascades)
        self.cascades = [cv2.CascadeClassifier(str(folder / name)) for name in CASCADES]
        if any(cascade.empty() for cascade in self.cascades):
            raise SystemExit("readers: OpenCV's face cascades can't be loaded")

    def before(self, picture, _case, box):
        """Whether a face is found where one was planted."""
        part, inside = around(picture, box, 2 * MARGIN)
        grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
        for factor in MAGNIFY:
            for cascade in self.cascades:
                faces = cascade.detectMultiScale(magnified(grey, factor), 1.05, 3, minSize=(20, 20))
                for x, y, w, h in numpy.asarray(faces, float).reshape(-1, 4) / factor:
                    if overlap((x, y, x + w, y + h), inside) >= 0.3:
                        return True, "a face"
        return False, ""

    after = before


def plain(text):
    return "".join(c for c in text.upper() if c.isalnum())


def overlap(a, b):
    """Intersection over union."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, across) * max(0, down)
    area = lambda r: (r[2] - r[0]) * (r[3] - r[1])
    return shared / (area(a) + area(b) - shared)
