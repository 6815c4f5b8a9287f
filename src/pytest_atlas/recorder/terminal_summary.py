"""Format the atlas section of the terminal summary. Pure."""

from builtins import dict, len

from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.records import dataclass
from pytest_atlas.journal.status import Status

from .waiting import NO_RESPONSE_S, Why

MOST_REMARKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSummary:
    """The state of the record at the end of a session, and its text."""

    session: str  # the session directory, relative to the working directory if possible
    tests: int = 0
    status: Status | None = None
    why: Why = "ended"  # reason for the end of the wait
    why_not_sent: str = ""  # why the session was only recorded
    strict: bool = False  # --atlas-strict
    atlas_dir: str = ""  # for the option of `push`, if pytest-atlas doesn't find it from the working directory
    usual_dir: str = ""  # the .atlas directory, if `pytest-atlas` finds it without --atlas-dir
    problems: tuple[str, ...] = ()  # a line each: losses and internal errors
    remarks: tuple[str, ...] = ()  # a line each: events that are recorded elsewhere than the user expects
    summary: str = ""  # the error of writing the job summary
    redacted: tuple[str, ...] = ()  # names of redacted variables

    @property
    def complete(self) -> bool:
        """Whether the whole session is recorded and published."""
        return not self.gaps()

    def gaps(self) -> list[str]:
        """Return one reason for each part of the record that is missing; none if the record is complete."""
        return [*self._gaps_in_atlas(), *self.problems]

    def _gaps_in_atlas(self) -> list[str]:
        status = self.status
        if self.why_not_sent:
            return [self._recorded_only()]
        if status is None or status.state != "done":
            return [self._why_pending()]
        gaps = [self._nothing_recorded()] if self._has_no_record(status) else []
        if status.unreadable:
            gaps.append(f"{status.unreadable} lines of the journal could not be read")
        return gaps + self._files(status)[:1]

    def lines(self) -> list[str]:
        """Return the lines of the section, without its heading."""
        summary = [self.summary] if self.summary else []
        return [*self._run(), *self.pending(), *self.remarks, *summary, *self._redacted(), *self.strict_lines()]

    def strict_lines(self) -> list[str]:
        """Return the line with the reason why --atlas-strict fails the session; none if it doesn't."""
        gaps = self.gaps() if self.strict else []
        more = f" (and {len(gaps) - 1} more)" if len(gaps) > 1 else ""
        return [f"--atlas-strict fails the session: {gaps[0]}{more}"] if gaps else []

    def _redacted(self) -> list[str]:
        names = ", ".join(dict.fromkeys(self.redacted))
        return [f"redacted as secret: the value of {names}"] if names else []

    def pending(self) -> list[str]:
        """Return what is not recorded or not published, and the command that publishes it; empty if nothing is missing."""
        return [*self._pending(), *self.problems]

    @property
    def _push(self) -> str:
        where = ("--atlas-dir", self.atlas_dir) if self.atlas_dir else ()
        return command_line("pytest-atlas", *where, "push", self.session)

    def _files(self, status: Status) -> list[str]:
        if not status.files_kept:
            return []
        files = f"{status.files_kept} data file{'' if status.files_kept == 1 else 's'}"
        what = f"{files} kept in the session directory, because no bucket is set"
        return [what, f"set --atlas-bucket or ATLAS_BUCKET, and publish them with: {self._push}"]

    def _pending(self) -> list[str]:
        publish = self._push
        if self.why_not_sent:
            return [self._recorded_only(), f"publish with: {publish}"]
        status = self.status
        remarks = _remarks(status) if status else []
        if status is not None and status.state == "done":
            if self._has_no_record(status):
                return [*remarks, self._nothing_recorded()]
            return [*remarks, *self._files(status)] if status.total else []
        return [*remarks, self._why_pending(), f"finish with: {publish}"]

    def _recorded_only(self) -> str:
        return f"{_tests(self.tests)} recorded only ({self.why_not_sent})"

    def _has_no_record(self, status: Status) -> bool:
        """Whether pytest collected tests and the journal has none, for example because all xdist workers lack the plugin."""
        return status.state == "done" and not status.total and self.tests > 0

    def _nothing_recorded(self) -> str:
        return f"{_tests(self.tests)} collected, none recorded"

    def _why_pending(self) -> str:
        status = self.status
        where = status.atlas if status else "Atlas"
        what = f"{status.pending} pending" if status and status.run_id else f"{_tests(self.tests)} recorded, none in {where}"
        if status and status.state == "incomplete":
            return f"{status.refused} rejected, {status.pending} pending"
        if status and status.problem:
            return f"{what}: {status.problem}"
        reasons: dict[Why, str] = {
            "ended": "the publisher was stopped",
            "exited": "the publisher has exited; see publisher.log in the session directory",
            "time": "timed out (--atlas-timeout)",
            "silent": f"no response within {NO_RESPONSE_S:.0f} s",
            "interrupted": "the wait was interrupted",
        }
        return f"{what}: {reasons[self.why]}"

    def _run(self) -> list[str]:
        status = self.status
        if status is not None and status.state == "done" and not status.total:
            return [] if self._has_no_record(status) else ["no run was created, because no tests were collected"]
        if status is None or not status.run_id:
            return []
        title = f"run {status.run_ref or status.run_id} {status.run_title}".strip()
        show = status.look.replace(f" {command_line('--atlas-dir', self.usual_dir)}", "") if self.usual_dir else status.look
        where = [f"show it with: {show}"] if show else []
        read = [f"read it with: {show.replace(' show ', ' report ')}"] if status.reports and show else []
        return [f"{title}: {status.in_place} of {status.total} published to {status.atlas}", *where, *status.reports, *read]


def _remarks(status: Status) -> list[str]:
    more = len(status.remarks) - MOST_REMARKS
    rest = [f"… and {more} more; see publisher.log in the session directory"] if more > 0 else []
    return [*status.remarks[:MOST_REMARKS], *rest]


def _tests(count: int) -> str:
    return f"{count} test" if count == 1 else f"{count} tests"
