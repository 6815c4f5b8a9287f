"""What an Atlas holds of the last run of the same job: one small JSON file per target, which the job summary compares with.

Written by the publisher, since a CI job's container remembers nothing of the job before it. Standard library only.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_atlas.base import private_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An earlier run of the same job."""

    run_id: str  # uuid
    run_ref: str = ""  # "TR-0042"
    title: str = ""
    statuses: dict[str, list[str]]  # of its steps, by C1's line; several where several steps have the same line


def path(session: Path, target: str) -> Path:
    """Where a session's folder keeps it."""
    return session / f"previous-{target}.json"


def write(session: Path, target: str, previous: Baseline) -> None:
    """Replace the file. Raises OSError where that can't be."""
    with private_files.Replacement(path(session, target)) as file:
        file.write(json.dumps(asdict(previous)))


def read(session: Path, target: str) -> Baseline | None:
    """The earlier run; None where none was found, or nothing that can be read."""
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
    ):  # never looked for, or not ours: both say nothing
        return None
    return Baseline(**texts, statuses=statuses)
