#!/usr/bin/env python3
"""The same road without traffic, for `wayside-benches mixed`: made from a clip of a busy one.

empty_road.py VIDEO OUT.mp4 [SECONDS]

Every pixel's median over the clip is the empty road; over it goes noise as strong as what the clip's own still
parts show from frame to frame, so that an empty road costs what a real camera's does. Size and frame rate are
the clip's. The noise is seeded: the same clip gives the same pictures. Needs numpy, opencv-python-headless and
GStreamer's gst-launch-1.0 with x264enc.
"""
import pathlib
import subprocess
import sys

import cv2
import numpy as np

# A pixel this near to the median shows the road and not a road user.
STILL = 12
MOST_SAMPLES = 200


def read(path):
    video = cv2.VideoCapture(str(path))
    fps = video.get(cv2.CAP_PROP_FPS)
    frames = []
    while True:
        good, frame = video.read()
        if not good:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420))
    if not frames or not fps > 0:
        sys.exit(f"{path}: no video can be read from it")
    return np.stack(frames), fps, frame_size(video)


def frame_size(video):
    return int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))


def main(source, out, seconds):
    frames, fps, (width, height) = read(source)
    step = max(1, len(frames) // MOST_SAMPLES)
    road = np.median(frames[::step], axis=0)
    pairs = range(0, len(frames) - 1, step)
    moved = [frames[i + 1].astype(float) - frames[i] for i in pairs]
    still = [(abs(frames[i] - road) < STILL) & (abs(frames[i + 1] - road) < STILL) for i in pairs]
    sigma = np.concatenate([d[s] for d, s in zip(moved, still)]).std() / np.sqrt(2)
    print(f"{source}: {len(frames)} frames, {width}x{height} at {fps:.2f} a second, noise of {sigma:.2f} levels")
    encoder = subprocess.Popen(
        ["gst-launch-1.0", "-q", "fdsrc", "fd=0", "!", "rawvideoparse", "format=i420", f"width={width}",
         f"height={height}", f"framerate={round(fps * 1000)}/1000", "!", "x264enc", "pass=quant", "quantizer=23",
         "speed-preset=veryfast", "bframes=0", "key-int-max=50", "!", "h264parse", "!", "mp4mux", "!",
         "filesink", f"location={out}"],
        stdin=subprocess.PIPE)
    chance = np.random.default_rng(1)
    for _ in range(round(seconds * fps)):
        noisy = road + chance.normal(0, sigma, road.shape)
        encoder.stdin.write(np.clip(np.rint(noisy), 0, 255).astype(np.uint8).tobytes())
    encoder.stdin.close()
    if encoder.wait() != 0:
        sys.exit(f"{out}: could not be encoded")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) == 4 else 20.0)
