"""Unpacks a part of a wheel, keeping the right to execute, which `python -m zipfile` loses.

    unpack-wheel.py WHEEL MEMBER-OR-FOLDER DESTINATION

A folder (ending in "/") becomes the directory DESTINATION. A member may end in "*"; the first that fits
becomes the file DESTINATION. The destination is replaced as a whole or not at all.
"""

import pathlib
import shutil
import sys
import zipfile


def copy(archive, member, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    if member.external_attr >> 16 & 0o111:
        target.chmod(0o755)


def main(wheel, wanted, destination):
    destination = pathlib.Path(destination)
    beside = destination.with_name(destination.name + ".new")
    if beside.is_dir():
        shutil.rmtree(beside)
    with zipfile.ZipFile(wheel) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if wanted.endswith("/"):
            for member in members:
                # Wheels are checked by hash, but a path out of the destination is never right.
                inside = pathlib.PurePosixPath(member.filename)
                if member.filename.startswith(wanted) and ".." not in inside.parts:
                    copy(archive, member, beside / inside.relative_to(wanted))
        else:
            fits = [m for m in members if m.filename == wanted or wanted.endswith("*") and m.filename.startswith(wanted[:-1])]
            for member in fits[:1]:
                copy(archive, member, beside)
    if not beside.exists():
        sys.exit(f"unpack-wheel: {wheel} holds no {wanted}")
    if destination.is_dir():
        shutil.rmtree(destination)
    beside.replace(destination)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
