"""The previous run of the same job in Atlas: one small JSON file per target, for the comparison in the job summary.

The publisher writes it, because the container of a CI job has no data of earlier jobs. Standard library only.
"""

import json
from dataclasses import asdict
from pathlib import Path

from pytest_atlas.base import private_files
from pytest_atlas.base.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An earlier run of the same job."""

    run_id: str  # uuid
    run_ref: str = ""  # "TR-0042"
    title: str = ""
    statuses: dict[str, list[str]]  # of its steps, by identity line; several if several steps have the same line


def path(session: Path, target: str) -> Path:
    """Return the path of the file in a session directory."""
    return session / f"previous-{target}.json"


def write(session: Path, target: str, previous: Baseline) -> None:
    """Replace the file. Raises OSError."""
    with private_files.Replacement(path(session, target)) as file:
        file.write(json.dumps(asdict(previous)))


def read(session: Path, target: str) -> Baseline | None:
    """Return the earlier run; None if there is none, or if the file can't be read."""
    try:
        with private_files.open_to_read(path(session, target)) as file:
            said = json.load(file)
        statuses = {str(mark): [str(status) for status in found] for mark, found in said["statuses"].items()}
        texts = {name: str(said[name]) for name in ("run_id", "run_ref", "title")}
    except (
        OSError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ):  # no search yet, or not a file of pytest-atlas
        return None
    return Baseline(**texts, statuses=statuses)
