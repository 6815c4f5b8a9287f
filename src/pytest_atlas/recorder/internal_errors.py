"""What goes wrong inside the plugin: one closing line each, never an exception that reaches pytest."""

from builtins import chr, isinstance, len, set, type
from collections.abc import Callable, Mapping, MutableMapping
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import pytest

from .losses import Losses

P = ParamSpec("P")
OUTPUT = "atlas"
"""The key under which a worker tells its controller."""
REDACTED = "atlas-redacted"
"""The key for the names of variables whose values a worker redacted."""
COUNTS = "atlas counts"
"""The key of a worker's counts."""
LOST = "atlas lost"
"""The key of a worker's losses."""
REMARKS = "atlas remarks"
"""The key of a worker's remarks."""
MOST = 20
"""A fault in a hook of every test may say something else each time."""


class InternalErrors:
    """Lines to be said at the end, each once. A worker's go to its controller through xdist's `workeroutput`."""

    def __init__(self, output: MutableMapping[str, Any] | None = None, session: Path | None = None) -> None:
        """`output`: the `workeroutput` of a worker; `session`: the session directory."""
        self._lines: dict[str, str] = {}  # what it is about -> the line
        self.redacted: list[str] = []  # names of variables whose values were redacted
        self._counts: dict[str, list[Any]] = {}  # the words for one -> the number, the words for several, the first one
        self.losses = Losses(session)
        self._remarks: dict[str, str] = {}  # as the lines, but the record is complete
        self._counted: set[tuple[str, int]] = set()  # the words for one, the id of an item
        if output is not None:
            output[OUTPUT] = self._lines
            output[REDACTED] = self.redacted
            output[COUNTS] = self._counts
            output[LOST] = self.losses.counts
            output[REMARKS] = self._remarks

    @property
    def lines(self) -> list[str]:
        """All of them so far, in the order in which they came, then the counts."""
        counts = [
            f"1 {one}: {first}" if number == 1 else f"{number} {several}: {first}, …"
            for one, (number, several, first) in self._counts.items()
        ]
        return [*self._lines.values(), *self.losses.lines, *counts]

    def count(self, one: str, several: str, first: str, *, test: int | None = None) -> None:
        """Count one more, for one line with the number, the words for `one` or `several`, and the `first` of them.

        `test`: the id of an item that counts once, however often it runs.
        """
        if test is not None:
            if (one, test) in self._counted:
                return
            self._counted.add((one, test))
        self._counts.setdefault(one, [0, several, first])[0] += 1

    def say(self, line: str, *, about: str = "") -> None:
        """Say this at the end, unless something was said already `about` the same."""
        about = about or line
        if about not in self._lines and len(self._lines) < MOST:
            self._lines[about] = line

    @property
    def remarks(self) -> list[str]:
        """Lines about events that are recorded: they are printed, and don't make the record incomplete."""
        return [*self._remarks.values()]

    def remark(self, line: str, *, about: str) -> None:
        """Print this line at the end, unless there is one `about` the same."""
        if about not in self._remarks and len(self._remarks) < MOST:
            self._remarks[about] = line

    def take_output(self, output: Mapping[str, Any]) -> None:
        """Print what a worker sent, and add its counts and losses."""
        self.take(output.get(OUTPUT, {}), output.get(COUNTS, {}))
        self.redacted += output.get(REDACTED, [])
        self.losses.take(output.get(LOST, {}))
        for about, line in output.get(REMARKS, {}).items():
            self.remark(line, about=about)

    def take(self, lines: Mapping[str, str], counts: Mapping[str, list[Any]] | None = None) -> None:
        """Say what a worker told, and add its counts."""
        for about, line in lines.items():
            self.say(line, about=about)
        for one, (number, several, first) in (counts or {}).items():
            self._counts.setdefault(one, [0, several, first])[0] += number

    def tell(self, where: str, error: Exception) -> None:
        """Say that there is a fault of ours in `where`, and its place."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{trace.tb_frame.f_code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
        self.say(f"pytest-atlas: internal fault in {where} ({type(error).__name__}: {error}, {at}); please report it")

    def caught(self, where: str) -> "_Caught":
        """A block whose exceptions become lines: the record may suffer from a fault of ours, a test never."""
        return _Caught(self, where)


class _Caught:
    def __init__(self, faults: InternalErrors, where: str) -> None:
        self._faults = faults
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        # Whatever it is but Ctrl-C and its like: it becomes a line that the user reads, and no INTERNALERROR.
        if not isinstance(error, Exception):
            return False
        self._faults.tell(self._where, error)
        return True


class HasFaults(Protocol):
    """An object whose hooks are guarded."""

    faults: InternalErrors


S = TypeVar("S", bound=HasFaults)


def guarded(hook: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """A hook that only records: a fault in it is caught."""
    name = hook.__name__

    @wraps(hook)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> None:
        try:  # as `caught` does, but ten times a test: a block of its own would cost more than most hooks
            hook(self, *args, **kwargs)
        except (pytest.exit.Exception, pytest.UsageError):  # a project's hook or a check of ours ends the session
            raise
        except Exception as error:  # it becomes a line that the user reads, and no INTERNALERROR
            self.faults.tell(name, error)

    return call  # type: ignore[return-value]  # mypy sees a named self
