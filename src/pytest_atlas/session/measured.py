"""The limits of each recorded value, marginal values, and measurements that a loop repeated. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_atlas.base.quantities import Scalar, from_exact
from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import Verdict
from pytest_atlas.journal import events as ev

from .trends import Trend, trend

MAX_CALLS = 12
"""Maximum number of calls with the same name that a description lists. More calls, as in a soak test, are one line."""
_SEVERITY: tuple[Verdict, ...] = ("fail", "waived", "marginal", "pass", "none")


class ValueLimits(NamedTuple):
    """The limits of one value, as recorded. Empty if there is none."""

    low: str = ""
    high: str = ""
    marginal_low: str = ""
    marginal_high: str = ""
    uncertainty: str = ""
    accepted_low: str = ""
    accepted_high: str = ""


def limits_of_value(m: ev.Measured, index: int) -> ValueLimits:
    """Return the limits of the value with this index."""
    accepted = m.acceptance
    marginal = m.marginal if len(m.marginal) == 2 else ("", "")
    of_acceptance = (accepted.uncertainty, accepted.low, accepted.high) if accepted else ("", "", "")
    common = ValueLimits(m.low, m.high, *marginal, *of_acceptance)
    if m.each is None:
        return common
    each = m.each
    own = (each.low, each.high, each.marginal_low, each.marginal_high, each.uncertainty, each.accepted_low, each.accepted_high)
    return ValueLimits(*(texts[index] if index < len(texts) else text for texts, text in zip(own, common, strict=True)))


def verdict_of_value(m: ev.Measured, index: int) -> Verdict:
    """Return the verdict of the measurement; `marginal` if it passed and the value is marginal."""
    return "marginal" if m.verdict == "pass" and _is_marginal(m, index) else m.verdict


def verdict_of(m: ev.Measured) -> Verdict:
    """Return the verdict of the measurement; `marginal` if it passed and one of its values is marginal."""
    if m.points:
        return "marginal" if m.verdict == "pass" and m.points.marginal else m.verdict
    return next((v for n in range(len(m.values)) if (v := verdict_of_value(m, n)) == "marginal"), m.verdict)


def _is_marginal(m: ev.Measured, index: int) -> bool:
    if not m.marginal and m.each is None:
        return False
    limits = limits_of_value(m, index)
    value, low, high = (number(text) for text in (m.values[index], limits.marginal_low, limits.marginal_high))
    return value is not None and ((low is not None and value < low) or (high is not None and value > high))


def number(text: str) -> float | None:
    """Return the number of a recorded text; None for other values, and for an integer larger than any float."""
    value: Scalar | None = from_exact(text)
    if value is None or isinstance(value, str | bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Repeated:
    """Measurements with the same name and unit, which a loop repeated."""

    calls: tuple[ev.Measured, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict."""
        return min((verdict_of(m) for m in self.calls), key=_SEVERITY.index)

    @property
    def out(self) -> int:
        """The number of calls that are out of limits."""
        return sum(m.verdict in ("fail", "waived") for m in self.calls)

    @property
    def trend(self) -> Trend | None:
        """The trend of the values over the time of the calls."""
        pairs = [(m.at, value) for m in self.calls for text in m.values if (value := number(text)) is not None]
        return trend([at for at, _ in pairs], [value for _, value in pairs])


def without_repetitions(recorded: Sequence[ev.Measured | ev.Noted]) -> Iterator[ev.Measured | ev.Noted | Repeated]:
    """Yield the events, with one `Repeated` for more than MAX_CALLS numbers with one name and unit."""
    calls: dict[tuple[str, str], list[ev.Measured]] = {}
    for one in recorded:
        if isinstance(one, ev.Measured):
            calls.setdefault((one.name, one.unit), []).append(one)
    many = {
        key: Repeated(tuple(found)) for key, found in calls.items() if len(found) > MAX_CALLS and all(map(_is_numeric, found))
    }
    for one in recorded:
        repeated = many.get((one.name, one.unit)) if isinstance(one, ev.Measured) else None
        if repeated is None:
            yield one
        elif repeated.calls[0] is one:
            yield repeated


def _is_numeric(m: ev.Measured) -> bool:
    return not m.points and not m.na and bool(m.values) and all(number(text) is not None for text in m.values)
