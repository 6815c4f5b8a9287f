"""The values that the analysis takes and returns: steps, data files, those of earlier runs, and the text of a report.

`sources` builds steps from an Atlas run and from the session model; the local Atlas reads all of them with few queries. This
module imports little, because a session without a report must not wait for `statistics` and `csv`.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import enclosing, identity_line_of, step_id
from pytest_atlas.session.model import MEASUREMENTS_FILE

__all__ = [
    "MAX_RUNS",
    "MEASUREMENTS_FILE",
    "REQUIRED_PPK",
    "File",
    "PastFile",
    "PastStep",
    "ReportInput",
    "ReportText",
    "Step",
    "outer_steps",
]

MAX_RUNS = 20
"""Most earlier runs that a run is compared with."""
REQUIRED_PPK = 1.33
"""The required Ppk, unless the environment variable ATLAS_PPK has another one."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run."""

    card: str  # title of the card
    title: str
    status: str
    description: str = ""
    exception: str | None = None
    duration_s: float | None = None
    key: str = ""  # UUID in Atlas, or key in the session model
    is_inner: bool = False  # set by `sources.steps_of_session`; for other sources see `outer_steps`
    is_collection: bool = False  # the step of a collection error

    @property
    def identity(self) -> str:
        """The identity line of the description (C1); empty if the step does not belong to pytest."""
        return identity_line_of(self.description)

    @property
    def nodeid(self) -> str:
        """The nodeid of the test, with ` > <title>` for an inner step; empty if the step does not belong to pytest."""
        return step_id(self.description)


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step of an earlier run of the same system, on a card with the same title."""

    run: str  # TR-0042
    card: str
    title: str
    status: str
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class File:
    """A registered data file."""

    name: str
    url: str
    size: int  # in bytes, as registered
    card: str = ""  # title
    step: str = ""  # title


@dataclass(frozen=True, slots=True)
class PastFile:
    """A file of measurements of an earlier run, on a card with the same title."""

    order: int  # of its run: larger for later runs
    card: str
    url: str
    run: str = ""  # TR-0042


@dataclass(frozen=True, slots=True)
class ReportInput:
    """The input of a report. Earlier steps and files are in the order of their runs, oldest first."""

    title: str
    scope: Literal["run", "card", "step"]
    context: str  # analysis_context of the request
    steps: tuple[Step, ...]
    files: tuple[File, ...]
    past_steps: tuple[PastStep, ...] = ()
    past_files: tuple[PastFile, ...] = ()
    required_ppk: float = REQUIRED_PPK


@dataclass(frozen=True, slots=True)
class ReportText:
    """The text of a report."""

    summary: str  # one line, plain text
    content: str  # Markdown


def outer_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps that are not inner steps of another one on the same card."""
    steps = tuple(steps)
    nodeids = {(step.card, step.nodeid) for step in steps if step.nodeid}
    for step in steps:
        if not any((step.card, nodeid) in nodeids for nodeid in enclosing(step.nodeid)):
            yield step
