"""Text forms of values and limits, the same in messages of tests, in the journal, in CSV files and in Atlas. Pure.

A value has three forms: *exact* (in the journal: Python's `repr`, which `from_exact` reads back), a *cell* (in
`measurements.csv`, which `from_cell` reads back) and a short text for people (`number_text`).
"""

import re
from ast import literal_eval
from builtins import abs, bool, float, int, isinstance, map, repr, round, str, tuple
from collections.abc import Callable, Iterable

Scalar = float | int | str | bool

_LITERAL = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")
"""A string as `repr` writes it."""
ONE_OF = "one of "
"""Start of a cell with several allowed values."""
MATCHES = "matches "
"""Start of a cell with a regular expression."""


def number_text(value: Scalar, distinct_from: Iterable[Scalar | None] = ()) -> str:
    """Return a number with at most nine digits and no trailing zeros; a string is quoted.

    A number that would look like another number in `distinct_from` is shown with all digits.
    """
    if isinstance(value, bool | str):
        return repr(value)
    short = _nine_digits(value)
    for other in distinct_from:
        if other is not None and not isinstance(other, bool | str) and other != value and _nine_digits(other) == short:
            return repr(value)
    return short


def _nine_digits(value: float) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def quantity(value: Scalar, unit: str, distinct_from: Iterable[Scalar | None] = ()) -> str:
    """Return a number with its unit; see `number_text`."""
    return f"{number_text(value, distinct_from)} {unit}".rstrip()


_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_PREFIXED_UNITS = frozenset(("Hz", "V", "A", "W", "Ω", "F", "H", "s", "m", "N", "Pa", "J", "C", "S", "T"))
"""Units that are shown with a prefix."""


def prefixed(value: float, unit: str) -> str:
    """Return a number with its unit, and with an SI prefix if its unit is usual with prefixes: `1 kHz`, `250 µs`."""
    if unit not in _PREFIXED_UNITS or not value or (unit == "s" and abs(value) >= 1):
        return quantity(value, unit)
    size = abs(value)
    for factor, prefix in _PREFIXES:
        if size >= factor and size < 1e12:
            shown = number_text(value / factor if factor >= 1 else value * round(1 / factor))
            return f"{shown} {prefix}{unit}"
    return quantity(value, unit)


def limits_text(
    low: Scalar | None,
    high: Scalar | None,
    equal: Scalar | None,
    unit: str,
    one_of: Iterable[Scalar] = (),
    *,
    matches: str = "",
    exclusive: str = "",
    number: Callable[[Scalar], str] = number_text,
) -> str:
    """Return limits as `95 … 105 ms`, `≤ 100 ms`, `= 'armed'` or `one of 'CC', 'CV'`; empty if there are none.

    `exclusive`: the limits that are not allowed values ("low", "high", "both"): `> 95 … < 105 ms`, `< 100 ms`.
    """
    above, below = exclusive in ("low", "both"), exclusive in ("high", "both")
    if matches:
        text = f"{MATCHES}{pattern_text(matches)}"
    elif one_of := tuple(one_of):
        text = ONE_OF + ", ".join(map(number, one_of))
    elif equal is not None:
        text = f"= {number(equal)}"
    elif low is not None and high is not None:
        text = f"{'> ' if above else ''}{number(low)} … {'< ' if below else ''}{number(high)}"
    elif low is not None:
        text = f"{'>' if above else '≥'} {number(low)}"
    elif high is not None:
        text = f"{'<' if below else '≤'} {number(high)}"
    else:
        return ""
    return f"{text} {unit}".rstrip()


def pattern_text(pattern: str) -> str:
    """Return a regular expression as it is, or as a string literal if it is not one printable line."""
    return pattern if pattern.isprintable() else repr(pattern)


def to_exact(value: Scalar | None) -> str:
    """Return the `repr` of `value`, which has all digits of a number; empty for None."""
    return "" if value is None else repr(value)


def from_exact(text: str) -> Scalar | None:
    """Return the value that `to_exact` wrote. Any other text is returned unchanged."""
    if not text:
        return None
    if text in ("True", "False"):
        return text == "True"
    if text[0] in "'\"":
        return _unquoted(text)
    return _number(text)


def to_cell(recorded: str) -> str:
    """Return a value from `to_exact` as a cell of a CSV file: a number with all digits, a string without its quotes.

    A string keeps its quotes (`'0012'`) if it would be read as another value or has characters that are not printable: a
    cell is one line.
    """
    value = from_exact(recorded)
    if not isinstance(value, str):
        return recorded
    is_plain = value.isprintable() and isinstance(from_cell(value), str) and value[:1] not in ("'", '"')
    return value if is_plain and not value.startswith((ONE_OF, MATCHES)) else repr(value)


def from_cell(cell: str) -> Scalar:
    """Return the value of a cell from `to_cell`."""
    value = from_exact(cell)
    return "" if value is None else value


def limit_cells(low: str, high: str, equal: str, one_of: Iterable[str], matches: str = "") -> tuple[str, str]:
    """Return recorded limits as the cells `low` and `high`. They are equal if no distance to a limit can be computed."""
    if matches:
        return f"{MATCHES}{pattern_text(matches)}", f"{MATCHES}{pattern_text(matches)}"
    if one_of := tuple(one_of):
        cell = ONE_OF + ", ".join(one_of)
        return cell, cell
    return (to_cell(equal), to_cell(equal)) if equal else (low, high)


def _unquoted(text: str) -> str:
    if not _LITERAL.fullmatch(text):
        return text
    try:
        return str(literal_eval(text))
    except (SyntaxError, ValueError):  # an unknown escape: not written by `to_exact`
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
