"""Sections about the steps: failures by message, exceptions, and what changed since earlier runs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from pytest_atlas.atlas.statuses import label

from .markdown import bullets, capped, count, listed, number, text
from .material import Material, Step
from .outcomes import Change, Group, Since, Slower, failures, since
from .section import MOST_ROWS, Finding, Section
from .stats import LEAST_DURATIONS, SLOWER_K, SLOWER_S, SLOWER_SHARE


def sections(material: Material) -> Iterator[Section]:
    """What there is to say."""
    groups = failures(material.tests())
    if groups:
        failed = sum(len(group.steps) for group in groups)
        title = f"Failed ({failed})" if len(groups) == failed else f"Failed ({failed}, for {count(len(groups), 'reason')})"
        yield Section(title, capped(groups, MOST_ROWS, lambda some: "\n".join(map(_group, some)), "reasons"))
    noted = [step for step in material.tests() if step.status == "passed_with_exception"]
    if noted:
        yield Section(f"Passed with exception ({len(noted)})", capped(noted, MOST_ROWS, _bulleted(_noted), ""))
    yield from _since(since(material))


def name(step: Step) -> str:
    """A step and its card."""
    return f"**{text(step.card, 100)} > {text(step.title, 100)}**"


def _bulleted(words: Callable[..., str]) -> Callable[[Sequence[object]], str]:
    return lambda some: bullets(map(words, some))


def _noted(step: Step) -> str:
    return name(step) + (f": {text(step.exception)}" if step.exception else "")


def _group(group: Group) -> str:
    """A reason with its steps, or a step with its reason."""
    said = text(group.example, 300) or "no reason given"
    if len(group.steps) == 1:
        return f"- {name(group.steps[0])}: {said}"
    cards = list(dict.fromkeys(step.card for step in group.steps))
    steps = (f"  - {text(card, 100)} > {listed([s.title for s in group.steps if s.card == card])}" for card in cards[:5])
    more = [f"  - … in {count(len(cards) - 5, 'more card')}"] if len(cards) > 5 else []
    return "\n".join([f"- {len(group.steps)} × {said}", *steps, *more])


def _since(changes: Since) -> Iterator[Section]:
    if not (changes.failing or changes.passing or changes.slower):
        return
    lines = [*_changes("Newly failing", changes.failing), *_changes("Passing again", changes.passing)]
    parts = [bullets(lines), capped(changes.slower, MOST_ROWS, _bulleted(_slower), "slower")]
    findings = []
    if changes.failing:
        names = listed([change.step.title for change in changes.failing], 3)
        findings.append(Finding(20, f"**Newly failing:** {names}."))
    if changes.slower:
        findings.append(Finding(60, f"**Slower than before:** {', '.join(map(_shortly, changes.slower[:3]))}."))
    news = f"{len(changes.failing)} newly failing" if changes.failing else ""
    method = _SLOWER if changes.slower else ""
    yield Section("Since earlier runs", "\n".join(filter(None, parts)), tuple(findings), news, method)


def _changes(what: str, changes: Sequence[Change]) -> Iterator[str]:
    """A line for each earlier run and outcome, the newest first."""
    before: dict[tuple[str, str], list[str]] = defaultdict(list)
    for change in changes:
        before[change.run, change.before].append(f"{change.step.card} > {change.step.title}")
    for (run, outcome), names in sorted(before.items(), reverse=True):
        yield f"{what} ({label(outcome)} in {text(run)}): {listed(names, 10)}"


def _shortly(step: Slower) -> str:
    return f"{text(step.step.title, 80)} took {number(step.now_s, 3)} s, usually {number(step.usual_s, 3)} s"


def _slower(step: Slower) -> str:
    return f"Slower: {name(step.step)}: {number(step.now_s, 3)} s, the median of {step.n} runs is {number(step.usual_s, 3)} s"


_SLOWER = (
    f"Slower: by more than {SLOWER_K:g} MAD, {SLOWER_SHARE:.0%} of the median and {SLOWER_S} s, with {LEAST_DURATIONS} earlier "
    "runs or more, failed ones left out."
)
