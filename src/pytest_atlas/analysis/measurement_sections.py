"""Sections about measurements: the worst cases, drift, what is out of family, capability."""

import math
from collections.abc import Iterator, Sequence

from pytest_atlas.base.quantities import ONE_OF

from .history import Compared
from .markdown import capped, count, limits, number, percent, quantity, table, text
from .measurements import Key, Series, Worst, rank
from .section import MOST_ROWS, Finding, Section
from .stats import FAMILY_K, LEAST_CAPABILITY, LEAST_HISTORY, TREND_P, Drift, Family

FAR = 1000.0
"""Runs beyond which nobody extrapolates."""
SOON = 20.0
"""Runs within which a limit that a drift leads to is worth a line at the top."""
CAPABLE = 1.33
"""A common least Cpk (ISO 22514-2, for processes that run already)."""

_VERDICTS = {"fail": "**out**", "waived": "waived"}


def sections(compared: Sequence[Compared], superseded: int = 0) -> Iterator[Section]:
    """What there is to say. `superseded`: the number of values that don't count, because their test was executed again."""
    if not compared:
        if superseded:
            yield Section("Measurements (0)", f"{_not_counted(superseded).capitalize()}.")
        return
    names = _Names(compared)
    yield _worst(compared, names, superseded)
    for made in (_drift, _family, _capability):
        section = made(compared, names)
        if section:
            yield section


class _Names:
    """What measurements are called: without what all of them share."""

    def __init__(self, compared: Sequence[Compared]) -> None:
        self._cards = len({c.key.card for c in compared}) > 1

    def of(self, key: Key) -> str:
        path, bracket, parameters = key.test.partition("[")
        test = path.rpartition("::")[2] + bracket + parameters
        return " > ".join(text(part, 60) for part in (*([key.card] if self._cards else []), test, key.name) if part)


def _not_counted(superseded: int) -> str:
    return f"{count(superseded, 'value')} of superseded attempts {'is' if superseded == 1 else 'are'} not counted"


def _worst(compared: Sequence[Compared], names: _Names, superseded: int) -> Section:
    ranked = sorted(compared, key=_rank)
    out = [c for c in ranked if c.series.verdicts["fail"]]
    waived = [c for c in ranked if c.series.verdicts["waived"] and not c.series.verdicts["fail"]]
    values = sum(c.series.rows for c in compared)
    said = [f"{count(values, 'value')} of {count(len(compared), 'measurement')}"]
    said += [f"{len(out)} out of limits"] * bool(out) + [f"{len(waived)} out of limits and waived"] * bool(waived)
    said += [_not_counted(superseded)] * bool(superseded)
    columns = ("measurement", "worst", "limits", "margin", "of span", "verdict", "n", "min", "mean", "max", "usually")
    body = capped(ranked, MOST_ROWS, lambda some: table(columns, [_row(c, names) for c in some]), "with larger margins or none")
    findings = [Finding(10, f"**Out of limits:** {names.of(c.key)}: {_distance(c)}.") for c in out[:3]]
    if len(out) > 3:
        findings.append(Finding(11, f"**Out of limits:** {count(len(out) - 3, 'more measurement')}."))
    news = f"{len(out)} of {count(len(compared), 'measurement')} out of limits" if out else ""
    return Section(f"Measurements ({len(compared)})", f"{', '.join(said)}.\n\n{body}", tuple(findings), news, _MARGIN)


def _rank(compared: Compared) -> tuple[int, float]:
    assert compared.series.worst, "a series has a row"
    return rank(compared.series.worst)


def _distance(compared: Compared) -> str:
    """`111.6 ms, 11.6 ms beyond ≤ 100 ms`."""
    worst, unit = compared.series.worst, compared.series.unit
    assert worst
    shown = _value(compared.series, worst)
    if worst.margin is None or not -math.inf < worst.margin.units < 0:  # a verdict has the last word, whatever the numbers say
        allowed = _limits(worst, unit)
        return f"{shown}, allowed {allowed}" if allowed else shown
    return f"{shown}, {quantity(-worst.margin.units, unit, 3)} beyond {_limits(worst, unit)}"


def _row(compared: Compared, names: _Names) -> list[str]:
    series = compared.series
    worst, unit, found = series.worst, series.unit, series.moments()
    assert worst
    spread = [number(found.low), number(found.mean), number(found.high)] if found.n > 1 else ["", "", ""]
    return [
        names.of(compared.key),
        _value(series, worst),
        _limits(worst, unit),
        quantity(worst.margin.units, unit, 3) if worst.margin else "",
        percent(worst.margin.share) if worst.margin else "",
        _VERDICTS.get(worst.verdict, ""),
        f"{series.rows:,}" + (f" ({found.n:,} finite)" if found.n not in (series.rows, 0) else ""),
        *spread,
        f"{number(compared.usual, 5)} (n {compared.runs})" if compared.usual is not None else "",
    ]


def _value(series: Series, worst: Worst) -> str:
    """The worst value; of several without limits none is."""
    if worst.margin is None and series.rows > 1 and worst.verdict not in _VERDICTS:
        return ""
    return text(worst.value, 40) if worst.number is None else quantity(worst.number, series.unit)


def _limits(worst: Worst, unit: str) -> str:
    if worst.equal.startswith(ONE_OF):
        return text(worst.equal, 60)
    return f"= {text(worst.equal, 40)}" if worst.equal else limits(worst.low, worst.high, unit)


