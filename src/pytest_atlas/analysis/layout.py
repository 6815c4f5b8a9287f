"""Determine the layout of a trace in a text file: delimiter, decimal sign, preamble, column names, units, time column. Pure.

Files of loggers and oscilloscopes differ in all of these. An uncertain layout is reported as not understood instead of guessed:
a number of the preamble must never count as a sample.
"""

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from operator import eq, gt

from .reading import UnreadableError

MAX_COLUMNS = 64
"""Most columns of a file that are read."""
DELIMITERS = ",;\t|"
SAMPLE = 50
"""Number of rows at the end of the head that are taken as examples of data."""
FIRST_ROWS = 3
"""Number of rows below the names that must contain data."""
MAX_SECONDS = 1e11
"""Largest number without a unit that can be in seconds: in 2027, Unix seconds are 1.8e9 and milliseconds 1.8e12."""

_PER_S = {1.0: "s sec secs second seconds sekunden", 1e-3: "ms msec millisecond milliseconds",
          1e-6: "us µs μs usec microsecond microseconds", 1e-9: "ns nsec nanosecond nanoseconds", 1e-12: "ps",
          60.0: "min minute minutes", 3600.0: "h hr hour hours"}  # fmt: skip
SECONDS = {name: seconds for seconds, names in _PER_S.items() for name in names.split()}
"""Units of time in seconds."""
_OTHER_UNITS = frozenset(
    [
        *("v", "mv", "uv", "µv", "kv", "volt", "volts", "a", "ma", "ua", "µa", "ampere", "amp", "w", "mw", "kw", "watt"),
        *("hz", "khz", "mhz", "ohm", "ω", "°c", "degc", "k", "nm", "n", "pa", "bar", "db", "%", "rpm", "m", "mm", "kg", "g"),
    ]
)

_TIME = re.compile(r"(t|times?|timestamps?|time ?stamps?|zeit|dates?|datetime|elapsed|x-axis)([\s_.\[(/].*)?|", re.IGNORECASE)
_UNIT = re.compile(r"(.*?)\s*[\[(]([^\])]*)[\])]\s*")
_IN_UNIT = re.compile(r"(.*?)\s*\bin (\S+)", re.IGNORECASE)
_WITH_UNIT = re.compile(r"(.+?)\s*[/_]\s*([^/_\s]+)")
_UNIT_CELL = re.compile(r"\s*[\[(][^\])]*[\])]\s*")
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})[ T](.*)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}(?:[.,]\d+)?)")

ReadNumber = Callable[[str], float]
"""Return the number in a cell. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of the rows from line `start` on."""

    delimiter: str
    decimal_comma: bool
    start: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    time: int | None = None  # number of the time column
    skipped: frozenset[int] = field(default_factory=frozenset)  # columns that contain row numbers
    remark: str = ""  # why the times could not be read

    @property
    def number(self) -> ReadNumber:
        """The function that reads the number in a cell."""
        return _comma_number if self.decimal_comma else float

    def times(self, cells: Sequence[str]) -> list[float]:
        """Return the times in these cells of the time column, in seconds. Other cells are left out."""
        assert self.time is not None
        scale = SECONDS.get(self.units[self.time].lower(), 1.0)
        found = (_seconds(cell, scale, self.number) for cell in cells)
        return [time for time in found if time is not None and math.isfinite(time)]


def find_layout(lines: Sequence[str]) -> Layout:
    """Return the layout of a file with these first lines. Raises UnreadableError if it is not understood."""
    delimiter, rows = _split(lines)
    width = _width(rows)
    sample = [row for row in rows if len(row) == width][-SAMPLE:]
    decimal_comma = delimiter != "," and _has_decimal_comma(sample)
    number = _comma_number if decimal_comma else float
    is_numeric = [_is_numeric(column, number) for column in zip(*sample, strict=True)]
    if not any(is_numeric):
        raise UnreadableError("no columns of numbers")
    start, names, units = _names(rows, width, is_numeric, number)
    layout = Layout(delimiter, decimal_comma, start, names, units)
    return _with_time(layout, [row for row in rows[start:] if len(row) == width])


