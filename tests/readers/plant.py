"""What is planted and where: plates that we render and a face, put into real footage at the size that they would
have there. Each case becomes frames in the layout that a decoder hands over, and a line in cases.json. What makes
pictures of them is Wayside's own code; who reads them is readers.py.
"""

import dataclasses
import json
import random

import cv2
import numpy
from PIL import Image, ImageDraw, ImageFont

# Widths in the camera's picture. A plate narrower than the smallest can't be read even before redaction.
PLATE_WIDTHS_PX = (60, 80, 110, 150, 200)
FACE_WIDTHS_PX = (32, 40, 52, 68, 88)
# As on the road: a European plate is 52 cm wide and 11 cm high; a face, as the reader boxes it, 16 cm wide.
PLATE_SHAPE = 110 / 520
# Where the face is in scikit-image's picture of an astronaut: all of the head, and what a reader boxes of it.
HEAD, FACE = (140, 20, 310, 220), (170, 65, 285, 180)
LETTERS, DIGITS = "ABCDEFHKLMNPRTUVWXYZ", "234678"


@dataclasses.dataclass
class View:
    """A place in a piece of footage where something may be planted."""

    name: str
    # What the place is an example of: in-box, outside or parked.
    place: str
    footage: str
    # Seconds of the footage that are taken, one frame each.
    seconds: tuple
    # The part of the picture that the camera shows before it is zoomed to the sizes above: x, y, width, height.
    window: tuple
    # Middle of what is planted, in pixels of the footage.
    at: tuple
    # How many pixels of the footage a metre takes up there.
    px_per_m: float
    # The widest picture that the camera sends.
    widest_px: int = 1920


def views():
    """Every place, for plates and for faces."""
    still, moving = (1.5,), tuple(range(0, 72, 18))
    cyclist, street = "clips/junction-cyclist-3s.mp4", "clips/residential-75s.mp4"
    whole = (0, 0, 800, 600)
    return {
        "plate": [
            View("car", "in-box", cyclist, still, whole, (283, 183), 31),
            View("road", "outside", cyclist, still, whole, (560, 520), 94),
            View("road-near", "outside", "models/frame.png", still, (455, 40, 345, 560), (640, 500), 90),
            View("parked", "parked", street, moving, (0, 0, 640, 360), (262, 270), 29),
        ],
        "face": [
            View("cyclist", "in-box", cyclist, still, whole, (238, 184), 34),
            View("road", "outside", cyclist, still, whole, (560, 400), 75),
            View("road-near", "outside", "models/frame.png", still, (455, 40, 345, 560), (640, 400), 75),
            View("parked", "parked", street, moving, (0, 0, 640, 360), (240, 245), 29),
        ],
    }


def sizes(kind):
    return PLATE_WIDTHS_PX if kind == "plate" else FACE_WIDTHS_PX


def metres(kind):
    return 0.52 if kind == "plate" else 0.16


def footage(path, seconds):
    """Frames of a clip, or a still picture."""
    if path.suffix == ".png":
        return [cv2.imread(str(path))]
    clip = cv2.VideoCapture(str(path))
    frames, wanted, at = [], list(seconds), 0
    rate = clip.get(cv2.CAP_PROP_FPS)
    while wanted:
        got, frame = clip.read()
        if not got:
            break
        if at >= wanted[0] * rate:
            frames.append(frame)
            wanted.pop(0)
        at += 1
    if not frames:
        raise SystemExit(f"readers: no frame of {path} could be read")
    return frames


def camera_of(view, kind, width_px):
    """The part of the footage to show, and how wide, so that the planted thing has its size on the road and in pixels.

    Zooms in as far as is needed, and no further than the widest picture needs.
    """
    x, y, width, height = view.window
    real_px = view.px_per_m * metres(kind)
    out_width = min(view.widest_px, width_px * width / real_px)
    part_width = real_px * out_width / width_px
    part_height = part_width * height / width
    left = min(max(view.at[0] - part_width / 2, x), x + width - part_width)
    top = min(max(view.at[1] - part_height / 2, y), y + height - part_height)
    even = lambda v: int(v) // 2 * 2
    return (left, top, part_width, part_height), (even(out_width), even(out_width * height / width))


