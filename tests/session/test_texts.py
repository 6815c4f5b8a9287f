"""Titles and descriptions: what fits, what stays distinct, and the line by which a step is found again."""

from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.session import texts


def test_a_title_that_fits_stays_as_it_is() -> None:
    assert texts.step_title("x" * 100) == "x" * 100
    assert texts.step_title("Apply 13 V\n to  input") == "Apply 13 V to input"
    assert texts.step_title(" ") == "(no title)"


def test_two_long_titles_that_differ_at_their_end_stay_distinct() -> None:
    one, other = (texts.step_title("x" * 500 + end) for end in "ab")
    assert len(one) == len(other) == 100
    assert one != other
    assert one.startswith("x" * 90 + "… ")


@given(st.text(max_size=300))
def test_no_title_is_longer_than_atlas_takes_nor_empty(title: str) -> None:
    assert 1 <= len(texts.step_title(title)) <= texts.TITLE_LIMIT


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=50), st.lists(st.text(max_size=30), max_size=3))
def test_the_mark_of_a_description_is_read_back_whatever_stands_before_it(doc: str, told: list[str]) -> None:
    mark = texts.step_mark("tests/test_trip.py::test_a[1]", "Arm\nthe scope")
    assert mark == "pytest: tests/test_trip.py::test_a[1] > Arm the scope"
    assert texts.mark_of(texts.description(doc, told, mark)) == mark


def test_a_description_of_a_persons_has_no_mark() -> None:
    assert texts.mark_of("See pytest: the manual\nand more") == ""


def test_long_prose_is_cut_with_word_of_what_is_missing() -> None:
    described = texts.description("d" * 5000, ["f" * 5000], "pytest: x")
    assert len(described) < 8200
    assert "… (1000 more characters)" in described
    assert described.endswith("\n\npytest: x")


def test_a_nodeid_with_a_line_break_is_still_one_line() -> None:
    mark = texts.step_mark("test_a.py::test_a[x\ny]")
    assert texts.mark_of(texts.description("Words.", ["told"], mark)) == mark == "pytest: test_a.py::test_a[x\\ny]"


def test_people_are_not_shown_the_lines_that_are_for_us() -> None:
    step = texts.with_block("Apply 13 V.", "pytest: a.py::t[x]", "trip time: 96 ms ok\n\npytest: a.py::t[x]")
    assert texts.for_people(step) == "Apply 13 V.\n\ntrip time: 96 ms ok"
    run = texts.with_block("By hand.\n\npytest-atlas: s1", "pytest-atlas: s2", "1 test: 1 passed\n\npytest-atlas: s2")
    assert texts.for_people(run) == "By hand.\n\n1 test: 1 passed"
    assert texts.for_people("pytest: is\nour tool [pytest: really]") == "pytest: is\nour tool [pytest: really]"


@given(st.text(), st.text(), st.sampled_from(["pytest: a.py::t", "pytest-atlas: s1"]))
def test_what_somebody_wrote_is_read_back_beside_our_block(theirs: str, ours: str, name: str) -> None:
    written = texts.with_block(theirs, name, ours)
    assert texts.without_block(written, name) == theirs.strip()
    assert texts.without_block(texts.with_block(texts.without_block(written, name), name, "more"), name) == theirs.strip()