def _split(lines: Sequence[str]) -> tuple[str, list[list[str]]]:
    """Return the delimiter with which most cells at the end are numbers, and the cells of all lines."""

    def quality(found: tuple[str, list[list[str]]]) -> tuple[float, int]:
        rows = [row for row in found[1] if row][-SAMPLE:]
        cells = [cell for row in rows for cell in row if cell.strip()]
        good = sum(_looks_like_a_value(cell) for cell in cells)
        return (round(good / len(cells), 2) if cells else 0.0, _width(rows))

    found = [(d, [next(csv.reader([line], delimiter=d), []) for line in lines]) for d in DELIMITERS]
    several = [one for one in found if _width(one[1]) > 1]
    return max(several or found[:1], key=quality)


def _looks_like_a_value(cell: str) -> bool:
    return _is_number(cell, float) or _is_number(cell, _comma_number) or _date(cell) is not None


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return the most frequent number of cells in the rows at the end."""
    counts = Counter(len(row) for row in [row for row in rows if any(map(str.strip, row))][-SAMPLE:])
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _has_decimal_comma(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell.strip() for row in rows for cell in row]
    return any(map(_COMMA.fullmatch, cells)) and not any(map(_POINT.fullmatch, cells))


def _is_numeric(cells: Sequence[str], number: ReadNumber) -> bool:
    """Return whether most cells that are not empty are numbers or dates."""
    full = [cell for cell in cells if cell.strip()]
    return sum(_is_number(cell, number) or _date(cell) is not None for cell in full) * 2 > len(full)


def _names(
    rows: Sequence[list[str]], width: int, is_numeric: Sequence[bool], number: ReadNumber
) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Return the number of the first row of data, the names and the units. Raises UnreadableError if no row has the names."""

    def is_data(row: Sequence[str]) -> bool:
        values = [cell for cell, expected in zip(row, is_numeric, strict=True) if expected and cell.strip()]
        return bool(values) and all(_is_number(cell, number) or _date(cell) is not None for cell in values)

    full = [place for place, row in enumerate(rows) if len(row) == width and any(map(str.strip, row))]
    top = next((place for place, row in enumerate(rows) if any(map(str.strip, row))), 0)
    found: list[tuple[int, tuple[str, ...], tuple[str, ...]]] = []
    for n, place in enumerate(full):
        row = rows[place]
        if place == top and all(is_data(rows[p]) for p in full[:FIRST_ROWS]) and all(map(_looks_like_a_value, row)):
            found.append((place, tuple(f"column {k}" for k in range(1, width + 1)), ("",) * width))
        if any(_is_number(cell, number) for cell in row) or (found and place < found[-1][0]):
            continue
        has_units = n + 1 < len(full) and _are_units(rows[full[n + 1]])
        first = n + 2 if has_units else n + 1
        following = [rows[p] for p in full[first : first + FIRST_ROWS]]
        if following and is_data(following[0]) and sum(map(is_data, following)) * 2 > len(following):
            units = rows[full[n + 1]] if has_units else [""] * width
            before = rows[full[n - 1]] if n and full[n - 1] == place - 1 else []
            if not has_units and before and _are_units(row) and _TIME.fullmatch(before[0].strip()) and before[0].strip():
                row, units = before, row  # Keysight: `x-axis,1,2` above `second,Volt,Volt`
            found.append((full[first], *_named(row, units)))
    if len(found) != 1:
        which = "several rows could have" if found else "no row has"
        raise UnreadableError(f"not understood: {which} the names of the columns above the numbers")
    return found[0]


