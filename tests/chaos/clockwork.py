"""Time that passes only when nobody has anything to do, a disk that fills up, and an end at any moment.

A publisher runs here as it is, only that its pauses cost nothing and that the same script always does the same.
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
from tests.support.facts import BEGIN

from pytest_atlas.atlas.operations import Operation
from pytest_atlas.journal import receipts, status, writer
from pytest_atlas.publisher import publish
from pytest_atlas.publisher.loop import Publisher

T = TypeVar("T")

LONGEST_S = 1_500.0
"""Virtual seconds after which a publisher is taken for one that never ends."""


GRAIN_S = 1e-6
"""The least that passes, so that no rounding stops the time."""


class Killed(SystemExit):
    """The publisher's process is gone."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing that is due."""

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
            assert timeout is not None, "nothing will ever happen: the publisher is stuck"
            self._loop.now += max(timeout, GRAIN_S)
            assert self._loop.now < LONGEST_S, "the publisher never ends"
        return ready


class Fuse:
    """Burns down with each step of a publisher's that another one can see; at its end the publisher is dead."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.dead = False

    def burn(self) -> None:
        """One step more. Raises Killed."""
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
    """Stands in for `os` in a module that appends: takes only `room` bytes more, and dies in the middle of a write."""

    def __init__(self, fuse: Fuse, room: int | None = None) -> None:
        self.fuse = fuse
        self.room = room
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, descriptor: int, data: bytes) -> int:
        """As much as there is room for, as a full disk does it: a short write first, then an error."""
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
        """A moment to die at; what survives a power loss is the disk's own affair."""
        self.fuse.burn()


@contextmanager
def machine(fuse: Fuse, disk: Disk, loop: Loop) -> Iterator[None]:
    """What belongs to one publisher's process, put in place."""

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
    """The disk that journals are written to."""
    with mock.patch.object(writer, "os", disk):
        yield


def run(main: Callable[[], Coroutine[Any, Any, T]], fuse: Fuse, disk: Disk) -> T | None:
    """Run a publisher's process to its end; None where it was killed."""
    loop = Loop()
    loop.set_exception_handler(lambda *_: None)  # what a killed process would have said of its unfinished tasks
    asyncio.set_event_loop(loop)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # and of what it never began
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
                gc.collect(0)  # coroutines that never end are closed now, not in the next publisher's life


def _bury(loop: Loop) -> None:
    """Take everything down without letting it do any more: descriptors and locks go, as with a process."""
    for _ in range(100):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        with suppress(Killed):
            loop.run_until_complete(asyncio.wait(tasks))
    raise AssertionError("tasks that can't be ended")
