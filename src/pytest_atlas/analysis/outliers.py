"""Values out of family: far from the values of earlier runs, even if they are within their limits. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from .markdown import MAX_ROWS, Highlight, Section, capped, number, path, quantity, table
from .stats import MIN_HISTORY, mad

if TYPE_CHECKING:
    from .history import MeasurementHistory

FAMILY_K = 8.0
"""Distance from the median, in MADs, from which a value is out of family: one of 10 million normal values (5.4 σ)."""


@dataclass(frozen=True, slots=True)
class Family:
    """A value compared with earlier ones."""

    value: float
    n: int  # number of earlier values
    median: float
    mad: float
    is_out: bool  # whether the value is out of family

    @property
    def difference(self) -> float:
        """The difference from the median."""
        return self.value - self.median

    @property
    def distance(self) -> float:
        """The distance from the median in MADs; infinite if the earlier values are equal."""
        return abs(self.difference) / self.mad if self.mad else math.inf


def family(value: float, earlier: Sequence[float]) -> Family | None:
    """Compare a value with earlier ones; None with fewer than MIN_HISTORY of them.

    A value is out of family if it is beyond median ± FAMILY_K · MAD and also beyond all earlier values: the MAD of values
    that hardly differ, such as a few steps of a converter, is 0.
    """
    if len(earlier) < MIN_HISTORY:
        return None
    middle, spread = median(earlier), mad(earlier)
    is_out = abs(value - middle) > FAMILY_K * spread and not min(earlier) <= value <= max(earlier)
    return Family(value, len(earlier), middle, spread, is_out)


_METHOD = f"Out of family: beyond median ± {FAMILY_K:g} · MAD of {MIN_HISTORY} earlier runs or more, and beyond all of them."


def outliers_section(histories: "Sequence[MeasurementHistory]") -> Section | None:
    """Return the report section about values out of family; None without any."""
    out = sorted(((h, h.family) for h in histories if h.family and h.family.is_out), key=lambda pair: -pair[1].distance)
    if not out:
        return None
    columns = ("measurement", "now", "median before", "difference", "in MADs", "n")
    return Section(
        f"Out of family ({len(out)})",
        capped(out, MAX_ROWS, lambda some: table(columns, [_row(h, f) for h, f in some]), ""),
        highlights=tuple(Highlight(40, f"**Out of family:** {_sentence(h, f)}.") for h, f in out[:3]),
        summary=f"{len(out)} out of family",
        method=_METHOD,
    )


def _sentence(history: "MeasurementHistory", found: Family) -> str:
    unit = history.series.unit
    usual = f"the median of {found.n} runs before is {quantity(found.median, unit)}"
    return f"{path(history.name)} is {quantity(found.value, unit)}, {usual}"


def _row(history: "MeasurementHistory", found: Family) -> list[str]:
    unit = history.series.unit
    return [
        path(history.name),
        quantity(found.value, unit),
        quantity(found.median, unit),
        ("+" if found.difference > 0 else "") + quantity(found.difference, unit, 3),
        number(found.distance, 3) if math.isfinite(found.distance) else "all others equal",
        str(found.n),
    ]
