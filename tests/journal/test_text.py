"""Texts that may be written: safe for JSON, and without secrets."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.journal.text import Cleaner

TOKEN = "tok-3f2a9c81"


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("ATLAS_TOKEN", TOKEN, True),
        ("ATLAS_TOKEN", "short", True),
        ("AWS_SECRET_ACCESS_KEY", TOKEN, True),
        ("AWS_SESSION_TOKEN", TOKEN, True),
        ("GITHUB_TOKEN", TOKEN, True),
        ("DB_PASSWORD", TOKEN, True),
        ("bench_api_key", TOKEN, True),
        ("PIP_TOKEN", "short", False),
        ("HOME", TOKEN, False),
        ("AWS_ACCESS_KEY_ID", TOKEN, False),
        ("SECRET_FILE", TOKEN, False),
        ("GITHUB_TOKEN", "        ", False),
    ],
)
def test_what_is_taken_for_a_secret(name: str, value: str, *, is_secret: bool) -> None:
    told = Cleaner({name: value})(f"before {value} after")
    assert told == ("before [redacted] after" if is_secret else f"before {value} after")


def test_of_a_secret_that_holds_another_nothing_is_left() -> None:
    clean = Cleaner({"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefgh-12345678"})
    assert clean("abcdefgh-12345678") == "[redacted]"


def test_a_cleaner_does_not_show_its_secrets() -> None:
    assert TOKEN not in repr(Cleaner({"ATLAS_TOKEN": TOKEN}))


@pytest.mark.parametrize(
    ("given_text", "told"),
    [
        ("plain", "plain"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("dos\r\nline", "dos\nline"),
        ("bell\x07", "bell\\x07"),
        ("nul\x00", "nul\\x00"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\ud800lone", "\\ud800lone"),
        ("Grüße \N{GRINNING FACE}", "Grüße \N{GRINNING FACE}"),
    ],
)
def test_what_is_made_of_odd_characters(given_text: str, told: str) -> None:
    assert Cleaner({})(given_text) == told


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_one_that_every_encoding_takes(text: str) -> None:
    told = Cleaner({})(text)
    told.encode("utf-8")
    assert not any(ord(char) < 0x20 and char not in "\t\n" for char in told)


@given(st.text(st.characters(codec=None)))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    clean = Cleaner({"ATLAS_TOKEN": TOKEN})
    assert clean(clean(text)) == clean(text)


SECRET = 'it\'s "mine" & 100%\n'


@pytest.mark.parametrize("shown", [repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1], quote(SECRET, safe=""), SECRET.strip()])
def test_a_secret_is_known_as_others_escape_it(shown: str) -> None:
    assert Cleaner({"ATLAS_TOKEN": SECRET})(f"before {shown} after") == "before [redacted] after"
