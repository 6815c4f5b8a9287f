"""The data file with the limits and marks of a recorded trace."""

from tests.support import events as f

from pytest_atlas.descriptions import ColumnLimits, Mark, TraceLimits, parse_trace_limits
from pytest_atlas.journal import events as ev
from pytest_atlas.session import trace_limits

TRACE = ev.FileKept(
    at=f.BEGIN,
    nodeid=f.nodeid("test_a"),
    name="rail.csv",
    path="files/1.raw",
    size=16,
    columns=(ev.TraceColumn("t", "s", "f8", 1), ev.TraceColumn("rail", "V", "f8", 1)),
    limits=(ev.TraceLimit("rail", "7.5", "12.6"), ev.TraceLimit("t", high="3")),
    marks=(ev.TraceMark("trip", "0.1024"),),
)


def test_a_trace_with_limits_is_two_data_files_of_its_step() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), TRACE)
    trace, limits = state.files.values()
    assert (trace.event.name, trace.made_from) == ("rail.csv", "")
    assert (limits.event.name, limits.made_from, limits.content_type) == ("rail.csv.limits.json", "limits", "application/json")
    assert limits.owner == trace.owner
    assert parse_trace_limits(trace_limits.text(limits.event)) == TraceLimits(
        "rail.csv", (ColumnLimits("rail", "V", 7.5, 12.6), ColumnLimits("t", "s", high=3)), (Mark("trip", 0.1024),)
    )


def test_a_trace_without_limits_is_one_data_file() -> None:
    plain = ev.FileKept(at=f.BEGIN, nodeid=TRACE.nodeid, name="rail.csv", path="files/1.raw", size=16, columns=TRACE.columns)
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), plain)
    assert [file.event.name for file in state.files.values()] == ["rail.csv"]


def test_numbers_of_a_journal_from_elsewhere_that_are_none_are_left_out() -> None:
    limits = (ev.TraceLimit("rail", "nan", "'x'"), ev.TraceLimit("t", "1" + "0" * 400, "2"))
    state = f.fold(
        f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"),
        ev.FileKept(at=f.BEGIN, nodeid=TRACE.nodeid, name="rail.csv", path="files/1.raw", size=16, columns=TRACE.columns,
                    limits=limits, marks=(ev.TraceMark("trip", "True"),)),
    )  # fmt: skip
    text = trace_limits.text(list(state.files.values())[1].event)
    assert parse_trace_limits(text) == TraceLimits("rail.csv", (ColumnLimits("t", "s", high=2),))
