"""Checks that relative links and pictures in the Markdown files lead to files of this checkout, and
`#anchors` to headings. Pages of other sites are not asked: tests run offline."""

import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def anchors(text):
    """Headings as the links of the usual Markdown viewers write them."""
    headings = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=root, stdout=subprocess.PIPE, check=True, text=True,
    ).stdout
    files = [root / name for name in listed.split("\0") if name and (root / name).is_file()]
    links, bad = 0, []
    for file in files:
        text = FENCE.sub("", file.read_text(encoding="utf-8"))
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            links += 1
            path, _, anchor = target.partition("#")
            aim = file if not path else file.parent / path
            if not aim.exists():
                bad.append(f"{file.relative_to(root)}: {target} leads nowhere")
            elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text(encoding="utf-8")):
                bad.append(f"{file.relative_to(root)}: {target} names no heading")
    for line in bad:
        print(f"check-links: {line}", file=sys.stderr)
    print(f"{len(files)} Markdown files, {links} links")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
