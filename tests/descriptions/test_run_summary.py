"""The run summary in a run description."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas import descriptions as d
from pytest_atlas.descriptions import RunSummary

texts = st.text(alphabet="abcXYZ019 ().,-:", max_size=30).map(d.one_line)
names = st.text(alphabet="abcXYZ", min_size=1, max_size=10)
results = st.sampled_from(["passed", "failed", "passed after a rerun", "without a result", "not run"])
summaries = st.builds(
    RunSummary,
    counts=st.dictionaries(results, st.integers(1, 100_000), max_size=4).map(lambda counts: tuple(counts.items())),
    started_at=st.none() | st.integers(0, 4_000_000_000),
    exit_status=st.none() | st.integers(0, 200),
    lost=st.integers(0, 5),
    has_died=st.booleans(),
    interrupted=st.none() | texts,
    kept_files=st.integers(0, 5),
    mismatches=st.lists(st.tuples(names, texts), max_size=2).map(tuple),
    late=st.lists(st.tuples(st.just("") | st.just("a.py::test_a[x: y]"), texts), max_size=2).map(tuple),
    more_late=st.integers(0, 5),
    job=texts,
    environment=st.lists(st.tuples(names, texts.filter(bool)), max_size=3).map(tuple),
)
IDENTITY = "pytest-atlas: s1"


@given(summaries, st.integers(0, 10_000))
def test_a_rendered_run_summary_is_parsed_with_the_same_values(summary: RunSummary, tenths: int) -> None:
    if summary.exit_status is not None:
        summary = RunSummary(**{**{n: getattr(summary, n) for n in RunSummary.__slots__}, "duration_s": tenths / 10})
    description = d.join_description("Nightly campaign: 12 V.", d.render_run_summary(summary), IDENTITY)
    assert d.parse_run_summary(description) == summary


def test_a_run_summary_lists_counts_end_job_and_environment() -> None:
    summary = RunSummary(
        counts=(("passed", 2), ("failed", 1)),
        started_at=1_795_708_360,
        exit_status=1,
        duration_s=60,
        interrupted="KeyboardInterrupt",
        job="nightly\non bench-7",
        environment=(("Host", "bench-7"),),
    )
    assert list(d.render_run_summary(summary)) == [
        "3 tests: 2 passed, 1 failed",
        "Started: 2026-11-26 15:52:40 UTC",
        "Exit status 1 (some tests failed), took 60.0 s",
        "Interrupted: KeyboardInterrupt",
        "Job: nightly on bench-7",
        "Host: bench-7",
    ]


def test_a_run_is_found_by_the_line_of_its_job() -> None:
    description = d.join_description("", d.render_run_summary(RunSummary(job="nightly")), IDENTITY)
    assert d.has_job(description, " nightly\n")
    assert not d.has_job(description, "night")
    assert not d.has_job("See Job: nightly", "nightly")


def test_the_summary_of_each_session_in_a_run_is_parsed() -> None:
    first = d.join_description("", d.render_run_summary(RunSummary(counts=(("passed", 1),), job="nightly")), IDENTITY)
    both = d.with_block(first, d.run_block_name("s2"), "\n".join(d.render_run_summary(RunSummary(environment=(("Job", "x"),)))))
    assert [summary.end for summary in d.parse_run_summaries(both)] == ["ended", "running"]


def test_the_text_of_a_person_is_not_a_run_summary() -> None:
    text = "Job: tighten the screws\nHost: Anna"
    assert d.parse_run_summaries(text) == []
    block = "\n".join(d.render_run_summary(RunSummary(counts=(), has_died=True)))
    (summary,) = d.parse_run_summaries(d.with_block(text, d.run_block_name("s1"), block))
    assert (summary.end, summary.job) == ("died", "")


def test_the_end_of_a_session_is_parsed() -> None:
    ended = RunSummary(counts=(), exit_status=2, interrupted="KeyboardInterrupt")
    assert ended.end == "interrupted"
    assert RunSummary(counts=()).end == "ended"


@pytest.mark.parametrize(
    ("text", "branch", "commit"),
    [
        ("main@1f0c9e2b4d", "main", "1f0c9e2b4d"),
        ("team@home/fix@1f0c9e2b4d (modified)", "team@home/fix", "1f0c9e2b4d"),
        ("1f0c9e2b4d", "", "1f0c9e2b4d"),
        ("main (modified)", "main", ""),
        ("", "", ""),
    ],
)
def test_branch_and_commit_are_parsed(text: str, branch: str, commit: str) -> None:
    assert d.parse_git(text) == (branch, commit)
