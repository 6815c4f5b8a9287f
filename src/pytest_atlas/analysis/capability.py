"""Process performance of a measurement: Pp and Ppk, with confidence intervals. Pure.

Pp and Ppk describe all values, with one standard deviation. Cp and Cpk need rational subgroups, which test runs don't have.
The values must be independent, of one process and normal; if they are not, a sentence takes the place of the indices.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING

from .inputs import REQUIRED_PPK
from .markdown import MAX_ROWS, Section, bullets, capped, limits, number, path, table
from .stats import autocorrelation, chi2_quantile, mann_kendall, normality

if TYPE_CHECKING:
    from .history import MeasurementHistory

MIN_VALUES = 20
"""Fewest values for Pp and Ppk."""
MIN_DISTINCT = 6
"""Fewest different values. Fewer, such as a count of retries, don't show the spread."""
CONFIDENCE = 0.95
MAX_Z = 3.29
"""Largest z of the tests for a trend and for autocorrelation (two-sided p = 0.001)."""
MIN_P = 0.001
"""Smallest p of the test for normal values."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Pp and Ppk of `n` values, with the bounds of their confidence intervals."""

    n: int
    pp: tuple[float, float, float] | None  # low bound, estimate, high bound; None with one limit only
    low: float
    ppk: float  # to the nearest limit
    high: float

    def is_low(self, required: float = REQUIRED_PPK) -> bool:
        """Whether Ppk is below the required level."""
        return self.ppk < required

    def is_proven(self, required: float = REQUIRED_PPK) -> bool:
        """Whether the whole confidence interval is above the required level."""
        return self.low >= required


@dataclass(frozen=True, slots=True)
class NoCapability:
    """The reason why the values have no Pp and Ppk."""

    n: int
    reason: str  # a clause: "only 3 different values"


def required_ppk(text: str) -> float:
    """Return the required Ppk from the text of a setting; the default for an empty text. Raises ValueError."""
    try:
        value = float(text) if text.strip() else REQUIRED_PPK
    except ValueError:
        value = 0.0
    if not 0 < value <= 10:
        raise ValueError(f"{text!r} is not a Ppk. Give a number above 0 and up to 10, for example 1.67")
    return value


def capability(
    values: Sequence[float], low: float | None, high: float | None, change: str = ""
) -> Capability | NoCapability | None:
    """Return Pp and Ppk, or the reason why the values don't have them; None without limits or with too few values.

    s is the sample standard deviation of all values. Pp = (high - low) / 6s; Ppk = min(high - mean, mean - low) / 3s.
    Interval of Pp: Pp √(χ²(α/2, n-1) / (n-1)) to Pp √(χ²(1-α/2, n-1) / (n-1)).
    Interval of Ppk: Ppk ± z(1-α/2) √(1/9n + Ppk² / (2(n-1))).
    Sources: ISO 22514-2:2017 for the indices; A. F. Bissell, Applied Statistics 39(3), 1990, 331-340, for the interval of Ppk;
    S. Kotz, C. R. Lovelace, Process Capability Indices in Theory and Practice, 1998, for that of Pp.

    Args:
        values: in the order of measuring.
        low: the lower specification limit.
        high: the upper specification limit.
        change: a drift or step change that is known already, as a clause such as "they drift".

    """
    if len(values) < MIN_VALUES or low == high:  # with equal limits, also both None
        return None
    try:
        n, mean, sigma = len(values), fmean(values), stdev(values)
    except OverflowError:  # values near the largest float
        return None
    if reason := _unsuitable(values, change):
        return NoCapability(n, reason)
    sides = [*([mean - low] if low is not None else []), *([high - mean] if high is not None else [])]
    ppk = min(sides) / (3 * sigma)
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(1 / (9 * n) + ppk * ppk / (2 * (n - 1)))
    pp = _pp((high - low) / (6 * sigma), n) if low is not None and high is not None else None
    return Capability(n, pp, ppk - half, ppk, ppk + half)


def _pp(pp: float, n: int) -> tuple[float, float, float]:
    below, above = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low, high = (pp * math.sqrt(chi2_quantile(p, n - 1) / (n - 1)) for p in (below, above))
    return low, pp, high


def _unsuitable(values: Sequence[float], change: str) -> str:
    """The first reason against indices of these values; empty if there is none."""
    distinct = len(set(values))
    if distinct < MIN_DISTINCT:
        return f"only {distinct} different value{'s' * (distinct > 1)}"
    if change:
        return change
    r1 = autocorrelation(values)
    if abs(r1) * math.sqrt(len(values)) > MAX_Z:
        return f"successive values are correlated (r₁ = {r1:.2f})"
    if abs(z := mann_kendall(values)) > MAX_Z:
        return f"they drift (Mann-Kendall z = {z:.1f})"
    p = normality(values)
    return f"they are not normal (D'Agostino-Pearson p = {p:.1g})" if p < MIN_P else ""


def capability_section(histories: "Sequence[MeasurementHistory]", required: float = REQUIRED_PPK) -> Section | None:
    """Return the report section about capability; None if no measurement has a Ppk or a reason against it."""
    found = [(h, h.capability) for h in histories if h.capability]
    able = sorted(((h, c) for h, c in found if isinstance(c, Capability)), key=lambda pair: pair[1].ppk)
    reasons = [_reason(h, c) for h, c in found if isinstance(c, NoCapability)]
    if not found:
        return None
    columns = ("measurement", "Ppk", "95 % interval", "Pp", "limits", "n", "values of")
    low = sum(c.is_low(required) for _, c in able)
    parts = []
    if able:
        rows = [_row(history, c, required) for history, c in able]
        parts.append(capped(rows, MAX_ROWS, lambda some: table(columns, some), "with a larger Ppk"))
    if reasons:
        parts.append("Without Ppk:\n\n" + capped(reasons, MAX_ROWS, bullets, ""))
    return Section(
        f"Capability ({len(found)})",
        "\n\n".join(parts),
        summary=f"{low} with a Ppk below {number(required)}" if low else "",
        method=f"Pp, Ppk: for {MIN_VALUES} values or more, at least {MIN_DISTINCT} of them different, without drift, step "
        f"change or autocorrelation (p < 0.001), and normal (D'Agostino-Pearson, p ≥ {MIN_P}). s is the standard deviation of "
        "all values. "
        f"Required: {number(required)}; proven if the whole interval is above it.",
    )


def _row(history: "MeasurementHistory", found: Capability, required: float) -> list[str]:
    series = history.series
    verdict = f" (< {number(required)})" if found.is_low(required) else " (proven)" if found.is_proven(required) else ""
    return [
        path(history.name),
        f"{found.ppk:.2f}{verdict}",
        f"{found.low:.2f} … {found.high:.2f}",
        "" if found.pp is None else f"{found.pp[1]:.2f}",
        limits(series.low, series.high, series.unit),
        f"{found.n:,}",
        _source(history),
    ]


def _source(history: "MeasurementHistory") -> str:
    if history.pooled == 1:
        return "this run"
    return f"{history.pooled} runs" + (f", pooled: {history.origins}" if history.origins else "")


def _reason(history: "MeasurementHistory", found: NoCapability) -> str:
    return f"{path(history.name)} (n {found.n:,}, {_source(history)}): {found.reason}"
