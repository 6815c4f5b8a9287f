"""Statistics of traces: columns, times, and the layouts of common tools."""

import math
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tables import table

from pytest_atlas.analysis import layout, traces
from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.analysis.trace_columns import Extreme, TimeColumn
from pytest_atlas.analysis.traces import Trace, summarize


def trace(content: str) -> Trace:
    with table(content) as opened:
        return summarize(opened)


def lines(header: str, rows: Iterable[Iterable[object]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)])


def sampled(times: Iterable[float], header: str = "t [s],rail [V]") -> TimeColumn:
    time = trace(lines(header, ((repr(t), n % 50) for n, t in enumerate(times)))).time
    assert time is not None
    return time


@pytest.fixture(params=[1 << 14, 128])
def _batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test also with small batches, which have many boundaries."""
    monkeypatch.setattr(traces, "BATCH_CELLS", request.param)


@pytest.mark.usefixtures("_batches")
class TestColumns:
    def test_range_mean_and_rms_are_computed(self) -> None:
        values = [math.sin(n / 7) * 10 + 3 for n in range(1000)]
        found = trace(lines("t [s],rail [V],current (A)", ((n / 1000, v, -v) for n, v in enumerate(values))))
        rail, current = found.columns
        assert (rail.name, rail.unit, current.name, current.unit) == ("rail", "V", "current", "A")
        assert (rail.moments.n, found.rows) == (1000, 1000)
        assert (rail.moments.low, rail.moments.high) == (min(values), max(values))
        assert rail.moments.mean == pytest.approx(statistics.fmean(values))
        assert current.moments.mean == pytest.approx(-statistics.fmean(values))
        assert rail.moments.rms == pytest.approx(math.sqrt(statistics.fmean(v * v for v in values)))
        assert rail.flat is None

    def test_cells_without_a_finite_number_are_counted_and_left_out(self) -> None:
        cells = ["1", "nan", "inf", "-inf", "", " ", "off", *["3"] * 200]
        (rail,) = trace(lines("t,rail", enumerate(cells))).columns
        assert (rail.not_finite, rail.missing, rail.texts) == (3, 2, 1)
        assert (rail.moments.n, rail.moments.low, rail.moments.high) == (201, 1, 3)

    def test_columns_of_text_are_left_out(self) -> None:
        found = trace(lines("t,state,rail", ((n, "armed", n) for n in range(100))))
        assert [column.name for column in found.columns] == ["rail"]
        with pytest.raises(UnreadableError, match="no columns of numbers"):
            trace("name,colour\nx,red\n")
        with pytest.raises(UnreadableError, match="no columns of numbers"):
            trace("t,rail\n")

    def test_a_clipped_column_is_reported_with_its_longest_run(self) -> None:
        def flat(low: float, high: float) -> tuple[str, int] | None:
            values = (min(max(math.sin(n / 40), low), high) for n in range(2000))
            (rail,) = trace(lines("t,rail", enumerate(values))).columns
            return rail.flat

        assert flat(-2, 2) is None
        where, samples = flat(-2, 0.8) or ("", 0)
        assert where == "maximum"
        # sin(x) > 0.8 for 2 · acos(0.8) = 1.287 rad, at 40 samples a radian
        assert samples == pytest.approx(51.5, abs=1)
        assert (flat(-0.8, 2) or ("", 0))[0] == "minimum"

    def test_a_column_of_few_levels_is_not_clipped(self) -> None:
        (state,) = trace(lines("t,state", ((n, n // 300 % 2) for n in range(2000)))).columns
        assert state.flat is None

    def test_rows_of_another_length_are_left_out_and_counted(self) -> None:
        found = trace("t,rail\n" + "1,2\n" * 200 + "1\n\n1,2,3\n" + "1,4\n" * 200)
        assert (found.rows, found.ragged, found.columns[0].moments.n) == (400, 2, 400)


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=8))
def test_the_longest_run_at_the_top_is_found_across_batches(batches: list[list[int]]) -> None:
    found = Extreme()
    for batch in batches:
        found.add([float(v) for v in batch], max(batch))
    values = [value for batch in batches for value in batch]
    if values:
        top = max(values)
        runs = "".join("x" if value == top else " " for value in values).split()
        assert (found.value, found.longest) == (top, max(map(len, runs)))


@pytest.mark.usefixtures("_batches")
class TestTimeColumn:
    regular = tuple(n / 1000 for n in range(1000))

    def test_sample_rate_and_duration_are_computed(self) -> None:
        time = sampled(self.regular)
        assert time.rate == pytest.approx(1000)
        assert (time.n, time.first, time.last, time.gaps, time.backwards) == (1000, 0, 0.999, 0, 0)

    @pytest.mark.parametrize("at", [1, 63, 64, 65, 500, 999])
    def test_a_gap_is_longer_than_one_and_a_half_intervals(self, at: int) -> None:
        time = sampled(t if n < at else t + 0.0123 for n, t in enumerate(self.regular))
        assert time.gaps == 1
        assert time.longest == pytest.approx(0.0133)
        assert time.longest_at == pytest.approx((at - 1) / 1000)
        assert sampled(t if n < at else t + 0.0004 for n, t in enumerate(self.regular)).gaps == 0

    def test_samples_that_are_not_later_are_counted(self) -> None:
        assert sampled([*self.regular, *self.regular]).backwards == 1
        assert sampled([0.0] * 100).rate is None

    @pytest.mark.parametrize(
        ("header", "scale"),
        [
            ("time [ms]", 1e-3),
            ("Timestamp (us)", 1e-6),
            ("t_s", 1),
            ("t/s", 1),
            ("t/ms", 1e-3),
            ("timestamps", 1),
            ("Time [s]", 1),
            ("Time_ms", 1e-3),
            ("in s", 1),
            ("Zeit in ms", 1e-3),
            ("Elapsed (min)", 60),
            ("# t [s]", 1),
            ("Seconds", 1),
            ("TimeStamp(ns)", 1e-9),
            ("", 1),
            ("Time (μs)", 1e-6),
        ],
    )
    def test_times_are_converted_to_seconds(self, header: str, scale: float) -> None:
        assert sampled((n * 2.0 for n in range(100)), f"{header},rail [V]").interval == pytest.approx(2 * scale)

    def test_dates_are_times(self) -> None:
        rows = ((f"2026-03-01T22:00:{n:02}.500Z", n) for n in range(60))
        time = trace(lines("time,rail", rows)).time
        assert time is not None
        assert (time.rate, time.last - time.first) == (1, 59)

    def test_cells_that_are_not_times_are_left_out(self) -> None:
        time = trace("t,rail\n0,1\nnan,1\nsoon,1\n1,1\n2,1\n").time
        assert time is not None
        assert (time.n, time.interval) == (3, 1)


def test_a_table_can_have_no_time_column() -> None:
    found = trace("rail [V],current [A]\n1,2\n3,4\n")
    assert [column.name for column in found.columns] == ["rail", "current"]
    assert found.time is None
    assert [column.name for column in trace("t\n1\n2\n").columns] == ["t"], "one column is data, whatever its name"


def test_columns_without_a_header_are_numbered() -> None:
    found = trace("1,2\n3,4\n")
    assert [(column.name, column.moments.low) for column in found.columns] == [("column 1", 1), ("column 2", 2)]


def test_decimal_commas_are_read_if_another_character_separates_cells() -> None:
    found = trace("t [s];rail [V]\n0,5;12,5\n1,0;13,5\n1,5;14,5\n")
    assert found.columns[0].moments.mean == 13.5
    assert found.time is not None
    assert found.time.interval == 0.5


def test_only_the_first_columns_are_read() -> None:
    found = trace(lines(",".join(f"c{n}" for n in range(100)), [range(100)] * 200))
    assert (len(found.columns), found.ignored) == (layout.MAX_COLUMNS, 100 - layout.MAX_COLUMNS)


T = [n * 0.01 for n in range(100)] + [1.2 + n * 0.01 for n in range(100)]
V = [12.0 + 0.01 * (n % 7) for n in range(200)]


def rows(delimiter: str = ",", scale: float = 1, more: str = "") -> str:
    return "".join(f"{scale * t!r}{delimiter}{v}{more}\n" for t, v in zip(T, V, strict=True))


def german(text: str) -> str:
    return text.replace(".", ",")


def dates(form: str) -> str:
    start = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    return "".join(f"{(start + timedelta(seconds=t)).strftime(form)},{v}\n" for t, v in zip(T, V, strict=True))


UNDERSTOOD = {
    "a preamble": "Model,MSO99\nFirmware,1.44\nSample Interval,0.01\n\nTIME,CH1\n" + rows(),
    "Tektronix": "Model,MSO64\nFirmware Version,1.44.3\n\nPoint Format,Y\nHorizontal Units,s\nSample Interval,0.01\n"
    "Record Length,200\nVertical Scale,5.0\nLabel,,\nTIME,CH1\n" + rows(),
    "Keysight": "x-axis,1\nsecond,Volt\n" + rows(),
    "Rohde & Schwarz": "in s,C1 in V\n" + rows(),
    "LeCroy": "LECROYWP725Zi,1234,Waveform\nSegments,1,SegmentSize,200\nSegment,TrigTime,TimeSinceSegment1\n"
    "#1,26-Nov-2026 12:00:00,0\nTime,Ampl\n" + rows(),
    "Pico": "Time,Channel A\n(ms),(V)\n\n" + rows(scale=1000),
    "Siglent": "Record Length,Analog:200\nSample Interval,0.01\nVertical Scale,2.00\nSecond,Volt\n" + rows(),
    "decimal commas": german("t [s];rail [V]\n" + rows(";")),
    "decimal commas and tabs": german("Zeit [s]\tU [V]\n" + rows("\t")),
    "a preamble with decimal commas": german("Gerät;Logger 2\nVersion;1.44\n\nZeit [ms];U [V]\n" + rows(";", 1000)),
    "an index without a name": ",rail\n" + rows(),
    "numbers of rows, then times": ",t,rail\n" + "".join(f"{n},{t},{v}\n" for n, (t, v) in enumerate(zip(T, V, strict=True))),
    "a column of times that is not the first": "rail,t/ms\n" + "".join(f"{v},{1000 * t}\n" for t, v in zip(T, V, strict=True)),
    "ISO dates": "timestamp,rail\n" + dates("%Y-%m-%dT%H:%M:%S.%fZ"),
    "dates with a space": "Date,rail\n" + dates("%Y-%m-%d %H:%M:%S.%f"),
    "German dates": "Datum/Zeit,rail\n".replace("Datum/Zeit", "Zeit") + dates("%d.%m.%Y %H:%M:%S.%f"),
    "times of day": "Time,rail\n" + dates("%H:%M:%S.%f"),
    "date and time of day": "Date,Time,rail\n" + dates("2026-11-26,%H:%M:%S.%f"),
}


@pytest.mark.parametrize("content", UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_files_of_common_tools_are_read_correctly(content: str) -> None:
    found = trace(content)
    numeric = [column for column in found.columns if column.name != "Date"]
    (rail,) = numeric
    assert (rail.moments.n, rail.moments.low, rail.moments.high) == (200, 12.0, 12.06)
    assert rail.moments.mean == pytest.approx(statistics.fmean(V))
    assert found.time is not None
    assert (found.time.n, found.time.gaps) == (200, 1)
    assert found.time.longest == pytest.approx(0.21, rel=1e-4)
    assert found.time.interval == pytest.approx(0.01, rel=1e-4)


def test_units_are_read_from_the_names_or_the_row_below() -> None:
    def units(head: str, more: str = "") -> list[tuple[str, str]]:
        return [(column.name, column.unit) for column in trace(head + rows(more=more)).columns]

    assert units("t,U/V\n") == [("U", "V")]
    assert units("t,rail (mV)\n") == [("rail", "mV")]
    assert units("t,ratio a/b\n") == [("ratio a/b", "")]
    assert units("Time,Channel A\n(s),(mV)\n\n") == [("Channel A", "mV")]
    assert units("Time,Channel A\ns,mV\n") == [("Channel A", "mV")]
    assert units("in s,C1 in V\n") == [("C1", "V")]


NOT_UNDERSTOOD = {
    "a preamble beside the numbers": "".join(
        f"{k},{n},,{t},{v}\n"
        for k, n, t, v in zip(["Record Length", "Scale", *[""] * 198], [2500, 5, *[""] * 198], T, V, strict=True)
    ),
    "commas for both": german("t,rail\n" + rows(";").replace(";", ",")),
    "two rows of names": "Name,Value\n1,2\n3,4\n\nTIME,CH1\n" + rows(),
    "no rows of numbers": "Model,MSO99\nFirmware,none\n",
    "names and numbers of unequal width": "t,rail,current\n" + rows(),
    "a line without an end": "t,rail\n" + "1" * 300_000,
}


@pytest.mark.parametrize("content", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD)
def test_an_uncertain_layout_is_reported_as_not_understood(content: str) -> None:
    with pytest.raises(UnreadableError, match=r"not understood: |no columns of numbers"):
        trace(content)


NO_TIMES = {
    "an unknown unit": ("t [ticks],rail\n" + rows(), "column 't' has the unit 'ticks'"),
    "dates that may be American": ("Date,rail\n" + dates("%m/%d/%Y %H:%M:%S"), "column 'Date' has '11/26/2026 12:00:00'"),
    "milliseconds without a unit": (
        "timestamp,rail\n" + "".join(f"{1.8e12 + 1000 * t!r},{v}\n" for t, v in zip(T, V, strict=True)),
        "column 'timestamp' has no unit and numbers too large for seconds",
    ),
}


@pytest.mark.parametrize(("content", "words"), NO_TIMES.values(), ids=NO_TIMES)
def test_times_that_are_not_understood_are_reported_with_the_columns(content: str, words: str) -> None:
    found = trace(content)
    assert found.time is None
    assert found.remark == f"times not understood: {words}"
    assert found.columns[-1].moments.mean == pytest.approx(statistics.fmean(V))


def test_a_decreasing_column_is_not_the_time_column() -> None:
    found = trace("t_amb,rail\n" + "".join(f"{30 - n * 0.1},{n}\n" for n in range(100)))
    assert found.time is None
    assert [column.name for column in found.columns] == ["t_amb", "rail"]


def test_a_column_of_temperatures_is_not_reported_as_unreadable_times() -> None:
    assert trace("T [°C],gain [dB]\n" + rows()).remark == ""


def test_a_latin_1_file_is_read() -> None:
    with table(("t [µs],T [°C]\n" + rows(scale=1e6)).encode("latin-1")) as opened:
        found = summarize(opened)
    assert found.time is not None
    assert found.time.interval == pytest.approx(0.01)
    assert found.columns[0].unit == "°C"
