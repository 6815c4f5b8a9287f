"""`pytest-atlas doctor`: check settings, packages, the Atlas directory, the local Atlas and the remote Atlas."""

import os
import platform
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_atlas import __version__, settings
from pytest_atlas.atlas.errors import AtlasError
from pytest_atlas.atlas.operations import ListRuns
from pytest_atlas.base import atlas_directory
from pytest_atlas.base.requirements import REQUIREMENTS, UnsupportedVersion
from pytest_atlas.journal import session_dir
from pytest_atlas.local import LocalAtlas, StoreError
from pytest_atlas.publisher.targets import STORE, origin
from pytest_atlas.settings.parsed import parse

from . import reading, record, where
from .problems import FAILED, CommandError
from .terminal import Terminal, plain


class Finding(NamedTuple):
    """The result of one check, printed as one line."""

    ok: bool
    what: str
    is_warning: bool = False  # it doesn't change the exit code


def run(arguments: Namespace) -> int:
    """Run all checks. Return 0 if no problem was found."""
    out = Terminal(sys.stdout)
    problems = 0
    printed: set[Finding] = set()  # an invalid URL is found twice
    for finding in _findings(arguments):
        if finding in printed:
            continue
        printed.add(finding)
        ok, what, is_warning = finding
        sign = out.paint("green", "ok     ") if ok else out.paint("red", "problem")
        sign = out.paint("yellow", "warning") if is_warning else sign
        out.print([f"{sign}  {plain(what)}"])
        problems += not ok
    return FAILED if problems else 0


def _findings(arguments: Namespace) -> Iterator[Finding]:
    yield Finding(True, f"pytest-atlas {__version__}, pytest {pytest.__version__}, Python {platform.python_version()}")
    yield from _packages()
    yield from _settings(os.environ)
    try:
        directory = where.find_atlas_dir(arguments)
    except settings.SettingError as error:
        yield Finding(False, str(error))
    else:
        yield _writable(directory)
        yield from (Finding(True, line, is_warning=True) for line in atlas_directory.warnings(directory))
        yield from _sessions(directory, record.TimeShares(arguments.timeout))
        yield from _local(directory)
    yield from _remote(os.environ.get("ATLAS_SYSTEM_ID", ""))


def _packages() -> Iterator[Finding]:
    """Yield each required package with an unsupported version, or one line with all versions."""
    versions = {name: _installed(name) for name in REQUIREMENTS}
    problems = [problem for name, version in versions.items() if (problem := REQUIREMENTS[name].problem(version))]
    yield from (Finding(False, problem) for problem in problems)
    if not problems:
        listed = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield Finding(True, f"the versions of the required packages are supported: {listed}")


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _settings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check each variable separately, then all together, and yield the first error of each."""
    given = settings.collect(lambda _: None, lambda _: None, environment)
    anything = {"system": [settings.Given("", where.ANY_SYSTEM)]}
    beside = {"token": {"url": [settings.Given("", "https://localhost")]}}  # a token without a URL is another error
    each = [{**anything, **beside.get(name, {}), name: values} for name, values in given.items()]
    errors = dict.fromkeys(error for chosen in [*each, {**anything, **given}] if (error := _setting_error(chosen)))
    yield from (Finding(False, error) for error in errors)
    yield from (Finding(False, line) for line in settings.unknown_names(environment, ()))
    if not errors:
        names = ", ".join(values[0].source for values in given.values())
        yield Finding(True, f"the environment sets {names}" if names else "the environment has no setting of pytest-atlas")


def _setting_error(given: Mapping[str, list[settings.Given]]) -> str:
    try:
        parse(given)
    except settings.SettingError as error:
        return str(error)
    return ""


def _writable(directory: Path) -> Finding:
    there = next(place for place in (directory, *directory.parents) if place.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".pytest-atlas-"):
            pass
    except OSError as error:
        return Finding(
            False, f"{directory} can't be written ({error}). Name a writable directory with --atlas-dir or ATLAS_DIR"
        )
    if there != directory:
        return Finding(True, f"{directory} does not exist yet and can be created")
    with suppress(OSError):  # a line of `_sessions`
        count = len(session_dir.sessions(directory))
        return Finding(True, f"{directory} can be written and has {count} session{'' if count == 1 else 's'}")
    return Finding(True, f"{directory} can be written")


def _sessions(directory: Path, shares: record.TimeShares) -> Iterator[Finding]:
    try:
        found, others = session_dir.sessions(directory), session_dir.unreadable(directory)
    except OSError as error:
        yield Finding(False, record.problem(directory / session_dir.SESSIONS, error))
        return
    for other in others:
        yield Finding(False, f"session {other.path.name} can't be read: {other.reason}. Delete it if you don't need it")
    for session in found:
        try:
            record.read(session, timeout_s=shares.next_s())
        except Exception as error:  # a session from elsewhere can cause any error, and the other checks follow
            yield Finding(False, f"session {session.name} can't be read: {record.problem(session, error)}")


def _local(directory: Path) -> Iterator[Finding]:
    path = directory / STORE
    if not os.path.lexists(path):
        yield Finding(True, "the directory has no local Atlas yet; the first session that is published to it creates it")
        return
    try:
        with LocalAtlas(path) as atlas:
            count = len(atlas.send(ListRuns()).items)
    except (StoreError, AtlasError) as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, f"the local Atlas {path} can be opened and has {count} run{'' if count == 1 else 's'}")


def _remote(system: str) -> Iterator[Finding]:
    try:
        remote = where.remote()
        if remote is None:
            yield Finding(True, "no remote Atlas is set; sessions are published to the local one")
            return
        system_id = settings.uuid(system) if system.strip() else None
        with reading.client(remote) as atlas:
            runs = atlas.send(ListRuns(system_id=system_id)).items
    except settings.SettingError as error:
        yield Finding(False, str(error))
    except ValueError:
        pass  # an invalid system id; `_settings` reports it
    except (AtlasError, CommandError, UnsupportedVersion) as error:
        yield Finding(False, str(error))
    else:
        if bare := settings.unencrypted(remote.url):
            yield Finding(False, bare)
        yield Finding(True, f"{origin(remote.url)} responds and accepts the token")
        if system_id:
            yield Finding(True, _known(system_id, [run.system_name for run in runs]))


def _known(system: str, names: list[str]) -> str:
    """Return a line about the system. The API has no endpoint that reads a system, so only a run proves that it exists."""
    if names:
        return f"Atlas has system {system}: {names[0] or 'without a name'}, {len(names)} run{'' if len(names) == 1 else 's'}"
    return f"Atlas has no runs of system {system}; whether the system exists is known when the first run is created"
