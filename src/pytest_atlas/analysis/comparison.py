"""Compare a run with an earlier run: outcomes step by step, measurements, durations, and properties of the runs. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from pytest_atlas.atlas.statuses import GOOD
from pytest_atlas.descriptions import collection_identity_line, is_in_module, module_of

from .inputs import Step

if TYPE_CHECKING:
    from .measurements import Series

K = TypeVar("K", bound=Hashable)

ChangeKind = Literal["newly failing", "failing for the first time", "still failing", "fixed"]
"""`failing for the first time`: the step did not run in the earlier run."""


@dataclass(frozen=True, slots=True)
class Change:
    """A step that fails, or that failed in the earlier run."""

    step: Step
    kind: ChangeKind
    before: str = ""  # status in the earlier run; empty if it did not have the step
    run: str = ""  # TR-0042: the earlier run, if several are compared


def change_of(status: str, before: str) -> ChangeKind | None:
    """Return the change from the earlier status to the present one; None if neither is a failure or the step did not run."""
    if status == "failed":
        return "still failing" if before == "failed" else "newly failing" if before in GOOD else "failing for the first time"
    return "fixed" if status in GOOD and before == "failed" else None


def numbered(keys: Iterable[K]) -> Iterator[tuple[K, int]]:
    """Yield each key with the number of equal keys before it. Equal steps of two runs are matched by their order."""
    seen: Counter[K] = Counter()
    for key in keys:
        yield key, seen[key]
        seen[key] += 1


def statuses_by_identity(steps: Iterable[Step]) -> dict[str, list[str]]:
    """Return the statuses of the steps of a run by identity line (C1), in their order."""
    found: dict[str, list[str]] = {}
    for step in steps:
        if step.identity:
            found.setdefault(step.identity, []).append(step.status)
    return found


def pairs(steps: Sequence[Step], earlier: Sequence[Step]) -> Iterator[tuple[Step, Step | None]]:
    """Yield each step with the same step of the earlier run: that with its identity line, or with its card and title."""
    known = dict(zip(numbered(map(_key, earlier)), earlier, strict=True))
    for step, key in zip(steps, numbered(map(_key, steps)), strict=True):
        yield step, known.get(key)


def changes_of(matched: Sequence[tuple[Step, Step | None]], earlier: Sequence[Step]) -> list[Change]:
    """Return the changes since an earlier run, from its steps and the result of `pairs`. It is that of `compare`."""
    has_new = any(old is None for _, old in matched)
    statuses = statuses_by_identity(earlier) if has_new else {}
    found = []
    for step, old in matched:
        before = old.status if old else _status_of_module(step, statuses)
        if kind := change_of(step.status, before):
            found.append(Change(step, kind, before))
    return found


def _key(step: Step) -> tuple[str, ...]:
    return (step.identity,) if step.identity else (step.card, step.title)


def compare(steps: Sequence[Step], earlier: Mapping[str, Sequence[str]]) -> tuple[Change, ...]:
    """Return the changes since an earlier run.

    Args:
        steps: of this run, without inner steps.
        earlier: the result of `statuses_by_identity` for the earlier run.

    """
    changes = []
    for step, (identity, n) in zip(steps, numbered(step.identity for step in steps), strict=True):
        statuses = earlier.get(identity, ())
        before = statuses[n] if n < len(statuses) else _status_of_module(step, earlier)
        if kind := change_of(step.status, before):
            changes.append(Change(step, kind, before))
    return tuple(changes)


def _status_of_module(step: Step, earlier: Mapping[str, Sequence[str]]) -> str:
    """The status of a step that the earlier run did not have, from the collection of its module.

    A run has a step for the collection of a module only if it failed; otherwise it has the tests of the module.
    """
    if step.is_collection:
        module = module_of(step.nodeid)
        return "passed" if any(is_in_module(identity, module) for identity in earlier) else ""
    collection = collection_identity_line(module_of(step.nodeid))
    return "failed" if step.status in GOOD and "failed" in earlier.get(collection, ()) else ""


# ── measurements ─────────────────────────────────────────────────────────────────────────────────────────────────────

MIN_SHIFT = 0.01
"""Smallest change of a value that is shown, as a share of the range between its limits, or of its only limit."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A measurement with a different value than in the earlier run."""

    test: str
    name: str
    now: "Series"
    before: "Series"  # in the unit of `now`
    share: float  # of the range between the present limits, or of the only limit

    @property
    def has_new_limits(self) -> bool:
        """Whether the limits changed."""
        return (self.now.low, self.now.high) != (self.before.low, self.before.high)


def shifts(now: "Mapping[tuple[str, str], Series]", before: "Mapping[tuple[str, str], Series]") -> list[Shift]:
    """Return the measurements that moved or have new limits, the largest share first. Keys: test and name.

    The worst values are compared. Without limits, a share is that of the earlier value.
    """
    found = (_shift(key, series, before[key]) for key, series in now.items() if key in before)
    return sorted(filter(None, found), key=lambda shift: -abs(shift.share))


def _shift(key: tuple[str, str], now: "Series", before: "Series") -> Shift | None:
    known = before if before.unit == now.unit else before.in_unit(now.unit)
    if known is None or now.worst is None or known.worst is None:
        return None
    a, b = known.worst.number, now.worst.number
    if a is None or b is None:
        return None
    margin_ = now.worst.margin
    scale = abs(a) if margin_ is None else abs(margin_.limit) if margin_.range is None else margin_.range
    share = (b - a) / scale if scale else 0.0
    found = Shift(*key, now, known, share)
    return found if abs(share) >= MIN_SHIFT or found.has_new_limits else None


# ── durations and properties ─────────────────────────────────────────────────────────────────────────────────────────

SLOWER_SHARE, SLOWER_S = 0.2, 0.01
"""A slower step takes longer by more than this share of the earlier duration, and so many seconds."""


def slower(steps: Iterable[tuple[Step, Step | None]]) -> list[tuple[Step, float, float]]:
    """Return the steps that took longer, with both durations in seconds; the largest increase first.

    Only good outcomes are compared: a failed test may have ended early.
    """
    found = []
    for step, earlier in steps:
        if earlier is None or step.status not in GOOD or earlier.status not in GOOD:
            continue
        now, before = step.duration_s, earlier.duration_s
        if now is not None and before is not None and now - before > max(SLOWER_SHARE * before, SLOWER_S):
            found.append((step, before, now))
    return sorted(found, key=lambda one: one[1] - one[2])


@dataclass(frozen=True, slots=True)
class Difference:
    """A property with different texts. The texts have a common start and end."""

    name: str
    start: str
    before: str
    now: str
    end: str


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Return the properties that differ, in their order. Common words at both ends of the texts are separated."""
    names = dict.fromkeys([*now, *before])
    return [_difference(name, before.get(name, ""), now.get(name, "")) for name in names if before.get(name) != now.get(name)]


def _difference(name: str, before: str, now: str) -> Difference:
    old, new = before.split(" "), now.split(" ")
    shorter = min(len(old), len(new))
    start = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    end = next((n for n in range(shorter - start) if old[-1 - n] != new[-1 - n]), shorter - start)
    return Difference(
        name,
        " ".join(old[:start]),
        " ".join(old[start : len(old) - end]),
        " ".join(new[start : len(new) - end]),
        " ".join(old[len(old) - end :]),
    )
