"""`pytest-atlas sessions`: list the recorded sessions, and where they are published."""

import json
import os
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_atlas.base import atlas_directory
from pytest_atlas.base.private_files import is_file, list_files
from pytest_atlas.journal import decode, session_dir
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.follower import LineFollower, in_time
from pytest_atlas.local import LocalAtlas, StoreError
from pytest_atlas.publisher.receipts import read_observed
from pytest_atlas.publisher.reconcile.progress import Progress, progress_of
from pytest_atlas.publisher.targets import STORE
from pytest_atlas.session import run_summary

from . import record, where
from .terminal import Terminal, local_time, plain, table

HEADINGS = ("SESSION", "BEGAN", "ENDED", "TESTS", "PUBLISHED")


def run(arguments: Namespace) -> int:
    """List the sessions, the newest last."""
    directory = where.atlas_dir(arguments)
    paths, others = session_dir.sessions(directory), session_dir.unreadable(directory)
    shares = record.TimeShares(arguments.timeout)
    if arguments.json:
        listed = [_as_json(path, shares) for path in paths] + [_other_as_json(it) for it in others]
        print(json.dumps(sorted(listed, key=lambda it: it["session"]), indent=2))
        return 0
    out = Terminal(sys.stdout)
    if not paths and not others:
        out.print([f"no sessions in {directory}. Record one with pytest --atlas-system=UUID"])
        return 0
    local = _Local(directory)
    listed_rows = [_row(path, local, shares) for path in paths] + [_other_row(it) for it in others]
    heading, *rows = table([HEADINGS, *sorted(listed_rows)])
    out.print([out.paint("bold", heading), *rows])
    return 0


class _Local:
    """The local Atlas of the sessions' directory. It distinguishes its receipts from those of a deleted local Atlas."""

    def __init__(self, directory: Path) -> None:
        path = directory / STORE
        self._label = f"local Atlas {path}"
        self._name = ""
        if os.path.lexists(path):
            try:
                with LocalAtlas(path) as atlas:
                    self._name = f"local-{atlas.store_id}"
            except StoreError as error:
                print(f"pytest-atlas: warning: {plain(str(error))}", file=sys.stderr)

    def name(self, target: rc.TargetNamed) -> str:
        """Return the name of a target in the table."""
        if target.target == self._name:
            return "local Atlas"
        return f"{target.atlas} (not the present one)" if target.atlas == self._label else target.atlas


def _row(path: Path, local: _Local, shares: record.TimeShares) -> tuple[str, ...]:
    owner = atlas_directory.owner(path)
    name = plain(path.name) + (f" (of {owner})" if owner else "")
    try:
        return name, *_columns(record.read(path, timeout_s=shares.next_s()), local, shares)
    except Exception as error:  # a session from elsewhere can cause any error, and the others are listed
        return name, "", "unreadable", "", record.problem(path, error)


def _other_row(it: session_dir.NotASession) -> tuple[str, ...]:
    return plain(it.path.name), "", "unreadable", "", plain(it.reason)


def _columns(it: record.Record, local: _Local, shares: record.TimeShares) -> tuple[str, ...]:
    told = ", ".join(f"{count} {word}" for word, count in _counts(it).items()) or "none"
    published = [
        plain(f"{local.name(target)}: {how} as of {local_time(at)}" + (f" ({how.run_ref})" if how.run_ref else ""))
        for target, how, at in _targets(it, shares)
    ]
    lines = [*(published or [_unpublished(it)]), *filter(None, [it.problem])]
    return local_time(_began(it)), it.state, told, "\n".join(lines[1:] if it.is_lost else lines)


def _unpublished(it: record.Record) -> str:
    return "not published" if it.model.has_run else "nothing to publish"


def _began(it: record.Record) -> datetime | None:
    return datetime.fromtimestamp(it.model.session.at, UTC) if it.model.session else None


def _counts(it: record.Record) -> dict[str, int]:
    """Return the number of tests for each outcome, in the order of the run summary."""
    counts = Counter(run_summary.word(it.model, test) for test in it.model.tests())
    return {word: counts[word] for word in run_summary.ORDER if counts[word]}


def _targets(it: record.Record, shares: record.TimeShares) -> Iterator[tuple[rc.TargetNamed, Progress, datetime]]:
    """Yield each Atlas that the session was published to, the progress, and the time of the last publisher."""
    for path in filter(is_file, list_files(it.path, "receipts-", ".jsonl")):
        receipts = map(decode.receipt, in_time(LineFollower(path).new_lines(), path, shares.next_s()))
        named = [receipt for receipt in receipts if isinstance(receipt, rc.TargetNamed)]
        if named:
            yield (
                named[0],
                progress_of(it.model, read_observed(path, shares.next_s())),
                datetime.fromtimestamp(named[-1].at, UTC),
            )


def _as_json(path: Path, shares: record.TimeShares) -> dict[str, Any]:
    owner = atlas_directory.owner(path)
    first = {"session": path.name, "path": str(path), **({"owner": owner} if owner else {})}
    try:
        return {**first, **_fields(record.read(path, timeout_s=shares.next_s()), shares)}
    except Exception as error:  # as in `_row`
        return {**first, "state": "unreadable", "problem": record.problem(path, error)}


def _other_as_json(it: session_dir.NotASession) -> dict[str, Any]:
    return {"session": it.path.name, "path": str(it.path), "state": "unreadable", "problem": it.reason}


def _fields(it: record.Record, shares: record.TimeShares) -> dict[str, Any]:
    began, ended = _began(it), it.model.ended
    return {
        "began": began.isoformat() if began else None,
        "state": "ended" if ended and not it.is_lost else it.state,
        "exit_status": ended.exit_status if ended else None,
        **({"problem": it.problem} if it.problem else {}),
        "tests": _counts(it),
        "targets": [
            {
                "target": target.target,
                "atlas": target.atlas,
                "run_id": how.run_id or None,
                "run_ref": how.run_ref or None,
                "total": how.total,
                "in_place": how.published,
                "pending": how.pending,
                "refused": how.rejected,
                "files_kept": how.files_kept,
                "complete": how.is_complete,
                "run_deleted": how.run_is_deleted,
                "as_of": at.isoformat(),
            }
            for target, how, at in _targets(it, shares)
        ],
    }
