"""The list of attempts in a description can be read back, whatever is in it and around it."""

from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.descriptions import (
    MAX_ATTEMPTS,
    Attempt,
    AttemptOutcome,
    Attempts,
    limit_attempts,
    merge_attempts,
    parse_attempts,
    render_attempts,
    without_attempts,
)

STATUSES = ("todo", "done", "passed", "passed_with_exception", "failed")
attempts = st.builds(
    Attempt,
    at=st.integers(0, 4_000_000_000),
    place=st.text(max_size=20),
    session=st.text(max_size=20),
    outcome=st.sampled_from(get_args(AttemptOutcome)),
    message=st.text(max_size=60) | st.just("Attempts (automated result: failed):") | st.just("x, session y: failed: z"),
)
lists = st.builds(limit_attempts, st.sampled_from(STATUSES), st.lists(attempts, max_size=25))


@given(lists, st.text(max_size=80), st.booleans())
def test_a_rendered_list_is_parsed_as_what_it_was(listed: Attempts, text: str, blank: bool) -> None:
    lines = [
        text,
        "Attempts (automated result: passed):",
        "",
        render_attempts(listed),
        *[""] * blank,
        "pytest: tests/test_a.py::b",
    ]
    assert parse_attempts("\n".join(lines)) == listed


@given(lists)
def test_the_list_can_be_removed(listed: Attempts) -> None:
    text = without_attempts(f"Doc.\n\n{render_attempts(listed)}\n\npytest: a")
    assert text == "Doc.\n\n\npytest: a"


def test_a_description_without_a_list_has_none() -> None:
    assert parse_attempts("Trips within 100 ms.\n\npytest: tests/test_a.py::b") is None
    assert without_attempts("Doc.") == "Doc."


def attempt(at: int, outcome: AttemptOutcome = "passed", session: str = "s1") -> Attempt:
    return Attempt(at, "bench-3", session, outcome)


def test_attempts_are_listed_newest_first_in_utc() -> None:
    failed = replace(attempt(1_795_707_612, "failed"), message="no\ncontact")
    listed = limit_attempts("passed_with_exception", [failed, attempt(1_795_708_000)])
    assert render_attempts(listed) == (
        "Attempts (automated result: passed_with_exception):\n"
        "2026-11-26 15:46:40 UTC, bench-3, session s1: passed\n"
        "2026-11-26 15:40:12 UTC, bench-3, session s1: failed: no contact"
    )


def test_of_many_attempts_the_newest_and_the_first_failure_are_listed_and_the_others_counted() -> None:
    many = [attempt(n, "failed" if n in (3, 5) else "passed") for n in range(30)]
    listed = limit_attempts("failed", many)
    assert [a.at for a in listed.attempts] == [*range(29, 20, -1), 3]
    assert render_attempts(listed).splitlines()[-1] == "… and 20 more, session s1: 19 passed, 1 failed"
    assert len(listed.attempts) == MAX_ATTEMPTS


def test_a_session_that_is_published_again_replaces_its_own_attempts() -> None:
    first = limit_attempts("failed", [attempt(n, "failed") for n in range(12)])
    second = limit_attempts("passed_with_exception", [attempt(100, session="s2")])
    both = merge_attempts(first, second)
    assert (both.status, [a.session for a in both.attempts][:2]) == ("passed_with_exception", ["s2", "s1"])
    assert sum(n for more in both.more for _, n in more.counts) == 3
    assert merge_attempts(both, second) == both


def test_the_id_of_a_session_is_the_end_of_its_name() -> None:
    assert attempt(1, session="20261126T154012Z-1bcc88b6").session == "1bcc88b6"
    assert attempt(1, session="my session").session == "my-session"
