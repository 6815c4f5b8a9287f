"""An unreachable Atlas, one that rejects requests, or another server: no outcome changes, the summary has the problem."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.support import mirror
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.served_atlas import served_atlas

from pytest_atlas.publisher import targets

ON = f"--atlas-system={SYSTEM}"
TOKEN = "correct-horse-battery"
TESTS = "def test_passes(): pass\ndef test_fails(): assert 0\n"
IMPATIENT = """
    from pytest_atlas.recorder import waiting
    waiting.NO_RESPONSE_S = 3.0
"""


@contextmanager
def answering(status: int, body: str, *, echo: bool = False) -> Iterator[str]:
    """Run a server with one response to all requests, and yield its URL. `echo`: the response repeats the Authorization."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = (body + (self.headers["Authorization"] if echo else "")).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if body.startswith("<") else "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def project(root: Path) -> Project:
    return Project(root).write("conftest.py", IMPATIENT).write("test_bench.py", TESTS)


def publish_later(ended: Ended) -> str:
    return f"finish with: pytest-atlas push .atlas/sessions/{ended.session.name}"


def secrets_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


SYSTEM_UNKNOWN = json.dumps({"detail": f"system {SYSTEM} not found"})

ANSWERS: dict[str, tuple[tuple[int, str], str]] = {
    "token refused": ((401, '{"detail": "invalid token"}'), "ATLAS_TOKEN"),
    "token may not": ((403, '{"detail": "read only"}'), "read only"),
    "system unknown": ((404, SYSTEM_UNKNOWN), "not found"),
    "system invalid": ((422, '{"detail": "unknown system_id"}'), "unknown system_id"),
    "html": ((200, "<html><body>Please log in"), "<html><body>Please log in"),
    "empty": ((200, ""), "empty"),
    "another shape": ((200, '{"status": "ok", "version": 3}'), '{"status": "ok", "version": 3}'),
}


@pytest.mark.parametrize("which", ANSWERS)
def test_useless_response_is_named_and_changes_no_outcome(tmp_path: Path, which: str) -> None:
    answer, word = ANSWERS[which]
    with answering(*answer) as url:
        ended = project(tmp_path).pytest(ON, "--atlas-timeout=3", env={"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN})
    assert ended.code == 1
    assert "1 failed, 1 passed" in ended.out
    assert word in "\n".join(ended.terminal_summary)
    assert ended.terminal_summary[-1] == publish_later(ended)
    assert len(ended.terminal_summary) == 2
    assert not secrets_in(ended.atlas_dir)


def test_token_in_a_response_is_redacted(tmp_path: Path) -> None:
    with answering(403, '{"detail": "who is ', echo=True) as url:
        ended = project(tmp_path).pytest(ON, env={"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN})
    assert "who is" in ended.out
    assert TOKEN not in ended.out + ended.err
    assert not secrets_in(ended.atlas_dir)


@pytest.fixture
def closed() -> str:
    """Return the URL of a closed port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(("more", "code"), [((), 1), (("-k", "passes"), 0), (("-k", "passes", "--atlas-strict"), 1)])
def test_an_unreachable_atlas_fails_only_a_strict_session(
    tmp_path: Path, closed: str, more: tuple[str, ...], code: int
) -> None:
    ended = project(tmp_path).pytest(ON, *more, env={"ATLAS_URL": closed, "ATLAS_TOKEN": TOKEN})
    assert ended.code == code
    assert f"none in {closed}: " in ended.terminal_summary[0]
    lines = [line for line in ended.terminal_summary if not line.startswith("--atlas-strict")]
    assert lines[-1] == publish_later(ended)
    with served_atlas(tmp_path / "served", token=TOKEN) as served:
        assert mirror.push(ended.session, targets.remote(served.url, TOKEN)).state == "done"


def test_push_command_names_the_atlas_directory_if_it_is_not_found_from_the_working_directory(tmp_path: Path) -> None:
    """Without it, push treats the session as recorded elsewhere, and ignores its run key."""
    project = Project(tmp_path / "suite").write("test_a.py", "def test_a(): pass")
    remote = {"ATLAS_URL": "http://127.0.0.1:1", "ATLAS_TOKEN": "a-token-for-tests"}
    where = ("suite", "--atlas-timeout=0.5", f"--atlas-system={SYSTEM}")
    ended = project.pytest(*where, env=remote, cwd=tmp_path)
    assert "pytest-atlas --atlas-dir suite/.atlas push suite/.atlas/sessions/" in " ".join(ended.terminal_summary), ended.out
