"""The plan before the first test: cards, steps, titles, identities, from real collections."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.support.inner import Ended, Project

from pytest_atlas.journal.events import PlannedCard
from pytest_atlas.recorder.plan import nodeid

TWO = pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])


def cards(ended: Ended) -> dict[str, list[str]]:
    """Return the titles of the steps of each card, in order."""
    found: dict[str, list[str]] = {card.planned.name: [] for card in ended.state.cards.values()}
    for test in sorted(ended.tests(), key=lambda t: t.order):
        found[ended.state.cards[test.card].planned.name].append(test.planned.title or test.planned.name)
    return found


MARKED = """
    import pytest
    pytestmark = pytest.mark.atlas_card("Whole module")

    def test_by_module(): pass

    @pytest.mark.atlas_card("Overvoltage", description="Trips above 12.6 V.")
    @pytest.mark.parametrize("volts", [12.5, 13.0])
    @pytest.mark.atlas_step("Apply {volts} V to input rail")
    def test_trip(volts): pass

    @pytest.mark.atlas_card("By class")
    class TestClass:
        @pytest.mark.atlas_step("Log the bus", step_type="data")
        def test_log(self): pass
        @pytest.mark.atlas_card(title="Overvoltage")
        @pytest.mark.atlas_step(title="Recover")
        def test_recover(self): pass

    @pytest.mark.atlas_step("Apply {amps} A at {volts:.1f} V")
    @pytest.mark.parametrize("volts", [1])
    def test_unknown_field(volts): pass
    @pytest.mark.atlas_step("{volts!r:>{width}} {")
    @pytest.mark.parametrize("volts", [1])
    def test_broken_format(volts): pass
    class Odd:
        def __format__(self, spec): raise RuntimeError("no words")
        def __repr__(self): raise RuntimeError("no words either")
    @pytest.mark.atlas_step("Set {thing}")
    @pytest.mark.parametrize("thing", [Odd()])
    def test_parameter_without_words(thing): pass
"""


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    project = Project(tmp_path_factory.mktemp("marked")).write("test_marked.py", MARKED)
    project.write(
        "test_other.py",
        """
        import pytest
        @pytest.mark.atlas_card("Overvoltage")
        def test_in_another_file(): pass
        @pytest.mark.atlas_card("Whole module", description="Described later.", template="4B5D0E2F-1C3A-4D5E-8F90-A1B2C3D4E5F6")
        def test_who_knows_more(): pass
        @pytest.mark.atlas_card()
        @pytest.mark.atlas_step()
        def test_without_words(): pass
        @pytest.mark.atlas_card("Templated", template="4B5D0E2F-1C3A-4D5E-8F90-A1B2C3D4E5F6")
        def test_from_a_template(): pass
        class Mute:
            def __str__(self): raise RuntimeError("no words")
        @pytest.mark.atlas_card(Mute(), description=Mute())
        @pytest.mark.atlas_step(Mute(), step_type=Mute())
        def test_with_a_title_that_raises(): pass
        @pytest.mark.atlas_card("Wrong template", template="bench-7")
        def test_from_no_template(): pass
        """,
    )
    return project.record("--strict-markers", "--strict-config", "-W", "error")


def test_a_card_by_marker_spans_files_and_the_closest_marker_applies(marked: Ended) -> None:
    assert cards(marked) == {
        "Whole module": [
            "test_by_module",
            "Apply {amps} A at {volts:.1f} V",
            "{volts!r:>{width}} {",
            "Set {thing}",
            "test_who_knows_more",
        ],
        "Overvoltage": ["Apply 12.5 V to input rail", "Apply 13.0 V to input rail", "Recover", "test_in_another_file"],
        "By class": ["Log the bus"],
        "test_other.py": ["test_without_words", "test_with_a_title_that_raises"],
        "Templated": ["test_from_a_template"],
        "Wrong template": ["test_from_no_template"],
    }


def test_the_values_of_markers_are_recorded(marked: Ended) -> None:
    planned = {card.planned.name: card.planned for card in marked.state.cards.values()}
    assert planned["Overvoltage"].doc == "Trips above 12.6 V."
    assert planned["Templated"].template == "4b5d0e2f-1c3a-4d5e-8f90-a1b2c3d4e5f6"
    assert planned["Wrong template"].template == ""
    assert planned["Whole module"] == PlannedCard("marker", "Whole module", "Described later.", planned["Templated"].template)
    assert {t.planned.title: t.planned.step_type for t in marked.tests() if t.planned.step_type} == {"Log the bus": "data"}
    assert marked.statuses()["Log the bus"] == "done"


def test_an_invalid_marker_is_reported_and_fails_no_test(marked: Ended) -> None:
    assert (marked.code, marked.err) == (0, "")
    assert "a marker atlas_card has no title. Its tests are on the cards of their classes or modules" in marked.terminal_summary
    assert any("'bench-7' is not a UUID" in line for line in marked.terminal_summary)
    assert not [line for line in marked.terminal_summary if "fault" in line]


ODD = r"""
    import pytest, sys
    IDS = ["line\nbreak", "nul\0", "low \ud800 half", "at@home", "a::b", "x" * 5000]
    IDS += ["<script>alert(1)</script>", "tab\t", "ü", "[", "]", ""]
    @pytest.mark.parametrize("n", range(len(IDS)), ids=IDS)
    def test_odd(n): assert n != 2

    @pytest.mark.parametrize("a", [1, 2], ids=["same", "same2"])
    @pytest.mark.parametrize("b", [b"\xff\x00", 1.5, None, "p q"])
    def test_values(a, b): pass

    @pytest.mark.xdist_group("bench one")
    def test_grouped(): pass
    @pytest.mark.xdist_group("one")
    @pytest.mark.parametrize("who", ["x@one", "x"])
    def test_grouped_with_an_at(who): pass
