"""Opening data files as tables."""

import gzip
import tracemalloc

import pytest
from tests.support.tables import Files, table

from pytest_atlas.analysis import reading
from pytest_atlas.analysis.reading import Budget, UnreadableError, open_table


def read(content: str | bytes, *, packed: bool = False) -> tuple[list[str], list[list[str]]]:
    with table(content, packed=packed) as found:
        return found.header, list(found.rows)


@pytest.mark.parametrize(
    "content",
    [
        "a,b\r\n1,2\r\n",
        "a,b\n1,2",
        "\ufeffa,b\n1,2\n",
        "a;b\n1;2\n",
        "a\tb\n1\t2\n",
        '"a","b"\n"1","2"\n',
    ],
)
def test_delimiters_quotes_and_line_ends_are_detected(content: str) -> None:
    assert read(content) == (["a", "b"], [["1", "2"]])


def test_a_gzip_file_is_decompressed() -> None:
    assert read(gzip.compress(b"a,b\n1,2\n"), packed=True) == (["a", "b"], [["1", "2"]])


def test_a_quoted_cell_can_contain_line_breaks_and_delimiters() -> None:
    assert read('a,b\n"1\n1","2,2"\n') == (["a", "b"], [["1\n1", "2,2"]])


@pytest.mark.parametrize(
    ("content", "packed", "why"),
    [
        (b"", False, "empty"),
        (b"\n1,2\n", False, "no text in its first line"),
        (b"\x89PNG\0\0\n", False, "no text in its first line"),
        ("a,b\n".encode("utf-16"), False, "no text in its first line"),
        (b"a,b\n", True, "gzip"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], True, "ended before"),
        (b"a,b\n" + b'"' + b"x" * 200_000 + b'"\n', False, "field larger than field limit"),
    ],
)
def test_a_file_that_is_not_a_table_is_unreadable(content: bytes, packed: bool, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read(content, packed=packed)


def test_a_deleted_file_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="No such file"), open_table(Files(), "gone", is_gzip=False, budget=Budget(100)):
        pytest.fail("opened")


def test_bytes_that_are_not_utf_8_are_read_as_latin_1() -> None:
    assert read(b"t,\xb5A\n1,2\n") == (["t", "µA"], [["1", "2"]])


class TestLimits:
    def test_a_file_that_is_too_large_is_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1 << 20)
        read("a,b\n" + "1,2\n" * 1000)
        with pytest.raises(UnreadableError, match="only files up to 1 MiB"):
            read("a,b\n" + "1,2\n" * 300_000)

    def test_decompression_stops_at_the_largest_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1 << 20)
        packed = gzip.compress(b"a,b\n" + b"1,2\n" * 600_000)
        with pytest.raises(UnreadableError, match="decompressed it is more than 1 MiB"):
            read(packed, packed=True)

    def test_the_files_of_a_report_share_a_budget(self) -> None:
        files, budget = Files(a="x,y\n1,2\n", b="x,y\n1,2\n"), Budget(12)
        with open_table(files, "a", is_gzip=False, budget=budget) as found:
            assert list(found.rows) == [["1", "2"]]
        with (
            pytest.raises(UnreadableError, match="used up the bytes that one report reads"),
            open_table(files, "b", is_gzip=False, budget=budget),
        ):
            pytest.fail("opened")

    def test_an_endless_line_is_not_read_into_memory(self) -> None:
        content = b"a,b\n" + b"1," * 5_000_000
        tracemalloc.start()
        with table(content) as found, pytest.raises(UnreadableError, match="a line of over 256 KiB"):
            for _ in found.rows:
                pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 12 << 20, "this test holds ten megabytes itself: the file"
