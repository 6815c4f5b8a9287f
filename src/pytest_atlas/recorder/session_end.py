"""The end of a session: wait for the publisher once, and print the terminal summary once."""

import sys
from builtins import bool, len, map, next, str, tuple
from collections.abc import Iterable
from dataclasses import replace
from os import getpid
from pathlib import Path

import pytest

from pytest_atlas.base.atlas_directory import NAME
from pytest_atlas.base.sanitize import log_lines
from pytest_atlas.journal.writer import JournalWriter
from pytest_atlas.settings.parsed import Settings

from . import job_summary
from .internal_errors import InternalErrors
from .launch import PublisherProcess, why_records_only
from .terminal_summary import TerminalSummary
from .waiting import Show, Waited, wait


class SessionEnd:
    """The end of a session: waits for the publisher and prints the terminal summary once."""

    def __init__(
        self, config: pytest.Config, settings: Settings, session: Path, journal: JournalWriter, internal_errors: InternalErrors
    ) -> None:
        self.publisher: PublisherProcess | None = None
        self.is_wait_wanted = True
        self._config = config
        self._settings = settings
        self._session = session
        self._journal = journal
        self._internal_errors = internal_errors
        self._tests = 0
        self._summary: TerminalSummary | None = None
        self._pid = getpid()

    @property
    def fails_session(self) -> bool:
        """Whether --atlas-strict is set and the record is incomplete, also by an error after the terminal summary."""
        if not (self._settings.strict and self._is_ours):
            return False
        return self._summary is None or not self._summary.complete or bool(self._late_errors())

    @property
    def _is_ours(self) -> bool:
        """False in a child that a test forked and that returned to pytest: the parent ends the session."""
        return getpid() == self._pid

    @property
    def _is_quiet(self) -> bool:
        return self._config.get_verbosity() <= -2

    def publish_rest(self, tests: int) -> None:
        """Let the publisher send the rest of the journal, which is complete. `tests`: number of collected tests."""
        self._tests = tests
        if self.publisher:
            self.publisher.end()

    def wait_and_print(self, reporter: pytest.TerminalReporter) -> None:
        """Wait for the publisher, and print the section `atlas`."""
        progress = Progress(reporter, is_live=bool(reporter.isatty) and not self._is_quiet)
        try:
            summary = self._wait_and_summarize(progress)
        finally:
            progress.clear()
        if summary and not self._is_quiet:
            reporter.section("atlas", sep="-", yellow=not summary.complete)
            for line in self._shown(summary.lines()):
                reporter.line(line)
        self._print_if_quiet(summary)

    def print_once(self) -> None:
        """Wait and print if pytest has not called the hook: without its terminal plugin, or after pytest.exit."""
        if self._summary is None:
            summary = self._wait_and_summarize(lambda _: None)
            if summary and not self._is_quiet:
                sys.stderr.write("".join(f"\natlas: {line}" for line in self._shown(summary.lines())) + "\n")
            self._print_if_quiet(summary)

    def _print_if_quiet(self, summary: TerminalSummary | None) -> None:
        """Print the reason of a failure with -qq, which prints nothing else."""
        if summary and self._is_quiet:
            self._print(summary.strict_lines())

    def print_late_errors(self) -> None:
        """Print the internal errors that happened after the terminal summary."""
        if self._is_ours and (self._settings.strict or not self._is_quiet):
            self._print(self._late_errors())

    def _late_errors(self) -> list[str]:
        return [line for line in self._internal_errors.lines if self._summary is None or line not in self._summary.problems]

    def _print(self, lines: Iterable[str]) -> None:
        for line in self._shown(lines):
            sys.stderr.write(f"atlas: {line}\n")

    def _shown(self, lines: Iterable[str]) -> list[str]:
        """Return the lines with control characters escaped and secrets redacted."""
        return log_lines(map(self._journal.clean, lines))

    def _wait_and_summarize(self, show: Show) -> TerminalSummary | None:
        if self._summary or not self._is_ours:
            return None
        self._internal_errors.losses.take_children()
        waited = self._wait(show)
        called_from, atlas_dir = self._config.invocation_params.dir, self._session.parent.parent
        is_found = _is_found(called_from, atlas_dir)  # else `push` needs --atlas-dir
        self._summary = TerminalSummary(
            session=_relative(self._session, called_from),
            atlas_dir="" if is_found else _relative(atlas_dir, called_from),
            usual_dir=str(atlas_dir) if atlas_dir == called_from / ".atlas" else "",
            tests=self._tests,
            status=waited.status,
            why=waited.why,
            why_not_sent=why_records_only(self._settings),
            strict=self._settings.strict,
            problems=(*self._internal_errors.lines, *self._unwritten()),
            remarks=tuple(self._internal_errors.remarks),
            redacted=(*self._journal.clean.redacted, *self._internal_errors.redacted),
        )
        self._summary = replace(self._summary, summary=job_summary.write(self._settings, self._session, self._summary))
        return self._summary

    def _wait(self, show: Show) -> Waited:
        if self.publisher is None:
            return Waited(None, "exited")
        try:
            if not self.is_wait_wanted:
                return Waited(self.publisher.status(), "interrupted")
            return wait(self.publisher, self._settings.timeout_s, show)
        except KeyboardInterrupt:  # it ends only the wait
            return Waited(self.publisher.status(), "interrupted")
        finally:
            self.publisher.leave()

    def _unwritten(self) -> list[str]:
        count = self._journal.unwritten
        return [f"{count} events could not be recorded{self._affected_tests()}: {self._journal.problem}"] if count else []

    def _affected_tests(self) -> str:
        """Return the known tests of the lost events, in parentheses."""
        tests = self._journal.unwritten_of()
        more = f" and {len(tests) - 3} more" if len(tests) > 3 else ""
        return f" (of {', '.join(tests[:3])}{more})" if tests else ""


class Progress:
    """A progress line that is rewritten during the wait. Without a terminal, nothing is printed."""

    def __init__(self, reporter: pytest.TerminalReporter, *, is_live: bool) -> None:
        self._reporter = reporter
        self._is_live = is_live
        self._shown = ""

    def __call__(self, line: str) -> None:
        """Replace the previous line by `line`."""
        if self._is_live and line != self._shown:
            self._shown = line  # set first, because Ctrl-C can interrupt the write, and `clear` must erase the line
            self._reporter.rewrite(line, erase=True)

    def clear(self) -> None:
        """Erase the line."""
        if self._shown:
            self._reporter.rewrite("", erase=True)
            self._reporter.rewrite("")
            self._shown = ""


def _is_found(called_from: Path, atlas_dir: Path) -> bool:
    """Return whether `atlas_dir` is the nearest `.atlas` that the command looks for."""
    near = next((found for place in (called_from, *called_from.parents) if (found := place / NAME).is_dir()), None)
    return near == atlas_dir


def _relative(directory: Path, called_from: Path) -> str:
    """Return the path relative to the directory in which pytest was called, if it is below it."""
    return str(directory.relative_to(called_from) if directory.is_relative_to(called_from) else directory)
