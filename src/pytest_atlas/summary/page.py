"""The page: what failed and by how much comes first, then what has changed, what is pending, and the rest. Pure.

Every part has its own most bytes, so the page is bounded whatever a session holds; what is cut is counted where it is missing.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_atlas.analysis import margins
from pytest_atlas.analysis.comparison import Changes, changes
from pytest_atlas.analysis.failures import Failed, failures
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.baseline import Baseline
from pytest_atlas.journal.status import Status
from pytest_atlas.session import desired, measurement_texts, run_summary
from pytest_atlas.session.model import InnerStep
from pytest_atlas.session.state import SessionState

from .markdown import Part, bold, clip, code, details, fence, head, prose, row

LIMIT = 60_000
"""Most bytes of a page. A comment on GitHub takes 65,536 characters, a step's summary 1 MiB, which sessions may share."""
WHY = 3
"""Most reasons in one line of the overview."""
OK, BAD, ODD = "✅", "❌", "⚠️"


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that the page is made of."""

    facts: SessionState
    status: Status | None = None  # the publisher's last word, where there was a publisher
    previous: Baseline | None = None
    pending: Sequence[str] = ()  # lines on what is not in Atlas and how it gets there
    is_running: bool = False

    @cached_property
    def changes(self) -> Changes | None:
        """What has changed since the earlier run; None where there is none."""
        return changes(self.facts, self.previous) if self.previous else None

    @cached_property
    def failed(self) -> list[Failed]:
        """What failed, the new first."""
        found = self.changes
        rank = {key: rank for rank, keys in enumerate((found.newly, found.first, found.still)) for key in keys} if found else {}
        return sorted(failures(self.facts), key=lambda failed: rank.get(failed.key, 0))

    @cached_property
    def counts(self) -> Counter[str]:
        """How many tests ended how."""
        return Counter(run_summary.word(self.facts, test) for test in self.facts.tests())

    @property
    def before(self) -> str:
        """What the earlier run is called, as Markdown."""
        return prose(self.previous.run_ref or self.previous.title or self.previous.run_id, 40) if self.previous else ""

    def title(self, key: str) -> str:
        """The title of a step."""
        return desired.entity(self.facts, key).title

    def card(self, key: str) -> str:
        """The title of a step's card."""
        return desired.entity(self.facts, desired.parent(self.facts, key)).title


def page(known: Known) -> str:
    """The page, with a newline at its end."""
    parts: list[object] = [
        f"## {_heading(known)}",
        _counts(known),
        "  \n".join(_run(known)),
        _since(known),
        Part(items=list(_overview(known)), what="failed steps", most=12_000, above=_overview_head(known)),
        Part(items=[f"> {ODD} {_remark(line)}" for line in known.pending], what="remarks", most=4_000, glue="\n>\n"),
        Part(items=list(map(_details, known.failed)), what="failed steps with details", most=20_000, glue="\n\n"),
        Part(items=list(_exceptions(known)), what="exceptions", most=8_000, above="### Passed with exception\n"),
        Part(items=list(_fixed(known)), what="fixed steps", most=4_000, above=f"### Fixed since {known.before}\n"),
        Part(items=list(_reports(known)), what="reports", most=5_000, above="### Analysis\n"),
        _environment(known),
    ]
    return "\n\n".join(text for part in parts if (text := str(part))) + "\n"


# ── the top ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _heading(known: Known) -> str:
    sign, words = _verdict(known)
    title = known.facts.session.title if known.facts.session else ""
    return f"{sign} {words}" + (f" · {prose(title)}" if title else "")


def _verdict(known: Known) -> tuple[str, str]:
    facts, counts = known.facts, known.counts
    total, failed = sum(counts.values()), counts["failed"] + counts["died"]
    uncollected = sum(1 for f in known.failed if f.key.startswith("collection:"))
    status = facts.ended.exit_status if facts.ended else 0
    if known.is_running:
        return "⏳", f"{_tests(total)}, still running"
    said = [f"{failed} of {_tests(total)} failed"] if failed else []
    said += [f"{uncollected} collection error{'s' * (uncollected != 1)}"] if uncollected else []
    said += ["pytest died"] if facts.died else []
    said += ["interrupted"] if facts.interrupted else []
    if not said and status not in (0, 5):
        said = [run_summary.EXIT_STATUS.get(status, f"exit status {status}")]
    if said:
        return BAD, ", ".join(said)
    ran = total - counts["not run"] - counts["skipped"]
    if not ran:
        return ODD, "no tests ran"
    return OK, f"{_tests(ran)} passed"


def _tests(count: int) -> str:
    return f"{count} test{'s' * (count != 1)}"


def _counts(known: Known) -> str:
    """How many ended how, and how long it took."""
    counts, facts = known.counts, known.facts
    told = [f"{counts[name]} {name}" for name in run_summary.ORDER if counts[name]]
    took = [duration(facts.ended.at - facts.session.at)] if facts.ended and facts.session else []
    status = facts.ended.exit_status if facts.ended else None
    exit_status = [] if status is None else [f"exit status {status}"]
    return " · ".join([", ".join(told), *took, *exit_status] if told else [*took, *exit_status])


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 12 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _run(known: Known) -> Iterator[str]:
    """Which run it is, and where. The API documents no page of a run that could be linked to, so none is made up."""
    if known.status is None or not known.status.run_id:
        return
    atlas = _link(known.status.atlas) or prose(known.status.atlas)
    yield f"Run {bold(prose(known.status.run_ref or known.status.run_id, 40))} in {atlas}"
    if known.status.look:
        yield f"See it with {code(known.status.look)}"


