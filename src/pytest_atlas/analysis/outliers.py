"""Values out of family: far from the values of earlier runs, even if they are within their limits. Pure.

Median and MAD tolerate that almost half of the earlier values are outliers, so an earlier outlier can't hide a new one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from .markdown import MAX_ROWS, Highlight, Section, capped, number, path, quantity, table
from .stats import MIN_HISTORY, interpolate, mad

if TYPE_CHECKING:
    from .history import MeasurementHistory

FALSE_ALARMS = 0.001
"""Share of independent normal values that are out of family by chance."""
FACTORS = {
    8: 16.5, 9: 16.1, 10: 12.6, 11: 12.3, 12: 10.6, 13: 10.3, 15: 9.2, 16: 8.6, 17: 8.6, 18: 8.0, 20: 7.65, 25: 7.15, 30: 6.65,
    50: 5.8, 100: 5.35, 1000: 4.9,
}  # fmt: skip
"""Distance from the median in MADs, from which a value is out of family, by the number of earlier values."""


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
        """The distance from the median in MADs; infinite if most of the earlier values are equal."""
        return abs(self.difference) / self.mad if self.mad else math.inf


def factor(n: int) -> float:
    """Return the distance in MADs from which a value is out of family, for n earlier values."""
    return interpolate(FACTORS, n)


def family(value: float, earlier: Sequence[float]) -> Family | None:
    """Compare a value with earlier ones; None with fewer than MIN_HISTORY of them.

    A value is out of family if |value - median| > k · MAD and if it is beyond all earlier values. The factors k are from a
    simulation with independent normal values, so that FALSE_ALARMS of them are out of family whatever the number of earlier
    values: the MAD of a few values is often too small by chance. For a large number, k · MAD is 3.29 σ, with σ = 1.4826 MAD.
    If more than half of the earlier values are equal, the MAD is 0, and the second condition decides alone.
    Sources: F. R. Hampel, JASA 69, 1974, 383-393 (MAD); C. Croux, P. J. Rousseeuw, Computational Statistics 1, 1992, 411-428
    (its bias for small samples).
    """
    if len(earlier) < MIN_HISTORY:
        return None
    middle, spread = median(earlier), mad(earlier)
    is_out = abs(value - middle) > factor(len(earlier)) * spread and not min(earlier) <= value <= max(earlier)
    return Family(value, len(earlier), middle, spread, is_out)


_METHOD = (
    f"Out of family: far from the median of {MIN_HISTORY} or more earlier runs since the last step change, and beyond all of "
    f"them. The distance in MADs is {factor(8):.1f} for 8, {factor(20):.1f} for 20 and {factor(50):.1f} for 50 earlier runs; "
    f"{FALSE_ALARMS:.1%} of independent normal values are beyond it by chance."
)


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
        number(found.distance, 3) if math.isfinite(found.distance) else "most are equal",
        str(found.n),
    ]
