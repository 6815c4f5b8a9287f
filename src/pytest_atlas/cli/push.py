"""`pytest-atlas push`: publish recorded sessions to one Atlas."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound
from pytest_atlas.atlas.operations import GetRun
from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.private_files import open_to_append, resolve_links
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st
from pytest_atlas.publisher import targets, threads
from pytest_atlas.publisher.log import RedactedStream, log, log_handler
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.receipts import AlreadyPublishing, read_observed
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.publisher.reconcile.progress import progress_of
from pytest_atlas.publisher.recovery.find_run import newest_first
from pytest_atlas.session.state import RUN

from . import git_index, origin, record, where
from .problems import FAILED, USAGE, CommandError
from .terminal import Terminal, plain


def run(arguments: Namespace) -> int:
    """Publish. Return 0 if everything is published, and 1 if something is pending or rejected."""
    if arguments.run is not None and arguments.run_key is not None:
        raise CommandError(
            "--run and --run-key can't be combined: a named run is used whatever its run key. Use one of them", USAGE
        )
    remote = where.remote(arguments.url)
    directory = where.atlas_dir(arguments)
    chosen = record.named(arguments.sessions, directory)
    if not arguments.sessions and not session_dir.sessions(directory) and not session_dir.unreadable(directory):
        raise CommandError(f"no sessions in {directory}. Name another directory with --atlas-dir", USAGE)
    if not remote:
        _verify_outside(arguments, directory)
    opening = targets.remote(remote.url, remote.token, remote.bucket) if remote else targets.local(directory)
    return threads.run(_push(arguments, opening, chosen, directory))


def _verify_outside(arguments: Namespace, directory: Path) -> None:
    """Raise CommandError if the session's directory contains the local Atlas to publish into: it came with an artifact.

    Such a store is used only if the user names it with --atlas-dir or ATLAS_DIR.
    """
    if where.named_atlas_dir(arguments):
        return
    for name in arguments.sessions:
        if directory.is_relative_to(resolve_links(os.path.expanduser(name))):
            problem = f"{name!r} contains the local Atlas to publish into, {directory}"
            remedy = f"If it did not come with an artifact, give {command_line('--atlas-dir', str(directory))}"
            raise CommandError(f"{problem}. {remedy}", USAGE)


async def _push(
    arguments: Namespace, opening: AbstractAsyncContextManager[targets.Target], chosen: list[Path], directory: Path
) -> int:
    try:
        target = await opening.__aenter__()
    except ValueError as error:  # the client rejects the URL or the token
        raise CommandError(str(error), USAGE) from None
    try:
        if chosen:
            return await _push_to(target, arguments, chosen, directory)
        return await _push_unpublished(target, arguments, directory)
    finally:
        await opening.__aexit__(None, None, None)


async def _push_unpublished(target: targets.Target, arguments: Namespace, directory: Path) -> int:
    """Publish the sessions of `directory` that are not completely in `target`. Those that git tracks are skipped."""
    out = Terminal(sys.stdout)
    sessions, code, skipped = [], 0, 0
    published: list[_Published] = []
    for other in session_dir.unreadable(directory):
        code = FAILED
        out.print([f"session {plain(other.path.name)} can't be read: {plain(other.reason)}. Delete it if you don't need it"])
    for path in session_dir.sessions(directory):
        if git_index.is_tracked(path):
            skipped += 1
            command = command_line("pytest-atlas", "push", str(path))
            out.print(
                [f"session {plain(path.name)} is skipped: {origin.TRACKED}. To publish it in a separate run: {plain(command)}"]
            )
            continue
        if (it := _published(path, target, arguments.timeout)) is None:
            sessions.append(path)
        else:
            published.append(it)
    try:
        deleted = await _deleted(published, target, arguments.timeout)
    except (AtlasError, TimeoutError) as error:
        count, why = len(published), plain(str(error) or "no response")
        out.print([f"can't check whether {count} published sessions are still in {target.label}: {why}"])
        deleted, code = [], FAILED
    sessions = sorted([*sessions, *deleted])
    if not sessions and not code and not skipped:
        out.print([f"all sessions in {directory} are published to {target.label}"])
    return max(code, await _push_to(target, arguments, sessions, directory))


class _Published(NamedTuple):
    """A session that is completely in the Atlas, according to its receipts."""

    path: Path
    system_id: str
    run_id: str


def _published(path: Path, target: targets.Target, timeout_s: float) -> _Published | None:
    """None if the session is not published, or if it can't be read: publishing it reports the reason."""
    try:
        it = record.read(path, timeout_s=timeout_s)
        observed = read_observed(path / f"receipts-{target.name}.jsonl", timeout_s)
        if not _is_complete(it, observed, target):
            return None
        return _Published(path, it.model.session.system_id if it.model.session else "", observed.get(RUN).id)
    except Exception:  # as in `_try_one`
        return None


