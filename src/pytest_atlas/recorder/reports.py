"""From pytest's reports to facts: messages, places, subtests' titles. Pure."""

import os
import re
from typing import Any

import pytest

from pytest_atlas.journal import events as ev

MESSAGE_LIMIT = 4000
"""Most characters of a message in the journal. The whole text is for the step's file."""

_HEAP = re.compile(r" at 0x[0-9a-fA-F]+")


def told(longrepr: Any, root: str) -> tuple[str, str]:
    """The message and the place of what a report's `longrepr` shows: a failure, a skip, an error while collecting."""
    if isinstance(longrepr, tuple) and len(longrepr) == 3:  # a skip: path, line, reason
        path, line, reason = longrepr
        return str(reason).removeprefix("Skipped: ")[:MESSAGE_LIMIT], place(str(path), line, root)
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)[:MESSAGE_LIMIT], place(crash.path, crash.lineno, root)
    text = "" if longrepr is None else str(longrepr)
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return ("\n".join(errors) or text)[:MESSAGE_LIMIT], ""


def place(path: str, line: int | None, root: str) -> str:
    """`tests/test_trip.py:42`, inside the rootdir without it. Only text is looked at: the folder may be gone."""
    inside = path[len(root) :].lstrip("/\\") if path.startswith(root) else path
    return inside.replace(os.sep, "/") + (f":{line}" if line else "")


def phase(report: pytest.TestReport, test: ev.Identity, attempt: int, root: str) -> ev.PhaseReported:
    """The fact of a phase that has something to say."""
    message, where = told(report.longrepr, root)
    return ev.PhaseReported(
        nodeid=test.nodeid,
        occurrence=test.occurrence,
        attempt=attempt,
        when=report.when,
        outcome=report.outcome,
        xfail=getattr(report, "wasxfail", None),
        message=message,
        place=where,
    )


def subtest(report: pytest.TestReport, test: ev.Identity, attempt: int, ordinal: int, root: str) -> ev.SubtestReported:
    """The fact of a subtest."""
    message, where = told(report.longrepr, root)
    timed = report.start > 0  # unittest's have none
    return ev.SubtestReported(
        nodeid=test.nodeid,
        occurrence=test.occurrence,
        attempt=attempt,
        ordinal=ordinal,
        title=subtest_title(report.context),
        outcome=report.outcome,
        xfail=getattr(report, "wasxfail", None),
        message=message,
        place=where,
        started=report.start if timed else None,
        ended=report.stop if timed else None,
    )


def subtest_title(context: Any) -> str:
    """Its message, else its parameters. Values come as reprs, quoted differently by each version; heap addresses go."""
    if context.msg is not None:
        return str(context.msg)
    return _HEAP.sub("", ", ".join(f"{name}={_unquoted(str(value))}" for name, value in context.kwargs.items()))


def _unquoted(text: str) -> str:
    while len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text
