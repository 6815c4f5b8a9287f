"""Clean all text that is written to journal, files, log, terminal and summary. Standard library only.

The order is fixed: colours and other CSI sequences are removed, other control and format characters become escapes, and then
secrets are redacted (contract C4); captured output is rendered before, see `screen`. An identity is never redacted, except
that the token of Atlas and the secrets of AWS don't remain in it.
"""

import re
from builtins import len, ord, range, sorted
from collections.abc import Iterable, Mapping

from .decoded_text import IGNORABLE, is_latin1
from .redaction import Redactor
from .screen import render
from .secrets import known_secrets, secrets_of

_VISIBLE_IGNORABLE = IGNORABLE.replace("\\ufe00-\\ufe0f", "").replace("\\ufff0-\\uffff", "\\ufff0-\\ufffb\\ufffe\\uffff")
# Variation selectors belong to emoji, and the replacement characters to texts that were decoded.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f"
    + _VISIBLE_IGNORABLE
    + "]"
)
BLOCK = 1 << 16
"""Characters that are made visible at once."""
_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_COMMAND = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*):(?=:[\w-])|#(?=#(?:vso|teamcity)?\[)", re.MULTILINE | re.IGNORECASE)
"""Commands to a CI in its log: of GitHub at the start of a line, of Azure Pipelines and TeamCity anywhere."""


class Cleaner:
    """`clean(text)` returns a text that may be written, without the secrets of the given environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._redactor = Redactor(secrets_of(environment))
        self._known = known_secrets(environment)

    def __repr__(self) -> str:
        return f"<Cleaner {self._redactor!r}>"

    def __call__(self, text: str) -> str:
        """`text` without colours, visible and redacted. Most texts are returned as they are, within a microsecond."""
        if text.isascii() and text.isprintable():
            return self._redactor(text)
        bare = _CSI.sub("", text) if "\x1b" in text else text
        shown = visible(bare.replace("\r\n", "\n"))
        redacted = self._without_overwriting(text, self._redactor(shown))
        return shown if redacted is shown else visible(redacted)

    def redact(self, text: str) -> str:
        """`text` without secrets, and otherwise unchanged: for files, which are kept as they are."""
        return self._without_overwriting(text, self._redactor(text))

    def _without_overwriting(self, text: str, redacted: str) -> str:
        """`redacted`, unless a terminal shows a secret because of characters that overwrite others in `text`."""
        if "\x08" not in text and "\r" not in text:
            return redacted
        shown = render(self._redactor(text))
        without = self._redactor(shown)
        return redacted if without == shown else without

    def identity(self, text: str) -> str:
        """A nodeid, a key or a title of an identity line: visible, and unchanged unless it contains a known secret."""
        return visible(self._redactor(text) if self.has_known_secret(text) else text)

    def has_known_secret(self, text: str) -> bool:
        """Whether `text` contains the token of Atlas or a secret of AWS as it is."""
        for secret in self._known:  # noqa: SIM110 - twice as fast as any()
            if secret in text:
                return True
        return False

    @property
    def redacted(self) -> list[str]:
        """The names of the variables whose values were redacted so far."""
        return sorted(self._redactor.redacted)


def visible(text: str) -> str:
    """`text` with escapes in place of control, bidirectional, zero-width and other format characters, except LF and tab."""
    if len(text) > BLOCK:  # one unusual character must not make all of a long text slow
        return "".join(visible(text[start : start + BLOCK]) for start in range(0, len(text), BLOCK))
    # Most texts are known to be safe without the pattern, which takes a hundred times longer.
    if text.isascii() and text.isprintable():
        return text
    is_safe = is_latin1(text) and text.replace("\n", "").replace("\t", "").isprintable()
    return text if is_safe else _UNSAFE.sub(_escape, text)


def single_line(text: str) -> str:
    """A field that has one line, such as a title: visible, with escapes in place of line breaks and tabs."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def log_text(text: str) -> str:
    """Lines for a terminal or a log: none is a command to the CI that reads the log."""
    return (
        _COMMAND.sub(lambda match: f"{match[1] or ''}\\x{ord(match[0][-1]):02x}", text)
        if "::" in text or "##" in text
        else text
    )


def log_lines(lines: Iterable[str]) -> list[str]:
    """The same for lines that may contain line breaks of a title: each stays one line."""
    return [log_text(line.replace("\n", "\\n").replace("\r", "\\r")) for line in lines]


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
