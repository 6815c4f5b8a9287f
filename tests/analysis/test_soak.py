"""The report section about measurements that a test repeated."""

from datetime import UTC, datetime, timedelta

from tests.support.tables import table

from pytest_atlas.analysis.history import histories
from pytest_atlas.analysis.measurements import RunMeasurements, read_rows
from pytest_atlas.analysis.soak import soak_section

BEGIN = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)


def section(count: int, *, seconds_between: float) -> str:
    """Return the section about values that rise by 0.01 °C each, except for one that is high."""
    rows = [
        f"t,temp,{99 if n == 7 else 20 + n / 100},°C,,,none,{(BEGIN + timedelta(seconds=n * seconds_between)).isoformat()}"
        for n in range(count)
    ]
    found = RunMeasurements()
    with table("test,name,value,unit,low,high,verdict,time\n" + "\n".join(rows)) as opened:
        found.add(read_rows(opened), "Card")
    return str(soak_section(histories(found.valid({}), {})) or "")


def test_many_values_of_one_test_are_shown_as_a_trend() -> None:
    text = section(300, seconds_between=0.1)
    assert "300 in 29.9 s | 20 °C | 22.99 °C | 20 °C (after 0 s) | 99 °C (after 0.7 s) |" in text
    assert "°C/min" in text


def test_values_of_one_call_have_a_slope_per_value() -> None:
    text = section(300, seconds_between=0)
    assert "| 300 | 20 °C | 22.99 °C | 20 °C (value 1) | 99 °C (value 8) |" in text
    assert "°C/value" in text


def test_few_values_have_no_trend() -> None:
    assert section(29, seconds_between=0.1) == ""
    assert section(30, seconds_between=0.1) != ""
