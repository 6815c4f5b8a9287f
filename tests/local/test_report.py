"""Complete reports about runs in a local Atlas."""

import gzip
import random
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import pytest
from tests.support.bench_history import Bench, Card, Measured, Test, csv_bytes, fifteen_runs, trace

from pytest_atlas.analysis import ReportInput, ReportText, Step, report
from pytest_atlas.analysis.markdown import MAX_ROWS
from pytest_atlas.analysis.report import write_report
from pytest_atlas.analysis.sources import steps_of_run
from pytest_atlas.atlas import CreateReport, DeleteRun, GetReport, GetRun, RegisterDataFile, Report
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.report_input import read_report_input


@pytest.fixture
def bench(atlas: LocalAtlas, tmp_path: Path) -> Bench:
    return Bench(atlas, tmp_path)


def create_report(
    bench: Bench, run_id: UUID, scope: str = "run", card: int = 0, step: int = 0, context: str | None = None
) -> Report:
    cards = bench.atlas.send(GetRun(run_id=run_id)).test_cards
    ids = {"test_card_id": cards[card].uuid} if scope != "run" else {}
    ids |= {"test_step_id": cards[card].test_steps[step].uuid} if scope == "step" else {}
    op = CreateReport.model_validate({"run_id": run_id, "scope": scope, "analysis_context": context, **ids})
    made = bench.atlas.send(op)
    assert made.status == "completed"
    return made


def headings(made: Report) -> list[str]:
    return re.findall(r"^## (.*)$", made.content, re.MULTILINE)


def rows(made: Report, title: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = made.content.partition(f"\n## {title}")[2].partition("\n## ")[0]
    table = section[section.index("\n|") :].strip().partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]


