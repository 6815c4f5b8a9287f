"""Reading measurement files, and the values that count if several sessions recorded into a run."""

import math

import pytest
from tests.support.tables import table

from pytest_atlas.analysis.margins import Margin
from pytest_atlas.analysis.measurements import COLUMNS, Key, RunMeasurements, Series, Worst, read_rows
from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.session.measurements import HEADER as WRITTEN_COLUMNS

HEADER = "test,name,value,unit,low,high,verdict,time\n"


def series(*lines: str, header: str = HEADER) -> dict[Key, Series]:
    found = RunMeasurements()
    with table(header + "\n".join(lines)) as opened:
        found.add(read_rows(opened), "Card")
    return {key: one for key, (one,) in found.valid({}).items()}


def one(*values: str, rest: str = "ms,90.0,110.0,pass,2026-03-01T22:00:00Z") -> Series:
    (found,) = series(*(f"t[1],trip,{value},{rest}" for value in values)).values()
    return found


def test_card_test_and_name_identify_a_measurement() -> None:
    found = series("t[1],trip,1,ms,,,none,", "t[2],trip,2,ms,,,none,", "t[1],rail,3,V,,,none,", "t[1],trip,4,ms,,,none,")
    assert {key: list(s.values) for key, s in found.items()} == {
        Key("Card", "t[1]", "trip"): [1, 4],
        Key("Card", "t[2]", "trip"): [2],
        Key("Card", "t[1]", "rail"): [3],
    }


def test_the_worst_value_is_the_one_with_the_smallest_margin() -> None:
    found = one("100", "108.5", "95")
    assert found.worst == Worst("108.5", 108.5, 90, 110, Margin(1.5, 110, is_high=True, range=20), "pass")
    assert (found.unit, found.rows, dict(found.verdicts)) == ("ms", 3, {"pass": 3})
    moments = found.moments()
    assert (moments.low, moments.high) == (95, 108.5)
    assert moments.mean == pytest.approx(101.166667)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_nan_and_infinities_violate_limits_and_are_left_out_of_the_mean(value: str) -> None:
    found = one("100", value, "104")
    assert list(found.values) == [100, 104]
    assert found.rows == 3
    assert found.worst is not None
    assert found.worst.value == value
    assert found.worst.margin is not None
    assert found.worst.margin.distance == -math.inf


def test_a_state_is_text_with_a_verdict() -> None:
    found = one("'armed'", rest=",,,fail,")
    assert found.worst == Worst("'armed'", None, None, None, None, "fail")
    assert list(found.values) == []


def test_a_required_value_is_kept() -> None:
    state, number = one("idle", rest=",armed,armed,fail,").worst, one("5", rest="V,5,5,pass,").worst
    assert state == Worst("idle", None, None, None, None, "fail", "armed")
    assert number == Worst("5", 5, 5, 5, Margin(0, 5, is_high=False, range=0), "pass")
    assert one("5", rest="V,,,none,").worst.equal == ""  # type: ignore[union-attr]


def test_an_infinite_limit_is_ignored_and_changed_limits_are_detected() -> None:
    assert one("5", rest=",-inf,10,pass,").low is None
    assert one("5", "6").has_same_limits
    (found,) = series("t,x,1,V,0,10,pass,", "t,x,1,V,0,11,pass,").values()
    assert not found.has_same_limits
    assert (found.low, found.high) == (0, 11)


def test_columns_are_found_by_name_and_rows_can_be_short_or_empty() -> None:
    (found,) = series("1.5,trip,t", "", "2.5,trip,t", header="Value, Name ,test\n").values()
    assert list(found.values) == [1.5, 2.5]
    assert found.worst is not None
    assert (found.worst.verdict, found.worst.margin) == ("", None)
    assert next(iter(series("t,trip", header=HEADER).values())).rows == 1


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UnreadableError, match="no column test"):
        series("1,2", header="t [s],rail [V]\n")


def test_the_columns_that_are_read_are_written_by_a_session() -> None:
    assert set(COLUMNS) <= set(WRITTEN_COLUMNS)
