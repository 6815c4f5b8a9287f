"""Compute the expected run from the journals of a session, and compare it with the run in Atlas.

Does not use the code of the publisher: events are plain dicts, and tests/support/outcomes.py has the rules of C2.
Supports one process per test, as in the journals of these tests.
"""

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.outcomes import Attempt, outcome

from pytest_atlas.atlas.models import DataFile, Run, Step

Line = dict[str, Any]


def lines_of(session: Path) -> list[Line]:
    """Return the valid events of a session. The key `source` is the name of the journal file."""
    paths = sorted(session.glob("journal*.jsonl"))
    return [{**line, "source": path.name} for path in paths for line in readable(path.read_bytes())]


def readable(journal: bytes) -> Iterator[Line]:
    """Yield the valid events of one journal. A last line without a newline is incomplete."""
    for line in journal.split(b"\n")[:-1]:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and "e" in said and isinstance(said.get("nodeid", ""), str):
            yield said


@dataclass
class Shown:
    """An expected step."""

    card: str
    title: str
    status: str
    note: str = ""
    span: tuple[float, float] | None = None
    words: tuple[str, ...] = ()  # parts of its description


@dataclass
class Truth:
    """The expected run of one session."""

    mark: str  # last line of the run description
    tests: int = 0
    cards: list[str] = field(default_factory=list)  # titles
    order: list[str] = field(default_factory=list)  # identity lines of the planned tests
    steps: dict[str, list[Shown]] = field(default_factory=lambda: defaultdict(list))  # by identity line
    files: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # place, name, hash of the content
    measured: dict[str, Counter[tuple[str, str, str]]] = field(default_factory=dict)  # card -> test, name, value
    reports: int = 0

    @property
    def records(self) -> int:
        """Return the number of entities: the run, its cards, steps, data files and reports."""
        steps = sum(map(len, self.steps.values()))
        return 1 + len(self.cards) + steps + sum(self.files.values()) + len(self.measured) + self.reports


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _EventsByTest:
    """The events of a session, grouped by test."""

    def __init__(self, lines: Iterable[Line], session: Path) -> None:
        self.lines = list(lines)
        self.session_folder = session
        self.session = next(line for line in self.lines if line["e"] == "session")
        self.died = not any(line["e"] == "finish" for line in self.lines)
        self.crashed = {line["nodeid"] for line in self.lines if line["e"] == "crash"}
        self.planned: dict[str, tuple[str, str]] = {}  # nodeid -> card, title
        sources = [line["source"] for line in self.lines if line["e"] == "planned"]
        if sources:
            self._take_plan(sources[0])
        self.about: dict[str, list[Line]] = {nodeid: [] for nodeid in self.planned}
        for line in self.lines:
            if line.get("nodeid") and line["e"] not in ("crash", "collection"):
                self.about.setdefault(line["nodeid"], []).append(line)

    def _take_plan(self, source: str) -> None:
        cards: list[Line] = []
        for part in (line for line in self.lines if line["e"] == "plan" and line["source"] == source):
            cards += part.get("cards", [])
            for test in part.get("tests", []):
                card = cards[test["card"]]["name"] if test["card"] < len(cards) else test["nodeid"].partition("::")[0]
                self.planned.setdefault(test["nodeid"], (card, test.get("title") or test["name"]))

    def place(self, nodeid: str) -> tuple[str, str]:
        """Return the card and the title of a test: from the plan, otherwise from its nodeid."""
        return self.planned.get(nodeid) or (nodeid.partition("::")[0], nodeid.partition("::")[2])


