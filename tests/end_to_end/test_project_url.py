"""A project file can't redirect the token: with a URL from an ini file, no process opens a connection to it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project, environment
from tests.support.served_atlas import served_atlas
from tests.support.stand_in import ALONE

from pytest_atlas.atlas import ListRuns

TOKEN = "the-token-of-the-user-0123456789"
ON = f"--atlas-system={SYSTEM}"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The server of the author of a pull request. It accepts nothing, so each connection stays in its queue."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def connections(listener: socket.socket) -> int:
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


FILES = {
    "pytest.ini": "[pytest]\natlas_url = {url}\n",
    "pyproject.toml": '[tool.pytest.ini_options]\natlas_url = "{url}"\n',
    "tox.ini": "[pytest]\natlas_url = {url}\n",
    "setup.cfg": "[tool:pytest]\natlas_url = {url}\n",
    "pytest.ini with addopts": "[pytest]\naddopts = -o atlas_url={url}\n",
    "pytest.ini with a path": "[pytest]\natlas_url = {url}/api/v1\n",
}

if pytest.version_tuple < (9, 1):  # it ignores -o in addopts, so no URL is set
    del FILES["pytest.ini with addopts"]


def project(tmp_path: Path, kind: str, url: str) -> Project:
    made = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass\n")
    (made.root / "pytest.ini").unlink()
    return made.write(kind.partition(" ")[0], FILES[kind].format(url=url))


def record(project: Project, *arguments: str, **env: str) -> Ended:
    return project.pytest("-p", "no:cacheprovider", ON, "--atlas-timeout=10", *arguments, env={**ALONE, **env})


@pytest.mark.parametrize("kind", FILES)
def test_a_session_with_a_url_from_a_project_file_is_only_recorded(tmp_path: Path, listener: socket.socket, kind: str) -> None:
    ended = record(project(tmp_path, kind, url(listener)), ATLAS_TOKEN=TOKEN)
    assert ended.code == 0, ended.out + ended.err
    assert "atlas: recording only (ATLAS_TOKEN is not sent to the URL of atlas_url (ini file)." in ended.out
    assert ended.statuses() == {"test_a": "passed"}
    assert connections(listener) == 0


def test_a_strict_session_with_such_a_url_is_a_usage_error(tmp_path: Path, listener: socket.socket) -> None:
    ended = record(project(tmp_path, "pytest.ini", url(listener)), "--atlas-strict", ATLAS_TOKEN=TOKEN)
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "--atlas-strict: ATLAS_TOKEN is not sent to the URL of atlas_url (ini file)" in ended.err
    assert connections(listener) == 0


@pytest.mark.parametrize("at_end", ["", "/api/v1"], ids=["same url", "same origin"])
def test_the_same_url_in_the_environment_is_published_to(tmp_path: Path, at_end: str) -> None:
    with served_atlas(tmp_path / "served", token=TOKEN) as served:
        ended = record(project(tmp_path, "pytest.ini", served.url + at_end), ATLAS_TOKEN=TOKEN, ATLAS_URL=served.url)
        (run,) = served.atlas.send(ListRuns()).items
    assert f"atlas: {served.url}; system {SYSTEM}" in ended.out
    assert f"run {run.test_run_id}" in ended.terminal_summary[0]


COMMANDS = ("push", "sessions", "show", "runs", "report", "search a", "summary", "doctor", "push --timeout 1 .atlas/sessions")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_reads_the_url_of_a_project_file(tmp_path: Path, listener: socket.socket, command: str) -> None:
    made = project(tmp_path, "pytest.ini", url(listener))
    record(made, "--atlas-offline")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest_atlas.cli", *command.split()],
        cwd=made.root,
        env=environment(ATLAS_TOKEN=TOKEN),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert connections(listener) == 0
    assert TOKEN not in done.stdout + done.stderr
    if command not in ("sessions", "summary"):  # the commands that use an Atlas don't fall back to the local one
        assert "ATLAS_TOKEN is set, but ATLAS_URL is not" in done.stdout + done.stderr
        assert done.returncode != 0


def test_the_listener_sees_a_command_with_the_url_in_the_environment(tmp_path: Path, listener: socket.socket) -> None:
    """The tests above can fail: this connection is counted."""
    command = [sys.executable, "-P", "-m", "pytest_atlas.cli", "doctor"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(ATLAS_TOKEN=TOKEN, ATLAS_URL=url(listener)), stdout=subprocess.DEVNULL
    )
    try:
        listener.settimeout(60)
        listener.accept()[0].close()
    finally:
        process.kill()
        process.wait()
