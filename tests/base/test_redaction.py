"""Secrets that are escaped, encoded or interrupted: nothing of them remains, and nothing else changes."""

import base64
import json
import re
import textwrap
from collections.abc import Callable
from itertools import cycle
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.redaction import BLOCK
from pytest_atlas.base.sanitize import Cleaner, log_lines, log_text, single_line, visible
from pytest_atlas.base.secrets import looks_secret, sounds_secret

TOKEN = "tok-3f2a+9c81/Bd77=Aa01"
ENVIRONMENT = {
    "ATLAS_TOKEN": TOKEN,
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzKEYzKEYab",
    "DB_PASSWORD": 'it\'s "mine" \\ & 100%41',
    "UNICODE_SECRET": "Grüße-\N{GRINNING FACE}-9c81bd77",
}
SECRETS = list(ENVIRONMENT.values())
MARK = "[redacted]"

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "repr": lambda s: repr(s)[1:-1],
    "bytes": lambda s: repr(s.encode())[2:-1],
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON in JSON": lambda s: json.dumps(json.dumps(s))[3:-3],
    "ascii": lambda s: ascii(s)[1:-1],
    "hexadecimal escapes": lambda s: "".join(f"\\x{byte:02x}" for byte in s.encode()),
    "unicode escapes": lambda s: "".join(f"\\u{code:04X}" for code in memoryview(s.encode("utf-16-le")).cast("H")),
    "URL": lambda s: quote(s, safe=""),
    "form": quote_plus,
    "URL, all characters": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "URL in URL": lambda s: quote(quote(s, safe=""), safe=""),
    "HTML": lambda s: "".join(f"&#{ord(character)};" for character in s),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 of URLs": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64, lines": lambda s: base64.encodebytes(b"x" * 60 + s.encode()).decode(),
    "Basic": lambda s: "Basic " + base64.b64encode(f"user:{s}".encode()).decode(),
    "Basic of a longer name": lambda s: "Basic " + base64.b64encode(f"user12:{s}".encode()).decode(),
    "Basic of another name": lambda s: "Basic " + base64.b64encode(f"user1:{s}".encode()).decode(),
}
NOISE = [
    "\x1b[31m",
    "\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b(B",
    "\r",
    "\x08",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\u00ad",
    "\x00",
    "\x9b1m",
    "\n",
    "\n    ",
]
BORDERS = [" │\n│ ", "\nE   ", "\r\n", "\ufe0f", "\u2060", "\U000e0041"]


def remains(text: str, secret: str) -> bool:
    """Return whether a text contains a secret, also interrupted or encoded."""
    bare = re.sub(r"[^\w+/=%\\&-]", "", text)
    return any(re.sub(r"[^\w+/=%\\&-]", "", encode(secret)).removeprefix("Basic") in bare for encode in ENCODINGS.values())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ENVIRONMENT)
def test_no_form_of_a_secret_remains(name: str, encoding: str) -> None:
    clean = Cleaner(ENVIRONMENT)
    shown = ENCODINGS[encoding](ENVIRONMENT[name])
    text = clean(f"before '{shown}' after")
    assert text.startswith("before '")
    assert text.endswith("' after")
    assert MARK in text
    assert not remains(text, ENVIRONMENT[name])
    assert clean.redacted == [name]


@given(
    st.sampled_from(SECRETS),
    st.sampled_from(list(ENCODINGS)),
    st.lists(st.sampled_from(NOISE + BORDERS), min_size=1, max_size=8),
)
def test_a_secret_that_is_interrupted_is_redacted(secret: str, encoding: str, noise: list[str]) -> None:
    shown = ENCODINGS[encoding](secret)
    size = max(1, len(shown) // (len(noise) + 1))
    parts = textwrap.wrap(shown, size, drop_whitespace=False) if "\\" not in shown else [shown]
    text = "".join(part + sign for part, sign in zip(parts, cycle(noise), strict=False))
    clean = Cleaner(ENVIRONMENT)
    for made in (clean(f"before {text} after"), clean.redact(f"before {text} after")):
        assert MARK in made, (text, made)
        assert not remains(made, secret)


@given(st.sampled_from(SECRETS), st.lists(st.sampled_from(["\x1b[1m", "\u200d", "\n", "x\x08"]), min_size=3, max_size=3))
def test_each_character_may_be_interrupted(secret: str, noise: list[str]) -> None:
    text = "".join(character + sign for character, sign in zip(secret, cycle(noise), strict=False))
    assert not remains(Cleaner(ENVIRONMENT)(text), secret)
    assert MARK in Cleaner(ENVIRONMENT)(text)


@pytest.mark.parametrize("prefix", ["C:\\", "100%", "\\\\", "&", "a" * (BLOCK - 5), "é\n" * BLOCK])
@pytest.mark.parametrize("suffix", ["", "\n", "x" * 9])
def test_a_secret_is_found_after_every_text(prefix: str, suffix: str) -> None:
    for secret in SECRETS:
        text = Cleaner(ENVIRONMENT)(f"{prefix}{secret}{suffix}")
        bare = prefix.rstrip("\\")  # a backslash may escape the first character of the secret
        assert text in (f"{prefix}{MARK}{suffix}", f"{bare}{MARK}{suffix}")


def test_text_that_overwrites_itself_does_not_show_a_secret() -> None:
    assert TOKEN[-8:] not in Cleaner(ENVIRONMENT)(f"xxx{TOKEN[3:]}\r{TOKEN[:3]}")


TEXTS = st.lists(
    st.sampled_from([*SECRETS, *NOISE, "\\", "%", "\\x4", "\\u00", "&#", "a", "é", " ", *(s[:9] for s in SECRETS)]), max_size=12
)


@given(TEXTS)
def test_cleaning_is_idempotent(pieces: list[str]) -> None:
    clean = Cleaner(ENVIRONMENT)
    once = clean("".join(pieces))
    assert clean(once) == once
    assert clean.redact(once) == once
    assert all(secret not in once for secret in SECRETS)


@given(st.text(st.characters(codec=None)))
def test_texts_without_secrets_are_not_redacted(text: str) -> None:
    assert Cleaner(ENVIRONMENT).redact(text) == text
    assert Cleaner(ENVIRONMENT).identity(text) == visible(text)


@given(st.text(st.characters(codec=None)))
def test_no_control_bidirectional_or_zero_width_character_is_shown(text: str) -> None:
    shown = Cleaner({})(text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0001]", shown
    )
    assert not set("\n\r\t\u2028\x85") & set(single_line(text))


