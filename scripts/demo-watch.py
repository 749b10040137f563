#!/usr/bin/env python3
"""Print counts as their bins close, read from the live events of a running Wayside.

demo-watch.py ADDRESS PID: stops when the process PID is gone.
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request


def alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def events(address):
    request = urllib.request.Request(address + "/api/v1/live", headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(request, timeout=60) as stream:
        name = None
        for raw in stream:
            line = raw.decode("utf-8").rstrip("\r\n")
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:") and name == "bins":
                yield json.loads(line[5:])


def tell(closed):
    counts = [f"{c['line']} {c['direction']} {c['class']} {c['count']}" for c in closed["counts"] if "line" in c]
    what = ", ".join(counts) if counts else "nothing crossed a line"
    print(f"  {closed['camera']:<12} {closed['start'][11:16]}–{closed['end'][11:16]}  {what}", flush=True)


def main(address, pid):
    while alive(pid):
        try:
            for closed in events(address):
                tell(closed)
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except KeyboardInterrupt:
        pass
