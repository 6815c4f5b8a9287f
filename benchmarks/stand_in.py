"""An Atlas that responds at once and stores nothing: `python -m benchmarks.stand_in [--latency SECONDS]`.

It has the 18 operations, requires the token, and gives each new entity a new uuid, so that a publisher works as with a real
Atlas. It prints its port, then for each line on its standard input the counts since the last line (JSON); it exits at the end
of the input.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from time import perf_counter
from uuid import UUID

from benchmarks.measuring import apart

TOKEN = "t0ken-of-the-stand-in"
AT = "2026-04-13T11:04:00.000000"

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Fields = dict[str, object]

RUN: Fields = {
    "test_run_id": "TR-0042",
    "title": "",
    "description": "",
    "system_id": "",
    "system_name": "",
    "test_cards": [],
    "test_data": [],
    "reports": [],
    "contributors": [],
    "created_by": "",
}
CARD: Fields = {
    "title": "",
    "description": "",
    "order": 1,
    "test_steps": [],
    "issues": [],
    "test_data": [],
    "reports": [],
}
STEP: Fields = {
    "title": "",
    "description": "",
    "order": 1,
    "step_type": "passfail",
    "execution_status": "todo",
    "exception": None,
    "started_at": None,
    "ended_at": None,
    "observations": [],
    "test_data": [],
    "issues": [],
    "reports": [],
}
FILE: Fields = {
    "file_name": "",
    "s3_url": "",
    "file_size": 0,
    "content_type": "",
    "uploaded_by": "",
    "associations": [],
}
REPORT: Fields = {
    "title": "",
    "scope": "run",
    "status": "completed",
    "content": "",
    "summary": "",
    "issues": [],
    "test_data": [],
}

KINDS = {"test-runs": RUN, "cards": CARD, "steps": STEP, "data": FILE, "reports": REPORT}
"""The fields of a response by the last collection of a path; the fields of the request replace them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The requests that a stand-in received."""

    operations: int
    rejected: int  # without the token, or no operation of the document
    most_at_once: int
    seconds: float  # from the first request to the last response
    by_kind: dict[str, int]  # "POST steps" -> how many

    @property
    def per_second(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds if self.seconds else 0.0


class StandIn:
    """Responds to requests and counts them."""

    def __init__(self) -> None:
        self._made = 0
        self._at_once = 0
        self._reset()

    def _reset(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._rejected = self._most = 0
        self._first = self._last = 0.0

    def count(self) -> Counted:
        """Return the counts since the last call."""
        counted = Counted(self._kinds.total(), self._rejected, self._most, self._last - self._first, dict(self._kinds))
        self._reset()
        return counted

    def arrived(self) -> None:
        """Count a request that arrived."""
        self._first = self._first or perf_counter()
        self._at_once += 1
        self._most = max(self._most, self._at_once)

    def answered(self) -> None:
        """Count a response that was sent."""
        self._at_once -= 1
        self._last = perf_counter()

    def answer(self, method: str, path: str, authorization: bytes, body: bytes) -> tuple[int, bytes]:
        """Return the status and body of the response."""
        names = path.partition("?")[0].removeprefix("/api/v1/").split("/")
        kind, thing = (names[-1], "") if len(names) % 2 else (names[-2], names[-1])
        if kind not in KINDS or authorization != b"Bearer " + TOKEN.encode():
            self._rejected += 1
            return 401, b'{"detail":"no"}'
        self._kinds[f"{method} {kind}"] += 1
        if method == "DELETE":
            return 204, b""
        if method == "GET" and not thing:
            return 200, b'{"items":[],"count":0}'
        self._made += method == "POST"
        given = json.loads(body) if body else {}
        fields = {**KINDS[kind], **given, "uuid": thing or str(UUID(int=self._made)), "created_at": AT, "updated_at": AT}
        return 200, json.dumps(fields).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, atlas: StandIn, latency_s: float) -> None:
        self._atlas = atlas
        self._latency_s = latency_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not blank or len(rest) < (int(length[1]) if length else 0):
            return
        self._received = b""
        self._atlas.arrived()
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._answer, head, rest)
        else:
            self._answer(head, rest)

    def _answer(self, head: bytes, body: bytes) -> None:
        request, *headers = head.split(b"\r\n")
        method, path, _ = request.decode("ascii").split(" ")
        authorization = next((h.partition(b":")[2].strip() for h in headers if h.lower().startswith(b"authorization:")), b"")
        status, answer = self._atlas.answer(method, path, authorization, body)
        start = b"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(answer))
        self._transport.write(start + answer)
        self._atlas.answered()


async def _serve(latency_s: float) -> None:
    atlas = StandIn()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(atlas, latency_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(asdict(atlas.count())), flush=True)


@dataclass(frozen=True, slots=True)
class Running:
    """A stand-in in a separate process."""

    url: str
    process: subprocess.Popen[str]

    def count(self) -> Counted:
        """Return the counts since the last call."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        return Counted(**json.loads(self.process.stdout.readline()))


@contextmanager
def stand_in(latency_s: float = 0.0, *, on_separate_processor: bool = False) -> Iterator[Running]:
    """Run a stand-in until the block ends."""
    command = [sys.executable, "-m", "benchmarks.stand_in", "--latency", str(latency_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        if on_separate_processor:
            apart(process.pid)
        try:
            yield Running(f"http://127.0.0.1:{port}", process)
        finally:
            process.stdin.close()


if __name__ == "__main__":
    _parser = argparse.ArgumentParser()
    _parser.add_argument("--latency", type=float, default=0.0)
    asyncio.run(_serve(_parser.parse_args().latency))
