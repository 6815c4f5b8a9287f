"""File names that every file system accepts."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_atlas.base.content_types import TYPES, content_type
from pytest_atlas.base.file_names import MAX_NAME_BYTES, safe_name

SUFFIX = st.sampled_from([*TYPES, ".csv.gz", ".bin", ".MF4"])


@given(st.text(max_size=400))
@example("x" * 199 + "é")
@example("a" * 300 + ". .csv")
@example("NUL .tar.gz")
@example("..")
@example("\ud800")
def test_a_safe_name_is_valid_on_every_system(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe.encode()) <= MAX_NAME_BYTES
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
def test_forbidden_characters_and_names_are_replaced(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_long_names_with_different_ends_stay_distinct() -> None:
    one, other = (safe_name("x" * 5000 + end + ".csv") for end in "ab")
    assert one != other
    assert len(one) == len(other) == MAX_NAME_BYTES


def test_both_unicode_forms_of_an_umlaut_give_the_same_name() -> None:
    assert safe_name("Pru\u0308fung.csv") == safe_name("Pr\u00fcfung.csv") == "Pr\u00fcfung.csv"
