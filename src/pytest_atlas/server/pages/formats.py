"""Values as text in the pages: times, durations, sizes, numbers, statuses. Pure, except for the time zone of this machine."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from pytest_atlas.atlas.statuses import label as status_label

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CLASSES = {
    "failed": "failed",
    "passed_with_exception": "exception",
    "running": "running",
    "passed": "passed",
    "done": "done",
    "todo": "todo",
}
"""Status -> CSS class, in the order in which the pages show statuses: the most urgent first."""


def status_class(status: str) -> str:
    """Return the CSS class of a status. A status that the API does not document looks like `todo`."""
    return CLASSES.get(status, "todo")


def worst(statuses: Iterable[str]) -> str:
    """Return the most urgent of some statuses; `todo` if there are none."""
    found = set(statuses)
    return next((status for status in CLASSES if status in found), "todo")


def status_query(name: str) -> str:
    """Return a CSS class of a status as a parameter of a URL, after others."""
    return f"&status={name}"


def card_name(title: str) -> tuple[str, str]:
    """Return a class and its file for the title `tests/test_motor.py::TestDrive` of a card; the file is empty for others."""
    file, separator, name = title.rpartition("::")
    return (name, file) if separator and file.endswith(".py") and name else (title, "")


def instant(microseconds: int) -> datetime:
    """Return a time of the store in the time zone of this machine."""
    return (EPOCH + timedelta(microseconds=microseconds)).astimezone()


def time(microseconds: int | None, form: str = "%Y-%m-%d %H:%M") -> Markup:
    """Return a `<time>` element; empty without a time."""
    if microseconds is None:
        return Markup()
    at = instant(microseconds)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), at.strftime(form))


def short_time(microseconds: int | None) -> Markup:
    """Return a `<time>` element without the year."""
    return time(microseconds, "%m-%d %H:%M")


def date(microseconds: int) -> str:
    """Return the date of a time."""
    return instant(microseconds).strftime("%Y-%m-%d")


def duration(microseconds: float | None) -> str:
    """Return a duration as `12 ms`, `8.9 s`, `1 min 16 s` or `2 h 05 min`; empty if it is unknown."""
    if microseconds is None:
        return ""
    seconds = microseconds / 1e6
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"


def size(count: int) -> str:
    """Return a number of bytes as `408 B` or `37.5 kB`."""
    if count < 1000:
        return f"{count} B"
    power = min(int(math.log10(count) + 1e-3) // 3, 3)
    return f"{count / 1000**power:.3g} {('B', 'kB', 'MB', 'GB')[power]}"


def minus(text: object) -> str:
    """Return a number with U+2212 as its minus sign, in place of the hyphen at its start."""
    found = str(text)
    return f"\u2212{found[1:]}" if found.startswith("-") else found


def grouped(count: int) -> str:
    """Return a whole number with thin spaces between groups of three digits."""
    return minus(f"{count:,}".replace(",", "\u202f")) if abs(count) >= 10_000 else minus(count)


def percent(share: float | None) -> str:
    """Return a share as `6.3 %`, `−11 %`; empty if it is unknown."""
    if share is None:
        return ""
    value = 100 * share
    return minus(f"{value:.0f} %" if abs(value) >= 9.95 else f"{value:.2g} %")


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 step`, `12 steps`."""
    return f"{grouped(number)} {noun if number == 1 else plural or noun + 's'}"


GLOBALS: dict[str, Any] = {
    "card_name": card_name,
    "count": count,
    "status_class": status_class,
    "status_label": status_label,
    "worst": worst,
}
FILTERS: dict[str, Any] = {
    "date": date,
    "duration": duration,
    "grouped": grouped,
    "minus": minus,
    "percent": percent,
    "short_time": short_time,
    "size": size,
    "status_query": status_query,
    "time": time,
}
"""Filters of the templates."""