class TestCampaign:
    @pytest.fixture
    def last(self, bench: Bench) -> UUID:
        return fifteen_runs(bench)

    def test_the_summary_has_one_line(self, bench: Bench, last: UUID) -> None:
        assert create_report(bench, last).summary == (
            "10 steps: 5 failed, 1 passed with exception, 4 passed. 5 newly failing. 1 of 8 measurements out of limits. "
            "1 drifting, 1 of them to a limit within 20 runs. 1 out of family. "
            "1 trace with gaps, flat tops, missing values or values beyond limits."
        )

    def test_the_most_important_findings_are_first(self, bench: Bench, last: UUID) -> None:
        made = create_report(bench, last)
        assert headings(made)[0] == "Look at this first"
        first = made.content.partition("## Look at this first")[2].partition("\n## ")[0]
        highlights = (
            "**Out of limits:** Supply > test_ripple > ripple: 45.35 mV, 5.35 mV beyond ≤ 40 mV.",
            "**Newly failing:** test_ripple, test_restart_after_brownout, ",
            "**Drift:** Overvoltage protection > test_trip[14.0] > trip time is at its limit in about 5 runs.",
            "quiescent current is 2.931 mA, the median of 14 runs before is 2.0965 mA.",
            "rail.csv: 1 gap, the longest 0.0133 s at t = 0.899 s; rail flat at its maximum for 48 samples, perhaps clipped.",
            "test_ripple took 9.8 s, usually 3.18 s",
        )
        assert [text for text in highlights if text not in first] == []
        assert sorted(highlights, key=first.index) == list(highlights)

    def test_measurements_are_sorted_by_margin_and_compared_with_earlier_runs(self, bench: Bench, last: UUID) -> None:
        made = create_report(bench, last)
        table = rows(made, "Measurements (8)")
        assert len(table) == 8
        assert table[0][:7] == ["Supply > test_ripple > ripple", "45.35 mV", "≤ 40 mV", "-5.35 mV", "-13.4 %", "**out**", "25"]
        shares = [float(row[4].removesuffix(" %")) for row in table]
        assert shares == sorted(shares)
        assert table[1][-1] == "87.545 (n 14)"
        assert rows(made, "Drift and step changes (1)")[0][1:5] == ["+1.06 ms", "95.33 ms", "≤ 100 ms", "in about 5 runs"]
        assert rows(made, "Out of family (1)")[0][-1] == "14"
        assert "- Supply > test_ripple > ripple (n 25, this run): they are not normal (D'Agostino" in made.content

    def test_failures_with_the_same_reason_are_one_entry(self, bench: Bench, last: UUID) -> None:
        made = create_report(bench, last)
        assert "Failed (5, for 3 reasons)" in headings(made)
        assert "- 3 × TimeoutError: no answer from node 0x10 within 0.5 s\n  - CAN nodes > test_answers" in made.content
        assert "Newly failing (passed in TR-0014): Supply > test_ripple, " in made.content

    def test_files_that_are_not_analysed_are_listed(self, bench: Bench, last: UUID) -> None:
        content = create_report(bench, last).content
        assert "- Read: 2 files of measurements, 1 trace." in content
        assert "(only CSV and TSV files are): 1 × .blf (bus.blf), 1 × .mf4 (scope.mf4)." in content

    def test_the_report_of_a_card_contains_only_the_card(self, bench: Bench, last: UUID) -> None:
        made = create_report(bench, last, "card", 0)
        assert len(rows(made, "Measurements (6)")) == 6
        assert "ripple" not in made.content
        assert len(made.test_data) == 2

    def test_the_report_of_a_step_contains_its_measurements_from_the_file_of_the_card(self, bench: Bench, last: UUID) -> None:
        made = create_report(bench, last, "step", 0, 2)
        assert [row[0] for row in rows(made, "Measurements (2)")] == [
            "test_trip[14.0] > trip time",
            "test_trip[14.0] > rail",
        ]
        assert "12.5]" not in made.content
        assert "Drift and step changes (1)" in headings(made)

    def test_the_steps_of_an_atlas_run_are_those_of_its_report(self, bench: Bench, last: UUID) -> None:
        create_report(bench, last)
        source = read_report_input(bench.atlas._call(), 1)
        steps = steps_of_run(bench.atlas.send(GetRun(run_id=last)))
        assert source is not None
        assert tuple(replace(step, key="") for step in steps) == source.steps
        assert all(step.key for step in steps)

    def test_runs_of_another_system_are_not_compared(self, bench: Bench, last: UUID, tmp_path: Path) -> None:
        other = Bench(bench.atlas, tmp_path)
        trip = Test("test_trip[14.0]", [Measured("trip time", (81.0,), "ms", high=100)])
        made = create_report(other, other.run("x", [Card("Overvoltage protection", [trip])]))
        assert "usually" not in made.content

    def test_later_runs_are_not_compared(self, bench: Bench, last: UUID) -> None:
        first = bench.atlas._db.execute("SELECT uuid FROM runs ORDER BY id LIMIT 1").fetchone()[0]
        assert "usually" not in create_report(bench, UUID(first)).content


def run_of(bench: Bench, *tests: Test) -> UUID:
    return bench.run("Nightly", [Card("Card", tests)])


def test_a_run_without_findings_has_a_short_report(bench: Bench) -> None:
    made = create_report(bench, run_of(bench, Test("test_a"), Test("test_b")))
    assert made.content == f"# Nightly – Run Analysis\n\n{report.ORIGIN}\n\n2 steps: 2 passed.\n"
    assert made.summary == "2 steps: 2 passed."


