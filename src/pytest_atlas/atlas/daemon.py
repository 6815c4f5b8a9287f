"""Calls that end in time, whatever they wait for. Standard library only."""

import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


class OutOfTime(Exception):  # noqa: N818 - the call itself has not failed
    """The call takes longer than it may. It goes on in its thread until the process ends."""


def within(limit_s: float, call: Callable[[], R]) -> R:
    """Return the result of `call`, or raise its error. Raises OutOfTime after `limit_s` seconds.

    It runs in a daemon thread: nothing else ends a name resolution, a read of a network drive, or a response that arrives
    byte by byte.
    """
    done = threading.Event()
    results: list[R] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # raised again in the calling thread
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="atlas-call", daemon=True).start()
    if not done.wait(limit_s):
        raise OutOfTime
    if errors:
        raise errors[0]
    return results[0]
