"""The plugin: which sessions are recorded, and usage errors before the first test."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import RECORD, Project, environment

from pytest_atlas.journal import events as ev
from pytest_atlas.journal import session_dir

OTHER = "00000000-0000-4000-8000-000000000007"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench").write("test_trip.py", "def test_trips(): pass")


def is_recorded(project: Project, *arguments: str, env: Mapping[str, str] | None = None) -> bool:
    ended = project.pytest(*arguments, env=env)
    assert ended.code in (0, 5), ended.out + ended.err
    return bool(session_dir.sessions(ended.atlas_dir))


def test_without_a_system_no_file_is_written(project: Project) -> None:
    ended = project.pytest()
    assert "atlas:" not in ended.out
    assert not ended.atlas_dir.exists()


@pytest.mark.parametrize("how", ["line", "environment", "ini", "pyproject"])
def test_a_system_from_each_source_turns_recording_on(project: Project, how: str) -> None:
    arguments = RECORD if how == "line" else ("--atlas-offline",)
    env = {"ATLAS_SYSTEM_ID": OTHER} if how == "environment" else {}
    if how == "ini":
        project.write("pytest.ini", f"[pytest]\natlas_system = {OTHER}\n")
    if how == "pyproject":
        (project.root / "pytest.ini").unlink()
        table = f'[tool.pytest.ini_options]\natlas_system = "{OTHER}"\natlas_strict = false\natlas_asset = ["{OTHER}"]\n'
        project.write("pyproject.toml", table)
    ended = project.pytest("-W", "error", *arguments, env=env)
    (session,) = ended.recorded(ev.SessionStarted)
    assert session.system_id == (SYSTEM if how == "line" else OTHER)
    assert session.asset_ids == ((OTHER,) if how == "pyproject" else ())


@pytest.mark.parametrize(
    "option",
    [
        "--collect-only",
        "--setup-only",
        "--setup-plan",
        "--fixtures",
        "--fixtures-per-test",
        "--markers",
        "--help",
        "--no-atlas",
    ],
)
def test_sessions_without_tests_or_turned_off_are_not_recorded(project: Project, option: str) -> None:
    assert not is_recorded(project, *RECORD, option)


def test_help_and_markers_list_options_and_markers(project: Project) -> None:
    output = project.pytest("--help").out
    assert "--atlas-system=UUID" in output
    assert "$ATLAS_SYSTEM_ID" in output
    assert "s3://bucket/prefix" in output
    assert "S3://" not in output
    output = project.pytest("--markers").out
    assert "@pytest.mark.atlas_card(title," in output
    assert "@pytest.mark.atlas_step(title," in output


@pytest.mark.parametrize("arguments", [(), RECORD], ids=["off", "on"])
def test_strict_markers_and_strict_config_pass(project: Project, arguments: tuple[str, ...]) -> None:
    project.write("pytest.ini", "[pytest]\natlas_title = Acceptance\n").write(
        "test_trip.py",
        """
        import pytest
        @pytest.mark.atlas_card("Overvoltage")
        @pytest.mark.atlas_step("Apply 13 V")
        def test_trips(): pass
        """,
    )
    ended = project.pytest("--strict-markers", "--strict-config", "-W", "error", *arguments)
    assert (ended.code, ended.err) == (0, "")


MISUSES = {
    "system": (("--atlas-system=bench-7",), {}, "--atlas-system: 'bench-7' is not a UUID. Copy"),
    "variable": ((), {"ATLAS_SYSTEM_ID": "bench-7"}, "ATLAS_SYSTEM_ID: 'bench-7' is not a UUID. Copy"),
    "token": (RECORD, {"ATLAS_TOKEN": "t0ken-nobody-may-see"}, "ATLAS_TOKEN is set, but ATLAS_URL is not"),
    "strict": ((*RECORD, "--atlas-strict"), {}, "--atlas-strict with --atlas-offline"),
    "strict alone": (("--atlas-strict",), {}, "--atlas-strict: the session is not recorded: no system is set"),
}


@pytest.mark.parametrize(("arguments", "env", "output"), MISUSES.values(), ids=MISUSES)
def test_a_usage_error_is_one_line_before_the_first_test(
    project: Project, arguments: tuple[str, ...], env: dict[str, str], output: str
) -> None:
    ended = project.pytest(*arguments, env=env)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    (line,) = filter(None, ended.err.splitlines())
    assert line.startswith(f"ERROR: {output}")
    assert "test_trip" not in ended.out
    assert not ended.atlas_dir.exists()


@pytest.mark.parametrize("where", ["line", "ini"])
def test_an_unwritable_atlas_dir_is_a_usage_error(project: Project, where: str) -> None:
    project.write("file", "")
    arguments: tuple[str, ...] = RECORD
    if where == "ini":
        project.write("pytest.ini", "[pytest]\natlas_dir = file/records\n")
    else:
        arguments = (*RECORD, "--atlas-dir=file/records")
    ended = project.pytest(*arguments)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert ("--atlas-dir: " if where == "line" else "atlas_dir (ini file): ") in ended.err
    assert f"{project.root / 'file' / 'records'}' can't be written" in ended.err


def test_an_ini_key_of_another_type_is_named(project: Project) -> None:
    ended = project.write("pytest.ini", "[pytest]\natlas_strict = maybe\n").pytest(*RECORD)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "atlas_strict (ini file) can't be read" in ended.err


def test_a_relative_path_is_resolved_by_its_source(project: Project) -> None:
    below = project.root / "below"
    below.mkdir()
    project.pytest(*RECORD, "--atlas-dir=../by_line", "..", cwd=below)
    project.write("pytest.ini", "[pytest]\natlas_dir = by_ini\n").pytest(*RECORD, "..", cwd=below)
    assert session_dir.sessions(project.root / "by_line")
    assert session_dir.sessions(project.root / "by_ini")


def test_an_unwritable_checkout_is_recorded_in_the_home_directory_with_a_line(project: Project, tmp_path: Path) -> None:
    (project.root / ".atlas").write_text("in the way")
    home = tmp_path / "home"
    home.mkdir()
    env = {"HOME": str(home), "USERPROFILE": str(home)}
    ended = project.pytest(*RECORD, env=env, atlas_dir=home / ".atlas")
    assert ended.code == 0
    assert f"atlas: recording into {home / '.atlas'}, because the default directory fails" in ended.out
    assert ended.recorded(ev.SessionEnded)


def test_without_a_home_a_session_is_recorded_in_the_temporary_directory(project: Project, tmp_path: Path) -> None:
    (project.root / ".atlas").write_text("in the way")
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.write_text("no directory")
    temporary.mkdir()
    env = {name: str(home) for name in ("HOME", "USERPROFILE")} | dict.fromkeys(("TMPDIR", "TEMP"), str(temporary))
    ended = project.pytest(*RECORD, env=env)
    assert ended.code == 0
    (directory,) = temporary.glob("pytest-atlas-*")
    assert session_dir.sessions(directory)


def test_an_unknown_name_is_in_the_header(project: Project) -> None:
    project.write("pytest.ini", "[pytest]\natlas_titel = x\n")
    ended = project.pytest(*RECORD, env={"ATLAS_TOKN": "x"})
    assert "atlas: variable ATLAS_TOKN is unknown to pytest-atlas; is ATLAS_TOKEN meant?" in ended.out
    assert "atlas: ini key atlas_titel is unknown to pytest-atlas; is atlas_title meant?" in ended.out


INNER = """
    import os, subprocess, sys
    import pytest

    ARGUMENTS = {arguments!r}

    def test_runs_pytest(tmp_path):
        (tmp_path / "test_inner.py").write_text("def test_inner(): pass")
        (tmp_path / "pytest.ini").write_text("[pytest]")
        command = ["-p", "no:cacheprovider", str(tmp_path), *ARGUMENTS]
        if {in_process!r}:
            assert pytest.main(command) == 0
        else:
            subprocess.run([sys.executable, "-m", "pytest", *command], check=True, cwd=tmp_path)
        assert (tmp_path / ".atlas").exists() == bool(ARGUMENTS)
        output = "".join(path.read_text() for path in tmp_path.glob(".atlas/sessions/*/journal.jsonl"))
        assert "job-7" not in output  # the outer session's key
        assert "TR-0042" not in output  # the outer session's run
