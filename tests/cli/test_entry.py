"""The command line: fast help, one line for each expected error, and no traceback."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.support import events as f

from pytest_atlas import __version__
from pytest_atlas.cli import entry
from pytest_atlas.cli.commands import COMMANDS
from pytest_atlas.cli.reference import as_markdown
from pytest_atlas.local import LocalAtlas

HEAVY = ("pydantic", "httpx", "asyncio", "sqlite3", "boto3", "uvicorn", "pytest")
PROGRAM = [sys.executable, "-m", "pytest_atlas.cli"]


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([command.name, "--help"] for command in COMMANDS)])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = f"""
import sys
from pytest_atlas.cli import main
try:
    main({words!r})
finally:
    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert done.stdout


def test_without_a_command_the_help_lists_the_commands(cli: Command) -> None:
    result = cli()
    assert (result.code, result.out) == (2, "")
    for command in COMMANDS:
        assert re.search(rf"^ +{command.name} +{command.summary}", result.err, re.MULTILINE)


def test_the_version_is_that_of_the_package(cli: Command) -> None:
    assert cli("--version").out == f"pytest-atlas {__version__}\n"


@pytest.mark.parametrize("words", [["--atlas-dir", "DIR", "runs"], ["runs", "--atlas-dir", "DIR"], ["runs", "--atlas-dir=DIR"]])
def test_the_atlas_dir_can_be_before_and_after_the_command(cli: Command, tmp_path: Path, words: list[str]) -> None:
    LocalAtlas(tmp_path / "here" / "atlas.db", create=True).close()
    result = cli(*(word.replace("DIR", str(tmp_path / "here")) for word in words))
    assert (result.code, result.err) == (0, "")


def test_the_atlas_dir_is_found_upwards_or_in_the_environment(
    cli: Command, tmp_path: Path, atlas_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LocalAtlas(atlas_dir / "atlas.db", create=True).close()
    (tmp_path / "tests" / "hil").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "tests" / "hil")
    assert cli("runs").code == 0
    monkeypatch.setenv("ATLAS_DIR", str(tmp_path / "other"))
    assert cli("runs").err.startswith(f"pytest-atlas: no local Atlas in {tmp_path / 'other'}.")
    assert cli("runs", "--atlas-dir", "../../.atlas").code == 0


@pytest.mark.parametrize("word", ["pull", "--atlas"])
def test_an_unknown_argument_is_one_line(cli: Command, word: str) -> None:
    result = cli(word)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith("pytest-atlas: ")
    assert result.err.endswith(" See pytest-atlas --help\n")


def test_an_invalid_store_is_one_line(cli: Command, atlas_dir: Path) -> None:
    (atlas_dir / "atlas.db").write_bytes(b"no database at all, but notes" * 100)
    for words, code in ((["runs"], 1), (["push"], 1), (["sessions"], 0)):
        (atlas_dir / "sessions" / "s1").mkdir(parents=True, exist_ok=True)
        (atlas_dir / "sessions" / "s1" / "journal.jsonl").touch()
        result = cli(*words)
        assert (result.code, result.err.count("\n")) == (code, 1)
        assert ("s1" in result.out) == (code == 0), "the sessions are listed without the store"
        assert "not a database" in result.err


def test_an_internal_error_is_not_hidden(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(argv: object) -> int:
        raise AssertionError("ours")

    monkeypatch.setattr(entry, "_run", broken)
    with pytest.raises(AssertionError, match="ours"):
        cli("runs")


def test_ctrl_c_is_130(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(argv: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_run", interrupted)
    assert cli("runs") == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another Ctrl-C")
def test_ctrl_c_ends_a_push_that_waits(session: Path) -> None:
    """The Atlas accepts connections and never responds; SIGINT is sent when the push waits for it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            **os.environ,
            "ATLAS_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "ATLAS_TOKEN": "secret-word-of-the-bench",
        }
        with subprocess.Popen([*PROGRAM, "push"], env=environment, stdout=-1, stderr=-1, text=True) as push:
            silent.settimeout(120)  # a push that fails at once never connects; a start under load can take long
            connection, _ = silent.accept()
            connection.recv(1)
            push.send_signal(signal.SIGINT)
            _, err = push.communicate()
            connection.close()
    assert (push.returncode, err) == (130, "")


@pytest.mark.parametrize("tests", [1, 2000], ids=["with little output", "with much output"])
def test_a_closed_pipe_is_not_an_error(cli: Command, atlas_dir: Path, tests: int) -> None:
    plan = f.plan(*(f"test_{n}" for n in range(tests)))
    f.write_journal(atlas_dir / "sessions" / "s1", f.opened(), f.session(), *plan, f.finish())
    cli("push")
    with subprocess.Popen([*PROGRAM, "show"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as show:
        assert show.stdout is not None
        show.stdout.close()
        assert show.stderr is not None
        assert show.stderr.read() == ""
    assert show.returncode == 1


def test_a_terminal_without_unicode_gets_ascii_characters(cli: Command, session: Path) -> None:
    cli("push")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*PROGRAM, "show"], env=environment, capture_output=True, check=False)
    assert done.returncode == 0
    assert b"  X test_b" in done.stdout
    assert b"      | assert 112 <= 100" in done.stdout


def test_the_reference_has_the_help_of_every_command(cli: Command) -> None:
    page = as_markdown()
    for command in COMMANDS:
        assert f"## pytest-atlas {command.name}\n\n```text\n{cli(command.name, '--help').out}```\n" in page
    assert page.startswith(f"## pytest-atlas\n\n```text\n{cli('--help').out}```\n")


def test_the_package_can_be_run_as_the_command() -> None:
    command = [sys.executable, "-m", "pytest_atlas", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"pytest-atlas {__version__}\n"
    failed = subprocess.run([*command[:-1], "nonsense"], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.startswith("pytest-atlas: ")
