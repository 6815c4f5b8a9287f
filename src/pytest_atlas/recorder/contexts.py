"""Record for the `atlas` fixture: events and files of one test, of a card, or of the run. Nothing here raises into a test.

An event that can't be recorded is counted with its test and the reason. An event that arrives after the end of its test (from a
thread, or a generator that is closed late) is recorded for the session.
"""

from builtins import isinstance, max, str, type
from collections.abc import Callable
from dataclasses import replace
from os import sep
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from pytest_atlas.base.clock import now
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.spool import Spool, Spooled
from pytest_atlas.journal.writer import JournalWriter

from .internal_errors import InternalErrors
from .losses import IN_CHILD, reason
from .running import Running

KINDS: dict[type[Any], str] = {
    ev.Measured: "measurement", ev.Noted: "note", ev.FileKept: "file", ev.StepOpened: "step", ev.StepClosed: "step"
}  # fmt: skip
"""The names of events in messages."""

TOO_LATE = "the session is over"
NOT_CLOSED = "The step was still open when the test ended"


class _JournalContext:
    """Write events to the journal and files to the spool, and count lost events and files."""

    def __init__(self, journal: JournalWriter, spool: Spool, internal_errors: InternalErrors, owner: str) -> None:
        """`owner`: the test or card, for messages."""
        self._journal = journal
        self._spool = spool
        self._internal_errors = internal_errors
        self._owner = owner
        self._reserved: list[tuple[str, Path]] = []

    @property
    def identity(self) -> ev.AttemptIdentity:
        """The test and the attempt that the events belong to."""
        raise NotImplementedError

    def record(self, event: ev.FixtureEvent) -> None:
        """Record an event, which the caller constructs with `identity`."""
        raise NotImplementedError

    def note(self, text: str, kind: Literal["note", "exception"] = "note", *, step: int = 0) -> None:
        """Record a line of the step description, or the note of an exception."""
        nodeid, occurrence, attempt = self.identity
        self.record(ev.Noted(nodeid=nodeid, occurrence=occurrence, attempt=attempt, step=step, kind=kind, text=text))

    def keep(
        self,
        name: str,
        store: Callable[[Spool], Spooled],
        *,
        step: int = 0,
        content_type: str = "",
        trace: ev.Trace = ev.NO_TRACE,
    ) -> None:
        """Store a file and record it. An error (a full disk, an object that can't be written) is counted as a loss."""
        if why := self._why_not():
            self._lose("file", why)
            return
        try:
            kept = store(self._spool)
        except Exception as error:  # the writers of many libraries run here; the test must not notice
            self._lose("file", f"{name}: {reason(error)}")
            return
        nodeid, occurrence, attempt = self.identity
        self.record(
            ev.FileKept(
                nodeid=nodeid, occurrence=occurrence, attempt=attempt, step=step, name=name, path=kept.path, size=kept.size,
                sha256=kept.sha256, content_type=content_type, columns=trace.columns, rate=trace.rate,
                limits=trace.limits, marks=trace.marks, at=now(),
            )
        )  # fmt: skip

    def reserve(self, name: str) -> Path:
        """Return a path for a file that another program writes. `collect` records the file."""
        try:
            path = self._spool.new_directory() / name
        except OSError as error:
            self._lose("file", f"{name}: {reason(error)}")
            return _unrecorded_directory() / name
        self._reserved.append((name, path))
        return path

    def collect(self) -> None:
        """Record the files at the reserved paths, each once."""
        reserved, self._reserved = self._reserved, []
        for name, path in reserved:
            if path.is_file():
                self.keep(name, lambda spool, path=path: spool.written(path))  # type: ignore[misc]
            else:
                self._report_missing(name)

    def _report_missing(self, name: str) -> None:
        """Report that no program wrote a file at a reserved path."""
        raise NotImplementedError

    def _why_not(self) -> str:
        """Return why this process can't record now; empty if it can."""
        if not self._journal.is_mine:
            return IN_CHILD
        return TOO_LATE if self._journal.is_closed else ""

    def _write(self, event: ev.FixtureEvent | ev.StepOpened | ev.StepClosed) -> bool:
        try:
            if self._journal.write(event):
                return True
            if not isinstance(event, ev.StepClosed):  # the parent process closes its steps
                self._lose(KINDS[type(event)], self._why_not())
        except Exception as error:  # an internal error, or no memory: the test must not notice
            self._lose(KINDS[type(event)], reason(error))
        return False

    def _lose(self, kind: str, why: str) -> None:
        self._internal_errors.losses.add(kind, self._owner, why)


