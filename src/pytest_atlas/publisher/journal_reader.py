"""Read the journals of a session into its SessionState, a limited number of lines at a time."""

from collections.abc import Iterator
from pathlib import Path

from pytest_atlas.journal import decode
from pytest_atlas.journal.events import VERSION
from pytest_atlas.journal.follower import JournalFollower
from pytest_atlas.session.state import SessionState

from .loop_state import Journal

READ_EVERY_S = 0.05
MAX_LINES = 2000
"""Lines that are read in one turn: a large journal must not delay a stop."""


class JournalReader:
    """Follows the journals until pytest has ended."""

    def __init__(self, session: Path, state: SessionState, *, pytest_may_run: bool) -> None:
        """`pytest_may_run`: the end of the journals is not the end of the session, and running tests have not died."""
        self.progress: Journal = "current"
        self.unreadable = 0  # lines
        self._state = state
        self._follower = JournalFollower(session)
        self._pytest_may_run = pytest_may_run
        self._lines: Iterator[tuple[str, bytes]] = iter(())
        self._is_last_pass = False  # pytest had ended before this pass began
        self._read_at = 0.0

    def __repr__(self) -> str:
        return f"<JournalReader {self.progress}, {self.unreadable} unreadable>"

    @property
    def problem(self) -> str:
        """Why this journal can't be published; empty if it can."""
        if self._state.version > VERSION:
            return "this journal was written by a newer pytest-atlas; publish it with that version or a later one"
        return ""

    def resume(self) -> None:
        """Read again: pytest may have written more."""
        if self.progress == "complete":
            self.progress = "current"

    def read(self, now: float, *, pytest_ended: bool) -> list[str]:
        """Read lines if it is time to, and return the keys of entities that may have changed."""
        is_early = now - self._read_at < READ_EVERY_S and not pytest_ended
        if self.progress == "complete" or (is_early and self.progress == "current"):
            return []
        self._read_at = now
        if self.progress == "current":
            self._lines, self._is_last_pass = self._follower.new_lines(), pytest_ended
        if self._has_more_lines():
            self.progress = "behind"
            return []
        self._finish_pass(now)
        self.progress = "complete" if self._is_last_pass else "current"
        return self._state.take_changed()

    def _finish_pass(self, now: float) -> None:
        if self._is_last_pass and not self._pytest_may_run:
            self._state.pytest_is_gone()
            self.unreadable += self._follower.torn() + self._follower.overlong + self._follower.no_files()
        else:
            self._state.tick(now)

    def _has_more_lines(self) -> bool:
        """Apply the next lines, and return whether there may be more."""
        for count, (source, line) in enumerate(self._lines, 1):
            if line:
                event = decode.event(line)
                if event is None:
                    self.unreadable += 1
                else:
                    self._state.apply(source, event)
            if count == MAX_LINES or not line:
                return True
        return False