def test_the_report_states_its_origin_and_quotes_the_guidance(bench: Bench) -> None:
    content = create_report(bench, run_of(bench, Test("test_a")), context="look at <b>the rail</b>\n# first").content
    assert "without AI" in content
    assert "> Guidance: look at &#60;b&#62;the rail&#60;/b&#62; &#35; first\n" in content


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "a|b|c", "x\n# y", "`*_[a](b)", "nul\0 \u202e", "é" * 5000])
def test_names_do_not_change_the_structure(bench: Bench, evil: str) -> None:
    name = f"test_x[{evil}]".replace("\n", "\\n") if len(evil) < 99 else "test_x"
    bad = Measured(evil, (2.0,), evil, high=1.0)
    test = Test(name[:99], [bad, Measured("spread", [1.0 + n % 7 for n in range(30)], evil, 0, 9)], failure=evil)
    run_id = bench.run(evil, [Card(evil, [test])])
    bench.register(run_id, f"{evil}.csv", csv_bytes(("t", evil), [(n, n * 0.1) for n in range(50)]))
    bench.register(run_id, f"{evil}.mf4", b"x")
    content = create_report(bench, run_id, context=evil).content
    assert "<script" not in content
    assert len(content) < 15_000
    assert set(re.findall(r"^#+ ?(\w+)", content, re.MULTILINE)) <= {
        *("Look", "Failed", "Measurements", "Within", "Capability", "Traces", "Data", "Method"),
        *re.findall(r"^# (\w+)", content.partition("\n")[0]),
    }
    for table in re.findall(r"(?:^\|.*\n)+", content, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table.splitlines()}) == 1


def test_the_length_of_a_report_is_limited(bench: Bench) -> None:
    tests = [Test(f"test_{n}", [Measured(f"m{n}", (n / 100,), "V", 0, 1)], failure=f"reason {'x' * n}") for n in range(120)]
    run_id = run_of(bench, *tests)
    for n in range(60):
        bench.register(run_id, f"{n}.csv", trace(n, rows=30, gap_at=10))
        bench.register(run_id, f"{n}.bad.csv", b"no,numbers\nx,y\n")
        bench.register(run_id, f"{n}.x{n}", b"")
    made = create_report(bench, run_id)
    assert len(made.content) < 30_000
    assert len(rows(made, "Measurements (120)")) == MAX_ROWS
    assert "… and 105 more reasons" in made.content
    assert "… and 45 more files" in made.content
    assert "more kinds" in made.content


