"""Numbers with units, and limits, as a person writes them: the words that tests' messages and Atlas's steps share. Pure.

Three forms of a value: *exact* (in the journal: Python's `repr`, from which `read` gets the same value), a *cell* (in
`measurements.csv`: `from_cell` reads the same value) and the text for people (`number_text`).
"""

import re
from ast import literal_eval
from builtins import repr  # noqa: A004 - a test may replace it
from collections.abc import Iterable

Scalar = float | int | str | bool

_LITERAL = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")
"""A text as `repr` writes it."""
ONE_OF = "one of "
"""How a cell begins that has several allowed values."""


def number_text(value: Scalar, apart_from: Iterable[Scalar | None] = ()) -> str:
    """A number with nine digits at most and no trailing zeros; a text quoted.

    A number that has the same nine digits as one of `apart_from`, but another value, is shown with every digit.
    """
    if isinstance(value, bool | str):
        return repr(value)
    shown = _nine_digits(value)
    for other in apart_from:
        if other is not None and not isinstance(other, bool | str) and other != value and _nine_digits(other) == shown:
            return repr(value)
    return shown


def _nine_digits(value: float) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def quantity(value: Scalar, unit: str, apart_from: Iterable[Scalar | None] = ()) -> str:
    """A number with its unit."""
    return f"{number_text(value, apart_from)} {unit}".rstrip()


def allowed(low: Scalar | None, high: Scalar | None, equal: Scalar | None, unit: str, one_of: Iterable[Scalar] = ()) -> str:
    """Limits in words: `95 … 105 ms`, `≤ 100 ms`, `= 'armed'`, `one of 'CC', 'CV'`; empty where there are none."""
    if one_of := tuple(one_of):
        return f"{ONE_OF}{', '.join(map(number_text, one_of))} {unit}".rstrip()
    if equal is not None:
        return f"= {quantity(equal, unit)}"
    if low is not None and high is not None:
        return f"{number_text(low)} … {quantity(high, unit)}"
    if low is not None:
        return f"≥ {quantity(low, unit)}"
    return f"≤ {quantity(high, unit)}" if high is not None else ""


def exact(value: Scalar | None) -> str:
    """`value` as `repr` writes it, with every digit and with words for NaN and infinity; empty for None."""
    return "" if value is None else repr(value)


def read(text: str) -> Scalar | None:
    """Read what `exact` wrote. A text that `exact` did not write stays a text."""
    if not text:
        return None
    if text in ("True", "False"):
        return text == "True"
    if text[0] in "'\"":
        return _unquoted(text)
    return _number(text)


def to_cell(recorded: str) -> str:
    """A value from `exact` as a cell of a CSV file: a number with every digit, a text without its quotes.

    A text keeps its quotes (`'0012'`) if it would be read as something else, or has characters that are not printable:
    a cell is one line.
    """
    value = read(recorded)
    if not isinstance(value, str):
        return recorded
    is_plain = value.isprintable() and isinstance(from_cell(value), str) and value[:1] not in ("'", '"')
    return value if is_plain and not value.startswith(ONE_OF) else repr(value)


def from_cell(cell: str) -> Scalar:
    """The value of a cell that `to_cell` made."""
    value = read(cell)
    return "" if value is None else value


def limit_cells(low: str, high: str, equal: str, one_of: Iterable[str]) -> tuple[str, str]:
    """Recorded limits as the cells `low` and `high`. They are equal if no distance to a limit can be computed."""
    if one_of := tuple(one_of):
        words = ONE_OF + ", ".join(one_of)
        return words, words
    return (to_cell(equal), to_cell(equal)) if equal else (low, high)


def _unquoted(text: str) -> str:
    if not _LITERAL.fullmatch(text):
        return text
    try:
        return str(literal_eval(text))
    except (SyntaxError, ValueError):  # an unknown escape: `exact` did not write it
        return text


def _number(text: str) -> Scalar:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
