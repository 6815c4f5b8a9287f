"""The measurements of a step as lines of a table: from the data file, the description, or the journal while the test runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from pytest_atlas.analysis.figures import Bar, bar
from pytest_atlas.analysis.margins import Margin, Measurement, by_urgency, margin
from pytest_atlas.analysis.readings import judged_in
from pytest_atlas.base.quantities import limits_text, quantity
from pytest_atlas.descriptions import test_of
from pytest_atlas.local.views.run import RunHead
from pytest_atlas.local.views.step import MeasuredValue, StepHead
from pytest_atlas.server.recordings import Value

from .frame import Pages
from .run import measurement_url

MAX_RECORDED = 100
"""Most values of a running test."""
_TIERS = {"fail": 0, "waived": 1, "marginal": 2, "pass": 3, "none": 4}


@dataclass(frozen=True, slots=True)
class MeasuredLine:
    """A measurement of the step: its value with the smallest margin."""

    name: str
    inner_step: str
    value_text: str
    limits_text: str
    verdict: str
    share: float | None = None
    distance_text: str = ""  # 10.8 ms above the limit of 100 ms; 2.5 ms left to the limit of 100 ms
    bar: Bar | None = None
    url: str = ""  # of its history
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    quantity: int = 0
    count: int = 1  # number of values

    @property
    def limit_texts(self) -> list[str]:
        """The text of each limit, the low one first."""
        sides = (("≥", self.low), ("≤", self.high))
        return [f"{sign} {quantity(limit, self.unit)}" for sign, limit in sides if limit is not None]

    @property
    def window_text(self) -> str:
        """The window of the bar: `0 … 100 ms` for a high limit only."""
        is_from_0 = self.low is None and self.high is not None and self.high > 0
        return limits_text(0, self.high, None, self.unit) if is_from_0 else self.limits_text

    @property
    def is_out(self) -> bool:
        """Whether the value violates a limit."""
        return self.verdict in ("fail", "waived")


def measured_lines(run: RunHead, head: StepHead, values: Iterable[MeasuredValue]) -> list[MeasuredLine]:
    """Return the measurements of a step, the most urgent first: from the data file, or from the description without one."""
    grouped = [list(group) for _, group in groupby(values, key=lambda value: (value.quantity, value.inner_step))]
    found = [(_measurement(group), group) for group in grouped]
    if not found:
        return _described(head)
    order = {id(one): n for n, one in enumerate(by_urgency(one for one, _ in found))}
    return [_line(run, head, *pair) for pair in sorted(found, key=lambda pair: order[id(pair[0])])]


def _measurement(values: Sequence[MeasuredValue]) -> Measurement:
    first = values[0]
    return Measurement(
        name=first.name,
        verdict=min((value.verdict for value in values), key=lambda verdict: _TIERS.get(verdict, 4)),
        values=tuple(value.text for value in values),
        unit=first.unit,
        low="" if first.low is None else repr(first.low),
        high="" if first.high is None else repr(first.high),
    )


def _line(run: RunHead, head: StepHead, measured: Measurement, values: Sequence[MeasuredValue]) -> MeasuredLine:
    first, worst = values[0], measured.worst if measured.is_numeric else None
    value, nearest = worst or (None, None)
    number = first.value if value is None else float(value)
    limits = (first.low, first.high)
    return MeasuredLine(
        name=first.name,
        inner_step=first.inner_step,
        value_text=quantity(number, first.unit, limits) if number is not None else f"{first.text} {first.unit}".strip(),
        limits_text=f"= {first.equal}" if first.equal else limits_text(*limits, None, first.unit),
        verdict=measured.verdict,
        share=nearest.share if nearest else None,
        distance_text=_distance(nearest, first.unit) if nearest else "",
        bar=bar(number, *limits, is_waived=measured.verdict == "waived") if number is not None else None,
        url=measurement_url(run.system_id, test_of(head.step.test), first.name),
        value=number,
        low=first.low,
        high=first.high,
        unit=first.unit,
        quantity=first.quantity,
        count=len(values),
    )


def _distance(found: Margin[float] | Margin[Decimal], unit: str) -> str:
    """Return `10.8 ms above the limit of 100 ms`, or `2.5 ms left to the limit of 100 ms`."""
    side = "left to" if found.distance >= 0 else "above" if found.is_high else "below"
    return f"{quantity(abs(float(found.distance)), unit)} {side} the limit of {quantity(float(found.limit), unit)}"


def _described(head: StepHead) -> list[MeasuredLine]:
    """Return the measurements in the description, which has no data file while its session runs."""
    return [
        MeasuredLine(
            name=one.reading.name,
            inner_step="",
            value_text=one.value_text,
            limits_text=one.reading.limits_text,
            verdict=one.reading.verdict,
            share=one.margin.share,
            distance_text=_distance(one.margin, one.reading.unit),
            bar=bar(one.value, one.reading.low, one.reading.high, is_waived=one.reading.verdict == "waived"),
            value=one.value,
            low=one.reading.low,
            high=one.reading.high,
            unit=one.reading.unit,
        )
        for one in judged_in(head.step.description)
    ]


def recorded_lines(pages: Pages, run: RunHead, head: StepHead) -> list[MeasuredLine]:
    """Return the measurements of a running test from the journal of its session, if it is on this machine; newest first."""
    recordings = pages.recordings.of_run(run.uuid) if pages.recordings and head.step.status == "running" else ()
    values = [value for one in recordings for value in one.of_test(head.step.test)]
    return [_recorded(value) for value in reversed(values[-MAX_RECORDED:])]


def _recorded(value: Value) -> MeasuredLine:
    low, high, number = value.low, value.high, value.number
    found = margin(number, low, high) if number is not None else None
    return MeasuredLine(
        name=value.name,
        inner_step="",
        value_text=quantity(number, value.unit, (low, high)) if number is not None else f"{value.text} {value.unit}".strip(),
        limits_text=limits_text(low, high, None, value.unit),
        verdict=value.verdict,
        share=found.share if found else None,
        distance_text=_distance(found, value.unit) if found else "",
        bar=bar(number, low, high, is_waived=value.verdict == "waived"),
        value=number,
        low=low,
        high=high,
        unit=value.unit,
        count=value.count,
    )
