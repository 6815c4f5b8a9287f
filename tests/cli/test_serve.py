"""`pytest-atlas serve`: the printed URL and commands work."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.cli.conftest import Command

PROGRAM = [sys.executable, "-m", "pytest_atlas.cli"]


@pytest.mark.parametrize("token", ["", "the-bench's-own-token"])
def test_the_printed_variables_publish_to_the_server(session: Path, token: str) -> None:
    environment = {**os.environ, **({"ATLAS_TOKEN": token} if token else {})}
    words = ["serve", "--port", "0", "--atlas-dir", "served", *(["--token-from-env"] if token else [])]
    with subprocess.Popen([*PROGRAM, *words], env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            where, pages, _, how = (server.stdout.readline() for _ in range(4))
            assert where.startswith(f"serving the local Atlas of {Path.cwd() / 'served'} at http://127.0.0.1:")
            url, shown = (word.partition("=")[2] for word in shlex.split(how)[:2])
            assert pages.startswith(f"pages: {url}/")
            assert shown == ("$ATLAS_TOKEN" if token else "any-token-is-accepted")
            used = {**environment, "ATLAS_URL": url, "ATLAS_TOKEN": token or shown}
            push = subprocess.run([*PROGRAM, "push"], env=used, capture_output=True, text=True, check=False)
            refused = subprocess.run(
                [*PROGRAM, "runs"], env={**used, "ATLAS_TOKEN": "x" * 16}, capture_output=True, check=False
            )
        finally:
            server.terminate()
    assert push.returncode == 0
    assert f"5 of 5 published to {url}" in push.stdout
    assert refused.returncode == (1 if token else 0)
    assert (Path("served") / "atlas.db").is_file()


def test_an_address_for_other_machines_needs_a_token(cli: Command) -> None:
    result = cli("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.code == 1
    assert "Set ATLAS_TOKEN" in result.err
    assert "--token-from-env" in result.err


def test_a_missing_token_is_a_usage_error(cli: Command) -> None:
    result = cli("serve", "--token-from-env")
    assert result.code == 2
    assert result.err.startswith("pytest-atlas: --token-from-env: ATLAS_TOKEN is not set")


@pytest.mark.parametrize("port", ["65536", "-1", "http", "²"])
def test_an_invalid_port_is_a_usage_error(cli: Command, port: str) -> None:
    result = cli("serve", f"--port={port}")
    assert result.code == 2
    assert result.err.startswith(f"pytest-atlas: argument --port: {port!r} is not a whole number from 0 to 65535")


def test_without_the_extra_the_message_has_the_command_that_installs_it() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from pytest_atlas.cli import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.endswith("Install it with: pip install 'pytest-atlas[ui]'\n")


@pytest.mark.parametrize("token", ["", "the-bench's-own-token"])
def test_open_prints_a_link_that_the_running_server_accepts_once(session: Path, token: str) -> None:
    environment = {**os.environ, **({"ATLAS_TOKEN": token} if token else {})}
    words = ["serve", "--port", "0", *(["--token-from-env"] if token else [])]
    with subprocess.Popen([*PROGRAM, *words], env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            command = [*PROGRAM, "open", "TR-0001"]
            link = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            answers = [httpx.get(link, trust_env=False) for _ in range(2)]
        finally:
            server.terminate()
    assert token not in link or not token
    if token:
        assert [(a.status_code, a.headers.get("location")) for a in answers] == [(303, "/runs/TR-0001"), (403, None)]
        assert ["set-cookie" in a.headers for a in answers] == [True, False]
    else:
        assert link.endswith("/runs/TR-0001")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Start one with: pytest-atlas serve" in ended.stderr


def test_open_without_a_server_names_the_command_that_starts_one(cli: Command) -> None:
    result = cli("open")
    assert result.code == 1
    assert "no server of" in result.err
    assert "pytest-atlas serve" in result.err