def truth(lines: Iterable[Line], session: Path) -> Truth | None:
    """Return the expected run of a session that has ended or whose pytest died; None if there is no run."""
    events = list(lines)
    if not any(line["e"] == "session" for line in events):
        return None
    grouped = _EventsByTest(events, session)
    if not grouped.about and not any(line["e"] == "collection" for line in events):
        return None
    it = Truth(f"pytest-atlas: {grouped.session['key']}", len(grouped.about))
    it.order = [f"pytest: {nodeid}" for nodeid in grouped.planned]
    for nodeid, said in grouped.about.items():
        _tell_test(it, grouped, nodeid, said)
    for line in grouped.lines:
        if line["e"] == "collection" and f"pytest: {line['nodeid']} > collection" not in it.steps:
            it.steps[f"pytest: {line['nodeid']} > collection"] = [Shown(line["nodeid"], "collection", "failed")]
        if line["e"] == "file" and not line.get("nodeid"):
            it.files[line["card"]["name"] if "card" in line else "", line["name"], _content(grouped, line)] += 1
    cards = [card for card, _ in grouped.planned.values()]
    cards += [shown.card for steps in it.steps.values() for shown in steps]
    cards += [line["card"]["name"] for line in grouped.lines if line["e"] == "file" and "card" in line]
    it.cards = list(dict.fromkeys(cards))
    _tell_reports(it, grouped.session.get("report", ""))
    return it


def _tell_reports(it: Truth, scope: str) -> None:
    failed = [shown for steps in it.steps.values() for shown in steps if shown.status == "failed"]
    counts = {"": 0, "run": 1, "step": len(failed), "card": len({shown.card for shown in failed})}
    it.reports = counts[scope]


def _content(grouped: _EventsByTest, line: Line) -> str:
    return sha((grouped.session_folder / line["path"]).read_bytes())


# ── a test ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell_test(it: Truth, grouped: _EventsByTest, nodeid: str, said: list[Line]) -> None:
    card, title = grouped.place(nodeid)
    mark = f"pytest: {nodeid}"
    end = next((line for line in reversed(said) if line["e"] == "end"), None)
    died = bool(said) and end is None and (grouped.died or nodeid in grouped.crashed)
    last = max([line.get("attempt", 1) for line in said if line["e"] in ("phase", "subtest", "end")], default=1)
    status, note = _outcome(said, end, last, died=died)
    start = next((line for line in said if line["e"] == "start"), None)
    whole = start and end and status != "todo" and said[0] is start
    span = (start["at"], end["at"]) if whole and start and end else None
    failures = [line["message"] for line in said if line["e"] == "phase" and line["outcome"] in ("failed", "rerun")]
    it.steps[mark].append(Shown(card, title, status, note, span, tuple(failures)))
    inner = _tell_inner(it, said, card, mark, died=died)
    for key in {(line["name"], line["path"], line.get("step", 0)) for line in said if line["e"] == "file"}:
        name, path, step = key
        it.files[inner.get(step, mark), name, sha((grouped.session_folder / path).read_bytes())] += 1
    rows = Counter(
        (nodeid, line["name"], value)
        for line in said
        if line["e"] == "measure" and line.get("attempt", 1) == last
        for value in line["values"]
    )
    if any(line["e"] == "measure" for line in said):
        it.measured.setdefault(card, Counter()).update(rows)


def _outcome(said: list[Line], end: Line | None, last: int, *, died: bool) -> tuple[str, str]:
    attempts = [_attempt([line for line in said if line.get("attempt", 1) == n], end) for n in range(1, last + 1)]
    return outcome(attempts, is_dead=died, has_ended=end is not None)


def _attempt(lines: list[Line], end: Line | None) -> Attempt:
    """Return one attempt. The event `end` names the phases that passed in the last one."""
    phases = [line for line in lines if line["e"] == "phase"]
    reports = [line for line in lines if line["e"] == "subtest"] + phases
    failures = [line for line in reports if line["outcome"] in ("failed", "rerun")]
    mark = next((line for line in phases if "xfail" in line or line["outcome"] == "skipped"), None)
    passed = (end or {}).get("passed", ("setup", "call", "teardown"))
    measured = [line for line in lines if line["e"] == "measure"]
    notes = [line["text"] for line in lines if line["e"] == "note" and line["kind"] == "exception"]
    notes += [f"{line['name']} waived: {line['waived']}" for line in measured if line["verdict"] == "waived"]
    return Attempt(
        has_failed=bool(failures),
        is_replaced=any(line["outcome"] == "rerun" for line in phases),
        passed=frozenset({*passed, *(line["when"] for line in phases if line["outcome"] == "passed")}),
        mark="" if mark is None else "skip" if "xfail" not in mark else "xfail" if mark["outcome"] == "skipped" else "xpass",
        reason=mark.get("xfail", "") if mark else "",
        failure=failures[0]["message"].partition("\n")[0] if failures else "",
        is_out_of_limit=any(line["verdict"] == "fail" for line in measured),
        notes=tuple(notes),
    )