def _is_complete(it: record.Record, observed: Observed, target: targets.Target) -> bool:
    return not it.is_lost and not it.may_run and progress_of(it.model, observed, files_stay=target.objects is None).is_complete


async def _deleted(published: list[_Published], target: targets.Target, timeout_s: float) -> list[Path]:
    """Return the `published` sessions with a run that `target` no longer has. Sends one request per system.

    Raises AtlasError or TimeoutError if the Atlas doesn't respond.
    """
    gone: list[Path] = []
    async with asyncio.timeout(timeout_s):
        for system_id in dict.fromkeys(it.system_id for it in published if it.run_id):
            try:
                listed = {item.uuid for item in await newest_first(target.atlas, system_id)}
            except (NotFound, Invalid):  # the system does not exist any more
                listed = set()
            gone += [it.path for it in published if it.system_id == system_id and it.run_id and it.run_id not in listed]
    return gone


async def _push_to(target: targets.Target, arguments: Namespace, sessions: list[Path], directory: Path) -> int:
    out = Terminal(sys.stdout)
    code = 0
    for number, session in enumerate(sessions, 1):
        title = f"session {plain(session.name)}" + (f" ({number} of {len(sessions)})" if len(sessions) > 1 else "")
        out.print([out.paint("bold", title)])
        ok, lines, answered = await _try_one(session, target, arguments, directory)
        out.print(f"  {plain(line)}" for line in lines)
        code = code if ok else FAILED
        left = len(sessions) - number
        if not answered and left:
            more = "1 more session was" if left == 1 else f"{left} more sessions were"
            out.print([f"{more} not tried: {target.label} does not respond"])
            break
    return code


async def _try_one(
    session: Path, target: targets.Target, arguments: Namespace, directory: Path
) -> tuple[bool, list[str], bool]:
    """Publish one session. An error in it doesn't affect the others."""
    try:
        return await _push_one(session, target, arguments, directory)
    except CommandError:
        raise
    except Exception as error:  # a session from elsewhere can cause any error
        return False, [record.problem(session, error)], True


async def _push_one(
    session: Path, target: targets.Target, arguments: Namespace, directory: Path
) -> tuple[bool, list[str], bool]:
    """Publish one session. Return whether all of it is published, the lines to print, and whether the Atlas responded."""
    it = record.read(session, has_ended=arguments.ended, timeout_s=arguments.timeout)
    if it.is_lost:
        problem = f"{it.problem}, and the start of the session is missing: nothing can be published"
        return False, [f"{problem}. Delete {session} if you don't need it"], True
    decision = origin.decide(it, arguments, directory)
    if not decision.elsewhere:
        await _check_choice(it, target, arguments)
    progress = _Progress(Terminal(sys.stderr), plain(session.name))
    try:
        with _logged(session):
            status = await publish(
                session,
                target,
                choice=decision.choice,
                may_leave_run=bool(decision.elsewhere) or arguments.run is not None or arguments.run_key is not None,
                started_by_pytest=False,
                pytest_may_run=it.may_run,
                patience_s=arguments.timeout,
                watch=progress,
            )
    except AlreadyPublishing as error:
        return False, [str(error)], True
    finally:
        progress.over()
    lines = [*decision.lines, *_told(status, target)]
    if status.state != "done":
        lines.append(f"finish with: {_again(arguments, session)}")
    lines += _running(it, arguments)
    return status.state == "done" and not it.may_run, lines, status.answered or status.state == "done"