class TestFiles:
    def test_files_that_are_not_read_are_listed_with_the_reason(self, bench: Bench, atlas: LocalAtlas) -> None:
        run_id = run_of(bench, Test("test_a"))
        bench.register(run_id, "picture.csv", b"\x89PNG\0\0\n")
        bench.register(run_id, "measurements.csv", b"t,rail\n1,2\n")
        gone = atlas.objects.path(bench.register(run_id, "gone.csv", b"t,rail\n1,2\n"))
        assert gone is not None
        gone.unlink()
        atlas.send(RegisterDataFile(run_id=run_id, file_name="far.csv", s3_url="s3://bench-data/far.csv", file_size=1))
        content = create_report(bench, run_id).content
        assert "**picture.csv**: unreadable: no text in its first line." in content
        assert "**measurements.csv**: unreadable: no column test." in content
        assert "Not read, because they are not stored here but in S3: gone.csv, far.csv." in content

    def test_a_gzip_trace_that_is_registered_twice_is_read_once(self, bench: Bench, atlas: LocalAtlas) -> None:
        run_id = run_of(bench, Test("test_a"))
        url = bench.register(run_id, "rail.csv.gz", gzip.compress(trace(1)))
        atlas.send(RegisterDataFile(run_id=run_id, file_name="again.csv.gz", s3_url=url, file_size=1))
        assert "Traces (1)" in headings(create_report(bench, run_id))

    def test_states_and_measurements_without_limits_are_listed(self, bench: Bench) -> None:
        measured = [
            Measured("state", ("'armed'",)),
            Measured("noise", (1.0, 3.0), "mV"),
            Measured("bad", (float("nan"),), "V", high=5),
        ]
        made = create_report(bench, run_of(bench, Test("test_a", measured)))
        table = rows(made, "Measurements (3)")
        assert [row[:2] for row in table] == [
            ["test_a > bad", "nan V"],
            ["test_a > state", "'armed'"],
            ["test_a > noise", ""],
        ]
        assert table[2][-3:] == ["1", "2", "3"]
        assert "**Out of limits:** test_a > bad: nan V, allowed ≤ 5 V." in made.content

    def test_a_wrong_state_is_shown_with_the_required_one(self, bench: Bench) -> None:
        run_id = run_of(bench, Test("test_a"))
        content = b"test,name,value,unit,low,high,verdict,time\nt.py::test_a,state,idle,,armed,armed,fail,\n"
        bench.register(run_id, "measurements.csv", content)
        made = create_report(bench, run_id)
        assert rows(made, "Measurements (1)")[0][:4] == ["test_a > state", "idle", "= armed", "**out**"]
        assert "**Out of limits:** test_a > state: idle, allowed = armed." in made.content

    def test_the_expected_number_of_drifts_by_chance_is_shown(self, bench: Bench) -> None:
        def run(n: int) -> UUID:
            drifting = [Measured("creeps", (1.0 + n,), "V", high=99)]
            return run_of(bench, Test("test_a", [*drifting, *(Measured(f"m{k}", (1.0,)) for k in range(1499))]))

        made = [create_report(bench, run(n)) for n in range(8)][-1]
        assert "Drift and step changes (1)" in headings(made)
        assert "Of 1,500 measurements, about 2 would drift by chance, and as many change by a step." in made.content

    @pytest.mark.parametrize(("required", "shown"), [("", "1.72 (proven)"), ("1.67", "1.72"), ("2", "1.72 (< 2)")])
    def test_the_required_ppk_is_a_setting(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, required: str, shown: str
    ) -> None:
        monkeypatch.setenv("ATLAS_PPK", required)
        chance = random.Random(1)
        values = [round(chance.gauss(5, 0.2), 4) for _ in range(60)]
        made = create_report(bench, run_of(bench, Test("test_a", [Measured("rail", values, "V", 4.1, 6)])))
        assert rows(made, "Capability (1)")[0][1] == shown

    def test_changed_limits_and_step_changes_name_their_runs(self, bench: Bench) -> None:
        chance = random.Random(1)
        made = None
        for n in range(20):
            value = round(90 + chance.gauss(0, 0.4) + 20 * (n >= 15), 2)
            limit = 120 if n < 5 else 100
            made = create_report(bench, run_of(bench, Test("test_a", [Measured("trip", (value,), "ms", high=limit)])))
        assert made is not None
        assert "- test_a > trip: ≤ 120 ms until TR-0005, now ≤ 100 ms" in made.content
        assert rows(made, "Drift and step changes (1)")[0][1] == "TR-0016"
        assert "**Step change:** test_a > trip: 110.1 ms since TR-0016, before 90 ms." in made.content

    def test_a_run_that_was_published_late_is_placed_by_its_start(self, bench: Bench) -> None:
        runs = [run_of(bench, Test("test_a", [Measured("rail", (value,), "V")])) for value in (5.0, 6.0, 7.0)]
        starts = zip((3, 1, 2), range(1, 4), strict=True)  # the first run was measured last
        with bench.atlas.transaction():
            bench.atlas._db.executemany("UPDATE run_details SET started_at = ? WHERE run = ?", list(starts))
        usual = [rows(create_report(bench, run), "Measurements (1)")[0][-1] for run in runs]
        assert usual == ["6.5 (n 2)", "1", "6 (n 1)"]

    def test_waived_violations_follow_the_others(self, bench: Bench) -> None:
        measured = [Measured("waived", (9.0,), "V", high=5, waived=True), Measured("out", (5.1,), "V", high=5)]
        made = create_report(bench, run_of(bench, Test("test_a", measured)))
        assert [(row[0], row[5]) for row in rows(made, "Measurements (2)")] == [
            ("test_a > out", "**out**"),
            ("test_a > waived", "waived"),
        ]
        assert "1 out of limits, 1 out of limits and waived." in made.content