def _named(row: Sequence[str], units: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    pairs = [name_and_unit(cell.strip().lstrip("#%").strip()) for cell in row]
    below = [unit.strip().strip("[]()").strip() for unit in units]
    return tuple(name for name, _ in pairs), tuple(b or unit for b, (_, unit) in zip(below, pairs, strict=True))


def _are_units(row: Sequence[str]) -> bool:
    """Return whether a row has the units of the columns: in brackets, or known units."""
    cells = [cell for cell in row if cell.strip()]
    known = [cell for cell in cells if cell.strip().lower() in SECONDS or cell.strip().lower() in _OTHER_UNITS]
    return bool(cells) and (all(map(_UNIT_CELL.fullmatch, cells)) or len(known) == len(cells))


def name_and_unit(header: str) -> tuple[str, str]:
    """Split `rail [V]`, `rail (V)`, `rail in V`, `rail/V` or `t_ms`. An unknown unit remains part of the name."""
    for pattern in (_UNIT, _IN_UNIT):
        if (found := pattern.fullmatch(header)) and (found[1] or pattern is _IN_UNIT):
            return found[1], found[2].strip()
    if (found := _WITH_UNIT.fullmatch(header)) and _is_unit_after(
        found[2], is_time=bool(_TIME.fullmatch(found[1])), text=header
    ):
        return found[1], found[2]
    return (header, header) if header.lower() in SECONDS and len(header) > 1 else (header, "")


def _is_unit_after(unit: str, *, is_time: bool, text: str) -> bool:
    if is_time and unit.lower() in SECONDS:
        return True
    return "/" in text and not is_time and (unit.lower() in _OTHER_UNITS or unit in SECONDS)


def _with_time(layout: Layout, rows: Sequence[Sequence[str]]) -> Layout:
    """Return the layout with its time column: the first one with the name of a time and increasing values."""
    columns = list(zip(*rows[:SAMPLE], strict=True))
    remark, skipped, found = "", set[int](), dict[int, bool]()
    for place, name in enumerate(layout.names[:MAX_COLUMNS]):
        unit = layout.units[place].lower()
        if not (_TIME.fullmatch(name) or name.lower() in SECONDS) or (not name and (unit or place) and unit not in SECONDS):
            continue
        if name == "T" and unit in _OTHER_UNITS:  # a temperature
            continue
        times = [_seconds(cell, 1.0, layout.number) for cell in columns[place]]
        known = [time for time in times if time is not None and math.isfinite(time)]
        if not name and not unit and known == [float(n) for n in range(len(times))]:
            skipped.add(place)  # row numbers, as pandas writes them
        elif problem := _problem_of_times(layout, place, columns[place], known):
            remark = remark or problem
        elif len(columns) > 1 and _share(known, gt) + _share(known, eq) > 0.5:
            found[place] = _share(known, gt) > 0.5
    time = next((place for place, increases in found.items() if increases), next(iter(found), None))
    return replace(layout, time=time, skipped=frozenset(skipped), remark="" if time is not None else remark)


def _problem_of_times(layout: Layout, place: int, cells: Sequence[str], known: Sequence[float]) -> str:
    name, unit = layout.names[place], layout.units[place]
    if unit and unit.lower() not in SECONDS and not any(_date(cell) is not None for cell in cells):
        return f"times not understood: column {name!r} has the unit {unit!r}"
    if len(known) * 2 <= len([cell for cell in cells if cell.strip()]):
        return f"times not understood: column {name!r} has {next((cell for cell in cells if cell.strip()), '')!r}"
    if not unit and any(_is_number(cell, layout.number) for cell in cells) and max(map(abs, known)) > MAX_SECONDS:
        return f"times not understood: column {name!r} has no unit and numbers too large for seconds"
    return ""


def _share(times: Sequence[float], compare: Callable[[float, float], bool]) -> float:
    """Return the share of pairs of successive times for which `compare` holds. A single row counts as increasing."""
    steps = [compare(b, a) for a, b in pairwise(times)]
    return sum(steps) / len(steps) if steps else float(compare is gt)


def _seconds(cell: str, scale: float, number: ReadNumber) -> float | None:
    try:
        return number(cell) * scale
    except ValueError:
        return _date(cell)


def _date(cell: str) -> float | None:
    """Return the seconds of a date with a time (ISO 8601, or 26.11.2026 12:00:00) or of a time of day; None for other text."""
    text = cell.strip()
    if not 8 <= len(text) <= 40 or not text[0].isdigit() or ":" not in text:
        return None
    if german := _GERMAN.fullmatch(text):
        text = f"{german[3]}-{german[2]:0>2}-{german[1]:0>2} {german[4]}"
    if clock := _CLOCK.fullmatch(text):
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3].replace(",", "."))
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _comma_number(cell: str) -> float:
    return float(cell.replace(",", "."))


def _is_number(cell: str, number: ReadNumber) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True
