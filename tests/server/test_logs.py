"""Pages of lines of large text files."""

import io
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.server import logs
from pytest_atlas.server.logs import LineIndex, LineIndexes, index_lines, read_first_page, read_page, search, split_at

texts = st.lists(st.sampled_from(["", "a", "bb", "Error", "x" * 30]), max_size=60).map("\n".join) | st.text("ab\n", max_size=99)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LINES", 7)
    monkeypatch.setattr(logs, "BLOCK", 16)


def lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


@given(texts)
def test_the_pages_have_all_lines_in_order(text: str) -> None:
    file = io.BytesIO(text.encode())
    index = index_lines(file)
    found = [line for page in range(index.pages) for line in read_page(file, index, page)]
    assert [line.text for line in found] == lines_of(text)
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    assert index.lines == len(found)
    assert read_first_page(file) == read_page(file, index, 0)


@given(texts, st.sampled_from(["a", "error", "b", "xx"]))
def test_a_search_finds_each_line_once(text: str, query: str) -> None:
    found = search(io.BytesIO(text.encode()), query)
    assert found.is_complete
    assert [line.number for line in found.lines] == [n for n, line in enumerate(lines_of(text), 1) if query in line.lower()]
    assert all(query in line.text.lower() for line in found.lines)


def test_a_search_ends_after_its_time_and_after_enough_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not search(io.BytesIO(b"a\n" * 10_000), "b", seconds=-1).is_complete
    monkeypatch.setattr(logs, "MAX_MATCHES", 3)
    found = search(io.BytesIO(b"a\n" * 10_000), "a")
    assert (len(found.lines), found.is_complete, found.next_line) == (3, False, 4)


def test_a_search_continues_at_the_line_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO(b"".join(b"%d a\n" % n for n in range(1, 101)))
    monkeypatch.setattr(logs, "MAX_MATCHES", 9)
    numbers, first = list[int](), 1
    while True:
        file.seek(sum(len(b"%d a\n" % n) for n in range(1, first)))
        found = search(file, "A", first=first)
        numbers += [line.number for line in found.lines]
        if found.is_complete:
            break
        first = found.next_line
    assert numbers == list(range(1, 101))


def test_a_long_line_is_cut_and_the_next_page_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LINE", 10)
    file = io.BytesIO(b"y" * 500 + b"\n" + b"".join(b"%d\n" % n for n in range(2, 20)))
    index = index_lines(file)
    first = read_page(file, index, 0)
    assert (first[0].text, first[0].is_cut) == ("y" * 10, True)
    assert [line.text for line in read_page(file, index, 1)] == [str(n) for n in range(8, 15)]


def test_other_encodings_are_replaced() -> None:
    assert read_first_page(io.BytesIO(b"12 \xb5s\r\n"))[0].text == "12 \ufffds"


def test_the_index_of_a_file_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = tmp_path / "a.log", list[object]()
    path.write_text("a\n" * 20)

    def counted(file: BinaryIO) -> LineIndex:
        made.append(file)
        return index_lines(file)

    monkeypatch.setattr(logs, "index_lines", counted)
    indexes = LineIndexes()
    with path.open("rb") as file:
        assert not indexes.is_known("url", file)
        assert indexes.get("url", file).pages == indexes.get("url", file).pages == 3
        assert indexes.is_known("url", file)
    assert len(made) == 1


def test_matches_are_split_from_the_text_around_them() -> None:
    assert split_at("an Error, error", "error") == [("an ", False), ("Error", True), (", ", False), ("error", True)]
    assert split_at("a.b", ".") == [("a", False), (".", True), ("b", False)]
    assert split_at("text", "") == [("text", False)]
