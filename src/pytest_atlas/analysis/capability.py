"""Process capability of a measurement: Cp and Cpk. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from .markdown import MAX_ROWS, Section, capped, limits, path, table

if TYPE_CHECKING:
    from .history import MeasurementHistory

MIN_VALUES = 20
"""Fewest values for Cp and Cpk."""
MIN_CPK = 1.33
"""A common lower bound for Cpk (ISO 22514-2, for running processes)."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Cp and Cpk of `n` values. σ is the sample standard deviation of all of them."""

    n: int
    cp: float | None  # None with one limit only
    cpk: float  # to the nearest limit

    @property
    def is_low(self) -> bool:
        """Whether Cpk is below the common lower bound."""
        return self.cpk < MIN_CPK


def capability(values: Sequence[float], low: float | None, high: float | None) -> Capability | None:
    """Return the capability; None without limits, with equal limits, or with fewer than MIN_VALUES or only equal values."""
    if len(values) < MIN_VALUES or low == high:
        return None
    mean, sigma = fmean(values), stdev(values)
    if not 0 < sigma < math.inf:
        return None
    sides = [*([mean - low] if low is not None else []), *([high - mean] if high is not None else [])]
    cp = (high - low) / (6 * sigma) if low is not None and high is not None else None
    return Capability(len(values), cp, min(sides) / (3 * sigma))


_METHOD = f"Cp, Cpk: for {MIN_VALUES} values or more; σ is the sample standard deviation of all values (strictly, Pp and Ppk)."


def capability_section(histories: "Sequence[MeasurementHistory]") -> Section | None:
    """Return the report section about capability; None if no measurement has one."""
    able = sorted(((h, h.capability) for h in histories if h.capability), key=lambda pair: pair[1].cpk)
    if not able:
        return None
    columns = ("measurement", "Cpk", "Cp", "limits", "n", "values of")
    low = sum(found.is_low for _, found in able)
    rows = [_row(history, found) for history, found in able]
    body = capped(rows, MAX_ROWS, lambda some: table(columns, some), "with a larger Cpk")
    return Section(
        f"Capability ({len(able)})",
        body,
        summary=f"{low} with a Cpk below {MIN_CPK}" if low else "",
        method=_METHOD,
    )


def _row(history: "MeasurementHistory", found: Capability) -> list[str]:
    series = history.series
    return [
        path(history.name),
        f"{found.cpk:.2f}" + (f" (< {MIN_CPK})" if found.is_low else ""),
        "" if found.cp is None else f"{found.cp:.2f}",
        limits(series.low, series.high, series.unit),
        f"{found.n:,}",
        "this run" if history.pooled == 1 else f"{history.pooled} runs",
    ]
