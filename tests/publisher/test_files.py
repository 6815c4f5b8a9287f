"""Data files: uploaded, and registered once for each entity, with any failures (C5, C7)."""

import csv
import io
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import no_answer, status

from pytest_atlas.atlas import DataFile, Run
from pytest_atlas.atlas.operations import Operation, RegisterDataFile
from pytest_atlas.journal import events as ev
from pytest_atlas.publisher import targets
from pytest_atlas.publisher.files import contents
from pytest_atlas.publisher.files.objects import UploadFailed
from pytest_atlas.session.measurements import HEADER


class Place:
    """The storage of the local Atlas, which can fail."""

    def __init__(self, bench: Bench) -> None:
        self._inner = targets.LocalPlace(bench.atlas.local.objects)
        self.failures: list[Exception] = []
        self.puts = 0

    async def put(self, path: Path, **given: Any) -> str:
        self.puts += 1
        if self.failures:
            raise self.failures.pop(0)
        return await self._inner.put(path, **given)

    def is_own(self, url: str, *, run_id: str) -> bool:
        return self._inner.is_own(url, run_id=run_id)

    async def copy(self, url: str, *, place: str) -> str:
        return await self._inner.copy(url, place=place)


@pytest.fixture
def place(bench: Bench) -> Place:
    place = Place(bench)
    bench.target = targets.Target(name="test", label="x", limit=32, atlas=bench.atlas, objects=place)
    return place


def kept(bench: Bench, on_disk: str, content: bytes, test: str = "test_a", **given: Any) -> ev.FileKept:
    """Return the event of a file in the session directory."""
    path = bench.session / "files" / on_disk
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    nodeid = f.nodeid(test) if test else ""
    fields = {"nodeid": nodeid, "name": on_disk, "path": f"files/{on_disk}", "size": len(content), "at": 0.0}
    return ev.FileKept(**{**fields, **given})


def write(bench: Bench, *inside: ev.Event) -> None:
    f.write_journal(
        bench.session, f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), *inside, f.ended("test_a"), f.finish()
    )


def on_step(run: Run) -> list[DataFile]:
    return run.test_cards[0].test_steps[0].test_data


def content(bench: Bench, file: DataFile) -> bytes:
    with bench.atlas.local.objects.open(file.s3_url) as stream:
        return stream.read()


def test_a_file_of_a_step_is_registered_with_content_size_and_type(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "trip.csv", b"t,v\n1,2\n"))
    assert bench.push().state == "done"
    (file,) = on_step(bench.atlas.runs()[0])
    assert (file.file_name, file.file_size, file.content_type) == ("trip.csv", 8, "text/csv")
    assert content(bench, file) == b"t,v\n1,2\n"


def test_files_of_a_card_and_of_the_run_are_registered_there(bench: Bench, place: Place) -> None:
    card = kept(bench, "card.log", b"c", test="", card=ev.PlannedCard("module", f.MODULE))
    write(bench, card, kept(bench, "run.log", b"r", test=""))
    assert bench.push().state == "done"
    (run,) = bench.atlas.runs()
    assert [file.file_name for file in run.test_cards[0].test_data] == ["card.log"]
    assert sorted(file.file_name for file in run.test_data) == ["card.log", "run.log"]
    assert on_step(run) == []


def test_equal_contents_of_two_steps_are_registered_for_each(bench: Bench, place: Place) -> None:
    one = kept(bench, "a.csv", b"same")
    card = kept(bench, "a.csv", b"same", test="", card=ev.PlannedCard("module", f.MODULE))
    write(bench, one, one, card)
    assert bench.push().state == "done"
    (run,) = bench.atlas.runs()
    assert len(on_step(run)) == 1
    assert [file.s3_url for file in run.test_cards[0].test_data] == [on_step(run)[0].s3_url]
    assert place.puts == 1, "it is uploaded once"


def test_a_server_that_rejects_a_second_use_of_a_url_gets_a_copy(bench: Bench, place: Place) -> None:
    seen: set[str] = set()

    def again(op: Operation[Any]) -> bool:
        if not isinstance(op, RegisterDataFile):
            return False
        known = op.s3_url in seen
        seen.add(op.s3_url)
        return known

    card = kept(bench, "a.csv", b"same", test="", card=ev.PlannedCard("module", f.MODULE))
    write(bench, kept(bench, "a.csv", b"same"), card)
    bench.atlas.fail_when(again, status(422, "s3_url is registered already"))
    assert bench.push().state == "done"
    (run,) = bench.atlas.runs()
    (copy,) = run.test_cards[0].test_data
    assert copy.s3_url != on_step(run)[0].s3_url
    assert content(bench, copy) == b"same"


@pytest.mark.parametrize("takes_effect", [True, False])
def test_an_unconfirmed_registration_is_searched(bench: Bench, place: Place, takes_effect: bool) -> None:
    write(bench, kept(bench, "a.csv", b"x"))
    bench.atlas.fail(RegisterDataFile, no_answer, takes_effect=takes_effect)
    assert bench.push().state == "done"
    assert len(on_step(bench.atlas.runs()[0])) == 1


