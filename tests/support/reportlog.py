"""What pytest-reportlog saw of a session, in the terms of the mapping (C2): an independent witness of what we record.

Knows nothing of our journal: it reads the JSON lines that `pytest --report-log=FILE` wrote.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Report = dict[str, Any]
SUBTEST = "SubTestReport"


def statuses(log: Path) -> dict[str, str]:
    """The status that the step of each test should have, by nodeid. A test that no report names is not in it."""
    reports: dict[str, list[Report]] = defaultdict(list)
    for report in _reports(log, "TestReport", SUBTEST):
        reports[report["nodeid"]].append(report)
    return {nodeid: _status(told) for nodeid, told in reports.items()}


def subtests(log: Path) -> Counter[str]:
    """How many subtests of each test should have which status, as `<nodeid> > <status>`. In a session without reruns."""
    return Counter(f"{report['nodeid']} > {_subtest_status(report)}" for report in _reports(log, SUBTEST))


def _reports(log: Path, *kinds: str) -> Iterator[Report]:
    for line in log.read_text("utf-8").splitlines():
        report = json.loads(line)
        if report["$report_type"] in kinds:
            yield report


def _subtest_status(report: Report) -> str:
    if report["outcome"] != "failed" and "wasxfail" in report:
        return "passed_with_exception"
    return {"passed": "passed", "failed": "failed", "skipped": "todo"}[report["outcome"]]


def _status(reports: Sequence[Report]) -> str:
    crashed = any(r["when"] not in ("setup", "call", "teardown") for r in reports)
    # With reruns a test's attempts come one after the other, each with its phases.
    setups = [n for n, r in enumerate(reports) if r["when"] == "setup" and r["$report_type"] == "TestReport"]
    if crashed:
        return "failed"
    last = reports[setups[-1] :]
    was_rerun = any(r["outcome"] == "rerun" for r in reports[: setups[-1]])
    # A subtest of an attempt is reported before that attempt's phases where plugins hold these back.
    inner = [r for r in reports if r["$report_type"] == SUBTEST]
    if any(r["outcome"] == "failed" for r in [*last, *([] if was_rerun else inner)]):
        return "failed"
    phases = [r for r in last if r["$report_type"] == "TestReport"]
    if any("wasxfail" in r for r in phases):
        return "passed_with_exception"
    if any(r["outcome"] == "skipped" for r in phases):
        return "todo"
    through = {r["when"] for r in phases if r["outcome"] == "passed"}
    if not {"setup", "call"} <= through:
        return "todo"
    return "passed_with_exception" if was_rerun else "passed"