"""


@pytest.mark.parametrize("in_process", [True, False], ids=["in the process", "in a child"])
@pytest.mark.parametrize("asks", [True, False], ids=["asks", "inherits"])
def test_a_pytest_inside_a_test_records_only_with_its_own_option(project: Project, *, in_process: bool, asks: bool) -> None:
    arguments = [f"--atlas-system={OTHER}", "--atlas-offline"] if asks else []
    project.write("test_trip.py", INNER.format(arguments=arguments, in_process=in_process))
    env = {"ATLAS_SYSTEM_ID": SYSTEM, "ATLAS_RUN_KEY": "job-7", "ATLAS_RUN_ID": "TR-0042", "PYTEST_ADDOPTS": "-q"}
    ended = project.pytest("--atlas-offline", env=env)
    assert ended.code == 0, ended.out
    (session,) = ended.recorded(ev.SessionStarted)
    assert (session.system_id, session.key, session.run) == (SYSTEM, "job-7", "TR-0042")
    assert [test.planned.name for test in ended.tests()] == ["test_runs_pytest"]
    assert ended.statuses() == {"test_runs_pytest": "passed"}


def test_two_consecutive_sessions_in_one_process_are_recorded(project: Project) -> None:
    project.write(
        "twice.py",
        f"""
        import pytest
        for _ in range(2): assert pytest.main(["-p", "no:cacheprovider", *{RECORD!r}]) == 0
        """,
    )
    subprocess.run([sys.executable, "twice.py"], cwd=project.root, env=environment(), check=True, capture_output=True)
    assert len(session_dir.sessions(project.root / ".atlas")) == 2


def test_an_internal_error_at_the_start_does_not_stop_the_tests(project: Project) -> None:
    project.write("conftest.py", "from pytest_atlas import recorder\nrecorder.record = None")
    ended = project.pytest(*RECORD)
    assert ended.code == 0
    (line,) = filter(None, ended.err.splitlines())
    assert line.startswith("pytest-atlas: internal error, this session is not recorded (TypeError(")


def test_an_atlas_dir_that_pytest_takes_for_tests_is_a_usage_error(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    project = Project(tmp_path / "bench").write("test_it.py", "def test_a(): pass\n")
    ended = project.pytest("--atlas-system", SYSTEM, "--atlas-offline", "--atlas-dir", str(records))
    assert ended.code == 4
    assert f"Write --atlas-dir={records}" in ended.err
    assert project.pytest("--atlas-system", SYSTEM, "--atlas-offline", f"--atlas-dir={records}").code == 0


@pytest.mark.parametrize("order", [("entry", "pytest_atlas.plugin"), ("pytest_atlas.plugin", "entry")])
def test_the_entry_point_and_the_module_can_both_be_named(project: Project, tmp_path: Path, order: tuple[str, str]) -> None:
    """Bundles and frozen programs name the module, and pytest also finds the entry point."""
    pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    module = pyproject["project"]["entry-points"]["pytest11"]["atlas"]
    info = tmp_path / "site" / "entry-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: entry\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\nentry = {module}\n")
    named = (argument for name in order for argument in ("-p", name))
    env = {"PYTEST_PLUGINS": "", "PYTHONPATH": str(info.parent)}
    assert is_recorded(project, *named, *RECORD, env=env)
