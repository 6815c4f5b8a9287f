"""Tests that change the directory, the environment, the clock, descriptors or the disk are recorded completely."""

import json
import os
from pathlib import Path

import pytest
from tests.support.inner import RECORD, Ended, Project
from tests.support.stand_in import ALONE

from pytest_atlas.journal import events as ev

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's limits and descriptors")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench")


def record(project: Project, *arguments: str, **env: str) -> Ended:
    return project.record("-p", "no:faulthandler", *arguments, env={**ALONE, **env})


def ends(ended: Ended) -> list[str]:
    return [event.nodeid.rpartition("::")[2] for event in ended.recorded(ev.TestEnded)]


def told_no_fault(ended: Ended) -> bool:
    return "internal error" not in ended.out + ended.err


def test_a_test_that_removes_json_and_the_next_one_are_recorded(project: Project) -> None:
    project.write(
        "test_harm.py",
        """
        import json
        def test_harms(): json.dumps = json.JSONEncoder = None
        def test_next(): assert 1 == 2
        """,
    )
    ended = record(project)
    assert ended.statuses() == {"test_harms": "passed", "test_next": "failed"}
    assert told_no_fault(ended), ended.out + ended.err


@posix
def test_descriptors_that_a_test_closed_are_opened_again(project: Project) -> None:
    project.write(
        "test_closes.py",
        """
        import os
        def test_closes(tmp_path):
            os.closerange(3, 64)
            (tmp_path / "mine.txt").open("w").write("mine")
            globals()["held"] = [open(tmp_path / f"{n}.txt", "w") for n in range(8)]
        def test_next():
            for file in held: file.close()
            assert all(os.stat(file.name).st_size == 0 for file in held)
        """,
    )
    ended = record(project, "-s")
    assert ends(ended) == ["test_closes", "test_next"]
    assert ended.statuses() == {"test_closes": "passed", "test_next": "passed"}


@posix
@pytest.mark.parametrize("fails", [False, True], ids=["passes", "fails"])
def test_a_full_disk_is_one_line_and_the_exit_status_is_that_of_the_tests(project: Project, *, fails: bool) -> None:
    project.write(
        "test_full.py",
        f"""
        import pytest, resource, signal
        def test_before():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        @pytest.mark.parametrize("n", range(5))
        def test_on(n): assert n < {3 if fails else 9}
        """,
    )
    ended = record(project, "-p", "no:cacheprovider", "-s")
    assert ended.code == int(fails)
    (line,) = (line for line in ended.terminal_summary if "could not be recorded" in line)
    assert line.endswith("[Errno 27] File too large")
    assert any("was not recorded: output.txt: File too large" in line for line in ended.terminal_summary) is fails
    assert told_no_fault(ended)


@posix
def test_events_are_written_when_a_full_disk_has_space_again(project: Project) -> None:
    project.write(
        "test_full.py",
        """
        import resource, signal
        def limit(size): resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        def test_fills():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limit(1)
        def test_while(): pass
        def test_frees(): limit(resource.RLIM_INFINITY)
        """,
    )
    ended = record(project, "-s")
    assert ends(ended) == ["test_fills", "test_while", "test_frees"]
    assert "could not be recorded" not in ended.out
    (end,) = ended.recorded(ev.SessionEnded)
    assert end.lost == 0


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "31415926", 'it\'s "quoted" \\ and more', "Ünïcode 100%"])
def test_secrets_of_the_environment_are_in_no_file_of_the_session(project: Project, secret: str) -> None:
    project.write(
        "test_secret.py",
        """
        import json, os, pytest
        SECRET = os.environ["BENCH_PASSWORD"]
        @pytest.mark.parametrize("password", [SECRET, SECRET + "x"], ids=["own", "other"])
        def test_login(password, subtests):
            with subtests.test("identities are not redacted"): pass
            print(f"sending {password!r} as {json.dumps([password])}")
            assert {"password": password} == "right", f"{password} is wrong"
        """,
    )
    ended = record(project, f"--ignore={secret}", BENCH_PASSWORD=secret)
    assert len(ends(ended)) == 2
    texts = {path: path.read_text("utf-8") for path in ended.session.rglob("*") if path.is_file()}
    assert sum(path.name == "journal.jsonl" or path.suffix == ".txt" for path in texts) > 1
    for path, text in texts.items():
        for shown in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]):
            assert shown not in text, path


def test_assertions_off_and_optimised_python_record_the_same(project: Project) -> None:
    project.write("test_a.py", "import pytest\ndef test_fails(): pytest.fail('no')")
    ended = record(project, PYTHONOPTIMIZE="2")
    assert ended.statuses() == {"test_fails": "failed"}


def test_modules_of_the_project_with_names_of_the_standard_library_have_no_effect(project: Project) -> None:
    project.write("sqlite3.py", "raise RuntimeError('the wrong one')")
    project.write("test_a.py", "def test_a(): pass")
    ended = project.pytest("--atlas-system", RECORD[1], env=ALONE)
    assert ended.terminal_summary[0].startswith("run TR-0001"), ended.out + ended.err
