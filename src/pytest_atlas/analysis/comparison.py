"""What has changed since the last run of the same job: newly failing, failing as before, fixed. Pure."""

from collections import defaultdict
from dataclasses import dataclass, field

from pytest_atlas.atlas.statuses import GOOD
from pytest_atlas.journal.baseline import Baseline
from pytest_atlas.session import desired
from pytest_atlas.session.model import Collection, InnerStep
from pytest_atlas.session.state import SessionState
from pytest_atlas.session.texts import step_mark


@dataclass(slots=True)
class Changes:
    """Keys of tests and collections, by what has changed."""

    newly: list[str] = field(default_factory=list)  # it had passed there
    first: list[str] = field(default_factory=list)  # it fails, and had not run there
    still: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)


def changes(facts: SessionState, previous: Baseline) -> Changes:
    """Compare with the earlier run. Steps with the same line are told apart by their order."""
    found = Changes()
    seen: defaultdict[str, int] = defaultdict(int)
    for key, step in facts.steps.items():
        if isinstance(step, InnerStep):
            continue
        entity = desired.step(facts, key)
        statuses, place = previous.statuses.get(entity.identity_line, []), seen[entity.identity_line]
        seen[entity.identity_line] += 1
        before = statuses[place] if place < len(statuses) else ""
        if isinstance(step, Collection):
            before = before or _modules_status(previous, step.event.nodeid)
        now = entity.status
        if now == "failed":
            (found.still if before == "failed" else found.newly if before in GOOD else found.first).append(key)
        elif now in GOOD and (before == "failed" or (not before and _was_not_collected(previous, entity.identity_line))):
            found.fixed.append(key)
    return found


def _modules_status(previous: Baseline, nodeid: str) -> str:
    """A collection that did not fail has no step: its tests tell that it went well."""
    return "passed" if any(mark.startswith(step_mark(f"{nodeid}::")) for mark in previous.statuses) else ""


def _was_not_collected(previous: Baseline, mark: str) -> bool:
    """Whether the test's module failed there as a whole."""
    module = mark.partition("::")[0]
    return "failed" in previous.statuses.get(f"{module} > collection", [])
