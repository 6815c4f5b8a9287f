"""Compute the expected cards and steps from the log of pytest-reportlog, which is independent of pytest-atlas.

Reads the JSON lines of `pytest --report-log=FILE` and the order of the collection, and no journal.
tests/support/outcomes.py has the rules of C2.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support import outcomes

Report = dict[str, Any]
Mark = Literal["", "skip", "xfail", "xpass"]
SUBTEST = "SubTestReport"
PHASES = ("setup", "call", "teardown")
_NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format (bidirectional, zero-width), surrogates, line separators


@dataclass(frozen=True)
class Step:
    """An expected step: identity (C1), status and exception note."""

    identity: str
    status: str
    note: str = ""


@dataclass
class Card:
    """An expected card with its steps in order."""

    title: str
    steps: list[Step] = field(default_factory=list)


def cards(log: Path, collected: Sequence[str], *, is_dead: bool = False) -> list[Card]:
    """Return the expected cards. `collected`: nodeids in order; `is_dead`: pytest died.

    The test that ran when pytest died is the first one in order without an end. A distributed session has no such order.
    """
    runs = _runs(log, collected)
    found: dict[str, Card] = {}
    seen: dict[str, int] = defaultdict(int)
    for nodeid in [*collected, *(name for name in runs if name not in collected)]:
        executions = runs[nodeid][seen[nodeid]] if len(runs.get(nodeid, ())) > seen[nodeid] else []
        seen[nodeid] += 1
        ended = [e for e in executions if e and e[-1] and (e[-1][-1]["when"] == "teardown" or _crashed(e))]
        died, is_dead = (is_dead and not ended), (is_dead and bool(ended))
        card = found.setdefault(card_title(nodeid), Card(card_title(nodeid)))
        card.steps += _steps(nodeid, executions, died=died)
    for nodeid in _not_collected(log):
        title = nodeid.partition("::")[0]
        found.setdefault(title, Card(title)).steps.append(Step(f"{nodeid} > collection", "failed"))
    return list(found.values())


def statuses(log: Path) -> dict[str, str]:
    """Return the expected status of each test with a report, by nodeid."""
    return {nodeid: outcomes.worst(map(_verdict, executions))[0] for nodeid, (executions, *_) in _runs(log, []).items()}


def subtests(log: Path) -> Counter[str]:
    """Count the subtests by `<nodeid> > <status>`. Supports sessions without reruns only."""
    subtests_ = (r for r in _reports(log) if r["$report_type"] == SUBTEST)
    return Counter(f"{report['nodeid']} > {_inner_verdict([report])[0]}" for report in subtests_)


def reports(log: Path) -> list[Report]:
    """Return all reports in order, without the fields that differ between sessions: times and worker ids."""
    return [
        {name: value for name, value in report.items() if name not in ("duration", "start", "stop", "worker_id", "testrun_uid")}
        for report in _reports(log)
    ]


def card_title(nodeid: str) -> str:
    """Return the class of a test, or its module."""
    return clean(nodeid.partition("[")[0].rpartition("::")[0] or nodeid)


def clean(text: str) -> str:
    """Return a message as Atlas stores it: without colours, invisible characters escaped."""
    return visible(re.sub(r"\x1b\[[\d;]*m", "", text))


def visible(text: str) -> str:
    """Return an identity as Atlas stores it: invisible characters escaped, including those of colours."""
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char in "\n\t" or (unicodedata.category(char) not in _NOT_SHOWN and char not in "\ufffe\uffff"):
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def _one_line(nodeid: str) -> str:
    return visible(nodeid).replace("\n", "\\n")


# ── from lines to attempts ───────────────────────────────────────────────────────────────────────────────────────────

Attempt = list[Report]
Execution = list[Attempt]
"""The attempts of one test in one process."""


def _reports(log: Path) -> Iterator[Report]:
    for line in log.read_text("utf-8").splitlines():
        yield json.loads(line)


def _not_collected(log: Path) -> list[str]:
    """Return the nodeids of the failed collectors, each once although every worker reports it. `gw0` is not a collector."""
    failed = (r["nodeid"] for r in _reports(log) if r["$report_type"] == "CollectReport" and r["outcome"] == "failed")
    return list(dict.fromkeys(nodeid for nodeid in failed if not re.fullmatch(r"gw\d+", nodeid)))


def _runs(log: Path, collected: Sequence[str]) -> dict[str, list[list[Execution]]]:
    """Return the executions of each test in each process, by nodeid. Several tests can have one nodeid."""
    by_test: dict[str, dict[str, list[Report]]] = defaultdict(lambda: defaultdict(list))
    for report in _reports(log):
        if report["$report_type"] in ("TestReport", SUBTEST):
            by_test[_without_group(report["nodeid"], collected)][report.get("worker_id", "")].append(report)
    return {nodeid: _distinguished(list(workers.values())) for nodeid, workers in by_test.items()}


def _without_group(nodeid: str, collected: Sequence[str]) -> str:
    """Return the nodeid without `@group`, which loadgroup appends up to pytest 9.1. Names of tests can contain an `@`."""
    cuts = [nodeid[: at.start()] for at in re.finditer("@", nodeid)]
    return next((name for name in [nodeid, *reversed(cuts)] if name in collected), nodeid)


def _distinguished(workers: Sequence[Sequence[Report]]) -> list[list[Execution]]:
    """Separate the tests with the same nodeid: one process runs them in sequence; several processes run the same test."""
    tests: list[list[Execution]] = []
    for reports in workers:
        for number, execution in enumerate(_executions(reports)):
            if number == len(tests):
                tests.append([])
            tests[number].append(execution)
    return tests


def _executions(reports: Sequence[Report]) -> Iterator[Execution]:
    execution: Execution = []
    for attempt in _attempts(reports):
        execution.append(attempt)
        if all(report["outcome"] != "rerun" for report in attempt):
            yield execution
            execution = []
    if execution:
        yield execution


def _attempts(reports: Sequence[Report]) -> Iterator[Attempt]:
    """Yield the attempts. One ends with its teardown or before the next set-up. Subtests can precede the set-up."""
    attempt: Attempt = []
    for report in reports:
        if report["when"] == "setup" and any(r["when"] == "setup" for r in attempt):
            yield attempt
            attempt = []
        attempt.append(report)
        if report["when"] not in ("setup", "call"):
            yield attempt
            attempt = []
    if attempt:
        yield attempt


# ── from attempts to steps ───────────────────────────────────────────────────────────────────────────────────────────


def _steps(nodeid: str, executions: Sequence[Execution], *, died: bool = False) -> list[Step]:
    status, note = ("failed", "") if died else outcomes.worst(map(_verdict, executions))
    return [Step(_one_line(nodeid), status, clean(note)), *_inner(nodeid, executions)]


def _crashed(execution: Execution) -> bool:
    return any(r["when"] not in PHASES and r["outcome"] == "failed" for attempt in execution for r in attempt)


def _verdict(execution: Execution) -> tuple[str, str]:
    return outcomes.outcome([_attempt(reports) for reports in execution], is_dead=_crashed(execution))


def _attempt(reports: Attempt) -> outcomes.Attempt:
    phases = [r for r in reports if r["$report_type"] == "TestReport"]
    mark, reason = next(filter(any, map(_mark, phases)), ("", ""))
    is_replaced = any(r["outcome"] == "rerun" for r in reports)
    has_failed = any(r["outcome"] == "failed" for r in reports)
    return outcomes.Attempt(
        has_failed=has_failed or is_replaced,
        is_replaced=is_replaced,
        passed=frozenset(r["when"] for r in phases if r["outcome"] == "passed"),
        mark=mark,
        reason=reason,
        failure=next((_line(r) for r in reports if r["outcome"] in ("failed", "rerun")), ""),
    )


def _mark(report: Report) -> tuple[Mark, str]:
    if "wasxfail" in report:
        return ("xfail" if report["outcome"] == "skipped" else "xpass"), report["wasxfail"].removeprefix("reason: ")
    return ("skip" if report["outcome"] == "skipped" else ""), ""


def _line(report: Report) -> str:
    shown = report.get("longrepr") or ""
    text = shown["reprcrash"]["message"] if isinstance(shown, dict) else str(shown)
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _inner(nodeid: str, executions: Sequence[Execution]) -> Iterator[Step]:
    """Yield the subtests of a test in order. With reruns, the last attempt counts; with several processes, the worst."""
    seen: dict[tuple[int, str], list[tuple[str, str]]] = defaultdict(list)
    for execution in executions:
        by_subtest: dict[tuple[int, str], list[Report]] = defaultdict(list)
        for attempt in execution:
            for number, report in enumerate((r for r in attempt if r["$report_type"] == SUBTEST), start=1):
                by_subtest[number, _title(report, number)].append(report)
        for key, reports in by_subtest.items():
            seen[key].append(_inner_verdict(reports))
    for (_, title), verdicts in sorted(seen.items(), key=lambda entry: entry[0][0]):
        status, note = outcomes.worst(verdicts)
        yield Step(f"{_one_line(nodeid)} > {visible(' '.join(title.split()))}", status, clean(note))


def _inner_verdict(reports: Sequence[Report]) -> tuple[str, str]:
    """Return the outcome of a subtest. Each of its reports is an attempt."""
    return outcomes.outcome([_inner_attempt(report) for report in reports])


def _inner_attempt(report: Report) -> outcomes.Attempt:
    has_failed = report["outcome"] == "failed"
    mark, reason = _mark(report)
    line = _line(report) if has_failed else ""
    return outcomes.Attempt(has_failed, True, frozenset({"setup", "call"}), mark, reason, line)


def _title(report: Report, number: int) -> str:
    """Return the message of a subtest, otherwise its parameters without quotes and heap addresses, otherwise its number."""
    context = report["_subtest.context"]
    if context["msg"] is not None:
        return str(context["msg"])
    values = (f"{name}={re.sub(' at 0x[0-9a-f]+', '', str(value)).strip(chr(39))}" for name, value in context["kwargs"].items())
    return ", ".join(values) or f"subtest {number}"
