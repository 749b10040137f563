#!/usr/bin/env python3
"""Speeds on a real motorway, by Wayside and by hand, over the first 11.52 s of the clip motorway-vfr.mp4.

motorway_speed.py VIDEO WAYSIDE [--rate FPS] [--draw DIR]

WAYSIDE is the binary. The ground comes from the lane markings: marks of 2 m with gaps of 7 m, lanes of 3.65 m (a UK motorway),
whose ends were read off the clip's median picture. By hand, each vehicle was timed from one distance along its lane to
another: --draw writes, for each lane, the picture over time along the lane (frames to the right, metres upwards) from which the
numbers below were read, at the edge where the vehicle meets the road. What Wayside measures is the time-mean speed at its
line. Needs numpy, opencv-python-headless and av.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import av
import cv2
import numpy as np

# The clip's second half plays at half speed.
SECONDS = 11.52
FRAME_S = 0.04
WIDTH, HEIGHT = 1280, 720
MARK_M, PERIOD_M, LANE_M = 2, 9, 3.65

# (far end, near end) of successive marks in pixels, the nearest first, on the outer and inner line between lanes.
MARKS = {
    "away": (
        [((127, 653), (69.2, 702)), ((280, 521), (253, 544)), ((360.5, 453), (345, 467)), ((413, 409), (403.5, 418)), ((451, 377), (443.5, 384))],
        [((319.5, 642), (283, 687)), ((411, 517), (395.5, 538)), ((462.5, 450), (453, 462)), ((495.5, 407), (489.5, 415)), ((519, 376), (515, 382))],
    ),
    "towards": (
        [((978.5, 676), None), ((864.5, 529), (885.5, 555)), ((809.5, 457), (821, 472)), ((777.5, 413), (784, 423)), ((753.5, 382), (758, 389)), ((738.5, 361), (741, 366))],
        [((1165, 676), None), ((996, 531), (1022.5, 555)), ((914.5, 462), (930, 476)), ((860.5, 416), (870, 425)), ((825, 385), (830.5, 391)), ((799, 363), (804, 368))],
    ),
}
LINES = {"away": [[0.46, 0.70], [0.02, 0.70]], "towards": [[0.53, 0.70], [0.98, 0.70]]}
# Middles of the lanes, metres beside the first line of marks.
LANES_M = (-1.8, 1.8, 5.5)
# By hand: lane, metres and frame where the vehicle's foot was first and last timed. Those that cross the line within the clip.
BY_HAND = {
    "away": [
        (0, 9, 61.5, 45, 152.3), (0, 9, 155.7, 45, 246.8), (0, 9, 226.2, 27, 272.3),
        (1, 9, 61.0, 45, 146.0), (1, 9, 115.5, 45, 198.4), (1, 9, 167.3, 45, 251.2), (1, 9, 239.0, 27, 279.6),
        (2, 9, 33.0, 45, 109.4), (2, 9, 67.2, 27, 104.4), (2, 9, 101.7, 45, 180.7), (2, 9, 142.8, 45, 220.7), (2, 9, 216.2, 27, 254.6),
    ],
    "towards": [
        (0, 45, 22.2, 3, 57.4), (0, 45, 44.1, 3, 79.7), (0, 45, 58.9, 3, 94.2),
        (1, 45, 226.6, 3, 260.9), (1, 45, 260.7, 24, 278.1),
        (2, 45, 25.0, 3, 66.3), (2, 45, 79.1, 3, 119.1), (2, 45, 112.2, 3, 150.9), (2, 45, 138.3, 3, 179.0),
    ],
}
# A foot is read to a frame at either end.
READ_FRAMES = 1.0


def pairs(side):
    """Image points in pixels and ground points in metres, (n, 2) each."""
    image, ground = [], []
    for x, line in zip((0, LANE_M), MARKS[side]):
        for k, (far, near) in enumerate(line):
            for point, y in ((far, PERIOD_M * k + MARK_M), (near, PERIOD_M * k)):
                if point:
                    image.append(point)
                    ground.append((x, y))
    return np.array(image), np.array(ground)


def camera_file(side):
    image, ground = pairs(side)
    # The middle of a pixel is half a pixel further than its number.
    image = ((image + 0.5) / (WIDTH, HEIGHT)).round(5).tolist()
    return (
        f'id = "motorway-{side}"\nname = "{side}"\nsource = "-"\ndepartment = "highways"\nprofile = "highway"\n'
        f"[calibration]\nimage = {image}\nground_m = {ground.tolist()}\n[[line]]\nid = \"{side}\"\npoints = {LINES[side]}\n"
    )


def cut(video, out):
    """The clip's beginning, its packets as they are."""
    with av.open(str(video)) as source, av.open(str(out), "w") as beginning:
        stream = source.streams.video[0]
        to = beginning.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.pts * packet.time_base < SECONDS - FRAME_S / 2:
                packet.stream = to
                beginning.mux(packet)


