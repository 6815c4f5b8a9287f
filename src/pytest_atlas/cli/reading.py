"""Look things up in an Atlas, local or remote. What it answers is made harmless for a terminal here, once."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from pytest_atlas.atlas.models import Run, RunSummary
from pytest_atlas.atlas.operations import GetRun, ListRuns, Operation
from pytest_atlas.atlas.protocols import Atlas
from pytest_atlas.base import requirements
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

    def __init__(self, atlas: Atlas, label: str, objects: LocalObjects | None = None) -> None:
        self._atlas = atlas
        self.label = label
        self._objects = objects

    def ask(self, op: Operation[R]) -> R:
        """The answer to `op`, with its control characters made visible. Raises an AtlasError."""
        answer: Any = self._atlas.send(op)
        made: R = type(answer).model_validate(_harmless(answer.model_dump()))
        return made

    def locate(self, url: str) -> str:
        """Where a person finds the data file of this URL: in a local Atlas's folder, else in S3."""
        path = self._objects.path(url) if self._objects else None
        return _short(path) if path else url

    def runs(self, system: str | None = None) -> list[RunSummary]:
        """All runs, or those of one system, the newest first."""
        listed = self.ask(ListRuns(system_id=system or None)).items
        return sorted(listed, key=lambda run: (run.created_at or LONG_AGO, run.test_run_id), reverse=True)

    def find(self, name: str | None) -> Run:
        """The run that `name` means: TR-0042, a uuid, the start of one, or nothing for the newest. Raises CommandError."""
        return self.ask(GetRun(run_id=_uuid(name) or self._listed(name)))

    def _listed(self, name: str | None) -> UUID:
        runs = self.runs()
        if name is None:
            if not runs:
                raise CommandError(f"there is no run in {self.label} yet. pytest --atlas-system=UUID records one")
            return _readable(runs[0])
        wanted = name.strip().lower()
        found = [run for run in runs if run.test_run_id.lower() == wanted] or [
            run for run in runs if wanted and run.uuid.lower().startswith(wanted)
        ]
        if len(found) == 1:
            return _readable(found[0])
        if found:
            may_be = ", ".join(f"{run.test_run_id} ({run.uuid})" for run in found[:5])
            raise CommandError(f"{name!r} may mean {may_be}: give more of the uuid", USAGE)
        raise CommandError(f"there is no run {name!r} in {self.label}. pytest-atlas runs lists those that are there")


@contextmanager
def opened(arguments: Namespace) -> Iterator[Library]:
    """The Atlas to look in: the environment's remote one, unless --atlas-dir asks for the local one. Raises CommandError."""
    remote = None if arguments.atlas_dir else where.remote()
    if remote is None:
        path = where.atlas_dir(arguments) / STORE
        if not os.path.lexists(path):
            remedy = "pytest --atlas-system=UUID makes one; --atlas-dir names another folder"
            raise CommandError(f"there is no local Atlas in {path.parent} yet. {remedy}")
        with LocalAtlas(path) as atlas:
            yield Library(atlas, f"local Atlas {_short(path)}", atlas.objects)
    else:
        with client(remote) as atlas:
            yield Library(atlas, origin(remote.url))


def client(remote: where.Remote) -> Any:
    """A client of a remote Atlas. Raises CommandError if its address or token is invalid, and UnsupportedVersion."""
    requirements.check("httpx")
    from pytest_atlas.atlas.client import AtlasClient  # httpx: a tenth of a second that the local Atlas does without

    try:
        return AtlasClient(remote.url, remote.token)
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None


def _short(path: Path) -> str:
    """The path from here where it is below here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _readable(run: RunSummary) -> UUID:
    """The id of a listed run. Raises CommandError if it is not a UUID: the API reads runs by UUID only."""
    if uuid := _uuid(run.uuid):
        return uuid
    raise CommandError(f"run {run.test_run_id or run.title} can't be read: its id {run.uuid!r} is not a UUID")


def _uuid(name: str | None) -> UUID | None:
    try:
        return UUID(name) if name else None
    except ValueError:
        return None


TEXTS = ("description", "content", "summary", "snippet", "exception")
"""Fields with several lines. Line breaks in all others, such as titles, are shown as escapes."""


def _harmless(value: Any, name: str = "") -> Any:
    if isinstance(value, str):
        return plain_lines(value) if name in TEXTS else plain(value)
    if isinstance(value, dict):
        return {key: _harmless(item, key) for key, item in value.items()}
    return [_harmless(item, name) for item in value] if isinstance(value, list) else value
