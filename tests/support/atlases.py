"""The fault injector in memory: a local Atlas whose requests fail on demand. tests/support/proxy.py does it on a socket."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pytest_atlas.atlas import ListRuns, Operation, Run
from pytest_atlas.atlas.errors import AtlasError, BadAnswer, Unreachable, error_response
from pytest_atlas.atlas.operations import GetRun
from pytest_atlas.local import LocalAtlas

R = TypeVar("R")
ErrorOf = Callable[[Operation[Any]], AtlasError | None]
"""Return the error of an operation, or None to perform it."""
Effect = Literal["none", "now", "later"]
"""Whether Atlas performs the failed operation: never, before the error, or when `FaultyAtlas.release` is called."""


def status(code: int, words: str = "", retry_after_s: float | None = None) -> ErrorOf:
    """Return a fault: Atlas responds with this status."""
    return lambda op: error_response(op, code, words, retry_after_s)


def unreachable(op: Operation[Any]) -> AtlasError:
    """Fail before the request is sent."""
    return Unreachable(op, "connection refused", in_doubt=False)


def no_answer(op: Operation[Any]) -> AtlasError:
    """Fail after the request was sent: there is no response."""
    return Unreachable(op, "connection reset", in_doubt=True)


def not_json(op: Operation[Any]) -> AtlasError:
    """Respond with a web page and status 200."""
    return BadAnswer(op, 200, "the response is not JSON", "<html>")


@dataclass(frozen=True, slots=True)
class Fault:
    """The error of a request, and its effect in Atlas."""

    error_of: ErrorOf
    effect: Effect = "none"
    after_s: float = 0.0  # until the error is raised


FAULTS: dict[str, Fault] = {
    "connection refused": Fault(unreachable),
    "lost before": Fault(no_answer),
    "lost after": Fault(no_answer, "now"),
    "504 late": Fault(status(504), "later"),
    "504 before": Fault(status(504)),
    "500 after": Fault(status(500), "now"),
    "hangs before": Fault(no_answer, after_s=30.0),
    "hangs after": Fault(no_answer, "now", after_s=30.0),
    "html before": Fault(not_json),
    "html after": Fault(not_json, "now"),
    "429": Fault(status(429, retry_after_s=3.0)),
    "503": Fault(status(503)),
    "425": Fault(status(425)),
    "408 after": Fault(status(408), "now"),
    "401": Fault(status(401)),
    "404": Fault(status(404)),
    "422": Fault(status(422)),
}
"""All faults that a request can meet, for random tests."""


class FaultyAtlas:
    """A local Atlas with a list of faults. Each fault is used for one request; without a matching fault, requests succeed."""

    def __init__(self, path: Path, clock: Callable[[], int] = time.time_ns) -> None:
        self.local = LocalAtlas(path, clock=clock, create=True)
        self.sent: list[Operation[Any]] = []
        self.most_under_way = 0
        self.late: list[Operation[Any]] = []  # have no effect yet
        self.released = 0
        self.happened: Counter[str] = Counter()  # by the name in FAULTS
        self._under_way = 0
        self._faults: list[tuple[Callable[[Operation[Any]], bool], Fault]] = []

    def fail(self, kind: type[Operation[Any]], error_of: ErrorOf, *, takes_effect: bool = False, times: int = 1) -> None:
        """Let the next requests of this kind fail. With `takes_effect`, Atlas performs the operation before the error."""
        for _ in range(times):
            self.fail_when(lambda op: isinstance(op, kind), error_of, takes_effect=takes_effect)

    def fail_when(self, which: Callable[[Operation[Any]], bool], error_of: ErrorOf, *, takes_effect: bool = False) -> None:
        """Let the next request that `which` selects fail."""
        self._faults.append((which, Fault(error_of, "now" if takes_effect else "none")))

    def delay(self, kind: type[Operation[Any]]) -> None:
        """Respond to the next request of this kind with 504, and perform it when `release` is called."""
        self._faults.append((lambda op: isinstance(op, kind), FAULTS["504 late"]))

    def release(self) -> None:
        """Perform the delayed operations. One that Atlas rejects by now has no effect."""
        late, self.late = self.late, []
        self.released += len(late)
        for operation in late:
            with suppress(AtlasError):
                self.local.send(operation)

    async def send(self, operation: Operation[R], /) -> R:
        self.sent.append(operation)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        try:
            await asyncio.sleep(0)
            for entry in list(self._faults):
                which, fault = entry
                if which(operation):
                    self._faults.remove(entry)
                    await self.meet(fault, operation, self.local.send)
            return self.local.send(operation)
        finally:
            self._under_way -= 1

    async def meet(self, fault: Fault, operation: Operation[Any], perform: Callable[[Operation[Any]], object]) -> None:
        """Let `operation` meet `fault`. Raises the error of the fault; returns if it has none."""
        if fault.effect == "later":
            self.late.append(operation)
        if fault.effect == "now":
            perform(operation)
        if fault.after_s:
            await asyncio.sleep(fault.after_s)
        error = fault.error_of(operation)
        if error is not None:
            raise error

    def count(self, kind: type[Operation[Any]]) -> int:
        """Return the number of requests of this kind."""
        return sum(isinstance(op, kind) for op in self.sent)

    def runs(self) -> list[Run]:
        """Return every run with its cards, steps and files."""
        return list(every_run(self.local))

    def content(self, url: str) -> bytes:
        """Return the content of an object."""
        with self.local.objects.open(url) as stream:
            return stream.read()


def every_run(local: LocalAtlas) -> Iterator[Run]:
    """Yield every run of a local Atlas with its cards, steps and files."""
    for summary in local.send(ListRuns()).items:
        yield local.send(GetRun(run_id=summary.uuid))
