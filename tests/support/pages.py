"""Read Markdown pages: examples, their output, commands, links, headings. Independent of the content of a page."""

import io
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

from tests.support.inner import Project

from pytest_atlas.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted(DOCS.glob("*.md")),
    ROOT / "examples" / "README.md",
)

BENCH = """
    import pytest

    class Psu:
        def set(self, volts): self.volts = volts
        def read(self): return self.volts + 0.01

    class Scope:
        t, y = [0.0, 0.001], [12.0, 12.5]
        def arm(self): pass
        def screenshot(self): return b"PNG"
        def trip_time(self): return 111.6

    @pytest.fixture
    def psu(): return Psu()

    @pytest.fixture
    def scope(): return Scope()
"""
"""A plugin with the fixtures of the reader's bench, which the examples use."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4}|\t)(.*)$", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_PROMPT = re.compile(r"^(?:\$ )?((?:[A-Z_]+=\S+ )*)(?=\w)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_VARIES = (
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}"), "(session)"),
    (re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d)?"), "(date)"),
    (re.compile(r"\b\d[\d.]* (?:ms|s)$"), "(duration)"),
    (re.compile(r"\b[\d.]+ (?:bytes|kB|MB)\b"), "(size)"),
    (re.compile(r"(?:/[\w.-]+)+/(?=\.atlas)"), ""),
    (re.compile(r"\s+"), " "),
)


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    return [code for name, code in _BLOCK.findall(text) if name == language]


def files(text: str) -> dict[str, str]:
    """Return the Python examples by the file that their first line names; several examples of a file are concatenated."""
    found: dict[str, str] = {}
    for code in blocks(text, "python"):
        if named := re.match(r"# (\w+\.py)\n", code):
            found[named[1]] = "\n\n".join(filter(None, [found.get(named[1]), code]))
    return found


def project(text: str, root: Path) -> Project:
    """Create a project with the examples of the page."""
    made = Project(root)
    for name, code in files(text).items():
        made.write(name, code)
    return made


def commands(text: str, program: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of `program`: in blocks, indented or in backticks."""
    fenced = [code for _, code in _BLOCK.findall(text)]
    rest = _BLOCK.sub("", text)
    lines = [*"\n".join(fenced).splitlines(), *_INDENTED.findall(rest), *_INLINE.findall(rest)]
    for line in lines:
        called = _PROMPT.sub("", line.strip())
        if called == program or called.startswith(f"{program} "):
            yield shlex.split(called, comments=True)[1:]


def links(text: str) -> Iterator[str]:
    """Yield the links inside the project: `docs/ci.md`, `#settings`, `../README.md#demo`."""
    rest = _BLOCK.sub("", text)
    yield from (link for link in _LINK.findall(rest) if not re.match(r"[a-z]+:", link))


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, in GitHub's form."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(_BLOCK.sub("", text))}


def printed(words: Sequence[str]) -> str:
    """Return the output of `pytest-atlas` with these arguments on a wide UTF-8 terminal."""
    terminal = redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8"))
    with patch.dict(os.environ, COLUMNS="140"), terminal as out:
        main(words)
        out.seek(0)
        return out.read()


def not_shown(block: str, output: str) -> list[str]:
    """Return the lines of `block` that `output` does not have in this order; `…` matches any. Times and sizes can differ."""
    there = iter([_same(line) for line in output.splitlines()])
    return [line for line in block.splitlines() if line.strip() not in ("", "…") and _same(line) not in there]


def _same(line: str) -> str:
    line = line.strip()
    for pattern, instead in _VARIES:
        line = pattern.sub(instead, line)
    return line