def show(frame, part, size):
    """That part of a frame as the camera would send it."""
    left, top, width, height = part
    scale = numpy.float32([[size[0] / width, 0, 0], [0, size[1] / height, 0]])
    scale[:, 2] = [-left * scale[0, 0], -top * scale[1, 1]]
    return cv2.warpAffine(frame, scale, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def text_of(name):
    """A plate's text, another one for each case."""
    chance = random.Random(name)
    pick = lambda of, n: "".join(chance.choice(of) for _ in range(n))
    return f"{pick(LETTERS, 2)}{pick(DIGITS, 2)} {pick(LETTERS, 3)}"


def plate(text, width_px):
    """A plate, black on white, drawn large and brought to its width."""
    width, height = 1040, round(1040 * PLATE_SHAPE)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((6, 6, width - 7, height - 7), outline="black", width=8)
    draw.text((width / 2, height / 2), text, font=ImageFont.load_default(190), fill="black", anchor="mm", stroke_width=4, stroke_fill="black")
    small = image.resize((width_px, max(1, round(width_px * PLATE_SHAPE))), Image.Resampling.LANCZOS)
    return numpy.asarray(small)[:, :, ::-1], None


def face(astronaut, width_px):
    """A head with its surroundings faded out, its face so wide, and where in it the face is."""
    left, top, right, bottom = HEAD
    scale = width_px / (FACE[2] - FACE[0])
    size = (round((right - left) * scale), round((bottom - top) * scale))
    head = cv2.resize(astronaut[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    inside = tuple(round(v * scale) for v in (FACE[0] - left, FACE[1] - top, FACE[2] - left, FACE[3] - top))
    return head, inside


def paste(frame, thing, middle):
    """Puts a thing into a frame; where it went as x1, y1, x2, y2."""
    height, width = thing.shape[:2]
    x = min(max(round(middle[0] - width / 2), 0), frame.shape[1] - width)
    y = min(max(round(middle[1] - height / 2), 0), frame.shape[0] - height)
    frame[y:y + height, x:x + width] = thing
    return x, y, x + width, y + height


def i420(frame):
    return cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes()


def plant(shared, astronaut, out):
    """Writes every case's frames below `out`, and cases.json; the cases."""
    cases, clips = [], {}
    for kind, places in views().items():
        for view in places:
            key = (view.footage, view.seconds)
            if key not in clips:
                clips[key] = footage(shared / view.footage, view.seconds)
            for width_px in sizes(kind):
                cases.append(one_case(view, kind, width_px, clips[key], astronaut, out))
    (out / "cases.json").write_text(json.dumps(cases))
    return cases


def one_case(view, kind, width_px, frames, astronaut, out):
    name = f"{kind}-{view.name}-{width_px}"
    part, size = camera_of(view, kind, width_px)
    text = text_of(name) if kind == "plate" else None
    thing, inside = plate(text, width_px) if kind == "plate" else face(astronaut, width_px)
    middle = [(view.at[axis] - part[axis]) * size[axis] / part[2 + axis] for axis in (0, 1)]
    files = []
    for number, frame in enumerate(frames):
        shown = show(frame, part, size)
        box = paste(shown, thing, middle)
        files.append(f"{name}-{number}.i420")
        (out / files[-1]).write_bytes(i420(shown))
    if inside:
        box = (box[0] + inside[0], box[1] + inside[1], box[0] + inside[2], box[1] + inside[3])
    return {
        "name": name, "kind": kind, "place": view.place, "view": view.name, "width_px": width_px, "text": text,
        "width": size[0], "height": size[1], "frames": files, "box": [int(v) for v in box],
    }
