"""The report section about measurements that a test repeated, as in a soak test: start, end, extremes, slope. Renders only."""

from collections.abc import Sequence

from pytest_atlas.session.measurement_texts import slope_text
from pytest_atlas.session.trends import Trend, trend

from .history import MeasurementHistory
from .markdown import MAX_ROWS, Section, capped, path, prose, quantity, table
from .measurements import Series

MIN_VALUES = 30
"""Fewest values of one measurement in one test that are shown as a trend."""
_COLUMNS = ("measurement", "values", "start", "end", "lowest", "highest", "slope")
_METHOD = "Within the run: start and end are the first and the last value; slope of the least-squares line through all values."


def soak_section(histories: Sequence[MeasurementHistory]) -> Section | None:
    """Return the section; None without a measurement that has enough values."""
    found = [(h, t) for h in histories if (t := trend_of(h.series))]
    if not found:
        return None
    body = capped(found, MAX_ROWS, lambda some: table(_COLUMNS, [_row(h, t) for h, t in some]), "with many values")
    return Section(f"Within the run ({len(found)})", body, method=_METHOD)


def trend_of(series: Series) -> Trend | None:
    """Return the trend of the values of a series; None for few values."""
    return trend(series.times, series.values) if len(series.values) >= MIN_VALUES else None


def _row(history: MeasurementHistory, found: Trend) -> list[str]:
    unit = history.series.unit
    duration = f" in {quantity(found.seconds, 's', 3)}" if found.is_timed else ""
    return [
        path(history.name),
        f"{found.count:,}{duration}",
        quantity(found.first, unit),
        quantity(found.last, unit),
        f"{quantity(found.low, unit)} ({_place(found, found.low_at)})",
        f"{quantity(found.high, unit)} ({_place(found, found.high_at)})",
        prose(slope_text(found, unit)),
    ]


def _place(found: Trend, at: float) -> str:
    return f"after {quantity(at, 's', 3)}" if found.is_timed else f"value {int(at) + 1:,}"
