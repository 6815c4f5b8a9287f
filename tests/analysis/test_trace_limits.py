"""Limits of traces in the analysis of a run."""

from tests.support.tables import Files

from pytest_atlas.analysis import File, ReportInput
from pytest_atlas.analysis.findings import analyse
from pytest_atlas.analysis.report import write_report
from pytest_atlas.descriptions import ColumnLimits, TraceLimits, render_trace_limits

CSV = "t [s],rail [V],gate\n" + "".join(f"{n / 1000},{8 + n % 50 / 10},1\n" for n in range(200))  # the rail is 8 … 12.9 V


def limits(low: float | None, high: float | None, column: str = "rail") -> str:
    return render_trace_limits(TraceLimits("rail.csv", (ColumnLimits(column, "V", low, high),)))


def source(*names: str) -> ReportInput:
    files = tuple(File(name.partition("#")[0], name, 1000, "card", "step") for name in names)
    return ReportInput("Run", "run", "", (), files)


def test_a_column_beyond_its_limits_is_a_problem_and_the_limits_are_no_other_file() -> None:
    reader = Files(**{"rail.csv": CSV, "rail.csv.limits.json": limits(8.2, 12.6)})
    report = write_report(source("rail.csv", "rail.csv.limits.json"), reader)
    assert "rail maximum 12.9 V above the limit of 12.6 V, minimum 8 V below the limit of 8.2 V" in report.content
    assert "Not analysed" not in report.content
    assert "1 trace with gaps, flat tops, missing values or values beyond limits" in report.summary


def test_a_column_within_its_limits_is_not() -> None:
    reader = Files(**{"rail.csv": CSV, "rail.csv.limits.json": limits(8, 12.9)})
    (trace,) = analyse(source("rail.csv", "rail.csv.limits.json"), reader).traces
    assert not trace.has_problem
    assert trace.limits.of("rail") == ColumnLimits("rail", "V", 8, 12.9)


def test_each_trace_with_the_same_name_has_the_limits_with_its_position() -> None:
    reader = Files(
        **{"rail.csv": CSV, "rail.csv#2": CSV, "rail.csv.limits.json": limits(1, 2), "rail.csv.limits.json#2": limits(3, 4)}
    )
    found = analyse(source("rail.csv", "rail.csv#2", "rail.csv.limits.json", "rail.csv.limits.json#2"), reader)
    assert [trace.limits.of("rail").low for trace in found.traces] == [1, 3]


def test_a_damaged_file_of_limits_is_named_and_the_trace_is_read() -> None:
    reader = Files(**{"rail.csv": CSV, "rail.csv.limits.json": "{"})
    found = analyse(source("rail.csv", "rail.csv.limits.json"), reader)
    assert [(file.name, problem) for file, problem in found.files.problems] == [
        ("rail.csv.limits.json", "unreadable: not the limits of a trace")
    ]
    assert len(found.traces) == 1
