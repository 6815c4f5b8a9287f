"""The files of the job summary: the user's file, that of GitHub, and files that can't be written."""

import sys
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.stand_in import ALONE, in_place

from pytest_atlas.recorder import job_summary

ON = f"--atlas-system={SYSTEM}"
TESTS = """
    def test_passes(): pass
    def test_fails(atlas): atlas.measure("trip time", 111.6, unit="ms", high=100)
"""
WHY = "trip time 111.6 ms, allowed ≤ 100 ms: **11.6 ms above**"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench").write("conftest.py", in_place()).write("test_trip.py", TESTS)


def run(project: Project, *arguments: str, **env: str) -> Ended:
    return project.pytest(ON, *arguments, env={"STAND_IN": "done", **ALONE, **env})


def test_the_users_file_is_replaced_and_that_of_github_is_appended_to(project: Project, tmp_path: Path) -> None:
    mine, step = project.root / "summary.md", tmp_path / "step.md"
    mine.write_text("of another session")
    step.write_text("## of another program")
    ended = run(project, "--atlas-summary=summary.md", GITHUB_STEP_SUMMARY=str(step))
    page = mine.read_text("utf-8")
    assert ended.code == 1
    assert page.startswith("## ❌ 1 of 2 tests failed · bench")
    assert WHY in page
    assert "Run **TR-0042** in the stand-in" in page
    assert "⚠️" not in page
    assert step.read_text("utf-8") == f"## of another program\n{page}"
    assert ended.terminal_summary == [
        "run TR-0042 bench: 9 of 9 published to the stand-in",
        "show it with: pytest-atlas show TR-0042",
    ]


def test_without_a_request_no_summary_is_written(project: Project) -> None:
    project.write(
        "conftest.py",
        in_place() + "from pytest_atlas.recorder import job_summary\njob_summary.PROGRAM = 'no_such_program:main'",
    )
    assert run(project).terminal_summary[0].startswith("run TR-0042")


PENDING = {
    "working": ("> ⚠️ 6 pending: timed out (--atlas-timeout)", ("--atlas-timeout=0.3",)),
    "refused": ("> ⚠️ step 'a' was refused: 422", ()),
    "fatal": ("> ⚠️ 2 tests recorded, none in the stand-in: the token was refused", ()),
    "dies": ("> ⚠️ 2 tests recorded, none in Atlas: the publisher has exited", ()),
    "offline": ("> ⚠️ 2 tests recorded only (--atlas-offline)", ("--atlas-offline",)),
}


@pytest.mark.parametrize(("behaviour", "line", "more"), [(name, *rest) for name, rest in PENDING.items()], ids=PENDING)
def test_pending_results_are_listed_with_the_command_that_publishes_them(
    project: Project, behaviour: str, line: str, more: tuple[str, ...]
) -> None:
    ended = project.pytest(ON, "--atlas-summary=summary.md", *more, env={"STAND_IN": behaviour, **ALONE})
    page = (project.root / "summary.md").read_text("utf-8")
    assert line in page
    assert f"with: <code>pytest-atlas push .atlas/sessions/{ended.session.name}</code>" in page
    assert WHY in page


@pytest.mark.parametrize(
    ("arguments", "heading"),
    [
        (("-p", "no:terminal"), "## ❌ 1 of 2 tests failed"),
        (("-k", "nothing"), "## ⚠️ no tests ran"),
        (("-p", "exits"), "## ❌ interrupted"),
        (("nowhere.py",), "## ❌ usage error"),
        (("-n2", "-p", "xdist"), "## ❌ 1 of 2 tests failed"),
    ],
    ids=["no terminal", "no tests", "pytest.exit", "not found", "xdist"],
)
def test_every_end_of_a_session_has_a_summary(project: Project, arguments: tuple[str, ...], heading: str) -> None:
    project.write("exits.py", "import pytest\ndef pytest_runtest_setup(): pytest.exit('enough', returncode=7)")
    step = project.root / "step.md"
    step.touch()
    run(project, *arguments, GITHUB_STEP_SUMMARY=str(step), PYTHONPATH=str(project.root))
    assert step.read_text("utf-8").startswith(heading)
    assert step.read_text("utf-8").count("\n## ") == 0


BAD = {
    "no directory": ("nowhere/summary.md", "No such file or directory"),
    "a directory": (".", "Is a directory"),
    "behind a space": ("", "Write --atlas-summary="),
}


