"""Sanitized texts: valid in JSON, and without secrets."""

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.sanitize import BLOCK, Cleaner, visible
from pytest_atlas.base.secrets import without_secrets

TOKEN = "tok-3f2a9c81"


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("ATLAS_TOKEN", TOKEN, True),
        ("ATLAS_TOKEN", "short", False),  # a usage error
        ("AWS_SECRET_ACCESS_KEY", TOKEN, True),
        ("AWS_SESSION_TOKEN", TOKEN, True),
        ("GITHUB_TOKEN", TOKEN, True),
        ("DB_PASSWORD", TOKEN, True),
        ("bench_api_key", TOKEN, True),
        ("PIP_TOKEN", "short", False),
        ("HOME", TOKEN, False),
        ("AWS_ACCESS_KEY_ID", TOKEN, False),
        ("SECRET_FILE", TOKEN, False),
        ("CI_JOB_TOKEN", TOKEN, True),
        ("CI_JOB_JWT_V2", TOKEN, True),
        ("GH_PAT", TOKEN, True),
        ("SMTP_PASS", TOKEN, True),
        ("MYSQL_PWD", TOKEN, True),
        ("PWD", TOKEN, False),
        ("OLDPWD", TOKEN, False),
        ("SSH_ASKPASS", TOKEN, False),
        ("VAULT_SECRET_ID", TOKEN, True),
        ("KEY_PASSPHRASE", TOKEN, True),
        ("ATLAS_RUN_KEY", TOKEN, False),
        ("GITHUB_TOKEN", "        ", False),
    ],
)
def test_which_values_count_as_secrets(name: str, value: str, *, is_secret: bool) -> None:
    cleaned = Cleaner({name: value})(f"before {value} after")
    assert cleaned == ("before [redacted] after" if is_secret else f"before {value} after")


def test_a_secret_that_contains_another_is_redacted_completely() -> None:
    clean = Cleaner({"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefgh-12345678"})
    assert clean("abcdefgh-12345678") == "[redacted]"


def test_a_cleaner_does_not_show_its_secrets() -> None:
    assert TOKEN not in repr(Cleaner({"ATLAS_TOKEN": TOKEN}))


@pytest.mark.parametrize(
    ("given_text", "cleaned"),
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
def test_unusual_characters_are_escaped(given_text: str, cleaned: str) -> None:
    assert Cleaner({})(given_text) == cleaned


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_encoded_afterwards(text: str) -> None:
    cleaned = Cleaner({})(text)
    cleaned.encode("utf-8")
    assert not any(ord(char) < 0x20 and char not in "\t\n" for char in cleaned)


@given(st.text(st.characters(codec=None)))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    clean = Cleaner({"ATLAS_TOKEN": TOKEN})
    assert clean(clean(text)) == clean(text)


SECRET = 'it\'s "mine" & 100%\n'


@pytest.mark.parametrize("shown", [repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1], quote(SECRET, safe=""), SECRET.strip()])
def test_escaped_forms_of_a_secret_are_redacted(shown: str) -> None:
    assert Cleaner({"ATLAS_TOKEN": SECRET})(f"before {shown} after") == "before [redacted] after"


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://user:pass-word-1@pypi.example.com/simple", "pass-word-1"),
        ("http://me:p%40ss-word@proxy:3128", "p@ss-word"),
        ("http://me:p%40ss-word@proxy:3128", "p%40ss-word"),
        ("https://gitlab-ci-token:glcbt-64_x8@gitlab.example.com/a/b.git", "glcbt-64_x8"),
        ("https://ghp_0123456789abcdefghij@github.com/a/b", "ghp_0123456789abcdefghij"),
        ("postgresql+psycopg://app:a:b@c:d-1@db/app", "a:b@c:d-1"),
        ("see https://store.example.com/x?sv=1&sig=abcd%2Fefgh&se=2", "abcd%2Fefgh"),
        ("https://x.example.com/hook?access_token=0123456789", "0123456789"),
    ],
)
def test_a_secret_in_the_url_of_any_variable_is_redacted(url: str, secret: str) -> None:
    clean = Cleaner({"PIP_INDEX_URL": url})
    assert clean(f"with {secret}!") == "with [redacted]!"
    assert secret not in clean(url)


@pytest.mark.parametrize("url", ["https://example.com/a@b:c", "git@example.com:a/b", "https://git@example.com/a", "a://b:@c"])
def test_a_url_without_a_secret_is_not_redacted(url: str) -> None:
    assert Cleaner({"ORIGIN": url})(f"see {url}, a, b, c, git") == f"see {url}, a, b, c, git"


def test_a_short_password_is_redacted_only_in_its_url() -> None:
    clean = Cleaner({"HTTPS_PROXY": "http://me:abc@proxy:3128"})
    assert clean("http://me:abc@proxy:3128 abc") == "http://me[redacted]proxy:3128 abc"


KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n"


def test_a_secret_of_several_lines_is_redacted_line_by_line() -> None:
    cleaned = Cleaner({"DEPLOY_KEY": KEY})("".join(f"E   {line}\n" for line in KEY.splitlines()))
    assert cleaned == "E   -----BEGIN PRIVATE KEY-----\nE   [redacted]\nE   [redacted]\nE   -----END PRIVATE KEY-----\n"


LONG = "".join(f"{n:x}" for n in range(400))


@given(st.integers(16, len(LONG)), st.integers(16, len(LONG)), st.sampled_from(["...", "…", "", "\n"]))
def test_no_piece_of_a_cut_secret_remains(head: int, tail: int, gap: str) -> None:
    cleaned = Cleaner({"AWS_SESSION_TOKEN": LONG})(f"is {LONG[:head]}{gap}{LONG[-tail:]} and {LONG[:head]}.")
    assert set(re.findall(r"[0-9a-f]+", cleaned.replace("[redacted]", "").replace("and", ""))) == set()


def test_redaction_changes_nothing_else() -> None:
    assert Cleaner({"ATLAS_TOKEN": TOKEN}).redact(f"\x1b[31m{TOKEN}\x00\r\n") == "\x1b[31m[redacted]\x00\r\n"


@pytest.mark.parametrize(
    ("arguments", "cleaned"),
    [
        (["--db-password=hunter2", "tests"], ["--db-password=[redacted]", "tests"]),
        (["--token", "hunter2", "tests"], ["--token", "[redacted]", "tests"]),
        (["--token", "-x"], ["--token", "-x"]),
        (["--token-file=a", "-k", "token", "test_token.py"], ["--token-file=a", "-k", "token", "test_token.py"]),
        (["--url=https://me:hunter22@x/y"], ["--url=https://me[redacted]x/y"]),
    ],
)
def test_a_command_line_has_no_passwords(arguments: list[str], cleaned: list[str]) -> None:
    assert list(without_secrets(arguments)) == cleaned


def test_a_long_text_is_escaped_like_a_short_one() -> None:
    """It is processed in blocks."""
    for length in (BLOCK - 1, BLOCK, BLOCK + 1):
        text = "a" * length + "\x07" + "─" + "b" * BLOCK + "\u200b\U0001f600"
        assert visible(text) == "a" * length + "\\x07─" + "b" * BLOCK + "\\u200b\U0001f600"
