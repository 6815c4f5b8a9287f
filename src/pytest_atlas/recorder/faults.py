"""What goes wrong inside the plugin: one closing line each, never an exception that reaches pytest."""

import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
OUTPUT = "atlas"
"""The key under which a worker tells its controller."""

REPORT_AT = "the issue tracker of pytest-atlas"


class Faults:
    """Lines to be said at the end, each once. A worker's go to its controller through xdist's `workeroutput`."""

    def __init__(self, output: MutableMapping[str, Any] | None = None) -> None:
        self.lines: list[str] = []
        if output is not None:
            output[OUTPUT] = self.lines

    def say(self, line: str) -> None:
        """Say this at the end."""
        if line not in self.lines:
            self.lines.append(line)

    @contextmanager
    def caught(self, where: str) -> Iterator[None]:
        """Turn any exception of the block into a line: the record may suffer from a fault of ours, a test never."""
        try:
            yield
        except Exception as error:  # whatever it is: it becomes a line that the user reads, and no INTERNALERROR
            frame = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.lineno}"
            self.say(f"fault in {where} ({type(error).__name__}: {error}, {at}); please report it at {REPORT_AT}")


class HasFaults(Protocol):
    """An object whose hooks are guarded."""

    faults: Faults


S = TypeVar("S", bound=HasFaults)


def guarded(hook: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """A hook that only records: a fault in it is caught."""

    @wraps(hook)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> None:
        with self.faults.caught(hook.__name__):
            hook(self, *args, **kwargs)

    return call  # type: ignore[return-value]  # mypy sees a named self
