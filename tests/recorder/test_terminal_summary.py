"""The lines of the terminal summary."""

from dataclasses import replace

import pytest

from pytest_atlas.journal.status import Status
from pytest_atlas.recorder.terminal_summary import MOST_REMARKS, TerminalSummary


def status(state: str = "done", **more: object) -> Status:
    known = {"run_id": "u", "run_ref": "TR-0042", "run_title": "bench main@1a2b", "total": 9, "in_place": 9, "answered": True}
    return Status(pid=1, state=state, target="t", atlas="https://a.example", **{**known, **more})  # type: ignore[arg-type]


def summary(**more: object) -> TerminalSummary:
    return TerminalSummary(session=".atlas/sessions/s1", tests=7, **more)  # type: ignore[arg-type]


RUN = "run TR-0042 bench main@1a2b: 9 of 9 published to https://a.example"
FINISH = "finish with: pytest-atlas push .atlas/sessions/s1"

CASES = {
    "complete": (summary(status=status()), [RUN], True),
    "complete, with a command that shows it": (
        summary(status=status(look="pytest-atlas show TR-0042")),
        [RUN, "show it with: pytest-atlas show TR-0042"],
        True,
    ),
    "a server without run numbers": (summary(status=status(run_ref="")), [RUN.replace("TR-0042", "u")], True),
    "complete, with unreadable lines": (
        summary(status=status(unreadable=1, remarks=("1 line is missing",))),
        [RUN, "1 line is missing"],
        False,
    ),
    "nothing collected": (
        replace(summary(status=status(total=0, in_place=0, run_id="")), tests=0),
        ["no run was created, because no tests were collected"],
        True,
    ),
    "nothing recorded after a collection": (
        summary(status=status(total=0, in_place=0, run_id="")),
        ["7 tests collected, none recorded"],
        False,
    ),
    "with a report": (
        summary(status=status(look="pytest-atlas show TR-0042", reports=("report 'x': completed; fine",))),
        [
            RUN,
            "show it with: pytest-atlas show TR-0042",
            "report 'x': completed; fine",
            "read it with: pytest-atlas report TR-0042",
        ],
        True,
    ),
    "files without a bucket": (
        summary(status=status(files_kept=2)),
        [
            RUN,
            "2 data files kept in the session directory, because no bucket is set",
            "set --atlas-bucket or ATLAS_BUCKET, and publish them with: pytest-atlas push .atlas/sessions/s1",
        ],
        False,
    ),
    "an internal error": (
        summary(status=status(), problems=("pytest-atlas: internal error",)),
        [RUN, "pytest-atlas: internal error"],
        False,
    ),
    "stopped by a problem": (
        summary(status=status("stopped", in_place=4, problem="the token was refused")),
        [RUN.replace("9 of 9", "4 of 9"), "5 pending: the token was refused", FINISH],
        False,
    ),
    "silent": (summary(why="silent"), ["7 tests recorded, none in Atlas: no response within 5 s", FINISH], False),
    "stopped before the end": (
        summary(status=status("stopped", in_place=8)),
        [RUN.replace("9 of 9", "8 of 9"), "1 pending: the publisher was stopped", FINISH],
        False,
    ),
    "working, but exited": (
        summary(status=status("working", in_place=8), why="exited"),
        [
            RUN.replace("9 of 9", "8 of 9"),
            "1 pending: the publisher has exited; see publisher.log in the session directory",
            FINISH,
        ],
        False,
    ),
    "recorded only": (
        summary(why_not_sent="--atlas-offline", why="exited"),
        ["7 tests recorded only (--atlas-offline)", FINISH.replace("finish", "publish")],
        False,
    ),
}


@pytest.mark.parametrize(("ended", "lines", "complete"), CASES.values(), ids=CASES)
def test_each_end_has_its_lines(ended: TerminalSummary, lines: list[str], *, complete: bool) -> None:
    assert ended.lines() == lines
    assert ended.complete is complete


@pytest.mark.parametrize(("ended", "lines", "complete"), CASES.values(), ids=CASES)
def test_a_strict_session_ends_with_the_reason_of_its_failure(
    ended: TerminalSummary, lines: list[str], *, complete: bool
) -> None:
    *before, last = replace(ended, strict=True).lines()
    if complete:
        assert [*before, last] == lines
    else:
        assert before == lines
        assert last == f"--atlas-strict fails the session: {ended.gaps()[0]}"


def test_the_reason_counts_the_others() -> None:
    (line,) = summary(status=status(unreadable=2, files_kept=1), problems=("a", "b"), strict=True).strict_lines()
    assert line == "--atlas-strict fails the session: 2 lines of the journal could not be read (and 3 more)"


def test_many_remarks_are_cut() -> None:
    remarks = tuple(f"step {n} was refused" for n in range(MOST_REMARKS + 2))
    lines = summary(status=status("incomplete", refused=7, in_place=2, remarks=remarks)).lines()
    assert lines[1 : MOST_REMARKS + 1] == list(remarks[:MOST_REMARKS])
    assert lines[MOST_REMARKS + 1 :] == [
        "… and 2 more; see publisher.log in the session directory",
        "7 rejected, 7 pending",
        FINISH,
    ]


def test_the_command_is_quoted_for_a_shell() -> None:
    (*_, last) = TerminalSummary(session="my bench/.atlas/sessions/s1", why="silent").lines()
    assert last.endswith(("push 'my bench/.atlas/sessions/s1'", 'push "my bench/.atlas/sessions/s1"'))
