"""The progress of a session in one Atlas: the desired state compared with the receipts. Pure."""

from collections import Counter
from typing import Literal

from pytest_atlas.base.records import dataclass
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from .observed import Observed
from .queue import difference


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of the run, cards, steps and files of a session; each is counted once."""

    published: int = 0
    pending: int = 0  # not in Atlas, or not in its last state, or unconfirmed
    rejected: int = 0  # skipped until the next push
    files_kept: int = 0  # data files for which no bucket was configured
    has_unconfirmed: bool = False  # the next push checks requests with an unknown result
    run_is_deleted: bool = False  # in Atlas: everything is pending
    run_id: str = ""
    run_ref: str = ""

    @property
    def total(self) -> int:
        """The number of entities that Atlas should show."""
        return self.published + self.pending + self.rejected

    @property
    def is_complete(self) -> bool:
        """Whether a push would have nothing to do. A session that collected nothing is complete in every Atlas."""
        return not (self.pending or self.rejected or self.has_unconfirmed)

    def __str__(self) -> str:
        if not self.total:
            return "nothing to publish"
        if self.run_is_deleted:
            return "the run was deleted in Atlas"
        first = "published" if self.is_complete else "" if self.published else "not published"
        counts = (
            (f"{self.pending} of {self.total} pending", self.pending if self.published else 0),
            (f"{self.rejected} rejected", self.rejected),
            (f"{self.files_kept} data file{'s' * (self.files_kept != 1)} not uploaded", self.files_kept),
        )
        parts = filter(None, [first, *(text for text, count in counts if count)])
        return ", ".join(parts) or "unconfirmed requests to be checked"


def progress_of(state: SessionState, observed: Observed, *, files_stay: bool | None = None) -> Progress:
    """Return the progress of the session `state` in the Atlas whose receipts are folded in `observed`.

    `files_stay`: this Atlas has no bucket for data files, which the run summary states; None: unknown, so true if it has no
    file.
    """
    has_files = any(observed.get(key).id for key in state.files)
    published = state.for_target(observed.choice, files_stay=not has_files if files_stay is None else files_stay)
    counts: Counter[str] = Counter(_kind(published, observed, key) for key in desired.keys(published))
    run, is_deleted = observed.get(RUN), observed.run_is_deleted
    return Progress(**counts, has_unconfirmed=bool(observed.doubts), run_is_deleted=is_deleted, run_id=run.id, run_ref=run.ref)


def _kind(state: SessionState, observed: Observed, key: str) -> Literal["published", "pending", "rejected", "files_kept"]:
    known = observed.get(key)
    if known.skipped:
        return "rejected"
    if known.id and not observed.run_is_deleted and not difference(desired.entity(state, key), known):
        return "published"
    return "files_kept" if state.files_stay and key in state.files else "pending"
