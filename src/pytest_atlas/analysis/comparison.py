"""Compare the outcomes of a run with those of an earlier run, step by step. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from pytest_atlas.atlas.statuses import GOOD
from pytest_atlas.descriptions import collection_identity_line, is_in_module, module_of

from .inputs import Step

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
