import platform
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.support.bench_history import Bench, Card, Measured, Test
from tests.support.inner import PATIENCE_S

from pytest_atlas.local import LocalAtlas, StoreError
from pytest_atlas.local.views import Views
from pytest_atlas.server import ServeError, serve
from pytest_atlas.server.serving import indexing, listen, url_of

SERVER = """
import sys
from pathlib import Path
from pytest_atlas.server import serve
serve(Path(sys.argv[1]), port=0, token=sys.argv[2] or None, announce=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize(("token", "without_token"), [("secret", 401), ("", 200)])
def test_directory_is_served_until_the_process_ends(tmp_path: Path, token: str, without_token: int) -> None:
    command = [sys.executable, "-c", SERVER, str(tmp_path), token]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.get(f"{url}/api/v1/test-runs", headers={"Authorization": f"Bearer {token or 'x'}"})
        assert (answer.status_code, answer.json()) == (200, {"items": [], "count": 0})
        assert httpx.get(f"{url}/api/v1/test-runs").status_code == without_token
        process.terminate()
    assert (tmp_path / "atlas.db").is_file()


def test_a_server_indexes_files_that_are_registered_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_atlas.local.files.EAGER_BYTES", 1)
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas, indexing(atlas, every_s=0.01):
        bench = Bench(atlas, tmp_path)
        for _ in range(2):
            bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0,))])])])
        views, deadline = Views(atlas.path), time.monotonic() + PATIENCE_S
        found = 0
        while found < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            with views.read() as db:
                found = db.execute("SELECT count(*) FROM measurements").fetchone()[0]
        views.close()


INTERRUPTED = """
import signal, sys
from pathlib import Path
from pytest_atlas.server import serve
def announce(url):
    print(signal.getsignal(signal.SIGINT).__qualname__)
    signal.raise_signal(signal.SIGINT)
    print("the server stops, not the start of its loop", flush=True)
try:
    serve(Path(sys.argv[1]), port=0, announce=announce)
except KeyboardInterrupt:
    print("ended")
"""


def test_ctrl_c_after_the_announcement_is_handled_by_the_server(tmp_path: Path) -> None:
    """Otherwise it can interrupt the start of the event loop, and Python prints a traceback of `__del__`."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, str(tmp_path)], capture_output=True, text=True, check=False)
    lines = ["Server.handle_exit", "the server stops, not the start of its loop", "ended"]
    assert (done.stdout.splitlines(), done.stderr) == (lines, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "bench.example.com"])
@pytest.mark.parametrize("token", [None, ""])
def test_non_loopback_address_needs_a_token(tmp_path: Path, host: str, token: str | None) -> None:
    with pytest.raises(ServeError, match="ATLAS_TOKEN"):
        serve(tmp_path, host=host, port=0, token=token)
    assert list(tmp_path.iterdir()) == []


def test_port_that_is_in_use_or_invalid_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match=f"127.0.0.1 port {port}"):
            serve(tmp_path, port=port)
    for port in (-1, 65536):
        with pytest.raises(ServeError, match=f"invalid port {port}"):
            serve(tmp_path, port=port)


def test_store_that_can_not_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "atlas.db").write_bytes(b"no database at all, but notes" * 100)
    with pytest.raises(StoreError, match="not a database"):
        serve(tmp_path, port=0)


def test_url_of_a_wildcard_address_has_the_host_name() -> None:
    with listen("0.0.0.0", 0) as everywhere, listen("127.0.0.1", 0) as here:
        assert url_of(everywhere) == f"http://{platform.node()}:{everywhere.getsockname()[1]}"
        assert url_of(here) == f"http://127.0.0.1:{here.getsockname()[1]}"


def test_responses_are_sent_without_delay() -> None:
    """Else each takes 40 ms: asyncio sees to it only for sockets that name their protocol."""
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_ipv6_url_has_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listening = listen("::1", 0)
    except ServeError:
        pytest.skip("no IPv6 loopback here")
    with listening:
        assert url_of(listening) == f"http://[::1]:{listening.getsockname()[1]}"


@pytest.mark.parametrize("missing", ["jinja2", "starlette", "uvicorn"])
def test_missing_extra_is_an_error_with_the_install_command(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import pytest_atlas.server"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last_line = done.stderr.strip().splitlines()[-1]
    assert last_line == (
        f"ModuleNotFoundError: The web server of pytest-atlas needs {missing}. Install it with: pip install 'pytest-atlas[ui]'"
    )
