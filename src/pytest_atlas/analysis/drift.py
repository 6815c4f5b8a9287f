"""Drift: a trend of a measurement over runs, extrapolated to its limits. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

from .markdown import MAX_ROWS, Highlight, Section, capped, count, limits, path, quantity, table
from .stats import MIN_HISTORY, mann_kendall

if TYPE_CHECKING:
    from .history import MeasurementHistory

TREND_Z = 3.29
"""Smallest z of the Mann-Kendall test that counts as a trend. It is high because a report tests hundreds of series."""
TREND_P = 0.001
"""The two-sided probability of this z."""
MAX_RUNS_LEFT = 1000.0
"""The report does not extrapolate further than this number of runs."""
SOON = 20.0
"""The report highlights a drift that reaches a limit within this number of runs."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend over runs: its slope for each run (Theil-Sen), its value at the last run, and z of the Mann-Kendall test."""

    n: int
    slope: float
    current: float
    z: float

    def runs_until(self, low: float | None, high: float | None) -> float | None:
        """Return the number of runs until the trend reaches a limit: 0 if it has, None if there is no limit on that side."""
        limit = high if self.slope > 0 else low
        return None if limit is None else max(0.0, (limit - self.current) / self.slope)


def drift(values: Sequence[float]) -> Drift | None:
    """Return the trend of values in their order; None if chance can explain it, or with fewer than MIN_HISTORY values."""
    z = mann_kendall(values) if len(values) >= MIN_HISTORY else 0.0
    if abs(z) < TREND_Z:
        return None
    slope = median((b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(values), 2))
    if not slope:  # most values are equal
        return None
    start = median(value - slope * n for n, value in enumerate(values))
    return Drift(len(values), slope, start + slope * (len(values) - 1), z)


def drift_section(histories: "Sequence[MeasurementHistory]") -> Section | None:
    """Return the report section about drift; None if no measurement drifts."""
    drifting = sorted(((h, h.drift) for h in histories if h.drift), key=lambda pair: _runs_left(pair[0]))
    if not drifting:
        return None
    soon = [history for history, _ in drifting if _runs_left(history) <= SOON]
    columns = ("measurement", "for each run", "trend is at", "limits", "at its limit", "runs", "z")
    body = capped(drifting, MAX_ROWS, lambda some: table(columns, [_row(h, d) for h, d in some]), "")
    if len(histories) >= 1 / TREND_P:
        body += f"\n\nOf {len(histories):,} measurements, about {len(histories) * TREND_P:.0f} would drift by chance."
    return Section(
        f"Drift ({len(drifting)})",
        body,
        highlights=tuple(Highlight(30, f"**Drift:** {path(h.name)} is at its limit {_time_left(h)}.") for h in soon[:3]),
        summary=f"{len(drifting)} drifting" + (f", {len(soon)} of them to a limit within {SOON:g} runs" if soon else ""),
        method=f"Drift: a trend by the Mann-Kendall test (p < {TREND_P}, {MIN_HISTORY} runs or more, with this one), slope "
        "by Theil-Sen; each run counts with its median. The time to the limit assumes that the trend continues.",
    )


def _runs_left(history: "MeasurementHistory") -> float:
    return math.inf if history.runs_left is None else history.runs_left


def _time_left(history: "MeasurementHistory") -> str:
    left = history.runs_left
    if left is None:
        return "moves away from it" if (history.series.low, history.series.high) != (None, None) else ""
    if left == 0:
        return "now"
    return f"in about {count(math.ceil(left), 'run')}" if left <= MAX_RUNS_LEFT else f"not in {MAX_RUNS_LEFT:,.0f} runs"


def _row(history: "MeasurementHistory", found: Drift) -> list[str]:
    series = history.series
    slope = ("+" if found.slope > 0 else "") + quantity(found.slope, series.unit, 3)
    current = quantity(found.current, series.unit, 4)
    allowed = limits(series.low, series.high, series.unit)
    return [path(history.name), slope, current, allowed, _time_left(history), str(found.n), f"{found.z:.1f}"]
