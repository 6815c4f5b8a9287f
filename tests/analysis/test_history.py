"""The history of a measurement."""

import random

import pytest
from tests.support.tables import Files

from pytest_atlas.analysis import PastFile
from pytest_atlas.analysis import history as history_module
from pytest_atlas.analysis.capability import Capability, NoCapability
from pytest_atlas.analysis.history import LimitChange, histories, history, read_past
from pytest_atlas.analysis.measurements import Key, Origin, Row, Series

KEY = Key("Card", "t[1]", "trip")
CHANCE = random.Random(1)
VALUES = [round(CHANCE.gauss(50, 2), 2) for _ in range(20)]


def measured(*values: float, low: float | None = None, high: float | None = 100.0, **origin: str) -> Series:
    made = Series("ms", Origin(**origin))
    for value in values:
        made.add(Row("t[1]", "trip", repr(value), value, "ms", low, high, "pass"))
    return made


def content(*values: object, test: str = "t[1]", name: str = "trip") -> str:
    return "test,name,value\n" + "".join(f"{test},{name},{value}\n" for value in values)


def runs(*values: float, low: float | None = None, high: float | None = 100.0, **origin: str) -> list[Series]:
    """One series with one value for each run TR-0001, TR-0002, …"""
    return [past(n, value, low=low, high=high, **origin) for n, value in enumerate(values, start=1)]


def past(
    run: int,
    *values: float,
    unit: str = "ms",
    at: str = "",
    low: float | None = None,
    high: float | None = 100.0,
    **origin: str,
) -> Series:
    made = Series(unit, Origin(**origin), f"TR-{run:04}")
    for value in values:
        made.add(Row("t[1]", "trip", repr(value), value, unit, low, high, "pass", at=at))
    return made


def test_earlier_values_are_in_the_order_of_their_runs() -> None:
    files = Files(a=content(1, "nan", 2), b=content(3), c=content(4), d=content("nan"), e=content(9, test="t[2]"))
    past = [PastFile(n, "Card", url) for n, url in ((3, "c"), (1, "a"), (2, "b"), (2, "c"), (4, "d"), (5, "e"))]
    found, problems = read_past(past, [KEY, Key("Card", "t[1]", "rail")], files)
    assert {key: [list(one.values) for one in series] for key, series in found.items()} == {KEY: [[1, 2], [3, 4], [4]]}
    assert problems == []


def test_a_measurement_of_another_card_is_a_different_one() -> None:
    assert read_past([PastFile(1, "Another card", "a")], [KEY], Files(a=content(1)))[0] == {}


def test_unreadable_earlier_files_are_reported_and_the_others_are_read() -> None:
    past = [PastFile(1, "Card", "a"), PastFile(2, "Card", "gone"), PastFile(3, "Card", "png")]
    found, problems = read_past(past, [KEY], Files(a=content(1), png=b"\x89PNG\0\n"))
    assert list(found[KEY][0].values) == [1]
    assert len(problems) == 2


def test_the_oldest_files_are_left_out_if_there_are_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MAX_PAST_BYTES", 2 * len(content(1)))
    past = [PastFile(n, "Card", f"r{n}") for n in range(1, 5)]
    found, problems = read_past(past, [KEY], Files(**{f"r{n}": content(n) for n in range(1, 5)}))
    assert [list(one.values) for one in found[KEY]] == [[3], [4]]
    assert len(problems) == 2


def test_a_slowly_rising_value_drifts_to_its_limit() -> None:
    found = history(KEY, measured(94.0), runs(*(80.0 + n for n in range(14))))
    assert (found.now, len(found.earlier), found.usual) == (94.0, 14, 86.5)
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
    assert history(KEY, measured(1.0, 2.0, 99.0), [past(1, 5, 6, 1000)]).now == 2.0
    assert history(KEY, measured(1.0), [past(1, 5, 6, 1000)]).usual == 6


def test_capability_uses_all_runs_if_this_run_has_too_few_values() -> None:
    assert history(KEY, measured(*VALUES), runs(1.0)).pooled == 1
    pooled = history(KEY, measured(VALUES[0]), runs(*VALUES[1:]))
    assert isinstance(pooled.capability, Capability)
    assert (pooled.capability.n, pooled.pooled) == (20, 20)
    assert history(KEY, measured(50.0), runs(*VALUES[2:])).capability is None


