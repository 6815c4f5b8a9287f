"""Media types by suffix: the table, its precedence, and its independence of the machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_atlas.base.content_types import TABLE, TYPES, Row, content_type

SUFFIXES = [(suffix, row) for row in TABLE for suffix in row.suffixes.split()]


@pytest.mark.parametrize(("suffix", "row"), SUFFIXES, ids=[suffix for suffix, _ in SUFFIXES])
def test_each_suffix_has_its_type_in_upper_and_lower_case(suffix: str, row: Row) -> None:
    assert content_type(f"trace{suffix}") == row.type
    assert content_type(f"Run 3.v2{suffix.upper()}") == row.type


def test_each_suffix_is_in_the_table_once() -> None:
    assert len(SUFFIXES) == len(TYPES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.suffixes)
def test_only_unregistered_types_have_the_prefix_x(row: Row) -> None:
    assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", row.type)
    assert row.reference
    assert row.source == "vendor" or ("/x-" in row.type) == (row.source == "ours")


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("bus.mf4", "application/x-mdf"),
        ("figure.plotly.json", "application/vnd.plotly.v1+json"),
        ("figure.other.json", "application/json"),
        ("trace.csv.gz", "application/gzip"),
        ("trace.tar.gz", "application/gzip"),
        ("bus.mf4.zip", "application/zip"),
        ("image.tiff", "image/tiff"),
        ("bus.mf4.part", "application/octet-stream"),
        ("bus", "application/octet-stream"),
        ("mf4", "application/octet-stream"),
        (".csv", "text/csv"),
        ("", "application/octet-stream"),
        ("trace.", "application/octet-stream"),
        ("data:text/html,x.csv", "text/csv"),
    ],
)
def test_the_longest_known_suffix_wins(name: str, type_: str) -> None:
    assert content_type(name) == type_


def test_the_mime_types_of_the_machine_have_no_effect(tmp_path: Path) -> None:
    machine = tmp_path / "mime.types"
    machine.write_text("application/x-from-the-machine  foo mf4\n")
    code = (
        f"import mimetypes; mimetypes.init([{str(machine)!r}])\n"
        "from pytest_atlas.base.content_types import content_type\n"
        "print(content_type('a.foo'), content_type('a.mf4'), mimetypes.guess_type('a.foo')[0])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["application/octet-stream", "application/x-mdf", "application/x-from-the-machine"]
