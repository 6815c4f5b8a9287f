"""Threads that the end of a command does not wait for: a name resolution or a file system that hangs can't be interrupted."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonExecutor(ThreadPoolExecutor):
    """Runs each call in a daemon thread of its own. (asyncio accepts only a ThreadPoolExecutor, whose threads Python joins.)"""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Start `fn` and return its future."""
        future: Future[T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    result = fn(*args, **kwargs)
                except BaseException as error:  # the one who waits gets it
                    future.set_exception(error)
                else:
                    future.set_result(result)

        threading.Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing: whoever needs a result waits for its future."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` as asyncio.run does, without waiting for threads at its end."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(DaemonExecutor())
        return runner.run(main)
