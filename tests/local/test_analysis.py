from pytest_atlas.local.analysis import MOST_LINES, StepFacts, analyse


def step(status: str, description: str = "", exception: str | None = None) -> StepFacts:
    return StepFacts("Overvoltage", "Apply 13V", status, description, exception)


def test_the_summary_counts_what_needs_a_reader_first() -> None:
    steps = [step("todo"), step("passed"), step("passed"), step("failed"), step("passed_with_exception")]
    assert analyse("T", steps, [], "").summary == "5 steps: 1 failed, 1 passed with exception, 2 passed, 1 todo."
    assert analyse("T", [step("done")], [], "").summary == "1 step: 1 done."
    assert analyse("T", [], [], "").summary == "No steps."


def test_the_content_is_a_heading_the_summary_and_a_section_for_each_thing_there_is() -> None:
    steps = [step("failed", "E   112 > 100\n\nat test_trip.py:7"), step("passed_with_exception", exception="ECR-118")]
    assert analyse("Run Analysis", steps, ["a.csv", "b.csv"], "mind the rail").content.splitlines() == [
        "# Run Analysis",
        "",
        "2 steps: 1 failed, 1 passed with exception.",
        "",
        "Guidance given: mind the rail",
        "",
        "## Failed (1)",
        "",
        "- **Overvoltage > Apply 13V**",
        "      E   112 > 100",
        "      at test_trip.py:7",
        "",
        "## Passed with exception (1)",
        "",
        "- **Overvoltage > Apply 13V**: ECR-118",
        "",
        "## Data files (2)",
        "",
        "- a.csv",
        "- b.csv",
    ]
    assert analyse("T", [step("passed", "words")], [], "").content == "# T\n\n1 step: 1 passed.\n"


def test_a_long_description_is_cut() -> None:
    lines = [f"line {n}" for n in range(MOST_LINES + 1)]
    content = analyse("T", [step("failed", "\n".join(lines))], [], "").content
    assert lines[MOST_LINES - 1] in content
    assert lines[MOST_LINES] not in content
    assert content.endswith("…\n")
    assert "…" not in analyse("T", [step("failed", "\n".join(lines[:-1]))], [], "").content
