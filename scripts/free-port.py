#!/usr/bin/env python3
"""Print the first free TCP port of the loopback interface at or above the one given."""
import socket
import sys


def free_from(port):
    for candidate in range(port, 65536):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
                return candidate
            except OSError:
                continue
    raise SystemExit(f"no free port at or above {port}")


print(free_from(int(sys.argv[1])))