def _tell_inner(it: Truth, said: list[Line], card: str, mark: str, *, died: bool) -> dict[int, str]:
    """Add the inner steps of a test. Return their identity lines by ordinal."""
    marks: dict[int, str] = {}
    reports: dict[tuple[int, str], list[str]] = {}
    for line in said:
        if line["e"] == "subtest":
            title = line.get("title") or f"subtest {line['ordinal']}"
            reports.setdefault((line["ordinal"], title), []).append(line["outcome"])
            marks.setdefault(line["ordinal"], f"{mark} > {title}")
        if line["e"] == "step":
            closed = [c for c in said if c["e"] == "step end" and _same_step(c, line)]
            outcome = [closed[0].get("outcome", "passed")] if closed else ["failed"] if died else []
            reports.setdefault((line["ordinal"], line["title"]), []).extend(outcome)
            around = [s for s in said if s["e"] == "step" and s["ordinal"] == line.get("inside", 0) and _same_attempt(s, line)]
            path = f"{marks[around[0]['ordinal']]} > {line['title']}" if around else f"{mark} > {line['title']}"
            marks.setdefault(line["ordinal"], path)
    for (ordinal, title), outcomes in reports.items():
        status = _inner_status(outcomes)
        it.steps[marks[ordinal]].append(Shown(card, title, status))
    return marks


def _inner_status(results: list[str]) -> str:
    passed = frozenset({"setup", "call"})
    attempts = [Attempt(result == "failed", True, passed, "skip" if result == "skipped" else "") for result in results]
    return outcome(attempts)[0]


def _same_step(a: Line, b: Line) -> bool:
    return bool(a["ordinal"] == b["ordinal"]) and _same_attempt(a, b)


def _same_attempt(a: Line, b: Line) -> bool:
    return bool(a.get("attempt", 1) == b.get("attempt", 1))


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Verdict:
    """The result of a comparison."""

    recorded: int = 0  # expected entities
    there: int = 0  # expected entities that Atlas has with the correct value
    twins: int = 0  # duplicates
    problems: list[str] = field(default_factory=list)

    @property
    def totals(self) -> Counter[str]:
        """Return the numbers for `totals.give`."""
        return Counter({"records due in Atlas": self.recorded, "records in Atlas": self.there, "duplicates": self.twins})


def last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]


def compare(want: Truth, runs: Iterable[Run], content: Callable[[str], bytes]) -> Verdict:
    """Check that each entity exists once and has the correct value. `content` reads an object by its URL."""
    verdict = Verdict(recorded=want.records)
    ours = [run for run in runs if last_line(run.description) == want.mark]
    _once(verdict, "run", want.mark, 1, len(ours))
    for run in ours[:1]:
        _compare_run(verdict, want, run)
        _compare_files(verdict, want, run, content)
        _once(verdict, "report", "in all", want.reports, len(run.reports))
    return verdict


def _once(verdict: Verdict, kind: str, name: str, wanted: int, found: int) -> None:
    verdict.there += min(wanted, found)
    verdict.twins += max(0, found - wanted)
    if wanted != found:
        verdict.problems.append(f"{kind} {name!r}: {found} in Atlas, {wanted} recorded")


