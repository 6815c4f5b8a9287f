"""Record for the `atlas` fixture: events and files of one test, or of a card or the run. Nothing here raises into a test.

An event that can't be recorded is counted with its test and the reason. An event that comes after the end of its test (from a
thread, a generator that is closed late) is recorded for the session.
"""

from builtins import max, str
from collections.abc import Callable
from os import sep
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from pytest_atlas.base.clock import now
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.spool import Spool, Spooled
from pytest_atlas.journal.writer import JournalWriter

from .internal_errors import InternalErrors
from .losses import IN_CHILD, reason
from .running import Running

StepKey = tuple[int, int]
"""The attempt and the ordinal of a step inside a test."""

KINDS: dict[type[Any], str] = {
    ev.Measured: "measurement", ev.Noted: "note", ev.FileKept: "file", ev.StepOpened: "step", ev.StepClosed: "step"
}  # fmt: skip
"""The names of events in messages."""

TOO_LATE = "the session is over"
NOT_CLOSED = "The step was still open when the test ended"


class _Recording:
    """What all tellers share: the journal, the spool, and the count of losses."""

    def __init__(self, journal: JournalWriter, spool: Spool, faults: InternalErrors, of: str) -> None:
        self._journal = journal
        self._spool = spool
        self._faults = faults
        self._of = of
        self._reserved: list[tuple[str, Path]] = []

    def keep(self, name: str, store: Callable[[Spool], Spooled], **more: Any) -> None:
        """Store a file and record it. An error (a full disk, an object that can't be written) is counted as a loss."""
        if (why := self._why_not()) or (kept := self._stored(name, store)) is None:
            if why:
                self._lose("file", why)
            return
        self.tell(ev.FileKept, name=name, path=kept.path, size=kept.size, sha256=kept.sha256, at=now(), **more)

    def _stored(self, name: str, store: Callable[[Spool], Spooled]) -> Spooled | None:
        try:
            return store(self._spool)
        except Exception as error:  # the writers of many libraries run here; the test must not notice
            self._lose("file", f"{name}: {reason(error)}")
            return None

    def reserve(self, name: str) -> Path:
        """A path for a file that another program writes. `collect` looks for it."""
        try:
            path = self._spool.folder_of_its_own() / name
        except OSError as error:
            self._lose("file", f"{name}: {reason(error)}")
            return self._elsewhere() / name
        self._reserved.append((name, path))
        return path

    def _elsewhere(self) -> Path:
        """A directory that is not recorded."""
        try:
            return Path(mkdtemp(prefix="atlas-"))
        except OSError:  # this disk is full, too: the test finds out as without Atlas
            return Path(sep)

    def collect(self) -> None:
        """Record the files at the reserved paths, each once."""
        reserved, self._reserved = self._reserved, []
        for name, path in reserved:
            if path.is_file():
                self.keep(name, lambda spool, path=path: spool.written(path))  # type: ignore[misc]
            else:
                self._miss(name)

    def tell(self, event: type[Any], /, **facts: Any) -> None:
        """Record an event."""
        raise NotImplementedError

    def _miss(self, name: str) -> None:
        """Nothing was written at a reserved path."""
        raise NotImplementedError

    def _why_not(self) -> str:
        """Why this process can't record now; empty if it can."""
        if not self._journal.is_mine:
            return IN_CHILD
        return TOO_LATE if self._journal.is_closed else ""

    def _write(self, event: type[Any], facts: dict[str, Any]) -> bool:
        try:
            if why := self._why_not():
                if event is not ev.StepClosed:  # the parent process closes its steps
                    self._lose(KINDS[event], why)
                return False
            self._journal.write(event(**facts))
        except Exception as error:  # an error of ours, or no memory: the test must not notice
            self._lose(KINDS[event], reason(error))
            return False
        return True

    def _lose(self, what: str, why: str) -> None:
        self._faults.losses.add(what, self._of, why)