def _link(address: str) -> str:
    """A link to a plain address; empty for anything else."""
    return f"<{address}>" if re.fullmatch(r"https?://[\w.-]+(:\d+)?(/[\w./?=%-]*)?", address, re.ASCII) else ""


COMMAND = "pytest-atlas "


def _remark(line: str) -> str:
    """A line that ends with a command has it to be copied."""
    words, found, command = line.partition(f": {COMMAND}")
    return f"{prose(words)}: {code(f'{COMMAND}{command}', 500)}" if found else prose(line, 500)


def _since(known: Known) -> str:
    """What has changed, in one line."""
    if known.changes is None:
        return ""
    found = known.changes
    counted = (
        (len(found.newly), "newly failing"),
        (len(found.first), "failing that did not run there"),
        (len(found.still), "failing as before"),
        (len(found.fixed), "fixed"),
    )
    told = [bold(f"{count} {words}") if words == "newly failing" else f"{count} {words}" for count, words in counted if count]
    return f"Since {known.before}, the job's last run: {', '.join(told) or 'nothing has changed'}"


# ── what failed ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _overview_head(known: Known) -> str:
    return head(["Failed", "What", *([f"Since {known.before}"] if known.changes else [])])


def _overview(known: Known) -> Iterator[str]:
    for failed in known.failed:
        since = []
        if known.changes:
            words = (("**new**", known.changes.newly), ("did not run", known.changes.first), ("as before", known.changes.still))
            since = [next((word for word, keys in words if failed.key in keys), "")]
        yield row([f"{bold(prose(failed.title, 110))} <br>{prose(failed.card, 150)}", _why(failed), *since])


def _why(failed: Failed) -> str:
    reasons = [_violation(m) for m in margins.by_urgency(failed.violations)]
    reasons += [prose(said.line, 240) for said in failed.others]
    more = [f"… and {len(reasons) - WHY} more"] if len(reasons) > WHY else []
    return "<br>".join([*reasons[:WHY], *more])


def _violation(m: ev.Measured) -> str:
    """`trip time 111.6 ms, allowed ≤ 100 ms: **11.6 ms above**`."""
    value = clip(measurement_texts.values_of(m), 80)
    limits = prose(measurement_texts.limits_of(m), 80)
    return f"{prose(m.name, 80)} {prose(value)}, allowed {limits}: {bold(prose(margins.words(m)))}"


def _details(failed: Failed) -> str:
    """A failed step in full: where, what it said, what was measured."""
    said = [
        f"{prose(said.where, 150)}{f' at {code(said.place)}' if said.place else ''}\n\n"
        f"{fence(measurement_texts.plain(said.message))}"
        for said in failed.said[:WHY]
    ]
    said += [f"… and {len(failed.said) - WHY} more failures of it"] if len(failed.said) > WHY else []
    inner = [f"Failed inside: {prose(', '.join(failed.inner), 400)}"] if failed.inner else []
    body = "\n\n".join([f"Test {code(failed.nodeid)}", *(f"Failed in {text}" if text[:1] != "…" else text for text in said)])
    return details(prose(failed.title, 110), "\n\n".join([body, *inner, *_table(failed)]))


MOST_MEASUREMENTS = 25


def _table(failed: Failed) -> list[str]:
    inside = {id(m): title for title, m in failed.measured}
    measured = margins.by_urgency(m for _, m in failed.measured)
    rows = [_measured(m, inside[id(m)]) for m in measured[:MOST_MEASUREMENTS]]
    more = [f"… and {len(measured) - MOST_MEASUREMENTS} more measurements"] if len(measured) > MOST_MEASUREMENTS else []
    return ["\n".join([head(["Measurement", "Value", "Limits", "Margin"]), *rows]), *more] if rows else []


def _measured(m: ev.Measured, step: str) -> str:
    name = prose(f"{step}: {m.name}" if step else m.name, 120)
    margin = prose(margins.words(m))
    sign = {"fail": f"{BAD} ", "waived": f"{ODD} "}.get(m.verdict, "")
    waived = f", waived: {prose(m.waived)}" if m.verdict == "waived" else ""
    return row(
        [
            name,
            prose(clip(measurement_texts.values_of(m), 120)),
            prose(measurement_texts.limits_of(m)),
            f"{sign}{margin}{waived}",
        ]
    )


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _exceptions(known: Known) -> Iterator[str]:
    seen: dict[str, str] = {}  # a test's note, which the steps inside it may repeat
    for key, step in known.facts.steps.items():
        wanted = desired.step(known.facts, key)
        if wanted.status != "passed_with_exception":
            continue
        note = seen[key] = wanted.exception
        if not isinstance(step, InnerStep) or note not in seen.get(step.test.key, ""):
            yield f"* {bold(prose(wanted.title, 110))} ({prose(known.card(key), 150)}): {prose(note, 400)}"


def _fixed(known: Known) -> Iterator[str]:
    for key in known.changes.fixed if known.changes else ():
        yield f"* {bold(prose(known.title(key), 110))} ({prose(known.card(key), 150)})"


def _reports(known: Known) -> Iterator[str]:
    for line in known.status.reports if known.status else ():
        yield f"* {prose(line, 1500)}"


def _environment(known: Known) -> str:
    session = known.facts.session
    if session is None:
        return ""
    lines = {"Job": session.job, **session.environment, "Atlas system": session.system_id, "Session": session.session}
    rows = [row([prose(label, 40), _link(text) or code(text)]) for label, text in lines.items() if text]
    return details("Where it ran", str(Part(items=rows, what="lines", most=4_000, above=head(["", ""]))))