def _compare_run(verdict: Verdict, want: Truth, run: Run) -> None:
    if (f"{want.tests} test" if want.tests else "No tests") not in run.description:
        verdict.problems.append(f"the run summary does not count {want.tests} tests: {run.description!r}")
    cards = Counter(card.title for card in run.test_cards)
    for title in {*cards, *want.cards}:
        _once(verdict, "card", title, want.cards.count(title), cards[title])
    found: dict[str, list[tuple[str, Step]]] = defaultdict(list)
    for card in run.test_cards:
        for step in card.test_steps:
            found[last_line(step.description)].append((card.title, step))
    for mark in dict.fromkeys([*want.steps, *found]):
        wanted, there = want.steps.get(mark, []), found[mark]
        _once(verdict, "step", mark, len(wanted), len(there))
        by_order = sorted(there, key=lambda each: each[1].order or 0)
        for shown, (title, step) in zip(wanted, by_order, strict=False):
            verdict.problems += [f"step {mark!r}: {problem}" for problem in _wrong(shown, title, step)]
    for title in want.cards:
        here = [s for c in run.test_cards if c.title == title for s in sorted(c.test_steps, key=lambda s: s.order or 0)]
        marks = [mark for s in here if (mark := last_line(s.description)) in want.order]
        planned = [mark for mark in want.order if mark in marks]
        if list(dict.fromkeys(marks)) != planned:
            verdict.problems.append(f"card {title!r}: steps in the order {marks}, planned {planned}")


def _wrong(want: Shown, card: str, step: Step) -> Iterator[str]:
    if card != want.card:
        yield f"in card {card!r}, not {want.card!r}"
    if (step.title, step.execution_status) != (want.title, want.status):
        yield f"shows {step.title!r} {step.execution_status}, not {want.title!r} {want.status}"
    if want.status == "passed_with_exception" and any(n not in (step.exception or "") for n in want.note.split("; ")):
        yield f"noted {step.exception!r}, not {want.note!r}"
    if want.span and not _is_span(want.span, step):
        yield f"from {step.started_at} to {step.ended_at}, not {want.span}"
    yield from (f"the description lacks {word!r}" for word in want.words if word not in step.description)


def _is_span(span: tuple[float, float], step: Step) -> bool:
    """Return whether the step has these times. Atlas stores microseconds."""
    times = (step.started_at, step.ended_at)
    return all(time is not None and abs(_seconds(time) - want) < 2e-6 for time, want in zip(times, span, strict=True))


def _seconds(time: datetime) -> float:
    return time.astimezone(UTC).timestamp()


def _compare_files(verdict: Verdict, want: Truth, run: Run, content: Callable[[str], bytes]) -> None:
    found: Counter[tuple[str, str, str]] = Counter()
    tables: dict[str, list[DataFile]] = defaultdict(list)
    for place, file in _files(run):
        if file.file_name == "measurements.csv":
            tables[place].append(file)
        else:
            found[place, file.file_name, sha(content(file.s3_url))] += 1
    for key in {*found, *want.files}:
        _once(verdict, "file", f"{key[1]} at {key[0] or 'the run'} ({key[2][:8]})", want.files[key], found[key])
    for card in {*tables, *want.measured}:
        _once(verdict, "measurements of", card, int(card in want.measured), len(tables[card]))
        rows: Counter[tuple[str, str, str]] = Counter()
        for file in tables[card][:1]:
            read = csv.DictReader(io.StringIO(content(file.s3_url).decode()))
            rows.update((row["test"], row["name"], row["value"]) for row in read if row["valid"] == "true")
        if rows != want.measured.get(card, Counter()):
            verdict.problems.append(f"measurements of {card!r}: {rows}, recorded {want.measured.get(card)}")


def _files(run: Run) -> Iterator[tuple[str, DataFile]]:
    """Yield every data file with its place: identity line of the step, title of the card, or an empty text for the run."""
    below: set[str] = set()
    for card in run.test_cards:
        for step in card.test_steps:
            below |= {file.uuid for file in step.test_data}
            yield from ((last_line(step.description), file) for file in step.test_data)
    for card in run.test_cards:
        for file in card.test_data:
            if file.uuid not in below:
                below.add(file.uuid)
                yield card.title, file
    yield from (("", file) for file in run.test_data if file.uuid not in below)
