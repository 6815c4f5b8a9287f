"""The asyncio tasks of one publisher: all end before the lock on the receipts is released."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any


class Tasks:
    """Starts tasks, wakes the loop when one ends, and reports exceptions."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._on_error = on_error
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run `coroutine` as a task."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def wake(self) -> None:
        """End the present or next `rest`."""
        self._wake.set()

    def clear(self) -> None:
        """Forget earlier calls of `wake`."""
        self._wake.clear()

    async def rest(self, seconds: float) -> None:
        """Wait until a task ends, at most `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    async def wait(self, timeout_s: float) -> None:
        """Wait until all tasks have ended, at most `timeout_s` seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def cancel(self) -> None:
        """Cancel all tasks and wait for them. The intents of their requests are in the receipts, for the next push."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            self._on_error(error)
