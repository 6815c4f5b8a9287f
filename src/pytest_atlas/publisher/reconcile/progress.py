"""How far a session is in place in one Atlas. Pure: what the facts ask for, beside what the receipts say was acknowledged."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from .observed import Observed
from .queue import difference


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of a session's run, cards and steps, each in one of the three."""

    in_place: int = 0
    pending: int = 0  # not there, not as it should be, or not known to be there
    refused: int = 0  # Atlas said no; the next push tries it once more
    files_kept: int = 0  # data files that no place to publish them to was given for
    in_doubt: bool = False  # a call never got an answer: the next push looks whether it took effect
    run_id: str = ""
    run_ref: str = ""

    @property
    def total(self) -> int:
        """All that the Atlas should show."""
        return self.in_place + self.pending + self.refused

    @property
    def is_whole(self) -> bool:
        """Whether a push would have nothing to do. A session that collected nothing is whole anywhere."""
        return not (self.pending or self.refused or self.in_doubt)

    def __str__(self) -> str:
        if not self.total:
            return "nothing to publish"
        first = "all in place" if self.is_whole else "" if self.in_place else "not published"
        told = (
            (f"{self.pending} of {self.total} pending", self.pending if self.in_place else 0),
            (f"{self.refused} refused", self.refused),
            (f"{self.files_kept} data file{'s' * (self.files_kept != 1)} not uploaded", self.files_kept),
        )
        parts = filter(None, [first, *(text for text, count in told if count)])
        return ", ".join(parts) or "to be looked through once more"


def standing(facts: SessionState, observed: Observed, *, files_stay: bool | None = None) -> Progress:
    """How far the session that `facts` tell of is in the Atlas whose receipts make `observed`.

    `files_stay`: that Atlas has no place for data files, which the run's description tells; None, where nobody knows: it had
    none if it got none. `facts` are told so, too.
    """
    facts.choose(observed.choice)
    got_some = any(observed.get(key).id for key in facts.files)
    facts.keep_files(not got_some if files_stay is None else files_stay)
    counts: Counter[str] = Counter(_how(facts, observed, key) for key in desired.keys(facts))
    run = observed.get(RUN)
    return Progress(**counts, in_doubt=bool(observed.doubts), run_id=run.id, run_ref=run.ref)


def _how(facts: SessionState, observed: Observed, key: str) -> Literal["in_place", "pending", "refused", "files_kept"]:
    seen = observed.get(key)
    if seen.aside:
        return "refused"
    if seen.id and not difference(desired.entity(facts, key), seen):
        return "in_place"
    return "files_kept" if facts.files_stay and key in facts.files else "pending"
