#!/usr/bin/env python3
"""Print a camera file for a source that nobody has drawn lines for yet.

demo-camera.py ID SOURCE: one line down and one line across the middle of the picture.
"""
import json
import sys

camera_id, source = sys.argv[1:3]
# A TOML basic string and a JSON string escape alike.
print(f"""id = {json.dumps(camera_id)}
name = {json.dumps(camera_id)}
source = {json.dumps(source)}
department = "traffic"
profile = "arterial"

[[line]]
id = "down"                            # forward = to the right of the picture
points = [[0.5, 0.98], [0.5, 0.02]]

[[line]]
id = "across"                          # forward = towards the bottom of the picture
points = [[0.02, 0.6], [0.98, 0.6]]""")