class TestContext(_JournalContext):
    """The context of a running test."""

    __test__ = False

    def __init__(self, journal: JournalWriter, spool: Spool, running: Running, internal_errors: InternalErrors) -> None:
        super().__init__(journal, spool, internal_errors, running.test.nodeid)
        self._running = running
        self._open: dict[ev.StepKey, None] = {}

    @property
    def identity(self) -> ev.AttemptIdentity:
        """The test and its running attempt."""
        nodeid, occurrence = self._running.test
        return ev.AttemptIdentity(nodeid, occurrence, self._running.attempt or 1)

    def record(self, event: ev.FixtureEvent) -> None:
        """Record an event of the running attempt, or of the session if the test is over."""
        running = self._running
        violated = event.name if isinstance(event, ev.Measured) and event.verdict == "fail" else None
        if violated is not None:
            running.is_violated = True
        if not running.is_over:
            self._write(event)
        elif self._write(replace(event, step=0, late=True)):
            self._remark_late(KINDS[type(event)], str(violated or ""))

    def reserve(self, name: str) -> Path:
        """Return a path for a file that another program writes, collected after the teardown of the test."""
        if not self._running.is_over:
            return super().reserve(name)
        self._lose("file", f"{name}: the test is over")
        return _unrecorded_directory() / name

    def open_step(self, title: str, inside: ev.StepKey | None) -> ev.StepKey:
        """Record that a step begins, and return its key. `inside`: the enclosing step."""
        running = self._running
        if running.is_over:
            self.note(f"step: {title}")
            return (0, 0)
        running.inner += 1
        nodeid, occurrence, attempt = self.identity
        key = (max(1, attempt), running.inner)
        enclosing = inside[1] if inside and inside[0] == key[0] else 0
        self._open[key] = None
        self._write(
            ev.StepOpened(
                nodeid=nodeid, occurrence=occurrence, attempt=attempt, ordinal=key[1], inside=enclosing, title=title, at=now()
            )
        )
        return key

    def close_step(self, key: ev.StepKey, outcome: ev.Outcome, message: str) -> None:
        """Record that a step ends. No effect if it has ended already; the end of the test ends all its steps."""
        if self.is_open(key):
            self._open.pop(key, None)
            self._close(key, outcome, message)

    def close_steps(self, outcome: ev.Outcome) -> None:
        """Close all open steps, because the test or its attempt is over."""
        while self._open:
            key, _ = self._open.popitem()
            self._close(key, outcome, NOT_CLOSED if outcome == "failed" else "")

    def is_open(self, key: ev.StepKey) -> bool:
        """Return whether the step has begun and has not ended."""
        return key in self._open

    def _close(self, key: ev.StepKey, outcome: ev.Outcome, message: str) -> None:
        (nodeid, occurrence), (attempt, ordinal) = self._running.test, key
        self._write(
            ev.StepClosed(
                nodeid=nodeid,
                occurrence=occurrence,
                attempt=attempt,
                ordinal=ordinal,
                outcome=outcome,
                message=message,
                at=now(),
            )
        )

    def _remark_late(self, kind: str, violated: str) -> None:
        """Print a remark about a late event. `violated`: the name of a measurement that is out of limits."""
        event = f"{kind} out of limits ({violated})" if violated else kind
        self._internal_errors.remark(
            f"a {event} was recorded after the end of {self._owner}: it is in the run, not in the step",
            about=f"late {event} {self._owner}",
        )

    def _report_missing(self, name: str) -> None:
        self.note(f"{name} was never written")


class CardContext(_JournalContext):
    """The context of a card or the run: for a class, module or session fixture, or for a test whose protocol does not run."""

    def __init__(
        self,
        journal: JournalWriter,
        spool: Spool,
        card: ev.PlannedCard | None,
        internal_errors: InternalErrors,
        nodeid: str = "",
    ) -> None:
        """`nodeid`: the test whose protocol does not run."""
        super().__init__(journal, spool, internal_errors, nodeid or (card.name if card else "the session"))
        self._card = card
        self._nodeid = nodeid

    @property
    def identity(self) -> ev.AttemptIdentity:
        """The test whose protocol does not run; the nodeid is empty for a card or the run."""
        return ev.AttemptIdentity(self._nodeid)

    def record(self, event: ev.FixtureEvent) -> None:
        """Record a file for the card or the run, and another event for the session."""
        if isinstance(event, ev.FileKept):
            self._write(replace(event, nodeid="", step=0, card=self._card))
        else:
            self._write(replace(event, step=0, late=True))

    def open_step(self, title: str, inside: ev.StepKey | None) -> ev.StepKey:  # noqa: ARG002 - required by RecordingContext
        """Record a note with the title, because a step belongs to a test."""
        self.note(f"step: {title}")
        return (0, 0)

    def close_step(self, key: ev.StepKey, outcome: ev.Outcome, message: str) -> None:
        """Record nothing: the note has no outcome."""

    def is_open(self, key: ev.StepKey) -> bool:  # noqa: ARG002 - required by RecordingContext
        """Return False: a measurement in the step belongs to the session."""
        return False

    def _report_missing(self, name: str) -> None:
        self._internal_errors.report(f"no program wrote {name} at the path that atlas.path returned")


def _unrecorded_directory() -> Path:
    """Return a directory whose files are not recorded."""
    try:
        return Path(mkdtemp(prefix="atlas-"))
    except OSError:  # this disk is full, too: writing the file fails in the test
        return Path(sep)