"""


@pytest.fixture(scope="module")
def odd_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("odd")).write("test_odd.py", ODD)


@pytest.fixture(scope="module")
def odd_serial(odd_project: Project) -> Ended:
    return odd_project.pytest(*OFFLINE, "--atlas-dir=no", atlas_dir=odd_project.root / "no")


OFFLINE = ("--atlas-offline", "--atlas-system=5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")


def test_ids_with_any_character_identify_one_test(odd_serial: Ended) -> None:
    assert len(odd_serial.tests()) == 12 + 8 + 3
    assert len({test.key for test in odd_serial.tests()}) == 23
    assert odd_serial.err == ""
    assert not [line for line in odd_serial.terminal_summary if "fault" in line]
    assert [name for name, status in odd_serial.statuses().items() if status != "passed"] == [
        name for name in odd_serial.statuses() if "low " in name
    ]
    assert max(map(len, odd_serial.steps)) == 100


@pytest.mark.parametrize("dist", ["load", "loadfile", "loadscope", "loadgroup", "worksteal"])
def test_every_way_to_distribute_records_the_same_tests_and_outcomes(
    odd_project: Project, odd_serial: Ended, dist: str
) -> None:
    ended = odd_project.pytest(*OFFLINE, "-n2", f"--dist={dist}", f"--atlas-dir={dist}", atlas_dir=odd_project.root / dist)
    assert [(t.key, t.card, t.order) for t in ended.tests()] == [(t.key, t.card, t.order) for t in odd_serial.tests()]
    assert ended.statuses() == odd_serial.statuses()
    assert ended.state.session
    assert ended.state.session.dist == dist


@TWO
def test_several_tests_can_have_one_nodeid(tmp_path: Path, how: tuple[str, ...]) -> None:
    project = Project(tmp_path).write(
        "test_twins.py",
        """
        import pytest
        @pytest.mark.parametrize("b", [1, 2], ids=["z", "y-z"])
        @pytest.mark.parametrize("a", [1, 2], ids=["x-y", "x"])
        def test_twin(a, b): assert a == 1
        """,
    )
    ended = project.record(*how)
    assert ended.statuses() == {
        "test_twin[x-y-z]": "passed",
        "test_twin[x-y-y-z]": "passed",
        "test_twin[x-z]": "failed",
        "test_twin[x-y-z]#2": "failed",
    }
    assert {test.planned.nodeid: test.planned.occurrence for test in ended.tests()}["test_twins.py::test_twin[x-y-z]"] == 1


def test_docstrings_are_those_of_the_test_files(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_doc.py",
        '''
        """About the module.

            Indented.
        """
        import functools, pytest

        class TestBase:
            """The base's words."""
            def test_inherited(self):
                """
                First line.

                    More.
                """
        class TestDerived(TestBase): pass
        def test_silent(): pass
        ''',
    )
    project.write("test_doctest.txt", "Words.\n\n>>> 1 + 1\n3\n")
    project.write(
        "doubles.py",
        '''
        """Code with examples.

        >>> 2 + 2
        4
        """
        def double(n):
            """Doubles.

            >>> double(2)
            5
            """
            return 2 * n
        ''',
    )
    project.write(
        "conftest.py",
        """
        import pytest
        class Check(pytest.Item):
            def runtest(self): assert self.name != "bad", "no such relay"
            def reportinfo(self): return self.path, 0, self.name
            def repr_failure(self, excinfo): return f"{self.name}: {excinfo.value}"
        class Checks(pytest.File):
            def collect(self):
                for name in self.path.read_text().split(): yield Check.from_parent(self, name=name)
        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".checks": return Checks.from_parent(parent, path=file_path)
        """,
    )
    project.write("relay.checks", "good bad")
    ended = project.record("--doctest-modules", "--doctest-glob=*.txt")
    docs = {test.planned.nodeid: test.doc for test in ended.tests()}
    assert docs["test_doc.py::TestBase::test_inherited"] == "First line.\n\n    More."
    assert docs["test_doc.py::test_silent"] == ""
    assert {card.planned.name: card.planned.doc for card in ended.state.cards.values()} == {
        "doubles.py": "Code with examples.\n\n>>> 2 + 2\n4",
        "relay.checks": "",
        "test_doc.py": "About the module.\n\nIndented.",
        "test_doc.py::TestBase": "The base's words.",
        "test_doc.py::TestDerived": "",
        "test_doctest.txt": "",
    }
    assert {test.planned.nodeid: ended.status_of(test) for test in ended.tests()} == {
        "doubles.py::doubles": "passed",
        "doubles.py::doubles.double": "failed",
        "relay.checks::good": "passed",
        "relay.checks::bad": "failed",
        "test_doc.py::TestBase::test_inherited": "passed",
        "test_doc.py::TestDerived::test_inherited": "passed",
        "test_doc.py::test_silent": "passed",
        "test_doctest.txt::test_doctest.txt": "failed",
    }
    texts = "\n".join(shown.text for shown in ended.steps.values())
    assert "no such relay" in texts
    assert "Expected:\n    5\nGot:\n    4" in texts


@pytest.mark.parametrize(
    ("seen", "own"),
    [
        ("test_a.py::test_who[x]@bench one", "test_a.py::test_who[x]"),  # xdist's loadgroup up to pytest 9.1
        ("test_a.py::test_who[x]", "test_a.py::test_who[x]"),
    ],
)
def test_the_group_that_xdist_adds_is_not_part_of_the_nodeid(seen: str, own: str) -> None:
    item = SimpleNamespace(nodeid=seen, name="test_who[x]", parent=SimpleNamespace(nodeid="test_a.py"))
    assert nodeid(cast("pytest.Item", item)) == own


def test_an_at_sign_in_a_nodeid_is_kept() -> None:
    item = SimpleNamespace(nodeid="test_a.py::test_who[x@y]", name="test_who[x@y]", parent=SimpleNamespace(nodeid="test_a.py"))
    assert nodeid(cast("pytest.Item", item)) == "test_a.py::test_who[x@y]"