def test_capability_uses_the_runs_with_the_present_limits() -> None:
    earlier = [past(1, 50.0, high=120.0), *runs(*VALUES[1:])]
    found = history(KEY, measured(VALUES[0]), earlier)
    assert (found.capability.n, found.pooled) == (20, 20)  # type: ignore[union-attr]
    assert found.limit_change == LimitChange(None, 120.0, "TR-0001")
    assert history(KEY, measured(VALUES[0]), runs(*VALUES[1:])).limit_change is None


def test_a_level_that_changed_has_no_capability() -> None:
    found = history(KEY, measured(80.0), runs(*VALUES, 80.1, 80.2, 79.9))
    assert [found.run_of(step) for step in found.changes.steps] == ["TR-0021"]
    assert isinstance(found.capability, NoCapability)
    assert found.capability.reason == "the level changed by a step"
    assert found.family is None  # too few runs since the step change


def test_values_of_the_same_device_are_compared_if_there_are_enough() -> None:
    now = measured(50.0, device="A", firmware="2.4", bench="b1")
    other = runs(*range(90, 99), device="B", firmware="2.4", bench="b1")
    same = runs(*VALUES[:9], device="A", firmware="2.3", bench="b1")
    few = runs(*VALUES[:3], device="A", firmware="2.4", bench="b1")
    found = history(KEY, now, [*other, *same, *few])
    assert found.earlier == (*same, *few)
    assert found.origins == "2 firmware versions"
    assert history(KEY, now, [*other, *few]).origins == "2 devices"
    assert history(KEY, measured(1.0), runs(2.0)).origins == ""


def test_other_units_are_not_compared() -> None:
    found = history(KEY, measured(50.0), [*runs(49.0, 51.0), past(3, 0.05, unit="V")])
    assert [one.values[0] for one in found.earlier] == [49, 51]
    assert found.other_units == 1


def test_multiples_of_the_unit_are_converted() -> None:
    found = history(KEY, measured(50.0), [past(1, 0.05, unit="s", high=0.1), past(2, 5.0, unit="V")])
    (earlier,) = found.earlier
    assert (earlier.unit, list(earlier.values), earlier.high) == ("ms", [50], 100)
    assert earlier.worst is not None
    assert earlier.worst.margin is not None
    assert earlier.worst.margin.distance == 50
    assert (found.other_units, found.limit_change) == (1, None)


def test_runs_that_were_measured_later_are_not_earlier() -> None:
    now = past(9, 5.0, at="2026-03-05T00:00:00+00:00")
    found = history(KEY, now, [past(1, 1.0, at="2026-03-04T00:00:00+00:00"), past(2, 2.0, at="2026-03-06T00:00:00+00:00")])
    assert [one.run for one in found.earlier] == ["TR-0001"]


def test_earlier_series_are_in_the_order_of_measuring() -> None:
    head = "test,name,value,time\n"
    files = Files(late=f"{head}t[1],trip,1,2026-03-04T00:00:00\n", soon=f"{head}t[1],trip,2,2026-03-02T00:00:00\n")
    found, _ = read_past([PastFile(1, "Card", "late", "TR-0001"), PastFile(2, "Card", "soon", "TR-0002")], [KEY], files)
    assert [(one.run, one.values[0]) for one in found[KEY]] == [("TR-0002", 2), ("TR-0001", 1)]


def test_two_series_of_one_run_are_distinguished_in_their_names() -> None:
    found = histories({KEY: [measured(1.0, device="A"), measured(99.0, device="B")]}, {})
    assert [one.name for one in found] == [("t[1]", "trip", "B"), ("t[1]", "trip", "A")]


def test_limits_that_change_within_a_run_give_no_capability() -> None:
    series = measured(*VALUES)
    series.add(Row("t[1]", "trip", "50", 50.0, "ms", None, 101.0, "pass"))
    assert history(KEY, series, []).capability is None


def test_a_run_without_a_finite_value_is_not_compared() -> None:
    found = history(KEY, measured(float("nan")), runs(*(float(n) for n in range(30))))
    assert (found.now, found.drift, found.family, found.capability) == (None, None, None, None)
    assert found.usual == 14.5


def test_histories_are_sorted_by_urgency_and_named_without_common_parts() -> None:
    other = Key("Card", "tests/test_rail.py::TestRail::test_x[1::2]", "rail")
    found = histories({KEY: [measured(20.0)], other: [measured(99.0)]}, {KEY: runs(30.0)})
    assert [(one.name, len(one.earlier)) for one in found] == [(("test_x[1::2]", "rail"), 0), (("t[1]", "trip"), 1)]
    assert histories({KEY: [measured(1.0)], Key("B", "u", "x"): [measured(2.0)]}, {})[0].name == ("B", "u", "x")
