"""Each command ends in time with a server, a journal or a disk that does not respond."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Command, events
from tests.support import events as f
from tests.support.proxy import slow_server

from pytest_atlas.cli.commands import COMMANDS
from pytest_atlas.cli.record import TimeShares

TOKEN = "token-of-the-bench-0001"
FAR = 120
"""Seconds after which a process counts as hanging; much more than its --timeout, because the machine can be busy."""


def command(*arguments: str | Path, cwd: Path, url: str = "") -> subprocess.CompletedProcess[str]:
    """Run `pytest-atlas` in a process. Fails if it hangs."""
    named = {"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN} if url else {}
    return subprocess.run(
        [sys.executable, "-m", "pytest_atlas.cli", *map(str, arguments)],
        cwd=cwd, env={**os.environ, **named}, capture_output=True, text=True, timeout=FAR, check=False,
    )  # fmt: skip


REMOTE = {"show": (), "runs": (), "report": (), "search": ("trip",)}


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
@pytest.mark.parametrize("name", REMOTE)
def test_a_command_ends_if_the_server_does_not_respond(name: str, drips: bool, tmp_path: Path) -> None:
    with slow_server(drips=drips) as url:
        done = command(name, "--timeout", "1", *REMOTE[name], cwd=tmp_path, url=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"pytest-atlas: {name} timed out after 1 s (--timeout)\n"


def test_doctor_prints_its_findings_before_the_timeout_of_the_server(tmp_path: Path) -> None:
    with slow_server(drips=False) as url:
        done = command("doctor", "--timeout", "15", cwd=tmp_path, url=url)
    assert done.returncode == 1
    assert "required packages are supported" in done.stdout
    assert "doctor timed out after 15 s (--timeout)" in done.stderr


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.name not in ("push", "serve")])
def test_each_command_has_a_timeout(name: str, cli: Command) -> None:
    assert "--timeout SECONDS" in cli(name, "--help").out


def record_sessions(atlas_dir: Path, endless: int) -> None:
    """Create a readable session after `endless` sessions that can't be read to their end."""
    for number in range(endless):
        session = atlas_dir / "sessions" / f"endless-{number}"
        f.write_journal(session, *events(session.name))
        with (session / "journal-gw0-00000000.jsonl").open("wb") as journal:
            journal.truncate(1 << 40)  # sparse
    f.write_journal(atlas_dir / "sessions" / "good", *events("good"))


def test_one_endless_session_does_not_hide_the_others(atlas_dir: Path, tmp_path: Path) -> None:
    record_sessions(atlas_dir, 1)
    done = command("--atlas-dir", atlas_dir, "sessions", "--json", "--timeout", "20", cwd=tmp_path)
    states = {it["session"]: it["state"] for it in json.loads(done.stdout)}
    assert states == {"endless-0": "unreadable", "good": "ended"}


def test_any_number_of_endless_sessions_is_listed_in_the_time_of_one_command(atlas_dir: Path, tmp_path: Path) -> None:
    record_sessions(atlas_dir, 30)
    begin = time.monotonic()
    done = command("--atlas-dir", atlas_dir, "sessions", "--json", "--timeout", "8", cwd=tmp_path)
    assert time.monotonic() - begin < FAR / 2  # 1,800 s with 60 s for each
    assert len(json.loads(done.stdout)) == 31


def test_the_summary_of_an_endless_session_ends_in_time(atlas_dir: Path, tmp_path: Path) -> None:
    record_sessions(atlas_dir, 1)
    done = command("--atlas-dir", atlas_dir, "summary", "--timeout", "1", "endless-0", cwd=tmp_path)
    assert done.returncode == 1
    assert "summary timed out after 1 s (--timeout)" in done.stderr


def test_a_session_gets_a_share_of_the_time_and_the_last_one_the_rest() -> None:
    now = [0.0]
    shares = TimeShares(100, lambda: now[0])
    assert shares.next_s() == 25
    now[0] = 65
    assert shares.next_s() == 10
    now[0] = 75
    with pytest.raises(TimeoutError, match="took too long"):
        shares.next_s()
