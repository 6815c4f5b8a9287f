"""The report section about margins: for each measurement of a run, the value with the smallest margin. Renders only."""

import math
from collections import Counter
from collections.abc import Sequence

from pytest_atlas.base.quantities import MATCHES, ONE_OF

from .history import MeasurementHistory
from .markdown import (
    MAX_ROWS,
    Highlight,
    Section,
    bullets,
    capped,
    count,
    limits,
    number,
    path,
    percent,
    prose,
    quantity,
    table,
)
from .measurements import Details, Worst

_VERDICTS = {"fail": "**out**", "waived": "waived", "marginal": "marginal"}
_COLUMNS = ("measurement", "worst", "limits", "margin", "of range", "verdict", "n", "min", "mean", "max", "usually")
_METHOD = (
    "Margin: from the worst value to its nearest limit, negative outside; of range: as a share of the distance between both "
    "limits, or of the limit itself if there is only one; with an uncertainty and a decision rule, to the acceptance limits. "
    "Usually: median of the earlier runs."
)


def margins_section(histories: Sequence[MeasurementHistory], superseded: int = 0) -> Section | None:
    """Return the section; None without measurements.

    Args:
        histories: the measurements of the run, the most urgent one first.
        superseded: the number of values that are not counted, because a later attempt superseded them.

    """
    if not histories:
        return Section("Measurements (0)", f"{_not_counted(superseded)}.") if superseded else None
    out = [h for h in histories if h.series.verdicts["fail"]]
    waived = [h for h in histories if h.series.verdicts["waived"] and not h.series.verdicts["fail"]]
    counts = [f"{count(sum(h.series.rows for h in histories), 'value')} of {count(len(histories), 'measurement')}"]
    marginal = [h for h in histories if h.series.verdicts["marginal"]]
    counts += [f"{len(out)} out of limits"] * bool(out) + [f"{len(waived)} out of limits and waived"] * bool(waived)
    counts += [f"{len(marginal)} marginal"] * bool(marginal)
    counts += [_not_counted(superseded)] * bool(superseded)
    body = capped(histories, MAX_ROWS, lambda some: table(_COLUMNS, list(map(_row, some))), "with larger margins or none")
    highlights = [Highlight(10, f"**Out of limits:** {path(h.name)}: {_violation(h)}.") for h in out[:3]]
    if len(out) > 3:
        highlights.append(Highlight(11, f"**Out of limits:** {count(len(out) - 3, 'more measurement')}."))
    return Section(
        f"Measurements ({len(histories)})",
        f"{', '.join(counts)}.\n\n{body}{_pooled(histories)}{_limit_changes(histories)}",
        highlights=tuple(highlights),
        summary=f"{len(out)} of {count(len(histories), 'measurement')} out of limits" if out else "",
        method=_METHOD,
    )


def _not_counted(superseded: int) -> str:
    return f"{count(superseded, 'value')} of superseded attempts {'is' if superseded == 1 else 'are'} not counted"


def _violation(history: MeasurementHistory) -> str:
    """`111.6 ms, 11.6 ms beyond ≤ 100 ms`."""
    worst, unit = history.worst, history.series.unit
    value, allowed = _value(history), _limits(worst, unit)
    if worst.margin is None or not -math.inf < worst.margin.distance < 0:  # the recorded verdict decides, not the numbers
        return f"{value}, allowed {allowed}" if allowed else value
    return f"{value}, {quantity(-worst.margin.distance, unit, 3)} beyond {allowed}"


def _row(history: MeasurementHistory) -> list[str]:
    series, worst, moments = history.series, history.worst, history.series.moments()
    spread = [number(moments.low), number(moments.mean), number(moments.high)] if moments.n > 1 else ["", "", ""]
    return [
        path(history.name),
        _value(history),
        _limits(worst, series.unit),
        quantity(worst.margin.distance, series.unit, 3) if worst.margin else "",
        percent(worst.margin.share) if worst.margin else "",
        _VERDICTS.get(worst.verdict, ""),
        f"{series.rows:,}" + (f" ({moments.n:,} finite)" if moments.n not in (series.rows, 0) else ""),
        *spread,
        _usual(history),
    ]


def _usual(history: MeasurementHistory) -> str:
    if history.usual is None:
        return f"(n 0; {count(history.other_units, 'run')} in another unit)" if history.other_units else ""
    notes = [f"n {len(history.earlier)}"]
    notes += ["pooled"] if history.origins else []
    notes += [f"{count(history.other_units, 'run')} in another unit"] if history.other_units else []
    return f"{number(history.usual, 5)} ({'; '.join(notes)})"


def _pooled(histories: Sequence[MeasurementHistory]) -> str:
    """The origins of the values that are pooled, with the number of measurements."""
    origins = Counter(history.origins for history in histories if history.origins)
    found = "; ".join(f"{text} ({count(number, 'measurement')})" for text, number in origins.most_common(5))
    return f"\n\nPooled, because too few earlier runs have the same device, firmware and bench: {found}." if found else ""


def _limit_changes(histories: Sequence[MeasurementHistory]) -> str:
    """The measurements with limits that earlier runs did not have. Each value is judged by the limits that its run recorded."""
    lines = []
    for history in histories:
        if change := history.limit_change:
            unit, series = history.series.unit, history.series
            before = limits(change.low, change.high, unit) or "none"
            now = limits(series.low, series.high, unit) or "none"
            lines.append(f"{path(history.name)}: {before} until {prose(change.until) or 'an earlier run'}, now {now}")
    return f"\n\nLimits have changed:\n\n{capped(lines, MAX_ROWS, bullets, '')}" if lines else ""


def _value(history: MeasurementHistory) -> str:
    """The worst value; empty if there are several values without limits."""
    worst = history.worst
    if worst.details.na:
        return f"not applicable: {prose(worst.details.na, 60)}"
    if worst.margin is None and history.series.rows > 1 and worst.verdict not in _VERDICTS:
        return ""
    value = prose(worst.value, 40) if worst.number is None else quantity(worst.number, history.series.unit)
    return f"{value}{_point(worst.details)}"


def _point(details: Details) -> str:
    """The coordinates of the worst point: ` at f = 1 kHz (1,000 points, 3 out of limits)`; empty without axes."""
    if not details.points:
        return ""
    out = f", {details.points_out:,} out of limits" if details.points_out else ""
    return f" at {prose(details.point, 60)} ({count(details.points, 'point')}{out})"


def _limits(worst: Worst, unit: str) -> str:
    if worst.equal.startswith((ONE_OF, MATCHES)):
        return prose(worst.equal, 60)
    if worst.equal:
        return f"= {prose(worst.equal, 40)}"
    details = worst.details
    shown = [limits(worst.low, worst.high, unit, details.exclusive)]
    shown += [f"accepted {limits(*details.accepted, unit, details.exclusive)}"] if details.accepted else []
    shown += [f"U = {quantity(details.uncertainty, unit)}"] if details.uncertainty is not None else []
    return "; ".join(filter(None, shown))
