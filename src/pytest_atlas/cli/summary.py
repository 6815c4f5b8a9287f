"""`pytest-atlas summary`: print the job summary of a recorded session, for example after a later push."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.sanitize import log_text
from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st
from pytest_atlas.summary.session import job_summary, newest_status

from . import record, where
from .problems import USAGE, CommandError
from .terminal import plain


def run(arguments: Namespace) -> int:
    """Print the job summary or write it to a file. Raises OSError if it can't be written."""
    session = _session(arguments)
    if record.read(session).model.session is None:
        raise CommandError(
            f"session {plain(session.name)} has no summary: the first line of its journal is missing or unreadable"
        )
    status = newest_status(session)
    page = job_summary(session, status, list(pending(session, status, where.named_atlas_dir(arguments))))
    if arguments.output is None:
        sys.stdout.write(log_text(page))
    else:
        arguments.output.write_text(page, "utf-8", newline="\n")
    return 0


def _session(arguments: Namespace) -> Path:
    """Return the named session; the newest one if the name is a directory with several, or if there is no name."""
    directory = where.atlas_dir(arguments)
    if arguments.session:
        return record.named([arguments.session], directory)[-1]
    shares = record.TimeShares(arguments.timeout)
    for session in reversed(session_dir.sessions(directory)):
        try:
            record.read(session, timeout_s=shares.next_s())
        except Exception as error:  # a session from elsewhere can cause any error; the newest readable one is shown
            print(f"pytest-atlas: session {plain(session.name)} is skipped: {record.problem(session, error)}", file=sys.stderr)
        else:
            return session
    raise CommandError(f"no sessions in {directory}. Name another directory with --atlas-dir", USAGE)


def pending(session: Path, status: st.Status | None, atlas_dir: Path | None = None) -> Iterator[str]:
    """Yield lines about the pending entities, according to the publisher's last status, and the command that publishes them."""
    named = ("--atlas-dir", str(atlas_dir)) if atlas_dir else ()
    push = command_line("pytest-atlas", *named, "push", str(session))
    if status is None:
        yield f"recorded only; publish with: {push}"
        return
    yield from status.remarks
    if status.files_kept:
        files = "1 data file stays" if status.files_kept == 1 else f"{status.files_kept} data files stay"
        yield f"{files} in the session directory: no bucket is set"
    if status.state != "done":
        yield f"{status.pending} pending" + (f": {status.problem}" if status.problem else "")
        yield f"finish with: {push}"
