"""What a page shows of a data file: a picture, a table, a JSON tree or text. The content is untrusted, and read with limits."""

import csv
import gzip
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from pytest_atlas.base.content_types import content_type

HEAD = 64 << 10
"""Bytes at the start of a file from which its kind is determined."""
MAX_ROWS, MAX_CELLS = 200, 40
"""Rows and columns of a table."""
MAX_CELL = 200
"""Characters of a cell or of a value in a JSON tree."""
MAX_TABLE_BYTES = 1 << 20
MAX_JSON_BYTES = 4 << 20
MAX_NODES, MAX_DEPTH = 2000, 24
"""Values and levels of a JSON tree."""


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a browser can show."""

    type: str  # content type
    width: int = 0  # pixels; 0 if unknown
    height: int = 0
    problem: str = ""  # why it is damaged


def picture(file: BinaryIO) -> Picture | None:
    """Return the picture in a file, by its first bytes; None for other content."""
    file.seek(0)
    head = file.read(HEAD)
    size = file.seek(0, 2)
    file.seek(max(0, size - 64))
    tail = file.read().rstrip(b"\0")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(head, tail)
    if head.startswith(b"\xff\xd8\xff"):
        return Picture("image/jpeg", *_jpeg_size(head), problem="" if tail.endswith(b"\xff\xd9") else _CUT)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack_from("<HH", head, 6) if len(head) >= 10 else (0, 0)
        return Picture("image/gif", width, height, "" if tail.endswith(b";") else _CUT)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        whole = struct.unpack_from("<I", head, 4)[0] + 8
        return Picture("image/webp", problem="" if size >= whole else _CUT)
    return None


_CUT = "the picture is incomplete"


def _png(head: bytes, tail: bytes) -> Picture:
    if head[12:16] != b"IHDR" or len(head) < 24:
        return Picture("image/png", problem="the picture has no header")
    width, height = struct.unpack_from(">II", head, 16)
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        return Picture("image/png", problem="the picture has an invalid size")
    return Picture("image/png", width, height, "" if b"IEND" in tail else _CUT)


def _jpeg_size(head: bytes) -> tuple[int, int]:
    """Return width and height from the first frame header; 0 if it is not in the first bytes."""
    place = 2
    while place + 9 < len(head) and head[place] == 0xFF:
        marker, length = head[place + 1], struct.unpack_from(">H", head, place + 2)[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, place + 5)
            return width, height
        place += 2 + length
    return 0, 0


# ── the kind of a file ───────────────────────────────────────────────────────────────────────────────────────────────

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def is_table(name: str) -> bool:
    """Return whether a file is a table, by its name."""
    return name.lower().endswith(TABLES)


def is_svg(name: str, declared: str) -> bool:
    """Return whether a file is an SVG, by its name or its registered content type."""
    return name.lower().endswith(".svg") or declared.partition(";")[0].strip() == "image/svg+xml"


def is_json(name: str, declared: str) -> bool:
    """Return whether a file is a JSON document."""
    kind = declared.partition(";")[0].strip() or content_type(name)
    return kind == "application/json" or kind.endswith("+json") or name.lower().endswith(".json")


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text: UTF-8 or Latin-1 without control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        return False
    controls = sum(head.count(bytes([code])) for code in range(32) if code not in (7, 8, 9, 10, 12, 13, 27))
    return controls * 100 <= len(head)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_more_rows: bool
    more_columns: int


@contextmanager
def decompressed(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Yield the content of an open file without gzip, if its name ends with `.gz`, and close the file."""
    with file:
        yield cast("BinaryIO", gzip.GzipFile(fileobj=file)) if name.lower().endswith(".gz") else file


def table(content: BinaryIO) -> Table | None:
    """Return the first rows of a text table; None if it is not text."""
    raw = content.read(MAX_TABLE_BYTES)
    if b"\0" in raw or not raw.strip():
        return None
    lines = raw.decode("utf-8-sig", "replace").splitlines()
    if len(raw) == MAX_TABLE_BYTES:
        lines.pop()
    delimiter = max(",;\t", key=(lines[0] if lines else "").count)
    try:
        rows = [row for _, row in zip(range(MAX_ROWS + 2), csv.reader(lines, delimiter=delimiter), strict=False)]
    except csv.Error:
        return None
    width = max(map(len, rows), default=0)
    header, *others = (tuple(cell[:MAX_CELL] for cell in row[:MAX_CELLS]) for row in rows)
    return Table(header, tuple(others[:MAX_ROWS]), len(others) > MAX_ROWS, max(0, width - MAX_CELLS))


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a JSON document."""

    key: str  # of an object, or number in a list; empty for the document
    text: str  # of the value; the number of its items for an object or a list
    children: tuple["Node", ...] = ()
    is_open: bool = False


def json_tree(content: BinaryIO) -> Node | str:
    """Return the tree of a JSON document, or why it can't be shown."""
    raw = content.read(MAX_JSON_BYTES + 1)
    if len(raw) > MAX_JSON_BYTES:
        return f"larger than {MAX_JSON_BYTES >> 20} MiB"
    try:
        value = json.loads(raw)
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"no JSON: {error}"
    return _node("", value, 0, iter(range(MAX_NODES)))


def _node(key: str, value: Any, depth: int, budget: Iterator[int]) -> Node:
    if not isinstance(value, dict | list):
        return Node(key, _shortened(json.dumps(value, ensure_ascii=False)))
    items = value.items() if isinstance(value, dict) else enumerate(value)
    children: list[Node] = []
    if depth < MAX_DEPTH:
        for name, item in items:
            if next(budget, None) is None:
                children.append(Node("…", f"{len(value) - len(children):,} more"))
                break
            children.append(_node(_shortened(str(name)), item, depth + 1, budget))
    single, several = ("entry", "entries") if isinstance(value, dict) else ("item", "items")
    return Node(key, f"{len(value):,} {single if len(value) == 1 else several}", tuple(children), is_open=depth == 0)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
