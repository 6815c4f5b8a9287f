"""How far a session is in place in one Atlas. Pure: what the facts ask for, beside what the receipts say was acknowledged."""

from dataclasses import dataclass

from . import desired
from .facts import RUN, Facts
from .observed import Observed
from .reconcile import difference


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts of a session's run, cards and steps, each in one of the three."""

    in_place: int = 0
    pending: int = 0  # not there, not as it should be, or not known to be there
    refused: int = 0  # Atlas said no; the next push tries it once more
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
        if self.is_whole:
            return "all in place"
        if not self.in_place:
            return "not published" if not self.refused else f"not published, {self.refused} refused"
        told = ((f"{self.pending} of {self.total} pending", self.pending), (f"{self.refused} refused", self.refused))
        return ", ".join(text for text, count in told if count) or "to be looked through once more"


def standing(facts: Facts, observed: Observed) -> Standing:
    """How far the session that `facts` tell of is in the Atlas whose receipts make `observed`."""
    in_place = pending = refused = 0
    for key in desired.keys(facts):
        seen = observed.get(key)
        if seen.aside:
            refused += 1
        elif seen.id and not difference(desired.entity(facts, key), seen):
            in_place += 1
        else:
            pending += 1
    run = observed.get(RUN)
    return Standing(in_place, pending, refused, bool(observed.doubts), run.id, run.ref)
