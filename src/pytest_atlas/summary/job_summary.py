"""Render the findings about a session as Markdown: failures first, then changes, pending entities and the environment. Pure.

Each part has a maximum size, so the whole summary is limited, whatever a session contains. Each part states the number of
items that it leaves out.
"""

import re
from collections.abc import Iterator

from pytest_atlas.analysis.comparison import ChangeKind
from pytest_atlas.analysis.failures import Failure
from pytest_atlas.analysis.inputs import Step
from pytest_atlas.analysis.margins import Measurement
from pytest_atlas.analysis.markdown import SizedList, bold, code, code_block, details, prose, row, table_head
from pytest_atlas.session import run_summary

from .findings import SessionFindings

MAX_BYTES = 60_000
"""Largest summary. A comment on GitHub has at most 65,536 characters, a step summary 1 MiB, which sessions can share."""
MAX_REASONS = 3
"""Most reasons for one failure."""
MAX_MEASUREMENTS = 25
"""Most measurements in the details of one failure."""
PASSED, FAILED, WARNING = "✅", "❌", "⚠️"


def render(findings: SessionFindings) -> str:
    """Return the job summary, with a newline at its end."""
    parts: list[object] = [
        f"## {_heading(findings)}",
        _counts(findings),
        "  \n".join(_run(findings)),
        _changes(findings),
        SizedList(items=list(_overview(findings)), noun="failed steps", max_bytes=12_000, head=_overview_head(findings)),
        SizedList(items=list(_pending(findings)), noun="remarks", max_bytes=4_000, separator="\n>\n"),
        SizedList(
            items=list(map(_details, findings.failures)),
            noun="failed steps with details",
            max_bytes=20_000,
            separator="\n\n",
        ),
        SizedList(
            items=[f"* {_step(step)}: {prose(step.exception or '', 400)}" for step in findings.exceptions],
            noun="exceptions",
            max_bytes=8_000,
            head="### Passed with exception\n",
        ),
        SizedList(
            items=[f"* {_step(change.step)}" for change in findings.changed("fixed")],
            noun="fixed steps",
            max_bytes=4_000,
            head=f"### Fixed since {_previous(findings)}\n",
        ),
        SizedList(items=list(_reports(findings)), noun="reports", max_bytes=5_000, head="### Analysis\n"),
        _environment(findings),
    ]
    return "\n\n".join(text for part in parts if (text := str(part))) + "\n"


def _step(step: Step) -> str:
    return f"{bold(prose(step.title, 110))} ({prose(step.card, 150)})"


def _previous(findings: SessionFindings) -> str:
    """The name of the earlier run, as Markdown."""
    previous = findings.previous
    return prose(previous.run_ref or previous.title or previous.run_id, 40) if previous else ""


# ── heading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _heading(findings: SessionFindings) -> str:
    sign, verdict = _verdict(findings)
    title = findings.state.session.title if findings.state.session else ""
    return f"{sign} {verdict}" + (f" · {prose(title)}" if title else "")


def _verdict(findings: SessionFindings) -> tuple[str, str]:
    state, counts = findings.state, findings.counts
    total, failed = sum(counts.values()), counts["failed"] + counts["died"]
    if findings.is_running:
        return "⏳", f"{_tests(total)}, still running"
    not_collected = sum(failure.step.is_collection for failure in findings.failures)
    exit_status = state.ended.exit_status if state.ended else 0
    problems = [f"{failed} of {_tests(total)} failed"] if failed else []
    problems += [f"{not_collected} collection error{'s' * (not_collected != 1)}"] if not_collected else []
    problems += ["pytest died"] if state.died else []
    problems += ["interrupted"] if state.interrupted else []
    if not problems and exit_status not in (0, 5):
        problems = [run_summary.EXIT_STATUS.get(exit_status, f"exit status {exit_status}")]
    if problems:
        return FAILED, ", ".join(problems)
    executed = total - counts["not run"] - counts["skipped"]
    return (PASSED, f"{_tests(executed)} passed") if executed else (WARNING, "no tests ran")


def _tests(count: int) -> str:
    return f"{count} test{'s' * (count != 1)}"


def _counts(findings: SessionFindings) -> str:
    """The number of tests by outcome, the duration and the exit status."""
    counts, state = findings.counts, findings.state
    outcomes = ", ".join(f"{counts[name]} {name}" for name in run_summary.ORDER if counts[name])
    duration_ = duration(state.ended.at - state.session.at) if state.ended and state.session else ""
    exit_status = f"exit status {state.ended.exit_status}" if state.ended else ""
    return " · ".join(filter(None, [outcomes, duration_, exit_status]))


