"""Words for a report: Markdown that no text from outside can break, and numbers as an engineer writes them. Pure."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

LONGEST = 160
"""Most characters of a text from outside."""

_ESCAPED = re.compile(r"[\\`*\[|~$]|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;"})
_BLOCK = re.compile(r"^(?=[#>+=-])|^(\d+)(?=[.)])")


def text(words: str, longest: int = LONGEST) -> str:
    """A text from outside on one line that stays what it is: no markup, no table cell, no HTML, no heading or list."""
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in words).split())
    plain = _ESCAPED.sub(r"\\\g<0>", shortened(line, longest)).translate(_ENTITIES)
    return _BLOCK.sub(r"\1\\", plain)


def shortened(line: str, longest: int) -> str:
    """A long line without its middle: of a test's id, both ends say something."""
    if len(line) <= longest:
        return line
    return f"{line[: longest // 2]}…{line[-(longest - longest // 2 - 1) :]}"


def number(value: float, digits: int = 6) -> str:
    """A number with as many significant digits, without trailing zeros, in plain notation where that is readable."""
    if not math.isfinite(value):
        return str(value)
    if not value:
        return "0"
    if 1e-4 <= abs(value) < 1e9:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        shown = f"{value:.{places}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{value:.{digits}g}"


def quantity(value: float, unit: str, digits: int = 6) -> str:
    """A number with its unit (a text from outside)."""
    return f"{number(value, digits)} {text(unit, 20)}".rstrip()


def percent(share: float | None) -> str:
    """A share as a percentage with three digits; empty for None."""
    return "" if share is None else f"{number(100 * share, 3)} %"


def limits(low: float | None, high: float | None, unit: str) -> str:
    """`95 … 105 ms`, `≤ 100 ms`, `= 5 V`; empty where there are none."""
    if low is not None and low == high:
        return f"= {quantity(low, unit)}"
    if low is not None and high is not None:
        return f"{number(low)} … {quantity(high, unit)}"
    if low is not None:
        return f"≥ {quantity(low, unit)}"
    return f"≤ {quantity(high, unit)}" if high is not None else ""


def count(n: int, word: str, plural: str = "") -> str:
    """`1 step`, `2 steps`."""
    return f"{n:,} {word if n == 1 else plural or word + 's'}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already, without the columns that are empty all the way down."""
    used = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    lines = [[columns[place] for place in used], ["---"] * len(used), *([row[place] for place in used] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def capped(entries: Sequence[T], most: int, shown: Callable[[Sequence[T]], str], rest: str) -> str:
    """The first `most` entries, and a line that says how many more there are."""
    more = len(entries) - most
    return shown(entries[:most]) + (f"\n\n… and {more:,} more {rest}".rstrip() if more > 0 else "")


def bullets(entries: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {entry}" for entry in entries)


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names from outside on a line, and how many more there are."""
    more = len(names) - most
    return ", ".join(text(name, 80) for name in names[:most]) + (f" and {more:,} more" if more > 0 else "")
