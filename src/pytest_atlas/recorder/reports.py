"""From pytest's reports to facts: messages, places, subtests' titles. Reads reports, changes nothing."""

import ast
import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, get_args

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.journal import events as ev

MESSAGE_LIMIT = 4000
"""Most characters of a message in the journal. The whole text is for the step's file."""
LAST_LINES = 20
"""Lines of a text that has no line of an error: doctest's, for instance, where the last ones tell what was got."""

OWN = PurePath(__file__).parent.parent
"""The package itself."""

_HEAP = re.compile(r" at 0x[0-9a-fA-F]+")
_PLACE = re.compile(r"(?P<path>\S.*?):(?P<line>\d+): \w+$")
_BRIEF = reprlib.Repr()
_BRIEF.maxother = _BRIEF.maxstring = 240


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads reports: paths below `root` are told without it, and texts are `clean`ed before they are cut."""

    root: PurePath
    clean: Callable[[str], str]

    def told(self, longrepr: Any) -> tuple[str, str]:
        """The message and the place of what a report's `longrepr` shows: a failure, a skip, an error while collecting."""
        message, place = self._told(longrepr)
        # Cut only when it is clean: half of a secret is no secret that could be known.
        return self.clean(message)[:MESSAGE_LIMIT], place

    def phase(self, report: pytest.TestReport, test: ev.Identity, attempt: int) -> ev.PhaseReported:
        """The fact of a phase that has something to say."""
        message, place = self.told(report.longrepr)
        return ev.PhaseReported(
            nodeid=test.nodeid,
            occurrence=test.occurrence,
            attempt=attempt,
            when=report.when if report.when in get_args(ev.When) else "call",  # "???" of a forked child that died
            outcome=report.outcome,
            xfail=xfail(report),
            message=message,
            place=place,
        )

    def subtest(self, report: Any, test: ev.Identity, attempt: int, ordinal: int) -> ev.SubtestReported:
        """The fact of a subtest that is just over."""
        message, place = self.told(report.longrepr)
        ended = now() if report.stop else None  # unittest's have no times; others' may be frozen ones
        return ev.SubtestReported(
            nodeid=test.nodeid,
            occurrence=test.occurrence,
            attempt=attempt,
            ordinal=ordinal,
            title=subtest_title(report.context),
            outcome=report.outcome,
            xfail=xfail(report),
            message=message,
            place=place,
            started=ended - report.duration if ended else None,
            ended=ended,
        )

    def _told(self, longrepr: Any) -> tuple[str, str]:
        if isinstance(longrepr, tuple) and len(longrepr) == 3:  # a skip: path, line, reason
            path, line, reason = longrepr
            return str(reason).removeprefix("Skipped: "), self._place(str(path), line)
        crash = getattr(longrepr, "reprcrash", None)
        if crash is not None:
            own = PurePath(str(crash.path)).is_relative_to(OWN)  # where limits are enforced: no place for a reader
            return str(crash.message), "" if own else self._place(str(crash.path), crash.lineno)
        lines = [] if longrepr is None else str(longrepr).rstrip().splitlines()
        at = _PLACE.match(lines[-1]) if len(lines) > 1 else None  # as the last line of a traceback has it
        place = self._place(at["path"], int(at["line"])) if at else ""
        errors = [line[1:].strip() for line in lines if line.startswith("E ")]
        return "\n".join(errors or lines[:-1][-LAST_LINES:] if at else errors or lines), place

    def _place(self, path: str, line: int | None) -> str:
        """`tests/test_trip.py:42`. Only text is looked at: the folder may be gone."""
        pure = PurePath(path)
        inside = pure.relative_to(self.root) if pure.is_relative_to(self.root) else pure
        return inside.as_posix() + (f":{line}" if line else "")


def xfail(report: Any) -> str | None:
    """The reason of an xfail or xpass, which may be empty; None where the report is neither."""
    reason = getattr(report, "wasxfail", None)
    return None if reason is None else str(reason)


def subtest_title(context: Any) -> str:
    """Its message, else its parameters. Values come as reprs, quoted differently by each version; heap addresses go."""
    if context.msg is not None:
        return str(context.msg)
    return _HEAP.sub("", ", ".join(f"{name}={_unquoted(value)}" for name, value in context.kwargs.items()))


def _unquoted(value: object) -> str:
    text = value if isinstance(value, str) else _BRIEF.repr(value)
    try:
        while isinstance(said := ast.literal_eval(text), str) and said != text:
            text = said
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # no literal: it stays as it is
        pass
    return text
