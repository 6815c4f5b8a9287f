"""If several sessions executed a test, the measurements of the newest one count."""

import pytest
from tests.support.tables import Files, table

from pytest_atlas.analysis import File, PastFile, ReportInput, ReportText, Step
from pytest_atlas.analysis.history import read_past
from pytest_atlas.analysis.measurements import Key, RunMeasurements, read_rows
from pytest_atlas.analysis.report import write_report
from pytest_atlas.descriptions import Attempt, AttemptOutcome, limit_attempts, render_attempts

HEADER = "test,name,value,unit,low,high,verdict,time,attempt,session,valid"
FIRST, SECOND = "20261126T154012Z-1bcc88b6", "20261126T164012Z-6f2d8c1e"


def row(value: float, session: str, *, test: str = "t", hour: int = 1, valid: bool = True, attempt: int = 1) -> str:
    verdict = "pass" if value <= 100 else "fail"
    return f"{test},trip,{value},ms,,100,{verdict},2026-11-26T0{hour}:00:00+00:00,{attempt},{session},{str(valid).lower()}"


def file(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def step(*attempts: tuple[int, str, AttemptOutcome], test: str = "t") -> Step:
    listed = limit_attempts("failed", [Attempt(at, "bench", session, outcome) for at, session, outcome in attempts])
    return Step("Card", test, "failed", f"{render_attempts(listed) if attempts else ''}\n\npytest: {test}")


def analysed(*steps: Step, **files: str) -> ReportText:
    listed = tuple(File("measurements.csv", url, 1, card="Card") for url in files)
    return write_report(ReportInput("Run", "run", "", steps, listed), Files(**files))


def counted(made: ReportText) -> str:
    return made.content.partition("## Measurements (")[2].partition("\n\n")[2].partition("\n")[0]


def test_values_of_a_superseded_session_are_not_counted() -> None:
    executed = step((1, FIRST, "failed"), (2, SECOND, "passed"))
    made = analysed(executed, a=file(row(120, FIRST)), b=file(row(90, SECOND, hour=2)))
    assert counted(made) == "1 value of 1 measurement, 1 value of superseded attempts is not counted."
    assert "out of limits" not in made.content


def test_values_of_a_superseded_attempt_in_the_same_session_are_not_counted() -> None:
    rows = file(row(120, FIRST, valid=False), row(90, FIRST, attempt=2))
    assert counted(analysed(step((1, FIRST, "passed")), a=rows)).endswith("1 value of superseded attempts is not counted.")


def test_values_of_a_test_that_was_not_executed_again_count() -> None:
    steps = step((1, FIRST, "failed"), (2, SECOND, "passed")), step((1, FIRST, "passed"), test="u")
    made = analysed(*steps, a=file(row(120, FIRST), row(80, FIRST, test="u")), b=file(row(90, SECOND, hour=2)))
    assert counted(made) == "2 values of 2 measurements, 1 value of superseded attempts is not counted."


def test_a_newer_session_without_values_supersedes_the_earlier_ones() -> None:
    made = analysed(step((1, FIRST, "passed"), (2, SECOND, "failed")), a=file(row(120, FIRST)))
    assert "## Measurements (0)\n\n1 value of superseded attempts is not counted." in made.content


def test_a_skipped_test_in_a_later_session_supersedes_nothing() -> None:
    made = analysed(step((1, FIRST, "failed"), (2, SECOND, "skipped")), a=file(row(120, FIRST)))
    assert counted(made) == "1 value of 1 measurement, 1 out of limits."


def test_without_a_list_of_attempts_the_last_values_count() -> None:
    made = analysed(step(), b=file(row(90, SECOND, hour=2)), a=file(row(120, FIRST)))
    assert counted(made) == "1 value of 1 measurement, 1 value of superseded attempts is not counted."


def test_values_of_files_without_sessions_always_count() -> None:
    plain = "test,name,value,unit\nt,trip,95,ms\n"
    made = analysed(step((2, SECOND, "passed")), a=plain, b=file(row(90, SECOND)), c=file(row(120, FIRST)))
    assert counted(made) == "2 values of 1 measurement, 1 value of superseded attempts is not counted."


def test_superseded_sessions_of_earlier_runs_do_not_count() -> None:
    files = Files(a=file(row(120, FIRST)), b=file(row(90, SECOND, hour=2)), c=file(row(80, FIRST, hour=3)))
    past = [PastFile(1, "Card", "a"), PastFile(1, "Card", "b"), PastFile(2, "Card", "c")]
    found, _ = read_past(past, [Key("Card", "t", "trip")], files)
    assert [list(one.values) for one in found[Key("Card", "t", "trip")]] == [[90], [80]]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_the_order_of_the_files_has_no_effect(order: str) -> None:
    found = RunMeasurements()
    files = {"a": file(row(120, FIRST), row(110, FIRST)), "b": file(row(90, SECOND, hour=2))}
    for name in order:
        with table(files[name]) as opened:
            found.add(read_rows(opened), "Card")
    ((series,),) = found.valid({}).values()
    assert (list(series.values), found.superseded) == ([90], 2)