class TestCompletion:
    def test_other_processes_can_write_during_the_analysis(
        self, bench: Bench, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_id = run_of(bench, Test("test_a"))
        seen: list[bool] = []

        def look(*_: object) -> ReportText:
            with closing(sqlite3.connect(atlas.path, timeout=0)) as other:
                other.execute("BEGIN IMMEDIATE")  # raises if another connection writes
            seen.append(atlas._db.in_transaction)
            return ReportText("s", "c")

        monkeypatch.setattr(report, "write_report", look)
        assert create_report(bench, run_id).summary == "s"
        assert seen == [False]

    def test_a_report_is_pending_until_the_commit(self, bench: Bench, atlas: LocalAtlas) -> None:
        run_id = run_of(bench, Test("test_a"))
        with atlas.transaction():
            made = atlas.send(CreateReport(run_id=run_id, scope="run"))
            assert (made.status, made.content, made.title) == ("pending", "", "Nightly – Run Analysis")
        found = atlas.send(GetReport(run_id=run_id, report_id=UUID(made.uuid)))
        assert (found.status, found.summary) == ("completed", "1 step: 1 passed.")

    def test_a_report_is_deleted_with_its_run_in_the_same_transaction(self, bench: Bench, atlas: LocalAtlas) -> None:
        run_id = run_of(bench, Test("test_a"))
        with atlas.transaction():
            atlas.send(CreateReport(run_id=run_id, scope="run"))
            atlas.send(DeleteRun(run_id=run_id))
        assert atlas._db.execute("SELECT count(*) FROM reports").fetchone()[0] == 0

    def test_an_exception_in_the_analysis_gives_a_failed_report(
        self, bench: Bench, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(*_: object) -> ReportText:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(report, "write_report", fail)
        made = atlas.send(CreateReport(run_id=run_of(bench, Test("test_a")), scope="run"))
        assert (made.status, made.summary) == ("failed", "The analysis failed: ZeroDivisionError('a bug')")
        assert "a bug" in caplog.text

    def test_a_pending_report_is_failed_after_an_hour(self, path: Path) -> None:
        now = 10**18
        with LocalAtlas(path, clock=lambda: now, create=True) as atlas:
            run_id = run_of(Bench(atlas, path.parent), Test("test_a"))
            made = atlas.send(CreateReport(run_id=run_id, scope="run"))
            atlas._db.execute("UPDATE reports SET status = 'pending'")
            found = [atlas.send(GetReport(run_id=run_id, report_id=UUID(made.uuid)))]
            now += 3601 * 10**9
            found.append(atlas.send(GetReport(run_id=run_id, report_id=UUID(made.uuid))))
        assert [one.status for one in found] == ["pending", "failed"]
        assert "Request another report" in found[1].summary


def test_the_last_twenty_runs_with_the_card_are_read(bench: Bench, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
    trip = [Card("Card", [Test("test_a", [Measured("trip", (1.0,), "ms", high=9)])])]
    with atlas.transaction():
        for _ in range(25):
            bench.run("with", trip)
        for _ in range(200):
            bench.run("without", [Card("Another card", [Test("test_b")])])
    statements: list[str] = []
    last = bench.run("now", trip)
    opened: list[str] = []
    real = atlas.objects.open

    def record(url: str) -> BinaryIO:
        opened.append(url)
        return real(url)

    monkeypatch.setattr(atlas.objects, "open", record)
    atlas._db.set_trace_callback(statements.append)
    made = create_report(bench, last)
    assert "1 (n 20)" in made.content
    assert len(opened) == 21
    assert len([s for s in statements if s.startswith(("SELECT", "WITH"))]) < 40


def test_an_empty_run_has_a_report() -> None:
    class Nothing:
        def exists(self, _: str) -> bool:
            return False

        def open(self, url: str) -> object:
            raise FileNotFoundError(url)

    empty = ReportInput("T", "run", "", (), ())
    assert write_report(empty, Nothing()).content == f"# T\n\n{report.ORIGIN}\n\nNo steps.\n"  # type: ignore[arg-type]
    assert write_report(ReportInput("T", "run", "", (Step("c", "s", "odd"),), ()), Nothing()).summary == "1 step: ."  # type: ignore[arg-type]
