"""docs/mapping.md: its examples are run, and it lists exactly the public names, hooks, types and markers."""

import inspect
import re
from dataclasses import fields, is_dataclass

import pytest
from tests.support import pages
from tests.support.inner import Ended

import pytest_atlas
from pytest_atlas import hookspecs, mapping, plugin
from pytest_atlas.journal import events as ev

PAGE = (pages.DOCS / "mapping.md").read_text("utf-8")

PUBLIC = [
    "Atlas", "AttachmentError", "CardMapping", "LimitViolatedError", "Measurement", "MeasurementError", "Notes", "Outcome",
    "RunMapping", "StepMapping", "TraceError", "__version__",
]  # fmt: skip


def section(heading: str) -> str:
    """Return the text below a heading, up to the next heading of the same level."""
    level = heading.partition(" ")[0]
    return re.split(rf"^{level} ", PAGE.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A session with the examples of the page, each in the file that its first line names."""
    assert pages.files(PAGE).keys() == {"test_trip.py", "conftest.py"}
    return pages.project(PAGE, tmp_path_factory.mktemp("page")).record("--strict-markers", "-W", "error")


def test_the_run_has_the_title_and_asset_of_the_hook(ended: Ended) -> None:
    (session,) = ended.recorded(ev.SessionStarted)
    assert session.title == "Acceptance on bench-7"
    assert session.asset_ids == ("0d9b7a52-3f0e-4b55-9d36-5f3e7c1b8a10",)
    assert ended.code == pytest.ExitCode.TESTS_FAILED
    assert not [line for line in ended.terminal_summary if "hook" in line or "fault" in line]


def test_the_cards_and_steps_have_the_titles_of_hooks_and_markers(ended: Ended) -> None:
    cards = [(c.planned.name, c.planned.doc, c.planned.template) for c in ended.state.cards.values()]
    assert cards == [
        ("Overvoltage protection", "Trips within 100 ms above 12.6 V.", "6f2d8c1e-7b0a-4c39-8e55-2a9d4b7f1c63"),
        ("REQ-17 Recovery after a trip", "All tests that verify REQ-17.", ""),
        ("test_trip.py", "", ""),
    ]
    assert ended.statuses() == {
        "Apply 12.5 V to input rail": "passed",
        "Apply 13.0 V to input rail": "passed",
        "Recovery": "passed",
        "Cold start": "passed_with_exception",
        "Inrush": "failed",
    }


def test_the_steps_have_the_files_and_notes_of_the_hooks(ended: Ended) -> None:
    assert [file.name for file in ended.recorded(ev.FileKept)] == ["test_cold_start-bus.asc", "output.txt"]
    assert ended.steps["Cold start"].note == "ECR-118: 112 ms are accepted until revision D"
    assert "Note: The instrument did not answer. Check the bench first." in ended.steps["Inrush"].text


def test_the_page_lists_the_public_names() -> None:
    assert pytest_atlas.__all__ == PUBLIC
    assert all(getattr(pytest_atlas, name) is not None for name in PUBLIC)
    (line,) = re.findall(r"^\* from `pytest_atlas`: (.*?);", PAGE, re.MULTILINE | re.DOTALL)
    assert re.findall(r"`(\w+)`", line) == PUBLIC


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Keeper'"):
        pytest_atlas.Keeper  # noqa: B018


def test_each_hook_has_a_section_with_its_arguments() -> None:
    specs = {n: f for n, f in vars(hookspecs).items() if n.startswith("pytest_")}
    headings = re.findall(r"^### `(\w+)\((.*)\) -> (.*) \| None`$", PAGE, re.MULTILINE)
    assert [name for name, _, _ in headings] == ["pytest_atlas_run", "pytest_atlas_card", "pytest_atlas_step",
                                                 "pytest_atlas_artifacts", "pytest_atlas_outcome"]  # fmt: skip
    assert {name: arguments for name, arguments, _ in headings} == {
        name: ", ".join(inspect.signature(function).parameters) for name, function in specs.items()
    }
    for name, _, returned in headings:
        if name != "pytest_atlas_artifacts":
            assert specs[name].__annotations__["return"] == f"{returned} | None"


def test_each_type_has_a_row_with_its_fields() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section("## Hooks"), re.MULTILINE))
    types = [kind for kind in vars(mapping).values() if isinstance(kind, type) and is_dataclass(kind)]
    assert {kind.__name__: [field.name for field in fields(kind)] for kind in types} == {
        name: re.findall(r"`(\w+)`[,:]", text) for name, text in rows.items() if name[0].isupper()
    }


def test_the_table_of_markers_has_the_texts_of_pytest() -> None:
    rows = re.findall(r"^\| `(atlas_.*)` \| (.*) \|$", section("## Markers"), re.MULTILINE)
    assert [f"{marker}: {what}" for marker, what in rows] == list(plugin.MARKERS)
