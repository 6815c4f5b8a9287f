"""The report section about drift and step changes of measurements over runs. Renders only."""

import math
from collections.abc import Sequence

from .drift import MIN_SEGMENT, Drift, StepChange
from .history import MeasurementHistory
from .markdown import MAX_ROWS, Highlight, Section, capped, count, limits, number, path, prose, quantity, table
from .stats import MIN_HISTORY

MAX_RUNS_LEFT = 1000.0
"""The report does not extrapolate further than this number of runs."""
SOON = 20.0
"""The report highlights a drift that reaches a limit within this number of runs."""
FALSE_ALARMS = 0.001
"""Share of series of independent values with a drift, or with a step change, by chance."""
_DRIFT_COLUMNS = ("measurement", "for each run", "trend is at", "limits", "at its limit", "runs", "z", "r₁", "pooled")
_STEP_COLUMNS = ("measurement", "since", "level before", "level since", "difference", "limits", "runs since", "pooled")


def changes_section(histories: Sequence[MeasurementHistory]) -> Section | None:
    """Return the section; None if no measurement has a drift or a step change."""
    drifting = sorted(((h, h.drift) for h in histories if h.drift), key=lambda pair: _runs_left(pair[0]))
    steps = sorted(((h, h.changes.steps[-1]) for h in histories if h.changes.steps), key=lambda pair: -pair[1].at)
    if not (drifting or steps):
        return None
    soon = [h for h, _ in drifting if _runs_left(h) <= SOON]
    parts = []
    if drifting:
        parts.append(capped(drifting, MAX_ROWS, lambda some: table(_DRIFT_COLUMNS, [_drift_row(h, d) for h, d in some]), ""))
    if steps:
        parts.append(capped(steps, MAX_ROWS, lambda some: table(_STEP_COLUMNS, [_step_row(h, s) for h, s in some]), ""))
    if len(histories) >= 1 / FALSE_ALARMS:
        by_chance = len(histories) * FALSE_ALARMS
        expected = f"about {by_chance:.0f} would drift by chance, and as many change by a step"
        parts.append(f"Of {len(histories):,} measurements, {expected}.")
    return Section(
        f"Drift and step changes ({len(drifting) + len(steps)})",
        "\n\n".join(parts),
        highlights=tuple(_highlights(soon, steps)),
        summary=", ".join(_counts(len(drifting), len(soon), len(steps))),
        method=_METHOD,
    )


_METHOD = (
    f"Drift: a trend of the runs since the last step change by the Mann-Kendall test (p < {FALSE_ALARMS}, {MIN_HISTORY} runs "
    "or more, with this one), with the variance corrected for the correlation r₁ of successive runs; slope by Theil-Sen; each "
    "run counts with its median. The time to the limit assumes that the trend continues. Step change: two levels of "
    f"{MIN_SEGMENT} runs or more that fit better than one level (p < {FALSE_ALARMS}) and better than a trend. These "
    "probabilities hold for independent runs; with a correlation of 0.5, up to 2 % of the series have a drift or a step change "
    "by chance."
)


def _counts(drifting: int, soon: int, steps: int) -> list[str]:
    found = [f"{drifting} drifting"] if drifting else []
    found += [f"{soon} of them to a limit within {SOON:g} runs"] if soon else []
    return found + ([count(steps, "step change")] if steps else [])


def _highlights(soon: Sequence[MeasurementHistory], steps: Sequence[tuple[MeasurementHistory, StepChange]]) -> list[Highlight]:
    found = [Highlight(30, f"**Drift:** {path(h.name)} is at its limit {_time_left(h)}.") for h in soon[:3]]
    return found + [Highlight(35, f"**Step change:** {path(h.name)}: {step_text(h, step)}.") for h, step in steps[:3]]


def step_text(history: MeasurementHistory, step: StepChange) -> str:
    """Return `110.6 ms since TR-0024, before 90.4 ms`."""
    unit = history.series.unit
    return f"{quantity(step.after, unit, 4)} since {_run(history, step)}, before {quantity(step.before, unit, 4)}"


def _run(history: MeasurementHistory, step: StepChange) -> str:
    return prose(history.run_of(step)) or "this run"


def _step_row(history: MeasurementHistory, step: StepChange) -> list[str]:
    series = history.series
    difference = step.after - step.before
    return [
        path(history.name),
        _run(history, step),
        quantity(step.before, series.unit, 4),
        quantity(step.after, series.unit, 4),
        ("+" if difference > 0 else "") + quantity(difference, series.unit, 3),
        limits(series.low, series.high, series.unit),
        str(len(history.earlier) + 1 - step.at),
        history.origins,
    ]


def _drift_row(history: MeasurementHistory, found: Drift) -> list[str]:
    series = history.series
    slope = ("+" if found.slope > 0 else "") + quantity(found.slope, series.unit, 3)
    return [
        path(history.name),
        slope,
        quantity(found.current, series.unit, 4),
        limits(series.low, series.high, series.unit),
        _time_left(history),
        str(found.n),
        f"{found.z:.1f}",
        number(found.correlation, 2),
        history.origins,
    ]


def _runs_left(history: MeasurementHistory) -> float:
    return math.inf if history.runs_left is None else history.runs_left


def _time_left(history: MeasurementHistory) -> str:
    left = history.runs_left
    if left is None:
        return "moves away from it" if (history.series.low, history.series.high) != (None, None) else ""
    if left == 0:
        return "now"
    return f"in about {count(math.ceil(left), 'run')}" if left <= MAX_RUNS_LEFT else f"not in {MAX_RUNS_LEFT:,.0f} runs"