@pytest.mark.parametrize(("name", "why"), BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_written_is_a_usage_error_before_the_first_test(project: Project, name: str, why: str) -> None:
    ended = run(project, *([f"--atlas-summary={name}"] if name else ["--atlas-summary", "summary.md"]))
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "--atlas-summary: " in ended.err
    assert why in ended.err
    assert not ended.atlas_dir.exists()
    assert "test_trip.py" not in ended.out


def test_a_path_in_the_ini_file_is_relative_to_it(project: Project) -> None:
    (project.root / "pytest.ini").write_text("[pytest]\natlas_summary = out.md\n")
    (project.root / "sub").mkdir()
    project.pytest(ON, "..", cwd=project.root / "sub", env={"STAND_IN": "done", **ALONE})
    assert (project.root / "out.md").read_text("utf-8").startswith("## ❌ 1 of 2 tests failed")


LATE = {
    "gone": (
        "import shutil\ndef pytest_unconfigure(): pass\ndef test_passes(): shutil.rmtree('out')",
        "No such file or directory",
    ),
    "a directory": ("import os\ndef test_passes(): os.remove('out/s.md'); os.mkdir('out/s.md')", "Is a directory"),
}


@pytest.mark.parametrize(("text", "why"), LATE.values(), ids=LATE)
def test_a_file_that_cannot_be_written_later_is_a_line_of_the_terminal_summary(project: Project, text: str, why: str) -> None:
    (project.root / "out").mkdir()
    project.write("test_trip.py", text)
    ended = run(project, "--atlas-summary=out/s.md", "--atlas-strict")
    assert ended.code == 0
    assert ended.terminal_summary[-1].startswith("the job summary could not be written: ")
    assert why in ended.terminal_summary[-1]
    assert len(ended.terminal_summary) == 3


@pytest.mark.parametrize("name", ["nowhere/step.md", "."])
def test_an_unwritable_file_of_github_does_not_fail_a_session(project: Project, name: str) -> None:
    ended = run(project, "-k", "passes", GITHUB_STEP_SUMMARY=str(project.root / name))
    assert ended.code == 0
    assert ended.terminal_summary[-1].startswith("the job summary could not be written: ")


def test_a_full_summary_of_a_step_is_not_changed(project: Project) -> None:
    step = project.root / "step.md"
    step.write_bytes(b"x" * (job_summary.MAX_STEP_BYTES - 100))
    ended = run(project, "-k", "passes", GITHUB_STEP_SUMMARY=str(step))
    assert step.stat().st_size == job_summary.MAX_STEP_BYTES - 100
    assert "GitHub accepts at most 1048576" in ended.terminal_summary[-1]


FAULTS = {
    "fails": ("raise SystemExit('no such luck')", "no such luck; please report it"),
    "is not there": ("import no_such_program", "No module named 'no_such_program'; please report it"),
    "hangs": ("import time; time.sleep(600)", "timed out after 0.5 seconds"),
}


@pytest.mark.parametrize(("code", "why"), FAULTS.values(), ids=FAULTS)
def test_an_internal_error_in_the_summary_is_one_line(project: Project, code: str, why: str) -> None:
    project.write("broken_summary.py", code)
    project.write(
        "conftest.py",
        f"{in_place()}\nfrom pytest_atlas.recorder import job_summary\n"
        "job_summary.PROGRAM, job_summary.TIMEOUT_S = 'broken_summary:run', 0.5",
    )
    ended = run(project, "-k", "passes", "--atlas-summary=summary.md", "--atlas-strict")
    assert ended.code == 0
    assert len(ended.terminal_summary) == 3
    assert why in ended.terminal_summary[-1]


def test_a_session_inside_a_test_does_not_write_the_outer_summary(project: Project, tmp_path: Path) -> None:
    step = tmp_path / "step.md"
    step.touch()
    project.write("inner/test_inner.py", "def test_inner(): assert False").write(
        "test_trip.py",
        f"""
        import pytest, subprocess, sys
        def test_inside():
            assert pytest.main(["inner", "{ON}", "--atlas-offline", "--rootdir=inner", "-p", "no:cacheprovider"]) == 1
        def test_beside():
            command = [sys.executable, "-m", "pytest", "inner", "{ON}", "--atlas-offline", "--rootdir=inner"]
            assert subprocess.run(command).returncode == 1
        """,
    )
    ended = run(project, "test_trip.py", GITHUB_STEP_SUMMARY=str(step))
    assert ended.code == 0, ended.out
    assert step.read_text("utf-8").startswith("## ✅ 2 tests passed")
    assert step.read_text("utf-8").count("## ") == 1


def test_a_pipe_is_written_once_and_not_opened_before() -> None:
    assert not job_summary._is_plain(Path("/dev/null" if sys.platform != "win32" else "nul"))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX's")
def test_a_child_that_a_test_forked_writes_no_summary(project: Project) -> None:
    project.write("test_trip.py", "import os\ndef test_forks(): os.fork()")
    step = project.root / "step.md"
    step.touch()
    run(project, "-p", "no:warnings", GITHUB_STEP_SUMMARY=str(step))
    assert step.read_text("utf-8").count("## ✅ 1 test passed") == 1
