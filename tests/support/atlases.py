"""A local Atlas that fails on demand: each call may be refused, lost before or after it took effect, or hang."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pytest_atlas.atlas import ListRuns, Operation, Run
from pytest_atlas.atlas.errors import AtlasError, Unreachable, refusal
from pytest_atlas.atlas.operations import GetRun
from pytest_atlas.local import LocalAtlas

R = TypeVar("R")
Fault = Callable[[Operation[Any]], AtlasError | None]
"""Says what goes wrong with an operation, or None."""


def status(code: int, words: str = "", retry_after_s: float | None = None) -> Fault:
    """The answer is an error."""
    return lambda op: refusal(op, code, words, retry_after_s)


def unreachable(op: Operation[Any]) -> AtlasError:
    """The request never leaves."""
    return Unreachable(op, "connection refused", in_doubt=False)


def no_answer(op: Operation[Any]) -> AtlasError:
    """The request leaves, and nothing comes back."""
    return Unreachable(op, "connection reset", in_doubt=True)


class FaultyAtlas:
    """Takes the faults that it is given, one for each call, then none. `late` operations take effect when released."""

    def __init__(self, path: Path) -> None:
        self.local = LocalAtlas(path, create=True)
        self.sent: list[Operation[Any]] = []
        self.most_under_way = 0
        self._under_way = 0
        self._faults: list[tuple[Callable[[Operation[Any]], bool], Fault, bool]] = []
        self._late: list[Operation[Any]] = []

    def fail(self, kind: type[Operation[Any]], fault: Fault, *, takes_effect: bool = False, times: int = 1) -> None:
        """The next calls of this kind go wrong; `takes_effect`: though the Atlas did what they ask for."""
        self._faults += [(lambda op: isinstance(op, kind), fault, takes_effect)] * times

    def fail_when(self, which: Callable[[Operation[Any]], bool], fault: Fault, *, takes_effect: bool = False) -> None:
        """The next call that `which` picks goes wrong."""
        self._faults.append((which, fault, takes_effect))

    def delay(self, kind: type[Operation[Any]]) -> None:
        """The next call of this kind answers 504, and takes effect only when `release` is called."""

        def later(op: Operation[Any]) -> AtlasError:
            self._late.append(op)
            return refusal(op, 504, "gateway time-out")

        self.fail(kind, later)

    def release(self) -> None:
        """What was delayed takes effect now."""
        while self._late:
            self.local.send(self._late.pop(0))

    async def send(self, operation: Operation[R], /) -> R:
        self.sent.append(operation)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        try:
            await asyncio.sleep(0)
            return self._answer(operation)
        finally:
            self._under_way -= 1

    def _answer(self, operation: Operation[R]) -> R:
        for fault in self._faults:
            which, error_of, takes_effect = fault
            if which(operation):
                self._faults.remove(fault)
                if takes_effect:
                    self.local.send(operation)
                error = error_of(operation)
                if error is not None:
                    raise error
        return self.local.send(operation)

    def count(self, kind: type[Operation[Any]]) -> int:
        """How many calls of this kind came."""
        return sum(isinstance(op, kind) for op in self.sent)

    def runs(self) -> list[Run]:
        """Every run, in full."""
        return list(every_run(self.local))


def every_run(local: LocalAtlas) -> Iterator[Run]:
    """Every run of a local Atlas, in full."""
    for summary in local.send(ListRuns()).items:
        yield local.send(GetRun(run_id=summary.uuid))
