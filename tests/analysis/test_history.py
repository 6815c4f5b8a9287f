"""The history of a measurement."""

from array import array

import pytest
from tests.support.tables import Files

from pytest_atlas.analysis import PastFile
from pytest_atlas.analysis import history as history_module
from pytest_atlas.analysis.history import histories, history, read_past
from pytest_atlas.analysis.measurements import Key, Row, Series

KEY = Key("Card", "t[1]", "trip")


def measured(*values: float, low: float | None = None, high: float | None = 100.0) -> Series:
    made = Series()
    for value in values:
        made.add(Row("t[1]", "trip", repr(value), value, "ms", low, high, "pass"))
    return made


def content(*values: object, test: str = "t[1]", name: str = "trip") -> str:
    return "test,name,value\n" + "".join(f"{test},{name},{value}\n" for value in values)


def runs(*values: float) -> list["array[float]"]:
    return [array("d", [value]) for value in values]


def test_earlier_values_are_in_the_order_of_their_runs() -> None:
    files = Files(a=content(1, "nan", 2), b=content(3), c=content(4), d=content("nan"), e=content(9, test="t[2]"))
    past = [PastFile(n, "Card", url) for n, url in ((3, "c"), (1, "a"), (2, "b"), (2, "c"), (4, "d"), (5, "e"))]
    found, problems = read_past(past, [KEY, Key("Card", "t[1]", "rail")], files)
    assert {key: [list(values) for values in run] for key, run in found.items()} == {KEY: [[1, 2], [3, 4], [4]]}
    assert problems == []


def test_a_measurement_of_another_card_is_a_different_one() -> None:
    assert read_past([PastFile(1, "Another card", "a")], [KEY], Files(a=content(1)))[0] == {}


def test_unreadable_earlier_files_are_reported_and_the_others_are_read() -> None:
    past = [PastFile(1, "Card", "a"), PastFile(2, "Card", "gone"), PastFile(3, "Card", "png")]
    found, problems = read_past(past, [KEY], Files(a=content(1), png=b"\x89PNG\0\n"))
    assert list(found[KEY][0]) == [1]
    assert len(problems) == 2


def test_the_oldest_files_are_left_out_if_there_are_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_PAST_BYTES", 2 * len(content(1)))
    past = [PastFile(n, "Card", f"r{n}") for n in range(1, 5)]
    found, problems = read_past(past, [KEY], Files(**{f"r{n}": content(n) for n in range(1, 5)}))
    assert [list(values) for values in found[KEY]] == [[3], [4]]
    assert len(problems) == 2


def test_a_slowly_rising_value_drifts_to_its_limit() -> None:
    found = history(KEY, measured(94.0), runs(*(80.0 + n for n in range(14))))
    assert (found.now, found.runs, found.usual) == (94.0, 14, 86.5)
    assert found.drift is not None
    assert found.drift.n == 15
    assert found.runs_left == pytest.approx(6)
    assert found.family is not None
    assert not found.family.is_out


def test_a_jump_is_out_of_family_but_not_a_drift() -> None:
    found = history(KEY, measured(60.0), runs(*(40 + 0.1 * (n % 3) for n in range(12))))
    assert found.family is not None
    assert found.family.is_out
    assert found.drift is None
    assert found.runs_left is None


def test_each_run_counts_with_the_median_of_its_values() -> None:
    assert history(KEY, measured(1.0, 2.0, 99.0), [array("d", [5, 6, 1000])]).now == 2.0
    assert history(KEY, measured(1.0), [array("d", [5, 6, 1000])]).usual == 6


def test_capability_uses_all_runs_if_this_run_has_too_few_values() -> None:
    values = [50.0 + n % 5 for n in range(20)]
    assert history(KEY, measured(*values), runs(1.0)).pooled == 1
    pooled = history(KEY, measured(50.0), runs(*values[1:]))
    assert pooled.capability is not None
    assert (pooled.capability.n, pooled.pooled) == (20, 20)
    assert history(KEY, measured(50.0), runs(*values[2:])).capability is None


def test_limits_that_change_within_a_run_give_no_capability() -> None:
    series = measured(*(50.0 + n % 5 for n in range(20)))
    series.add(Row("t[1]", "trip", "50", 50.0, "ms", None, 101.0, "pass"))
    assert history(KEY, series, []).capability is None


def test_a_run_without_a_finite_value_is_not_compared() -> None:
    found = history(KEY, measured(float("nan")), runs(*(float(n) for n in range(30))))
    assert (found.now, found.drift, found.family, found.capability) == (None, None, None, None)
    assert found.usual == 14.5


def test_histories_are_sorted_by_urgency_and_named_without_common_parts() -> None:
    other = Key("Card", "tests/test_rail.py::TestRail::test_x[1::2]", "rail")
    found = histories({KEY: measured(20.0), other: measured(99.0)}, {KEY: runs(30.0)})
    assert [(one.name, one.runs) for one in found] == [(("test_x[1::2]", "rail"), 0), (("t[1]", "trip"), 1)]
    assert histories({KEY: measured(1.0), Key("B", "u", "x"): measured(2.0)}, {})[0].name == ("B", "u", "x")