def _running(it: record.Record, arguments: Namespace) -> Iterator[str]:
    if it.liveness == "running":
        yield "pytest still runs this session: push it again when it has ended"
    elif it.liveness == "unknown":
        yield "pytest may still run this session, on another machine or in another container"
        yield f"if it has ended: {_again(arguments, it.path, '--ended')}"


async def _check_choice(it: record.Record, target: targets.Target, arguments: Namespace) -> None:
    """Raise CommandError if the options choose another run than the one that already has the session, and it still exists."""
    observed = read_observed(it.path / f"receipts-{target.name}.jsonl", arguments.timeout)
    known = observed.get(RUN)
    if not known.id or (arguments.run is None and arguments.run_key is None):
        return
    it.model.choose(observed.choice)
    same_key = it.model.session and it.model.session.run in ("", "auto") and it.model.session.key == arguments.run_key
    if same_key or (arguments.run and arguments.run in (known.id, known.ref)):
        return
    try:
        await target.atlas.send(GetRun(run_id=known.id))
    except NotFound:
        return
    except AtlasError as error:
        raise CommandError(f"can't check whether session {it.path.name} is in run {known.ref or known.id}: {error}") from error
    option = "--run" if arguments.run is not None else "--run-key"
    where = f"run {known.ref or known.id} of {target.label}"
    raise CommandError(f"{option}: session {it.path.name} is already in {where}", USAGE)


def _told(status: st.Status, target: targets.Target) -> Iterator[str]:
    if status.state == "done" and not status.total:
        yield "no run was created, because no tests were collected"
        yield from status.remarks
        return
    if status.run_id:
        yield f"{status.run_ref or status.run_id} {status.run_title}".strip()
    yield f"{status.in_place} of {status.total} published to {target.label}"
    yield from status.remarks
    if status.files_kept:
        files = "1 data file stays" if status.files_kept == 1 else f"{status.files_kept} data files stay"
        yield f"{files} in the session directory: no bucket is set. Set ATLAS_BUCKET to s3://bucket/prefix and push again"
    pending = status.pending - status.refused
    if pending or status.problem:
        why = "they belong to a rejected entity" if status.refused else "timed out (--timeout)"
        yield f"{pending} pending: {status.problem or why}"
    if status.run_id:
        yield f"show it with: {status.look or f'pytest-atlas show {status.run_ref or status.run_id}'}"


def _again(arguments: Namespace, session: Path, *more: str) -> str:
    words = ["pytest-atlas", *(["--atlas-dir", str(arguments.atlas_dir)] if arguments.atlas_dir else []), "push"]
    options = (*origin.options(arguments), *more)
    return command_line(*words, *(["--url", arguments.url] if arguments.url else []), *options, str(session))


class _Progress:
    """A progress line on the terminal."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        self._terminal = terminal
        self._name = name
        self._begun = monotonic()

    def __call__(self, status: st.Status) -> None:
        """Show a new status."""
        took = f"{monotonic() - self._begun:.0f} s"
        waits = f": {plain(status.problem)}" if status.problem else ""
        self._terminal.progress(f"{self._name}: {status.in_place} of {status.total} published, {took}{waits}")

    def over(self) -> None:
        """Clear the line."""
        self._terminal.progress("")


@contextmanager
def _logged(session: Path) -> Iterator[None]:
    """Write the publisher's log to publisher.log in the session directory, as when pytest starts it. Raises OSError."""
    with (
        os.fdopen(open_to_append(session / session_dir.LOG), "a", encoding="utf-8") as stream,
        RedactedStream(stream, Cleaner(os.environ)) as redacted,
    ):
        handler = log_handler(redacted)
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)