def _drift(compared: Sequence[Compared], names: _Names) -> Section | None:
    drifting = sorted(((c, c.drift) for c in compared if c.drift), key=lambda pair: _soonest(pair[0]))
    if not drifting:
        return None
    soon = [c for c, _ in drifting if _soonest(c) <= SOON]
    columns = ("measurement", "for each run", "trend is at", "limits", "at its limit", "runs", "z")
    body = capped(drifting, MOST_ROWS, lambda some: table(columns, [_drift_row(c, d, names) for c, d in some]), "")
    if len(compared) >= 1 / TREND_P:
        body += f"\n\nOf {len(compared):,} measurements, chance alone would show about {len(compared) * TREND_P:.0f}."
    findings = [Finding(30, f"**Drift:** {names.of(c.key)} is at its limit {_when(c)}.") for c in soon[:3]]
    news = f"{len(drifting)} drifting" + (f", {len(soon)} of them to a limit within {SOON:g} runs" if soon else "")
    return Section(f"Drift ({len(drifting)})", body, tuple(findings), news, _DRIFT)


def _soonest(compared: Compared) -> float:
    return math.inf if compared.runs_left is None else compared.runs_left


def _when(compared: Compared) -> str:
    left = compared.runs_left
    if left is None:
        return "moves away from it" if (compared.series.low, compared.series.high) != (None, None) else ""
    if left == 0:
        return "now"
    return f"in about {count(math.ceil(left), 'run')}" if left <= FAR else f"not in {FAR:,.0f} runs"


def _drift_row(compared: Compared, drift: Drift, names: _Names) -> list[str]:
    series = compared.series
    slope = ("+" if drift.slope > 0 else "") + quantity(drift.slope, series.unit, 3)
    allowed = limits(series.low, series.high, series.unit)
    current = quantity(drift.current, series.unit, 4)
    return [names.of(compared.key), slope, current, allowed, _when(compared), str(drift.n), f"{drift.z:.1f}"]


def _family(compared: Sequence[Compared], names: _Names) -> Section | None:
    out = [(c, c.family, c.now) for c in compared if c.family and c.family.out and c.now is not None]
    out.sort(key=lambda found: -_far(found[1], found[2]))
    if not out:
        return None
    columns = ("measurement", "now", "median before", "off by", "in MADs", "n")
    body = capped(out, MOST_ROWS, lambda some: table(columns, [_family_row(*one, names) for one in some]), "")
    findings = [Finding(40, f"**Out of family:** {_strange(c, f, now, names)}.") for c, f, now in out[:3]]
    return Section(f"Out of family ({len(out)})", body, tuple(findings), f"{len(out)} out of family", _FAMILY)


def _strange(compared: Compared, family: Family, now: float, names: _Names) -> str:
    usual = quantity(family.median, compared.series.unit)
    return f"{names.of(compared.key)} is {quantity(now, compared.series.unit)}, the median of {family.n} runs before is {usual}"


def _far(family: Family, now: float) -> float:
    return abs(now - family.median) / family.mad if family.mad else math.inf


def _family_row(compared: Compared, family: Family, now: float, names: _Names) -> list[str]:
    unit, off = compared.series.unit, now - family.median
    far = _far(family, now)
    return [
        names.of(compared.key),
        quantity(now, unit),
        quantity(family.median, unit),
        ("+" if off > 0 else "") + quantity(off, unit, 3),
        number(far, 3) if math.isfinite(far) else "all others alike",
        str(family.n),
    ]


def _capability(compared: Sequence[Compared], names: _Names) -> Section | None:
    able = sorted(((c, c.capability) for c in compared if c.capability), key=lambda pair: pair[1].cpk)
    if not able:
        return None
    rows = [
        [
            names.of(c.key),
            f"{a.cpk:.2f}" + ("" if a.cpk >= CAPABLE else f" (< {CAPABLE})"),
            "" if a.cp is None else f"{a.cp:.2f}",
            limits(c.series.low, c.series.high, c.series.unit),
            f"{a.n:,}",
            "this run" if c.pooled == 1 else f"{c.pooled} runs",
        ]
        for c, a in able
    ]
    columns = ("measurement", "Cpk", "Cp", "limits", "n", "values of")
    low = sum(a.cpk < CAPABLE for _, a in able)
    body = capped(rows, MOST_ROWS, lambda some: table(columns, some), "with a larger Cpk")
    return Section(f"Capability ({len(able)})", body, (), f"{low} with a Cpk below {CAPABLE}" if low else "", _CPK)


_MARGIN = (
    "Margin: from the worst value to its nearest limit, negative outside; of span: as a share of the distance between both "
    "limits, or of the limit itself where there is one only. Usually: median of the earlier runs."
)
_DRIFT = (
    f"Drift: a trend by Mann-Kendall's test (p < {TREND_P}, {LEAST_HISTORY} runs or more, with this one), slope by Theil-Sen; "
    "each run counts by its median. A limit is reached if the trend goes on as it is."
)
_FAMILY = f"Out of family: beyond median ± {FAMILY_K:g} · MAD of {LEAST_HISTORY} earlier runs or more, and beyond all of them."
_CPK = (
    f"Cp, Cpk: of {LEAST_CAPABILITY} values or more; σ is the sample standard deviation of all of them (strictly, Pp and Ppk)."
)