def by_hand(side):
    """Mean speed in km/h and its standard uncertainty from reading frames."""
    speeds, variances = [], []
    for _, from_m, from_frame, to_m, to_frame in BY_HAND[side]:
        frames = to_frame - from_frame
        speed = 3.6 * abs(to_m - from_m) / (frames * FRAME_S)
        speeds.append(speed)
        variances.append((speed * READ_FRAMES * 2**0.5 / frames) ** 2)
    return len(speeds), statistics.mean(speeds), sum(variances) ** 0.5 / len(speeds)


def residual_m(side):
    """How far the marks lie from where 2 m and 7 m put them, root mean square along the road."""
    image, ground = pairs(side)
    to_image, _ = cv2.findHomography(ground, image)
    back = cv2.perspectiveTransform(image[None], np.linalg.inv(to_image))[0]
    return float(np.sqrt(((back - ground)[:, 1] ** 2).mean()))


def by_wayside(side, video, wayside, rate, folder):
    camera, report = folder / f"{side}.toml", folder / f"{side}.json"
    camera.write_text(camera_file(side))
    more = ["--rate", str(rate)] if rate else []
    command = [wayside, "analyze", video, "--camera", camera, "--json", report, *more]
    subprocess.run([str(part) for part in command], check=True)
    found = json.loads(report.read_text())["speeds"]
    (speed,) = [row for row in found if row["direction"] == "forward"]
    return speed


def draw(video, folder):
    """What moved along each lane, over time: PNG files, 5 pixels a frame, 16 a metre."""
    with av.open(str(video)) as source:
        frames = np.stack([frame.to_ndarray(format="bgr24") for frame in source.decode(video=0)])
    road = np.median(frames[::4], axis=0)
    along = np.arange(0, 54, 0.25)
    for side in MARKS:
        image, ground = pairs(side)
        to_image, _ = cv2.findHomography(ground, image)
        for lane, middle in enumerate(LANES_M):
            moved = np.zeros((len(along), len(frames)))
            for beside in (-0.6, -0.3, 0, 0.3, 0.6):
                points = np.array([[[middle + beside, y] for y in along]])
                for row, (x, y) in enumerate(cv2.perspectiveTransform(points, to_image)[0].round().astype(int)):
                    if 0 <= x < WIDTH and 0 <= y < HEIGHT:
                        moved[row] += np.minimum(np.abs(frames[:, y, x] - road[y, x]).sum(1), 150) / 5
            shade = (255 - np.clip(2.2 * moved[::-1], 0, 255)).astype(np.uint8)
            shade = cv2.cvtColor(cv2.resize(shade, None, fx=5, fy=4, interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR)
            for metre in range(0, 54, PERIOD_M):
                cv2.line(shade, (0, len(shade) - 1 - 16 * metre), (shade.shape[1], len(shade) - 1 - 16 * metre), (0, 0, 255))
            for frame in range(0, len(frames), 10):
                cv2.line(shade, (5 * frame, 0), (5 * frame, len(shade)), (255, 190, 120))
            cv2.imwrite(str(folder / f"{side}-{lane}.png"), shade)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("video", type=pathlib.Path)
    arguments.add_argument("wayside", type=pathlib.Path)
    arguments.add_argument("--rate", type=float)
    arguments.add_argument("--draw", type=pathlib.Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        beginning = folder / "beginning.mp4"
        cut(given.video, beginning)
        for side in MARKS:
            n, hand, reading = by_hand(side)
            found = by_wayside(side, beginning, given.wayside.resolve(), given.rate, folder)
            off = found["mean_kmh"] - hand
            print(
                f"{side}: Wayside {found['mean_kmh']:.1f} km/h (n {found['n']}, untrusted {found['untrusted']}), by hand {hand:.1f} km/h (n {n}, "
                f"reading ± {reading:.1f}; marks {residual_m(side):.2f} m off): {off:+.1f} km/h, {100 * off / hand:+.1f} %"
            )
        if given.draw:
            given.draw.mkdir(parents=True, exist_ok=True)
            draw(beginning, given.draw)


if __name__ == "__main__":
    main()