class TestContext(_Recording):
    """Records for the running test."""

    def __init__(self, journal: JournalWriter, spool: Spool, running: Running, faults: InternalErrors) -> None:
        super().__init__(journal, spool, faults, running.test.nodeid)
        self._running = running
        self._open: dict[StepKey, None] = {}

    def tell(self, event: type[Any], /, **facts: Any) -> None:
        """Record an event of the running attempt, or of the session if the test is over."""
        running = self._running
        test = running.test
        if facts.get("verdict") == "fail":
            running.is_violated = True
        facts.update(nodeid=test.nodeid, occurrence=test.occurrence, attempt=running.attempt or 1)
        if is_late := running.is_over:
            facts.update(step=0, late=True)
        if self._write(event, facts) and is_late:
            self._remark_late(KINDS[event], str(facts["name"]) if facts.get("verdict") == "fail" else "")

    def reserve(self, name: str) -> Path:
        """A path for a file that another program writes, collected when the test's teardown is over."""
        if not self._running.is_over:
            return super().reserve(name)
        self._lose("file", f"{name}: the test is over")
        return self._elsewhere() / name

    def open_step(self, title: str, inside: StepKey | None) -> StepKey:
        """Record that a step begins, and return its key. `inside`: the step around it."""
        running = self._running
        if running.is_over:
            self.tell(ev.Noted, kind="note", text=f"step: {title}")
            return (0, 0)
        running.inner += 1
        key = (max(1, running.attempt), running.inner)
        around = inside[1] if inside and inside[0] == key[0] else 0
        self._open[key] = None
        self.tell(ev.StepOpened, ordinal=key[1], inside=around, title=title, at=now())
        return key

    def close_step(self, key: StepKey, outcome: ev.Outcome, message: str) -> None:
        """Record that a step ends. Without effect if it has ended already, as all steps have after the end of the test."""
        if self.is_open(key):
            self._open.pop(key, None)
            self._close(key, outcome, message)

    def close_steps(self, outcome: ev.Outcome) -> None:
        """Close the steps that are still open: their test, or its attempt, is over."""
        while self._open:
            key, _ = self._open.popitem()
            self._close(key, outcome, NOT_CLOSED if outcome == "failed" else "")

    def is_open(self, key: StepKey) -> bool:
        """Whether the step has begun and has not ended."""
        return key in self._open

    def _close(self, key: StepKey, outcome: ev.Outcome, message: str) -> None:
        test, (attempt, ordinal) = self._running.test, key
        self._write(
            ev.StepClosed,
            {"nodeid": test.nodeid, "occurrence": test.occurrence, "attempt": attempt, "ordinal": ordinal,
             "outcome": outcome, "message": message, "at": now()},
        )  # fmt: skip

    def _remark_late(self, what: str, violated: str) -> None:
        """`violated`: the name of a measurement that is out of limits."""
        named = f"{what} out of limits ({violated})" if violated else what
        self._faults.remark(
            f"a {named} was recorded after the end of {self._of}: it is in the run, not in the step",
            about=f"late {named} {self._of}",
        )

    def _miss(self, name: str) -> None:
        self.tell(ev.Noted, kind="note", text=f"{name} was never written")


class CardContext(_Recording):
    """Records for a card or the run: for a fixture that is wider than a test, or for a test whose protocol does not run."""

    def __init__(
        self, journal: JournalWriter, spool: Spool, card: ev.PlannedCard | None, faults: InternalErrors, nodeid: str = ""
    ) -> None:
        """`nodeid`: the test whose protocol does not run."""
        super().__init__(journal, spool, faults, nodeid or (card.name if card else "the session"))
        self._card = card
        self._nodeid = nodeid

    def tell(self, event: type[Any], /, **facts: Any) -> None:
        """Record a file of the card or the run; another event for the session."""
        if event is ev.FileKept:
            self._write(event, {"card": self._card} | facts | {"step": 0})
        else:
            self._write(event, {"nodeid": self._nodeid} | facts | {"step": 0, "late": True})

    def open_step(self, title: str, inside: StepKey | None) -> StepKey:  # noqa: ARG002 - as the protocol has it
        """A step without a test is a note."""
        self.tell(ev.Noted, kind="note", text=f"step: {title}")
        return (0, 0)

    def close_step(self, key: StepKey, outcome: ev.Outcome, message: str) -> None:
        """It has no outcome."""

    def is_open(self, key: StepKey) -> bool:  # noqa: ARG002 - as the protocol has it
        """A measurement in it belongs to the session."""
        return False

    def _miss(self, name: str) -> None:
        self._faults.say(f"{name} was never written at the path that atlas.path gave")
