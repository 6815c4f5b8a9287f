"""Read the rows of measurement files, and collect the values that count for each measurement. Pure.

Several sessions can record into one run. A file of measurements is registered once and never changes, so its column `valid`
holds within its session only: of a test that several sessions executed, the values of the newest session count.

A series has one unit and one origin: numbers in different units, or of different devices, are never mixed unnoticed.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from pytest_atlas.base.quantities import from_cell
from pytest_atlas.descriptions import NOT_EXECUTED, parse_attempts, session_id

from .inputs import Step
from .margins import Margin, margin, urgency
from .reading import Table, UnreadableError
from .stats import Moments
from .units import factor

COLUMNS = (
    "test", "name", "value", "unit", "low", "high", "verdict", "time", "session", "valid",
    "attempt", "step", "dut", "bench", "firmware",
)  # fmt: skip
"""The columns that are read."""
_REQUIRED = ("test", "name", "value")
_DETAILS = (
    "exclusive", "accepted_low", "accepted_high", "uncertainty", "k", "rule", "point", "points", "points_out", "data_file", "na"
)  # fmt: skip
"""Columns that only some files have."""


class Key(NamedTuple):
    """The identity of a measurement, the same in each run."""

    card: str  # title
    test: str  # nodeid
    name: str


class Origin(NamedTuple):
    """The origin of a value, as far as it is recorded."""

    device: str = ""  # serial number of the device under test
    firmware: str = ""
    bench: str = ""


UNKNOWN = Origin()


@dataclass(frozen=True, slots=True)
class Details:
    """Properties of a value that most measurements don't have."""

    exclusive: str = ""  # the limits that are not allowed values: "low", "high" or "both"
    accepted: tuple[float | None, float | None] | None = None  # acceptance limits; None if they are the limits
    uncertainty: float | None = None  # expanded
    k: float | None = None  # coverage factor
    rule: str = ""  # decision rule
    point: str = ""  # coordinates of the worst point of a measurement with axes: `f = 1 kHz`
    points: int = 0  # number of points; 0 without axes
    points_out: int = 0  # number of points that are out of limits
    data_file: str = ""  # name of the file with all points
    na: str = ""  # why the measurement is not applicable


NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a measurement."""

    test: str
    name: str
    value: str
    number: float | None  # None if the value is text, for example a state
    unit: str
    low: float | None
    high: float | None
    verdict: str
    equal: str = ""  # the required text, or the allowed values, as in the file
    at: str = ""  # ISO 8601, UTC
    session: str = ""  # empty if the file has no such column
    is_valid: bool = True  # False if a later attempt in the same session superseded it
    attempt: int = 0  # 0 if the file has no such column
    step: str = ""  # titles of the inner steps around it, `Ramp > Hold`; empty outside of inner steps
    dut: str = ""  # serial number of the device under test
    bench: str = ""
    firmware: str = ""
    details: Details = NO_DETAILS

    @property
    def decisive(self) -> tuple[float | None, float | None]:
        """The low and high limits that the value was compared with."""
        return self.details.accepted or (self.low, self.high)

    @property
    def origin(self) -> Origin:
        """Device, firmware and bench."""
        return Origin(self.dut, self.firmware, self.bench)


@dataclass(frozen=True, slots=True)
class Worst:
    """The value with the smallest margin."""

    value: str
    number: float | None
    low: float | None
    high: float | None
    margin: Margin[float] | None
    verdict: str
    equal: str = ""
    details: Details = NO_DETAILS

    @property
    def urgency(self) -> tuple[int, float]:
        """Its sort key: violations first, then the smallest margins."""
        return urgency(self.verdict, self.margin)

    def scaled(self, k: float) -> "Worst":
        """Return the value and its limits multiplied by k."""
        if self.number is None:
            return self
        number, limits, details = self.number * k, (_scaled(self.low, k), _scaled(self.high, k)), self.details
        if accepted := details.accepted:
            accepted = (_scaled(accepted[0], k), _scaled(accepted[1], k))
        details = replace(details, accepted=accepted, uncertainty=_scaled(details.uncertainty, k))
        found = margin(number, *(accepted or limits))
        return replace(self, value=f"{number:.9g}", number=number, low=limits[0], high=limits[1], margin=found, details=details)


def _scaled(number: float | None, k: float) -> float | None:
    return None if number is None else number * k


@dataclass(slots=True)
class Series:
    """The values of one measurement in one run, in one unit and of one origin."""

    unit: str = ""
    origin: Origin = UNKNOWN
    run: str = ""  # TR-0042; empty for the run that is analysed
    at: str = ""  # time of the last value, ISO 8601 in UTC; empty if it is not recorded
    values: "array[float]" = field(default_factory=lambda: array("d"))  # without text, NaN and infinities
    times: "array[float]" = field(default_factory=lambda: array("d"))  # of the values, Unix seconds; 0 if they are not recorded
    rows: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    worst: Worst | None = None
    low: float | None = None  # of the last value
    high: float | None = None
    has_same_limits: bool = True

    def add(self, row: Row) -> None:
        """Add one value."""
        self.has_same_limits &= not self.rows or (self.low, self.high) == (row.low, row.high)
        self.rows += 1
        self.at = max(self.at, row.at)
        self.low, self.high = row.low, row.high
        self.verdicts[row.verdict] += 1
        if row.number is not None and math.isfinite(row.number):
            self.values.append(row.number)
            self.times.append(_seconds(row.at))
        found = None if row.number is None else margin(row.number, *row.decisive)
        worst = Worst(row.value, row.number, row.low, row.high, found, row.verdict, row.equal, row.details)
        if self.worst is None or worst.urgency < self.worst.urgency:
            self.worst = worst

    def join(self, other: "Series") -> None:
        """Add all values of `other`."""
        self.has_same_limits &= other.has_same_limits and (self.low, self.high) == (other.low, other.high)
        self.rows += other.rows
        self.at = max(self.at, other.at)
        self.low, self.high = other.low, other.high
        self.verdicts += other.verdicts
        self.values.extend(other.values)
        self.times.extend(other.times)
        if self.worst is None or (other.worst is not None and other.worst.urgency < self.worst.urgency):
            self.worst = other.worst

    def in_unit(self, unit: str) -> "Series | None":
        """Return the values and limits in another unit; None if the units are not multiples of each other."""
        k = factor(self.unit, unit)
        if k is None:
            return None
        values = array("d", [value * k for value in self.values])
        worst = self.worst and self.worst.scaled(k)
        return replace(self, unit=unit, values=values, low=_scaled(self.low, k), high=_scaled(self.high, k), worst=worst)

    def moments(self) -> Moments:
        """Return the moments of the finite values."""
        found = Moments()
        found.add(self.values)
        return found


def read_rows(table: Table) -> Iterator[Row]:
    """Yield the rows of a measurement file. In a file without the column `valid`, from an older version, all rows are valid.

    Raises:
        UnreadableError: a required column is missing.

    """
    header = [name.strip().lower() for name in table.header]
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise UnreadableError(f"unreadable: no column {missing[0]}")
    places = [header.index(name) if name in header else len(header) for name in COLUMNS]
    details = {name: header.index(name) for name in _DETAILS if name in header}
    for row in table.rows:
        if not row:
            continue
        padded = [*row, *[""] * (len(header) + 1 - len(row))]
        cells = (padded[place] for place in places)
        test, name, value, unit, low, high, verdict, at, session, valid, attempt, step, dut, bench, firmware = cells
        equal = low if low == high and _number(low) is None else ""  # a required state has no distance
        yield Row(
            test=test,
            name=name,
            value=value,
            number=_number(value),
            unit=unit,
            low=_limit(low),
            high=_limit(high),
            verdict=verdict.strip().lower(),
            equal=equal,
            at=at,
            session=session,
            is_valid=valid.strip().lower() != "false",
            attempt=_count(attempt),
            step=step,
            dut=dut,
            bench=bench,
            firmware=firmware,
            details=_details({name: padded[place] for name, place in details.items()}) if details else NO_DETAILS,
        )


def _details(cells: Mapping[str, str]) -> Details:
    if not any(cells.values()):
        return NO_DETAILS
    low, high, uncertainty = (_limit(cells.get(name, "")) for name in ("accepted_low", "accepted_high", "uncertainty"))
    return Details(
        exclusive=cells.get("exclusive", ""),
        accepted=(low, high) if cells.get("rule", "simple") not in ("", "simple") else None,
        uncertainty=uncertainty,
        k=_limit(cells.get("k", "")),
        rule=cells.get("rule", ""),
        point=cells.get("point", ""),
        points=_count(cells.get("points", "")),
        points_out=_count(cells.get("points_out", "")),
        data_file=cells.get("data_file", ""),
        na=cells.get("na", ""),
    )


def _count(cell: str) -> int:
    return int(cell) if cell.isdecimal() and len(cell) < 10 else 0


def _seconds(at: str) -> float:
    """Return the Unix seconds of a time; 0 if there is none, or an invalid one."""
    try:
        return datetime.fromisoformat(at).timestamp() if at else 0.0
    except (ValueError, OverflowError):
        return 0.0


def series_by_run(rows: Iterable[tuple[str, Row]]) -> list[Series]:
    """Return one series for each run, unit and origin, the one measured first is first. `rows`: pairs of run and row."""
    found: dict[tuple[str, str, Origin], Series] = {}
    for run, row in rows:
        place = (run, row.unit, row.origin)
        if place not in found:
            found[place] = Series(row.unit, row.origin, run)
        found[place].add(row)
    return sorted(found.values(), key=lambda series: series.at)


def _number(cell: str) -> float | None:
    value = from_cell(cell)
    if isinstance(value, bool | str):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _limit(cell: str) -> float | None:
    number = _number(cell)
    return number if number is not None and math.isfinite(number) else None  # an infinite limit does not limit


Newest = Mapping[str, frozenset[str]]
"""The newest session that executed each test, by nodeid; several sessions if the run contains the test several times."""


def newest_sessions(steps: Iterable[Step]) -> Newest:
    """Return the newest session of each test whose step lists attempts."""
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        attempts = parse_attempts(step.description) if step.nodeid else None
        executed = [a.session for a in attempts.attempts if a.outcome not in NOT_EXECUTED] if attempts else []
        if executed:
            found[step.nodeid] = found.get(step.nodeid, frozenset()) | {executed[0]}
    return found


@dataclass(slots=True)
class RunMeasurements:
    """The measurements of a run by session, until all files are read."""

    run: str = ""
    superseded: int = 0
    """Number of values that don't count, because a later attempt or session superseded them."""
    _series: dict[Key, dict[tuple[str, str, Origin], Series]] = field(default_factory=dict)
    """Measurement -> session, unit and origin -> values."""
    _last: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """Card and test -> session -> time of its last row."""
    _ids: dict[str, str] = field(default_factory=dict)

    def add(self, rows: Iterable[Row], card: str) -> None:
        """Add rows of a file of this card."""
        for row in rows:
            session = self._ids.get(row.session)
            if session is None:
                session = self._ids[row.session] = session_id(row.session) if row.session else ""
            if not row.is_valid:
                self.superseded += 1
                continue
            by_origin, place = self._series.setdefault(Key(card, row.test, row.name), {}), (session, row.unit, row.origin)
            if place not in by_origin:
                by_origin[place] = Series(row.unit, row.origin, self.run)
            by_origin[place].add(row)
            last = self._last.setdefault((card, row.test), {})
            last[session] = max(last.get(session, ""), row.at)

    def valid(self, newest: Newest) -> dict[Key, list[Series]]:
        """Return the values that count, and add the number of the others to `superseded`.

        If `newest` does not contain a test, the values of the session with the last row count. Values without a session
        always count.
        """
        found: dict[Key, dict[tuple[str, Origin], Series]] = {}
        for key, by_origin in self._series.items():
            sessions = newest.get(key.test) or {self._last_session(key)}
            for (session, unit, origin), series in by_origin.items():
                if session and session not in sessions:
                    self.superseded += series.rows
                    continue
                counted = found.setdefault(key, {})
                if (unit, origin) in counted:
                    counted[unit, origin].join(series)
                else:
                    counted[unit, origin] = series
        return {key: list(counted.values()) for key, counted in found.items()}

    def _last_session(self, key: Key) -> str:
        last = self._last[key.card, key.test]
        return max(last, key=lambda session: (bool(session), last[session]))


def short_names(keys: Iterable[Key]) -> dict[Key, tuple[str, ...]]:
    """Return the parts of each measurement's name: card if there are several, function name with parameters, and name."""
    keys = list(keys)
    has_cards = len({key.card for key in keys}) > 1
    return {key: (*([key.card] if has_cards else []), _function(key.test), key.name) for key in keys}


def _function(nodeid: str) -> str:
    path, bracket, parameters = nodeid.partition("[")
    return path.rpartition("::")[2] + bracket + parameters
