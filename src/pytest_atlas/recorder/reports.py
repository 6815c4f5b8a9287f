"""Convert pytest's reports to events: messages, locations, titles of subtests. Doesn't change the reports."""

import re
import reprlib
from ast import literal_eval
from builtins import float, getattr, int, isinstance, len, max, min, str, tuple, type
from pathlib import PurePath
from typing import Any, get_args

from pytest_atlas.base.clock import now
from pytest_atlas.base.records import dataclass
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import events as ev

MESSAGE_LIMIT = 4000
"""Largest length of a message in the journal. output.txt has the whole text."""
LAST_LINES = 20
"""Number of last lines of a text without a line of an error, for example of doctest, which ends with the result."""

OWN = PurePath(__file__).parent.parent
"""The directory of this package."""

_HEAP = re.compile(r" at 0x[0-9a-fA-F]+")
_PLACE = re.compile(r"(?P<path>\S.*?):(?P<line>\d+): \w+$")
_BRIEF = reprlib.Repr()
_BRIEF.maxother = _BRIEF.maxstring = 240


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads reports. Paths are relative to `root`; texts are redacted by `clean` before they are cut."""

    root: PurePath
    clean: Cleaner

    def failure_text(self, longrepr: Any) -> tuple[str, str]:
        """Return the message and the location in the `longrepr` of a report: of a failure, a skip or a collection error.

        A plugin can set any object. If it can't be read, the message has the reason.
        """
        try:
            message, place = self._failure_text(longrepr)
        except Exception as error:  # of a plugin's class; the outcome must still be recorded
            message, place = f"unreadable longrepr of type {type(longrepr).__name__}: {type(error).__name__}", ""
        # Cut after the redaction, which doesn't find half of a secret.
        return self.clean(message)[:MESSAGE_LIMIT], self.clean(place)[:MESSAGE_LIMIT]

    def when(self, report: Any, running: ev.When) -> ev.When:
        """Return the phase of a report, or `running` if it has none. "???": a forked child crashed in a test."""
        when = attribute(report, "when")
        if isinstance(when, str):
            return PHASES.get(str(when), "call")
        return running

    def phase(self, report: Any, test: ev.Identity, attempt: int, when: ev.When) -> ev.PhaseReported:
        """Return the event of a phase that did not simply pass."""
        message, place = self.failure_text(attribute(report, "longrepr"))
        outcome, reported = known_outcome(attribute(report, "outcome"))
        return ev.PhaseReported(
            nodeid=test.nodeid,
            occurrence=test.occurrence,
            attempt=attempt,
            when=when,
            outcome=outcome or "unknown",
            reported=self._short(reported),
            xfail=self._xfail(report),
            message=message,
            place=place,
        )

    def subtest(self, report: Any, test: ev.Identity, attempt: int, ordinal: int) -> ev.SubtestReported:
        """Return the event of a subtest that has just ended."""
        message, place = self.failure_text(attribute(report, "longrepr"))
        outcome, reported = known_outcome(attribute(report, "outcome"))
        ended = now() if attribute(report, "stop") else None  # unittest's have no times; a test can have frozen other clocks
        return ev.SubtestReported(
            nodeid=test.nodeid,
            occurrence=test.occurrence,
            attempt=attempt,
            ordinal=ordinal,
            title=self._title(report),
            outcome=outcome or "unknown",
            reported=self._short(reported),
            xfail=self._xfail(report),
            message=message,
            place=place,
            started=ended - _duration(report, ended) if ended else None,
            ended=ended,
        )

    def _xfail(self, report: Any) -> str | None:
        """Return the reason of an xfail or xpass, which can be empty; None for any other report."""
        reason = attribute(report, "wasxfail")
        return None if reason is None else self._short(reason if isinstance(reason, str) else shown(reason))

    def _title(self, report: Any) -> str:
        try:
            return self.clean.identity(subtest_title(report.context))[:MESSAGE_LIMIT]  # a part of the identity line
        except Exception:  # the context of a plugin; the title is then the number
            return ""

    def _short(self, text: str) -> str:
        return self.clean(text)[:MESSAGE_LIMIT]

    def _failure_text(self, longrepr: Any) -> tuple[str, str]:
        if isinstance(longrepr, tuple) and len(longrepr) == 3:  # a skip: path, line, reason
            path, line, reason = longrepr
            return str(reason).removeprefix("Skipped: "), self._place(str(path), line)
        crash = getattr(longrepr, "reprcrash", None)
        if crash is not None:
            own = PurePath(str(crash.path)).is_relative_to(OWN)  # a violated limit: not a location in a test
            return str(crash.message), "" if own else self._place(str(crash.path), crash.lineno)
        lines = [] if longrepr is None else str(longrepr).rstrip().splitlines()
        at = _PLACE.match(lines[-1]) if len(lines) > 1 else None  # as the last line of a traceback has it
        place = self._place(at["path"], int(at["line"])) if at else ""
        errors = [line[1:].strip() for line in lines if line.startswith("E ")]
        return "\n".join(errors or lines[:-1][-LAST_LINES:] if at else errors or lines), place

    def _place(self, path: str, line: int | None) -> str:
        """Return `tests/test_trip.py:42`. Doesn't read the file system: the directory may be deleted."""
        pure = PurePath(path)
        inside = pure.relative_to(self.root) if pure.is_relative_to(self.root) else pure
        return inside.as_posix() + (f":{line}" if line else "")


PHASES: dict[str, ev.When] = {when: when for when in get_args(ev.When)}
OUTCOMES: dict[str, ev.Outcome] = {
    "passed": "passed",
    "failed": "failed",
    "skipped": "skipped",
    "rerun": "rerun",  # pytest-rerunfailures
    "retried": "rerun",  # pytest-retry
}
"""Outcomes of reports, and their recorded form. Any other outcome is `unknown`, which never counts as passed."""


def known_outcome(outcome: object) -> tuple[ev.Outcome | None, str]:
    """Return the recorded form of an outcome, and its text if it differs. None: the report has no outcome."""
    if outcome is None:
        return None, ""
    text = str.__str__(outcome) if isinstance(outcome, str) else shown(outcome)
    known = OUTCOMES.get(text, "unknown") if isinstance(outcome, str) else "unknown"
    return known, "" if known == text else text or "(empty)"


def attribute(report: object, name: str) -> Any:
    """Return an attribute of a report of any class; None if it is missing or raises."""
    try:
        return getattr(report, name, None)
    except Exception:  # a property of a plugin's class
        return None


def shown(value: object) -> str:
    """Return the shortened repr of a value of any class."""
    try:
        return _BRIEF.repr(value)
    except Exception:  # a class whose repr raises
        return f"<{type(value).__name__}>"


def _duration(report: Any, ended: float) -> float:
    duration = attribute(report, "duration")
    return float(min(max(duration, 0.0), ended)) if isinstance(duration, int | float) and duration == duration else 0.0  # noqa: PLR0124  # NaN


def subtest_title(context: Any) -> str:
    """Return the message of a subtest, else its parameters, without the quotes of each pytest version and heap addresses."""
    if context.msg is not None:
        return str(context.msg)
    return _HEAP.sub("", ", ".join(f"{name}={_unquoted(value)}" for name, value in context.kwargs.items()))


def _unquoted(value: object) -> str:
    text = value if isinstance(value, str) else _BRIEF.repr(value)
    try:
        while isinstance(value := literal_eval(text), str) and value != text:
            text = value
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # not a literal
        pass
    return text
