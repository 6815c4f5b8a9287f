"""Titles, identity lines and blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas import descriptions as d

NODEID = "tests/test_trip.py::test_a[1]"
texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=50)


def test_a_short_title_is_not_changed() -> None:
    assert d.step_title("x" * 100) == "x" * 100
    assert d.step_title("Apply 13 V\n to  input") == "Apply 13 V to input"
    assert d.step_title(" ") == "(no title)"


def test_two_long_titles_that_differ_at_their_end_stay_distinct() -> None:
    one, other = (d.step_title("x" * 500 + end) for end in "ab")
    assert len(one) == len(other) == 100
    assert one != other
    assert one.startswith("x" * 90 + "… ")


@given(st.text(max_size=300))
def test_a_title_is_neither_empty_nor_longer_than_the_api_accepts(title: str) -> None:
    assert 1 <= len(d.step_title(title)) <= d.TITLE_LIMIT


@given(texts, st.lists(st.text(max_size=30), max_size=3), st.lists(st.text(max_size=20), max_size=3))
def test_the_identity_line_of_a_step_is_parsed_after_any_text(doc: str, result: list[str], inner: list[str]) -> None:
    line = d.step_identity_line(NODEID, *inner)
    description = d.join_description(doc, result, line)
    assert d.identity_line_of(description) == line.rstrip()
    assert d.step_id(description) == " > ".join([NODEID, *map(d.one_line, inner)]).rstrip()
    assert d.run_key(description) == ""


@given(texts, st.text(alphabet="abc-0123_.", min_size=1))
def test_the_run_key_is_parsed_after_any_text(text: str, key: str) -> None:
    description = d.join_description(text, ["3 tests: 3 passed"], d.run_identity_line(key))
    assert (d.run_key(description), d.step_id(description)) == (key, "")


def test_titles_in_an_identity_line_have_no_line_breaks() -> None:
    assert d.step_identity_line(NODEID, "Arm\nthe scope") == f"pytest: {NODEID} > Arm the scope"
    line = d.step_identity_line("test_a.py::test_a[x\ny]")
    assert d.identity_line_of(d.join_description("Words.", ["ok"], line)) == line == "pytest: test_a.py::test_a[x\\ny]"


def test_a_description_of_a_person_has_no_identity_line() -> None:
    assert d.identity_line_of("See pytest: the manual\nand more") == ""


def test_an_inner_step_is_inside_each_step_that_encloses_it() -> None:
    outer, inner = d.step_identity_line(NODEID, "arm"), d.step_identity_line(NODEID, "arm", "wait")
    assert d.is_inside(inner, outer)
    assert not d.is_inside(outer, outer)
    assert not d.is_inside(d.step_identity_line(NODEID, "armed"), outer)
    assert list(d.enclosing(inner)) == [d.step_identity_line(NODEID), outer]


@pytest.mark.parametrize("line", [d.step_identity_line("a.py::T::test"), d.collection_identity_line("a.py"), "a.py::test > x"])
def test_the_module_of_a_test_is_the_path_in_its_nodeid(line: str) -> None:
    assert d.module_of(line) == "a.py"
    assert d.is_in_module("pytest: a.py::T::test", "a.py")
    assert not d.is_in_module("pytest: aa.py::test", "a.py")


def test_long_text_is_cut_and_the_number_of_missing_characters_is_shown() -> None:
    described = d.join_description("d" * 5000, ["f" * 5000], "pytest: x")
    assert len(described) < 8200
    assert "… (1000 more characters)" in described
    assert described.endswith("\n\npytest: x")


def test_identity_lines_and_limits_of_blocks_are_removed_for_people() -> None:
    step = d.with_block("Apply 13 V.", "pytest: a.py::t[x]", "trip time: 96 ms ok\n\npytest: a.py::t[x]")
    assert d.without_identity(step) == "Apply 13 V.\n\ntrip time: 96 ms ok"
    run = d.with_block("By hand.\n\npytest-atlas: s1", "pytest-atlas: s2", "1 test: 1 passed\n\npytest-atlas: s2")
    assert d.without_identity(run) == "By hand.\n\n1 test: 1 passed"
    assert d.without_identity("pytest: is\nour tool [pytest: really]") == "pytest: is\nour tool [pytest: really]"


@given(st.text(), st.text(), st.sampled_from(["pytest: a.py::t", "pytest-atlas: s1"]))
def test_the_text_of_another_author_is_parsed_beside_our_block(text: str, own: str, name: str) -> None:
    written = d.with_block(text, name, own)
    assert d.without_block(written, name) == text.strip()
    assert d.without_block(d.with_block(d.without_block(written, name), name, "more"), name) == text.strip()