def test_a_late_duplicate_registration_is_deleted(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "a.csv", b"x"), kept(bench, "b.csv", b"y"))
    bench.atlas.delay(RegisterDataFile)
    registered: list[Operation[Any]] = []

    def third(op: Operation[Any]) -> bool:
        registered.extend([op] if isinstance(op, RegisterDataFile) else [])
        return len(registered) == 3 and isinstance(op, RegisterDataFile)

    bench.atlas.fail_when(third, lambda _: bench.atlas.release())
    assert bench.push().state == "done"
    assert sorted(file.file_name for file in on_step(bench.atlas.runs()[0])) == ["a.csv", "b.csv"]


def test_without_receipts_nothing_is_registered_twice(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "a.csv", b"x"))
    bench.push()
    bench.forget()
    assert bench.push().state == "done"
    assert len(on_step(bench.atlas.runs()[0])) == 1


def test_a_second_push_uploads_nothing(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "a.csv", b"x"))
    bench.push()
    assert bench.push().state == "done"
    assert place.puts == 1


def test_an_unreachable_storage_is_retried(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "a.csv", b"x"))
    place.failures = [UploadFailed("S3 does not respond", "Wait", transient=True, every_file=True)] * 2
    assert bench.push().state == "done"
    assert len(on_step(bench.atlas.runs()[0])) == 1


def test_a_rejected_file_is_reported_separately(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "a.csv", b"x"), kept(bench, "b.csv", b"y"))
    place.failures = [UploadFailed("'a.csv' is refused", "Ask for the right to write", transient=False)]
    incomplete = bench.push()
    assert (incomplete.state, incomplete.refused, incomplete.pending) == ("incomplete", 1, 1)
    assert "Ask for the right to write" in incomplete.remarks[0]
    assert len(on_step(bench.atlas.runs()[0])) == 1
    assert bench.push().state == "done"
    assert len(on_step(bench.atlas.runs()[0])) == 2


def test_a_missing_file_is_reported_separately(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "a.csv", b"x"), kept(bench, "b.csv", b"y"))
    (bench.session / "files" / "a.csv").unlink()
    incomplete = bench.push()
    assert "file 'a.csv' was not published: it can't be read any more" in incomplete.remarks[0]
    assert [file.file_name for file in on_step(bench.atlas.runs()[0])] == ["b.csv"]


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "files/../../x", "journal.jsonl"])
def test_a_journal_from_elsewhere_cannot_publish_files_of_this_machine(bench: Bench, place: Place, path: str) -> None:
    (bench.session.parent.parent / "secret").parent.mkdir(parents=True, exist_ok=True)
    (bench.session.parent.parent / "secret").write_text("key")
    write(bench, kept(bench, "a.csv", b"x", path=path))
    incomplete = bench.push()
    assert "is not in the session directory" in incomplete.remarks[0]
    assert place.puts == 0


def test_without_a_storage_files_stay_and_the_run_description_names_them(bench: Bench) -> None:
    write(bench, kept(bench, "a.csv", b"x"))
    done = bench.push()
    assert (done.state, done.files_kept) == ("done", 1)
    (run,) = bench.atlas.runs()
    assert "Data files kept in the session directory, because no bucket is set (--atlas-bucket): 1" in run.description
    place = Place(bench)
    bench.target = targets.Target(name="test", label="x", limit=32, atlas=bench.atlas, objects=place)
    assert bench.push().state == "done"
    (run,) = bench.atlas.runs()
    assert len(on_step(run)) == 1
    assert "because no bucket is set" not in run.description


def test_a_trace_becomes_a_csv_with_units(bench: Bench, place: Place) -> None:
    raw = struct.pack("<3d", 0.0, 0.5, 1.0) + struct.pack(">3h", 1, -2, 3)
    columns = (ev.TraceColumn("t", "s", "f8", 3), ev.TraceColumn("counts", "", "i2", 3, swapped=True))
    write(bench, kept(bench, "x.raw", raw, name="rail.csv", columns=columns))
    assert bench.push().state == "done"
    (file,) = on_step(bench.atlas.runs()[0])
    assert (file.file_name, content(bench, file)) == ("rail.csv", b"t [s],counts\n0.0,1\n0.5,-2\n1.0,3\n")


def test_a_sample_rate_replaces_a_column_of_times(bench: Bench, place: Place) -> None:
    raw = struct.pack("<3f", 1.0, 2.0, 4.0)
    write(bench, kept(bench, "x.raw", raw, name="v.csv", columns=(ev.TraceColumn("v", "V", "f4", 3),), rate=1000.0))
    assert bench.push().state == "done"
    (file,) = on_step(bench.atlas.runs()[0])
    assert content(bench, file) == b"t [s],v [V]\n0.0,1.0\n0.001,2.0\n0.002,4.0\n"


