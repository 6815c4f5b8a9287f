"""The run summary in a run description."""

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
        exit_status=1,
        duration_s=60,
        interrupted="KeyboardInterrupt",
        job="nightly\non bench-7",
        environment=(("Host", "bench-7"),),
    )
    assert list(d.render_run_summary(summary)) == [
        "3 tests: 2 passed, 1 failed",
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
