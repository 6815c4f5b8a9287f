"""Run a publisher in virtual time, with a full disk or a death at any moment.

The publisher is the real one. Its pauses take no time, and equal scripts give equal results.
"""

import asyncio
import errno
import gc
import os
import selectors
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, TypeVar
from unittest import mock

from tests.support.atlases import FAULTS, FaultyAtlas
from tests.support.events import BEGIN

from pytest_atlas.atlas.operations import Operation
from pytest_atlas.journal import receipts, status, writer
from pytest_atlas.publisher import publish
from pytest_atlas.publisher.loop import Publisher

T = TypeVar("T")

LONGEST_S = 1_500.0
"""Virtual seconds after which a publisher counts as endless."""


GRAIN_S = 1e-6
"""The smallest step of the virtual time, so that rounding can't stop it."""


class Killed(SystemExit):
    """The process of the publisher was killed."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop in virtual time: it skips to the next timer."""

    def __init__(self) -> None:
        super().__init__(_Selector(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "no task is ready and no timer is set: the publisher is stuck"
            self._loop.now += max(timeout, GRAIN_S)
            assert self._loop.now < LONGEST_S, f"the publisher did not end within {LONGEST_S} virtual seconds"
        return ready


class Fuse:
    """Counts the visible steps of a publisher: requests, writes, fsyncs. After the last one the publisher is dead."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.dead = False

    def burn(self) -> None:
        """Count one step. Raises Killed."""
        if self.left is not None:
            self.left -= 1
        if self.dead or self.left == 0:
            self.dead = True
            raise Killed


class Connection:
    """The connection of one publisher to the Atlas.

    `script` gives the faults by the number of the request, `latencies` the duration of each request in 1/100 s.
    """

    def __init__(self, atlas: FaultyAtlas, fuse: Fuse, script: Mapping[int, str], latencies: tuple[int, ...] = (0,)) -> None:
        self._atlas = atlas
        self._fuse = fuse
        self._script = dict(script)
        self._latencies = latencies
        self._numbers = count()

    async def send(self, operation: Operation[T], /) -> T:
        number = next(self._numbers)
        await asyncio.sleep(self._latencies[number % len(self._latencies)] / 100)
        self._fuse.burn()
        name = self._script.pop(number, "")
        if name == "late effects arrive":
            self._atlas.release()
        elif name:
            self._atlas.happened[name] += 1
            await self._atlas.meet(FAULTS[name], operation, self._perform)
        return self._perform(operation)

    def _perform(self, operation: Operation[T]) -> T:
        response = self._atlas.local.send(operation)
        self._fuse.burn()  # between the effect and its receipt
        return response


class Disk:
    """Replaces `os` in a module that appends to files: accepts `room` more bytes, or dies during a write."""

    def __init__(self, fuse: Fuse, room: int | None = None) -> None:
        self.fuse = fuse
        self.room = room
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, descriptor: int, data: bytes) -> int:
        """Write like a full disk: first a short write, then an error."""
        if self.fuse.dead:
            raise Killed
        try:
            self.fuse.burn()
        except Killed:
            os.write(descriptor, data[: (self.fuse.left or 0) + len(data) * 2 // 3])
            raise
        fits = len(data) if self.room is None else min(self.room, len(data))
        if fits < len(data):
            self.refused += 1
        if fits == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.room is not None:
            self.room -= fits
        return os.write(descriptor, data[:fits])

    def fsync(self, descriptor: int) -> None:
        """Count one step. The tests don't cover power loss."""
        self.fuse.burn()


@contextmanager
def machine(fuse: Fuse, disk: Disk, loop: Loop) -> Iterator[None]:
    """Patch the clock, the threads and the disk of one publisher process."""

    async def at_once(function: Callable[..., T], *arguments: Any) -> T:
        await asyncio.sleep(0)
        return function(*arguments)

    def write_status(path: Any, said: Any) -> None:
        fuse.burn()
        if disk.room is not None and disk.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_write(path, said)

    def publisher(*given: Any, **named: Any) -> Publisher:
        return Publisher(*given, **named, clock=lambda: BEGIN + loop.now, jitter=lambda: 0.5)

    real_write = status.write
    with (
        mock.patch.object(asyncio, "to_thread", at_once),
        mock.patch.object(receipts, "os", disk),
        mock.patch.object(status, "write", write_status),
        mock.patch.object(publish, "Publisher", publisher),
    ):
        yield


@contextmanager
def pytests_disk(disk: Disk) -> Iterator[None]:
    """Patch the disk of the journal writer."""
    with mock.patch.object(writer, "os", disk):
        yield


def run(main: Callable[[], Coroutine[Any, Any, T]], fuse: Fuse, disk: Disk) -> T | None:
    """Run a publisher process until it ends. Return None if it was killed."""
    loop = Loop()
    loop.set_exception_handler(lambda *_: None)  # of the unfinished tasks of a killed process
    asyncio.set_event_loop(loop)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of coroutines that were never awaited
        try:
            with machine(fuse, disk, loop):
                try:
                    return loop.run_until_complete(main())
                except Killed:
                    return None
                finally:
                    _bury(loop)
        finally:
            asyncio.set_event_loop(None)
            loop.close()
            if fuse.dead:
                gc.collect(0)  # closes the unfinished coroutines now, not during the next publisher


def _bury(loop: Loop) -> None:
    """Cancel all tasks, so that descriptors and locks are released as with a process."""
    for _ in range(100):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        with suppress(Killed):
            loop.run_until_complete(asyncio.wait(tasks))
    raise AssertionError("some tasks ignore their cancellation")
