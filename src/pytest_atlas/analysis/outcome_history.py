"""The history of a test: its outcomes and durations in earlier runs of the same system. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median

from pytest_atlas.atlas.statuses import GOOD, label

from .comparison import Change, change_of, numbered
from .failures import step_name
from .inputs import PastStep, Step
from .markdown import MAX_ROWS, Highlight, Section, bullets, capped, listed, names, number, path, prose
from .stats import mad

MIN_DURATIONS = 5
"""Fewest earlier durations for a comparison with them."""
SLOWER_K, SLOWER_SHARE, SLOWER_S = 5.0, 0.2, 0.1
"""A slower test exceeds the median duration by more than so many MADs, this share of the median, and so many seconds."""


@dataclass(frozen=True, slots=True)
class StepHistory:
    """A step, and the same step in earlier runs in which it ran, oldest first."""

    step: Step
    earlier: tuple[PastStep, ...]


@dataclass(frozen=True, slots=True)
class Slower:
    """A step that took longer than in earlier runs."""

    step: Step
    usual_s: float  # median of the earlier runs
    now_s: float
    n: int  # number of earlier runs


@dataclass(frozen=True, slots=True)
class OutcomeChanges:
    """The differences from earlier runs."""

    newly_failing: tuple[Change, ...]
    fixed: tuple[Change, ...]
    slower: tuple[Slower, ...]  # the largest increase first


def step_histories(steps: Sequence[Step], past: Sequence[PastStep]) -> list[StepHistory]:
    """Match each step with the steps of earlier runs that have the same card, title and position among equal ones."""
    ran: dict[tuple[str, str, int], list[PastStep]] = defaultdict(list)
    for past_step, (_, n) in zip(past, numbered((p.run, p.card, p.title) for p in past), strict=True):
        if past_step.status != "todo":
            ran[past_step.card, past_step.title, n].append(past_step)
    positions = numbered((step.card, step.title) for step in steps)
    return [StepHistory(step, tuple(ran.get((*key, n), ()))) for step, (key, n) in zip(steps, positions, strict=True)]


def outcome_changes(histories: Iterable[StepHistory]) -> OutcomeChanges:
    """Compare the outcome of each step with the last run in which it ran, and its duration with all earlier runs."""
    histories = [history for history in histories if history.earlier]
    changes = [_change(history) for history in histories]
    slower = [found for history in histories if (found := _slower(history))]
    return OutcomeChanges(
        newly_failing=tuple(change for change in changes if change and change.kind == "newly failing"),
        fixed=tuple(change for change in changes if change and change.kind == "fixed"),
        slower=tuple(sorted(slower, key=lambda found: found.usual_s / found.now_s)),
    )


def _change(history: StepHistory) -> Change | None:
    last = history.earlier[-1]
    kind = change_of(history.step.status, last.status)
    return Change(history.step, kind, last.status, last.run) if kind else None


def _slower(history: StepHistory) -> Slower | None:
    # A failed test may have ended early, so its duration is not comparable.
    durations = [past.duration_s for past in history.earlier if past.duration_s is not None and past.status in GOOD]
    now = history.step.duration_s
    usual = usual_if_slower(now, durations) if now is not None else None
    return Slower(history.step, usual, now, len(durations)) if now is not None and usual is not None else None


def failing_runs(statuses: Iterable[str]) -> int:
    """Return in how many runs a test has failed until now. `statuses`: newest first; runs without an outcome are skipped."""
    ran = (status for status in statuses if status not in ("todo", "running"))
    return sum(1 for _ in takewhile(lambda status: status == "failed", ran))


def usual_if_slower(duration_s: float, earlier_s: Sequence[float]) -> float | None:
    """Return the median of the earlier durations if this one is clearly longer, else None."""
    if len(earlier_s) < MIN_DURATIONS:
        return None
    usual = median(earlier_s)
    allowance = max(SLOWER_K * mad(earlier_s), SLOWER_SHARE * usual, SLOWER_S)
    return usual if duration_s > usual + allowance else None


def outcome_changes_section(changes: OutcomeChanges) -> Section | None:
    """Return the report section about differences from earlier runs; None without any."""
    if not (changes.newly_failing or changes.fixed or changes.slower):
        return None
    lines = [*_lines("Newly failing", changes.newly_failing), *_lines("Passing again", changes.fixed)]
    parts = [bullets(lines), capped(list(map(_slower_line, changes.slower)), MAX_ROWS, bullets, "slower")]
    highlights = []
    if changes.newly_failing:
        titles = names([change.step.title for change in changes.newly_failing], 3)
        highlights.append(Highlight(20, f"**Newly failing:** {titles}."))
    if changes.slower:
        shortly = (
            f"{prose(s.step.title, 80)} took {_seconds(s.now_s)}, usually {_seconds(s.usual_s)}" for s in changes.slower[:3]
        )
        highlights.append(Highlight(60, f"**Slower than before:** {', '.join(shortly)}."))
    return Section(
        "Since earlier runs",
        "\n".join(filter(None, parts)),
        highlights=tuple(highlights),
        summary=f"{len(changes.newly_failing)} newly failing" if changes.newly_failing else "",
        method=_SLOWER if changes.slower else "",
    )


def _lines(label_: str, changes: Sequence[Change]) -> Iterator[str]:
    """One line for each earlier run and status, the newest run first."""
    steps: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in changes:
        steps[change.run, change.before].append(path((change.step.card, change.step.title)))
    for (run, before), found in sorted(steps.items(), reverse=True):
        yield f"{label_} ({label(before)} in {prose(run)}): {listed(found, 10)}"


def _slower_line(found: Slower) -> str:
    usual = f"the median of {found.n} runs is {_seconds(found.usual_s)}"
    return f"Slower: {step_name(found.step)}: {_seconds(found.now_s)}, {usual}"


def _seconds(seconds: float) -> str:
    return f"{number(seconds, 3)} s"


_SLOWER = (
    f"Slower: by more than {SLOWER_K:g} MAD, {SLOWER_SHARE:.0%} of the median and {SLOWER_S} s, with {MIN_DURATIONS} earlier "
    "runs or more, without failed ones."
)
