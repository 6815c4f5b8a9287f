"""What a file's name promises, and names that every file system takes."""

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_atlas.base.content_types import LONGEST_NAME, TABLE, TYPES, Row, content_type, safe_name

SUFFIXES = [(suffix, row) for row in TABLE for suffix in row.suffixes.split()]


@pytest.mark.parametrize(("suffix", "row"), SUFFIXES, ids=[suffix for suffix, _ in SUFFIXES])
def test_each_suffix_of_the_table_decides_in_upper_case_and_lower(suffix: str, row: Row) -> None:
    assert content_type(f"trace{suffix}") == row.type
    assert content_type(f"Run 3.v2{suffix.upper()}") == row.type


def test_no_suffix_stands_in_the_table_twice() -> None:
    assert len(SUFFIXES) == len(TYPES)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.suffixes)
def test_a_type_that_nobody_registered_is_said_to_be_ours(row: Row) -> None:
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


def test_the_tables_of_the_machine_change_nothing(tmp_path: Path) -> None:
    machine = tmp_path / "mime.types"
    machine.write_text("application/x-from-the-machine  foo mf4\n")
    code = (
        f"import mimetypes; mimetypes.init([{str(machine)!r}])\n"
        "from pytest_atlas.base.content_types import content_type\n"
        "print(content_type('a.foo'), content_type('a.mf4'), mimetypes.guess_type('a.foo')[0])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["application/octet-stream", "application/x-mdf", "application/x-from-the-machine"]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

SUFFIX = st.sampled_from([suffix for suffix, _ in SUFFIXES] + [".csv.gz", ".bin", ".MF4"])


@given(st.text(max_size=400))
@example("x" * 199 + "é")
@example("a" * 300 + ". .csv")
@example("NUL .tar.gz")
@example("..")
@example("\ud800")
def test_a_safe_name_is_one_that_every_system_takes(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe.encode()) <= LONGEST_NAME
    assert not set(safe) & set('<>:"/\\|?*')
    assert ".." not in safe
    assert not safe.endswith((".", " "))
    assert safe == safe.strip()
    assert not {unicodedata.category(c) for c in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert safe.split(".")[0].strip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "COM²", "CONIN$"}
    assert safe_name(safe) == safe


@given(st.text(max_size=6000), SUFFIX)
@example("x" * 5000, ".plotly.json.gz")
@example("ä" * 100, ".csv")
def test_the_suffix_is_always_kept(stem: str, suffix: str) -> None:
    assert safe_name(stem + suffix).endswith(suffix)
    assert content_type(safe_name(stem + suffix)) == content_type(stem + suffix)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("bus.blf", "bus.blf"),
        ("Übergang 3 µs.csv", "Übergang 3 µs.csv"),
        ("../../etc/passwd", "._._etc_passwd"),
        ("C:\\bench\\bus.blf", "C__bench_bus.blf"),
        ("test_trip[12.5/13].csv", "test_trip[12.5_13].csv"),
        ("a\x00b\nc.txt", "a_b_c.txt"),
        ("trip\u202egnp.csv", "trip_gnp.csv"),
        ("nul.csv", "_nul.csv"),
        ("nullpoint.csv", "nullpoint.csv"),
        ("COM¹", "_COM¹"),
        (" . ", "file"),
        ("", "file"),
        ("log. ", "log"),
        (".gitignore", ".gitignore"),
    ],
)
def test_what_can_not_stand_in_a_name_is_replaced(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_two_long_names_stay_two() -> None:
    one, other = (safe_name("x" * 5000 + end + ".csv") for end in "ab")
    assert one != other
    assert len(one) == len(other) == LONGEST_NAME


def test_both_forms_of_an_umlaut_give_one_name() -> None:
    assert safe_name("Pru\u0308fung.csv") == safe_name("Pr\u00fcfung.csv") == "Pr\u00fcfung.csv"
