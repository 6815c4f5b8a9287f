"""Read a local or remote Atlas. This module makes the texts of all responses safe for a terminal."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pytest_atlas.atlas.library import runs_with_reference
from pytest_atlas.atlas.models import Run, RunSummary
from pytest_atlas.atlas.operations import GetRun, ListRuns, Operation
from pytest_atlas.atlas.protocols import SyncAtlas
from pytest_atlas.base import requirements
from pytest_atlas.base.identifiers import is_uuid
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.objects import LocalObjects
from pytest_atlas.publisher.targets import STORE, origin

from . import where
from .problems import USAGE, CommandError
from .terminal import plain, plain_lines

R = TypeVar("R")
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Library:
    """An Atlas to read from."""

    def __init__(self, atlas: SyncAtlas, label: str, objects: LocalObjects | None = None) -> None:
        self._atlas = atlas
        self.label = label
        self._objects = objects

    def ask(self, op: Operation[R]) -> R:
        """Return the response to `op` with visible control characters. Raises AtlasError."""
        answer: Any = self._atlas.send(op)
        made: R = type(answer).model_validate(_harmless(answer.model_dump()))
        return made

    def locate(self, url: str) -> str:
        """Return the location of the data file with this URL: a path in the directory of a local Atlas, otherwise the URL."""
        path = self._objects.path(url) if self._objects else None
        return _short(path) if path else url

    def runs(self, system: str | None = None) -> list[RunSummary]:
        """Return all runs, or the runs of one system, newest first."""
        listed = self.ask(ListRuns(system_id=system or None)).items
        return sorted(listed, key=lambda run: (run.created_at or LONG_AGO, run.test_run_id), reverse=True)

    def find(self, name: str | None) -> Run:
        """Read the run with the reference, the uuid or the start of the uuid `name`; without a name, the newest run.

        Raises CommandError if no run or several runs match.
        """
        return self.ask(GetRun(run_id=name.strip() if name and is_uuid(name.strip()) else self._listed(name)))

    def _listed(self, name: str | None) -> str:
        runs = self.runs()
        if name is None:
            if not runs:
                raise CommandError(f"no runs in {self.label}. Record one with pytest --atlas-system=UUID")
            return _readable(runs[0])
        start = name.strip().lower()
        found = runs_with_reference(runs, name) or [run for run in runs if start and run.uuid.lower().startswith(start)]
        if len(found) == 1:
            return _readable(found[0])
        if found:
            matches = ", ".join(f"{run.test_run_id} ({run.uuid})" for run in found[:5])
            raise CommandError(f"{name!r} is ambiguous: {matches}. Give more of the UUID", USAGE)
        raise CommandError(f"no run {name!r} in {self.label}. List the runs with pytest-atlas runs")


@contextmanager
def opened(arguments: Namespace) -> Iterator[Library]:
    """Open the remote Atlas of the environment, or the local Atlas (also with --atlas-dir). Raises CommandError."""
    remote = None if arguments.atlas_dir else where.remote()
    if remote is None:
        path = where.atlas_dir(arguments) / STORE
        if not os.path.lexists(path):
            raise CommandError(no_local_atlas(path.parent))
        with LocalAtlas(path) as atlas:
            yield Library(atlas, f"local Atlas {_short(path)}", atlas.objects)
    else:
        with client(remote) as atlas:
            yield Library(atlas, origin(remote.url))


def no_local_atlas(directory: Path) -> str:
    """Return the message for a directory without a store."""
    remedy = "Record a session with pytest --atlas-system=UUID, or name another directory with --atlas-dir"
    return f"no local Atlas in {directory}. {remedy}"


def client(remote: where.Remote) -> Any:
    """Return a client of a remote Atlas. Raises CommandError if its URL or token is invalid, and UnsupportedVersion."""
    requirements.check("httpx")
    from pytest_atlas.atlas.client import AtlasClient  # imports httpx, which takes 0.1 s and which the local Atlas doesn't need

    try:
        return AtlasClient(remote.url, remote.token)
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None


def _short(path: Path) -> str:
    """Return the path relative to the working directory if it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _readable(run: RunSummary) -> str:
    """Return the uuid of a listed run. Raises CommandError if it is not a UUID: the API reads runs by UUID only."""
    if is_uuid(run.uuid):
        return run.uuid
    raise CommandError(f"run {run.test_run_id or run.title} can't be read: its id {run.uuid!r} is not a UUID")


TEXTS = ("description", "content", "summary", "snippet", "exception")
"""Fields with several lines. Line breaks in all others, such as titles, are shown as escapes."""


def _harmless(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return plain_lines(value) if name in TEXTS else plain(value)
    if isinstance(value, dict):
        return {plain(key): _harmless(item, key) for key, item in value.items()}  # a server can send any status or field
    return [_harmless(item, name) for item in value] if isinstance(value, list) else value
