"""Errors inside the plugin: each is one line of the terminal summary, never an exception that reaches pytest."""

from builtins import chr, dict, filter, isinstance, len, set, type
from collections.abc import Callable, Mapping, MutableMapping
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import pytest

from .losses import Losses
from .worker_notes import WorkerNotes
from .worker_notes import read as read_notes

P = ParamSpec("P")
OUTPUT = "atlas"
"""The key of a worker's lines in xdist's `workeroutput`."""
REDACTED = "atlas-redacted"
"""The key of the names of variables that a worker redacted."""
COUNTS = "atlas counts"
"""The key of a worker's counts."""
LOST = "atlas lost"
"""The key of a worker's losses."""
REMARKS = "atlas remarks"
"""The key of a worker's remarks."""
MAX_NAMED = 3
"""Largest number of tests that a line about lost events names."""
MAX_LINES = 20
"""Largest number of lines: an error in a hook can have another text for each test."""


class InternalErrors:
    """Lines for the terminal summary, each once. xdist's `workeroutput` carries those of a worker to the controller."""

    def __init__(
        self,
        output: MutableMapping[str, Any] | None = None,
        session: Path | None = None,
        notes: WorkerNotes | None = None,
    ) -> None:
        """`output`: the `workeroutput` of a worker; `session`: the session directory; `notes`: of this worker."""
        self._notes = notes
        self._lines: dict[str, str] = {}  # subject -> line
        self.redacted: list[str] = []  # names of redacted variables
        self._counts: dict[str, list[Any]] = {}  # singular text -> number, plural text, first one
        self.losses = Losses(session, notes)
        self._remarks: dict[str, str] = {}  # as _lines, but the record is complete
        self._counted: set[tuple[str, int]] = set()  # singular text, id of an item
        if output is not None:
            output[OUTPUT] = self._lines
            output[REDACTED] = self.redacted
            output[COUNTS] = self._counts
            output[LOST] = self.losses.counts
            output[REMARKS] = self._remarks

    @property
    def lines(self) -> list[str]:
        """All lines in the order of their reports, then the losses and the counts."""
        counts = [
            f"1 {one}: {first}" if number == 1 else f"{number} {several}: {first}, …"
            for one, (number, several, first) in self._counts.items()
        ]
        return [*self._lines.values(), *self.losses.lines, *counts]

    def count(self, one: str, several: str, first: str, *, test: int | None = None) -> None:
        """Add one to a count, printed as one line: the number, the text for `one` or `several`, and the `first` of them.

        `test`: the id of an item that counts once, however often it runs.
        """
        if test is not None:
            if (one, test) in self._counted:
                return
            self._counted.add((one, test))
        self._note("count", one, several, first)
        self._counts.setdefault(one, [0, several, first])[0] += 1

    def report(self, line: str, *, about: str = "") -> None:
        """Print this line in the terminal summary, unless there is one `about` the same subject."""
        about = about or line
        if about not in self._lines and len(self._lines) < MAX_LINES:
            self._note("line", about, line)
            self._lines[about] = line

    @property
    def remarks(self) -> list[str]:
        """Lines about recorded events: they are printed, but the record is complete."""
        return [*self._remarks.values()]

    def remark(self, line: str, *, about: str) -> None:
        """Print this line as a remark, unless there is one `about` the same subject."""
        if about not in self._remarks and len(self._remarks) < MAX_LINES:
            self._note("remark", about, line)
            self._remarks[about] = line

    def take_crashed(self, session: Path, worker: str) -> None:
        """Add the lines, counts, losses and remarks of a worker that crashed, as far as it could write them to the disk."""
        lost: dict[str, list[str]] = {}  # reason -> nodeids, one for each lost event
        for kind, texts in read_notes(session, worker):
            match kind:
                case "line":
                    self.report(texts[1], about=texts[0])
                case "remark":
                    self.remark(texts[1], about=texts[0])
                case "count":
                    self.count(texts[0], texts[1], texts[2])
                case "loss":
                    self.losses.add(texts[0], texts[1], texts[2])
                case _:
                    lost.setdefault(texts[1], []).append(texts[0])
        for reason, nodeids in lost.items():
            events = "1 event" if len(nodeids) == 1 else f"{len(nodeids)} events"
            tests = ", ".join([*dict.fromkeys(filter(None, nodeids))][:MAX_NAMED])
            self.report(
                f"{events} of {worker}, which crashed, could not be recorded{f' (of {tests})' if tests else ''}: {reason}"
            )

    def _note(self, kind: str, *texts: str) -> None:
        if self._notes is not None:
            self._notes.add(kind, *texts)

    def take_output(self, output: Mapping[str, Any]) -> None:
        """Add the lines, counts, losses and remarks of a worker."""
        self.take(output.get(OUTPUT, {}), output.get(COUNTS, {}))
        self.redacted += output.get(REDACTED, [])
        self.losses.take(output.get(LOST, {}))
        for about, line in output.get(REMARKS, {}).items():
            self.remark(line, about=about)

    def take(self, lines: Mapping[str, str], counts: Mapping[str, list[Any]] | None = None) -> None:
        """Add the lines and counts of a worker."""
        for about, line in lines.items():
            self.report(line, about=about)
        for one, (number, several, first) in (counts or {}).items():
            self._counts.setdefault(one, [0, several, first])[0] += number

    def report_exception(self, where: str, error: Exception) -> None:
        """Report an internal error in `where`, with its file and line."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{trace.tb_frame.f_code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
        self.report(f"pytest-atlas: internal error in {where} ({type(error).__name__}: {error}, {at}); please report it")

    def catch(self, where: str) -> "_Caught":
        """Return a context manager that reports exceptions instead of raising them: an internal error must not fail a test."""
        return _Caught(self, where)


class _Caught:
    def __init__(self, internal_errors: InternalErrors, where: str) -> None:
        self._internal_errors = internal_errors
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        # Every exception except KeyboardInterrupt and the like becomes a line instead of an INTERNALERROR.
        if not isinstance(error, Exception):
            return False
        self._internal_errors.report_exception(self._where, error)
        return True


class HasInternalErrors(Protocol):
    """An object with guarded hooks."""

    internal_errors: InternalErrors


S = TypeVar("S", bound=HasInternalErrors)


def guarded(hook: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Decorate a hook that only records: report its exceptions instead of raising them."""
    name = hook.__name__

    @wraps(hook)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> None:
        try:  # not `catch`: this runs ten times per test, and a context manager costs more than most hooks
            hook(self, *args, **kwargs)
        except (pytest.exit.Exception, pytest.UsageError):  # a hook or a check ends the session
            raise
        except Exception as error:  # it becomes a line instead of an INTERNALERROR
            self.internal_errors.report_exception(name, error)

    return call  # type: ignore[return-value]  # mypy sees a named self