@pytest.mark.parametrize("character", ["\u3164", "\u034f", "\U000e0100", "\u200d"])
def test_a_character_without_width_that_counts_as_printable_is_shown(character: str) -> None:
    assert visible(f"a{character}b").isascii()
    assert visible("⚠\ufe0f \ufffd") == "⚠\ufe0f \ufffd"


def test_an_identity_keeps_secrets_that_only_a_name_marks() -> None:
    clean = Cleaner(ENVIRONMENT)
    assert (
        clean.identity("test_a.py::test[Grüße-\N{GRINNING FACE}-9c81bd77]")
        == "test_a.py::test[Grüße-\N{GRINNING FACE}-9c81bd77]"
    )
    assert clean.identity(f"login {TOKEN}") == f"login {MARK}"
    assert clean.has_known_secret(f"a{TOKEN}") and not clean.has_known_secret(ENVIRONMENT["DB_PASSWORD"])  # noqa: PT018


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error title=x::y", "\\x3a:error title=x::y"),
        ("  ::add-mask::y", "  \\x3a:add-mask::y"),
        ("\x1b[1m::error::y", "\x1b[1m\\x3a:error::y"),
        ("##vso[task.x]y", "\\x23#vso[task.x]y"),
        ("a ##teamcity[x]", "a \\x23#teamcity[x]"),
        ("a ##[error]x", "a \\x23#[error]x"),
        ("a\n::error::x", "a\\n::error::x"),
        ("tests/a.py::test_b", "tests/a.py::test_b"),
        ("a ## heading", "a ## heading"),
    ],
)
def test_no_line_is_a_command_to_a_ci(line: str, shown: str) -> None:
    assert log_lines([line]) == [shown]


def test_no_line_of_a_text_is_a_command_to_a_ci() -> None:
    assert log_text("a\n::error::b\n\n ::c::\n") == "a\n\\x3a:error::b\n\n \\x3a:c::\n"


SECRET_NAMES = """
    PGPASS PGPASSWORD SSHPASS LICENSE_KEY LICENCE_KEY DOCKER_AUTH_CONFIG SLACK_WEBHOOK_URL TEAMS_WEBHOOK_URL BENCH_PW
    KEY_PASSPHRASE GCP_CREDENTIALS MAPS_APIKEY HTTP_AUTHORIZATION NPM_AUTH SSH_KEY TS_AUTHKEY
"""
OTHER_NAMES = "SSH_ASKPASS HOME ATLAS_RUN_KEY KEYBOARD BYPASS COMPASS TOKEN_URL PASSWORD_FILE MONKEY AUTHOR"


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_names_that_are_secret(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name",
    ["PGPASSFILE", "SSH_ASKPASS", "HOME", "ATLAS_RUN_KEY", "KEYBOARD", "BYPASS", "COMPASS", "TOKEN_URL", "MONKEY", "AUTHOR"],
)
def test_names_that_are_not_secret(name: str) -> None:
    assert not sounds_secret(name)


@pytest.mark.parametrize(
    ("value", "is_secret"),
    [
        *(
            (word, False)
            for word in ("postgres", "password", "PASSWORD", "Password", "changeme", "short-1", "/etc/keys/atlas.pem")
        ),
        *(
            (text, True)
            for text in ("postgres1", "correct horse", "my-password", "12345678", "aBcDeFgHiJ", "a" * 20, "AbCdEfGh")
        ),
    ],
)
def test_which_values_are_secret(value: str, *, is_secret: bool) -> None:
    assert looks_secret(value) == is_secret


def test_secrets_inside_documents_and_webhooks_are_found() -> None:
    clean = Cleaner(
        {
            "DOCKER_AUTH_CONFIG": json.dumps({"auths": {"registry.example.com": {"auth": "dXNlcjpzM2NyM3Q="}}}),
            "SLACK_WEBHOOK_URL": "https://hooks.example.com/services/T000/B000/s3cr3ts3cr3t",
        }
    )
    assert clean("auth dXNlcjpzM2NyM3Q=, registry.example.com") == f"auth {MARK}, registry.example.com"
    assert clean("POST /services/T000/B000/s3cr3ts3cr3t failed") == f"POST {MARK} failed"


def test_a_key_is_redacted_line_by_line_with_its_short_last_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\nAbc=\n-----END KEY-----"
    for shown in (key, textwrap.indent(key, "E   "), json.dumps(key), key.replace("\n", "\n\n    ")):
        text = Cleaner({"DEPLOY_KEY": key})(shown)
        assert not re.search("MIIE|AQEF|Abc=", text), text


def test_half_of_a_secret_in_two_sections_is_redacted() -> None:
    heading = " Captured stdout call ".center(60, "─")
    text = Cleaner(ENVIRONMENT)(f"a {TOKEN[:9]}\n\n{heading}\n{TOKEN[9:]} b")
    assert text == f"a {MARK}\n\n{heading}\n{MARK} b"
