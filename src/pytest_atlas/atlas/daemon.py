"""Blocking calls with a timeout. Imports the standard library only."""

import threading
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


class OutOfTime(Exception):  # noqa: N818 - the call itself has not failed
    """The call exceeded its timeout. It continues in its thread until it returns or the process exits."""


def within(limit_s: float, call: Callable[[], R]) -> R:
    """Return the result of `call`, or raise its error. Raises OutOfTime after `limit_s` seconds.

    `call` runs in a daemon thread: name resolution, reads of network drives and responses that arrive byte by byte have no
    other timeout.
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