def duration(seconds: float) -> str:
    """Return `4.2 s`, `3 min 12 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _run(findings: SessionFindings) -> Iterator[str]:
    """The run and its Atlas. It is not linked: the API documents no address of a page about a run."""
    status = findings.status
    if status is None or not status.run_id:
        return
    atlas = _link(status.atlas) or prose(status.atlas)
    yield f"Run {bold(prose(status.run_ref or status.run_id, 40))} in {atlas}"
    if status.look:
        yield f"Show it with {code(status.look)}"


def _link(address: str) -> str:
    """A link to a plain URL; empty for any other text."""
    return f"<{address}>" if re.fullmatch(r"https?://[\w.-]+(:\d+)?(/[\w./?=%-]*)?", address, re.ASCII) else ""


_KINDS: dict[ChangeKind, str] = {
    "newly failing": "newly failing",
    "failing for the first time": "failing that did not run there",
    "still failing": "failing as before",
    "fixed": "fixed",
}


def _changes(findings: SessionFindings) -> str:
    """The number of changes of each kind since the earlier run, in one line."""
    if findings.changes is None:
        return ""
    counts = {noun: len(findings.changed(kind)) for kind, noun in _KINDS.items()}
    changes = [f"{count} {noun}" for noun, count in counts.items() if count]
    if findings.changed("newly failing"):
        changes[0] = bold(changes[0])
    return f"Since {_previous(findings)}, the last run of the job: {', '.join(changes) or 'no changes'}"


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_SINCE = {"newly failing": "**new**", "failing for the first time": "did not run", "still failing": "as before", "": ""}


def _overview_head(findings: SessionFindings) -> str:
    since = [] if findings.changes is None else [f"Since {_previous(findings)}"]
    return table_head(["Failed", "Reason", *since])


def _overview(findings: SessionFindings) -> Iterator[str]:
    for failure in findings.failures:
        since = [] if findings.changes is None else [_SINCE[findings.kinds.get(failure.step.key, "")]]
        name = f"{bold(prose(failure.step.title, 110))} <br>{prose(failure.step.card, 150)}"
        yield row([name, _reasons(failure), *since])


def _reasons(failure: Failure) -> str:
    reasons = [_violation(measurement) for measurement in failure.violations]
    reasons += [prose(report.line, 240) for report in failure.other_reports]
    more = [f"… and {len(reasons) - MAX_REASONS} more"] if len(reasons) > MAX_REASONS else []
    return "<br>".join([*reasons[:MAX_REASONS], *more])


def _violation(measurement: Measurement) -> str:
    """`trip time 111.6 ms, allowed ≤ 100 ms: **11.6 ms above**`."""
    name, value = prose(measurement.name, 80), prose(measurement.value_text, 80)
    return f"{name} {value}, allowed {prose(measurement.limits_text, 80)}: {bold(prose(measurement.margin_text))}"


def _details(failure: Failure) -> str:
    """A failure with its reports and measurements."""
    parts = [f"Test {code(failure.nodeid)}"]
    for report in failure.reports[:MAX_REASONS]:
        place = f" at {code(report.place)}" if report.place else ""
        parts.append(f"Failed in {prose(report.where, 150)}{place}\n\n{code_block(report.message)}")
    if len(failure.reports) > MAX_REASONS:
        parts.append(f"… and {len(failure.reports) - MAX_REASONS} more failures of this test")
    if failure.inner:
        parts.append(f"Failed steps: {prose(', '.join(failure.inner), 400)}")
    return details(prose(failure.step.title, 110), "\n\n".join([*parts, *_measurement_table(failure.measurements)]))


def _measurement_table(measurements: tuple[Measurement, ...]) -> Iterator[str]:
    if measurements:
        rows = map(_measurement_row, measurements[:MAX_MEASUREMENTS])
        yield "\n".join([table_head(["Measurement", "Value", "Limits", "Margin"]), *rows])
    if len(measurements) > MAX_MEASUREMENTS:
        yield f"… and {len(measurements) - MAX_MEASUREMENTS} more measurements"


def _measurement_row(measurement: Measurement) -> str:
    name = f"{measurement.step}: {measurement.name}" if measurement.step else measurement.name
    sign = {"fail": f"{FAILED} ", "waived": f"{WARNING} "}.get(measurement.verdict, "")
    waived = f", waived: {prose(measurement.waived)}" if measurement.verdict == "waived" else ""
    margin = f"{sign}{prose(measurement.margin_text)}{waived}"
    return row([prose(name, 120), prose(measurement.value_text, 120), prose(measurement.limits_text), margin])


# ── other parts ──────────────────────────────────────────────────────────────────────────────────────────────────────

COMMAND = "pytest-atlas "


def _pending(findings: SessionFindings) -> Iterator[str]:
    yield from (f"> {WARNING} {_remark(line)}" for line in findings.pending)


def _remark(line: str) -> str:
    """A line. A command at its end is shown as code, so it can be copied."""
    text, found, arguments = line.partition(f": {COMMAND}")
    return f"{prose(text)}: {code(f'{COMMAND}{arguments}', 500)}" if found else prose(line, 500)


def _reports(findings: SessionFindings) -> Iterator[str]:
    for line in findings.status.reports if findings.status else ():
        yield f"* {prose(line, 1500)}"


def _environment(findings: SessionFindings) -> str:
    session = findings.state.session
    if session is None:
        return ""
    lines = {"Job": session.job, **session.environment, "Atlas system": session.system_id, "Session": session.session}
    rows = [row([prose(label, 40), _link(text) or code(text)]) for label, text in lines.items() if text]
    return details("Environment", str(SizedList(items=rows, noun="lines", max_bytes=4_000, head=table_head(["", ""]))))