def test_a_trace_that_is_shorter_than_it_was_recorded_is_reported(bench: Bench, place: Place) -> None:
    write(bench, kept(bench, "x.raw", b"1234", name="v.csv", columns=(ev.TraceColumn("v", "V", "f8", 3),)))
    assert "shorter than it was recorded" in bench.push().remarks[0]


def test_all_measurements_of_a_card_are_one_file(bench: Bench, place: Place) -> None:
    def measured(name: str, *values: str, **given: Any) -> ev.Measured:
        defaults: dict[str, Any] = {"nodeid": f.nodeid("test_a"), "verdict": "pass", "unit": "ms", "at": f.BEGIN}
        return ev.Measured(**{**defaults, "name": name, "values": values, **given})

    write(
        bench,
        measured("trip, time", "111.6", high="100.0", verdict="fail"),
        measured("rail", "12.5", "nan", low="12", high="13", unit="V", verdict="fail"),
        measured("state", "'armed'", equal="'armed'", unit=""),
    )
    assert bench.push().state == "done"
    (run,) = bench.atlas.runs()
    (file,) = run.test_cards[0].test_data
    assert (file.file_name, file.content_type) == ("measurements.csv", "text/csv")
    time, origin = "2025-11-25T00:20:00.000000+00:00", ["s1", "true", "", "", "", ""]
    assert list(csv.reader(io.StringIO(content(bench, file).decode()))) == [
        list(HEADER),
        [f.nodeid("test_a"), "trip, time", "111.6", "ms", "", "100.0", "fail", time, "1", *origin],
        [f.nodeid("test_a"), "rail", "12.5", "V", "12", "13", "fail", time, "1", *origin],
        [f.nodeid("test_a"), "rail", "nan", "V", "12", "13", "fail", time, "1", *origin],
        [f.nodeid("test_a"), "state", "armed", "", "armed", "armed", "pass", time, "1", *origin],
    ]


def test_only_measurements_of_the_last_attempt_are_valid(bench: Bench, place: Place) -> None:
    def measured(attempt: int, value: str) -> ev.Measured:
        return ev.Measured(nodeid=f.nodeid("test_a"), attempt=attempt, name="rail", values=(value,), verdict="none", at=f.BEGIN)

    rerun = f.phase("test_a", "call", "rerun", attempt=1)
    events: list[ev.Event] = [measured(1, "11.0"), rerun, measured(2, "12.0"), f.ended("test_a", attempt=2), f.finish()]
    f.write_journal(bench.session, f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), *events)
    assert bench.push().state == "done"
    (file,) = bench.atlas.runs()[0].test_cards[0].test_data
    rows = csv.DictReader(io.StringIO(content(bench, file).decode()))
    assert [(row["value"], row["attempt"], row["valid"]) for row in rows] == [("11.0", "1", "false"), ("12.0", "2", "true")]


# ── disk space ───────────────────────────────────────────────────────────────────────────────────────────────────────


def free_space(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Let the disk have `size` free bytes."""
    usage = shutil.disk_usage("/")._replace(free=size)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def sparse(bench: Bench, on_disk: str, size: int) -> ev.FileKept:
    """Create a file of zeros that needs no space on most disks."""
    event = kept(bench, on_disk, b"", size=size)
    os.truncate(bench.session / event.path, size)
    return event


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_sparse_attachment_does_not_fill_the_disk(bench: Bench, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    free_space(monkeypatch, 10 << 20)
    write(bench, sparse(bench, "zeros.bin", 8 << 20), kept(bench, "log.txt", b"booted"))
    status = bench.push()
    assert [file.file_name for file in on_step(bench.atlas.runs()[0])] == ["log.txt"]
    assert "8.0 MiB are needed, and 10.0 MiB are free" in status.remarks[0]
    assert len(files_below(bench.atlas.local.objects.directory)) == 1


def test_a_file_that_leaves_half_of_the_free_space_is_copied(
    bench: Bench, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_space(monkeypatch, 16 << 20)
    write(bench, sparse(bench, "zeros.bin", 8 << 20))
    assert bench.push().state == "done"


def test_the_csv_of_a_trace_does_not_fill_the_disk(bench: Bench, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    free_space(monkeypatch, 10)
    write(bench, kept(bench, "x.raw", b"1234", name="v.csv", columns=(ev.TraceColumn("v", "V", "i1", 4),)))
    assert "file 'v.csv' was not published" in bench.push().remarks[0]
    assert files_below(bench.session / "files") == [bench.session / "files" / "x.raw"]


def test_the_csvs_of_one_session_have_a_limit_together(bench: Bench, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MAX_CSV_BYTES", 30)
    column = (ev.TraceColumn("v", "V", "i1", 4),)  # 18 bytes of CSV
    write(bench, *(kept(bench, f"{name}.raw", name.encode() * 4, name=f"{name}.csv", columns=column) for name in "ab"))
    status = bench.push()
    assert len(on_step(bench.atlas.runs()[0])) == 1
    assert "the CSVs of this session's traces are larger than" in status.remarks[0]
