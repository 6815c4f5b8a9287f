"""How far a measurement is from its limits."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import facts as f

from pytest_atlas.analysis import margins
from pytest_atlas.base.quantities import to_exact
from pytest_atlas.fixture.limits import measurement
from pytest_atlas.journal import events as ev


def measured(value: object, **limits: object) -> ev.Measured:
    """What the fixture records of such a call."""
    made = measurement("rail", value, **limits)  # type: ignore[arg-type]
    return ev.Measured(
        nodeid=f.nodeid("test_a"),
        name=made.name,
        values=tuple(to_exact(v) for v in made.values),
        unit=made.unit,
        low=to_exact(made.limits.low),
        high=to_exact(made.limits.high),
        equal=to_exact(made.limits.equal),
        verdict=made.verdict,
        waived=made.waived,
        at=f.BEGIN,
    )


CASES = {
    "above": (measured(111.6, unit="ms", high=100), "11.6 ms above"),
    "below": (measured(74.5, unit="%", low=75), "0.5 % below"),
    "exact": (measured(12.56, unit="V", high=12.55), "0.01 V above"),
    "left": (measured(97.5, unit="ms", high=100), "2.5 ms left"),
    "at the limit": (measured(100, unit="ms", high=100), "0 ms left"),
    "of a range": (measured(12.56, unit="V", low=12.45, high=12.55), "0.01 V above (10 % of the range)"),
    "the nearer": (measured(12.47, unit="V", low=12.45, high=12.55), "0.02 V left (20 % of the range)"),
    "a range of nothing": (measured(5.5, unit="V", low=5, high=5), "0.5 V above"),
    "the worst of several": (measured([1.0, 5.25, 3.0], unit="V", high=5), "5.25 V: 0.25 V above"),
    "several within": (measured([1.0, 4.0, 3.0], unit="V", high=5), "4 V: 1 V left"),
    "waived": (measured(112, unit="ms", high=100, waive="ECR-1"), "12 ms above"),
    "nan": (measured(float("nan"), unit="V", high=5), "out of limits"),
    "nan among others": (measured([1, float("nan")], unit="V", high=5), "out of limits"),
    "no infinity": (measured(float("inf"), unit="V", low=5), "out of limits"),
    "no limits": (measured(3, unit="V"), ""),
    "equal": (measured("armed", equal="armed"), ""),
    "not equal": (measured("open", equal="armed"), "out of limits"),
    "a limit of infinity": (measured(3, unit="V", low=0, high=float("inf")), "3 V left"),
    "a boolean": (measured(True, equal=False), "out of limits"),
    "tiny": (measured(1.5e-9, unit="A", high=1e-9), "5e-10 A above"),
    "large": (measured(10**30, high=10**29), "9e+29 above"),
}


@pytest.mark.parametrize(("m", "words"), CASES.values(), ids=CASES)
def test_a_margin_in_words(m: ev.Measured, words: str) -> None:
    assert margins.words(m) == words


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=4), NUMBERS, NUMBERS)
def test_a_margin_is_negative_where_a_limit_is_violated_and_nowhere_else(values: list[float], one: float, two: float) -> None:
    m = measured(values, low=min(one, two), high=max(one, two))
    found = margins.margin(m)
    assert found is not None
    assert (found.amount < 0) == (m.verdict == "fail")
    assert Decimal(found.value) in [Decimal(repr(value)) for value in values]


def test_violations_come_first_by_how_much_then_what_is_nearest_to_a_limit() -> None:
    ordered = [
        measured(15, low=0, high=10),  # by half of the range
        measured(11, low=0, high=10),
        measured(11, high=10, waive="ECR-1"),
        measured(9, low=0, high=10),
        measured(5, low=0, high=10),
        measured(5),
    ]
    assert margins.by_urgency(reversed(ordered)) == ordered
