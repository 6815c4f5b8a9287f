"""Numbers with units, and limits, as a person writes them: the words that tests' messages and Atlas's steps share. Pure."""

Scalar = float | int | str | bool


def number_text(value: Scalar) -> str:
    """A number with nine digits at most and no trailing zeros; a text as it is, quoted."""
    if isinstance(value, bool | str):
        return repr(value)
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def quantity(value: Scalar, unit: str) -> str:
    """A number with its unit."""
    return f"{number_text(value)} {unit}".rstrip()


def allowed(low: Scalar | None, high: Scalar | None, equal: Scalar | None, unit: str) -> str:
    """Limits in words: `95 … 105 ms`, `≤ 100 ms`, `= 'armed'`; empty where there are none."""
    if equal is not None:
        return f"= {quantity(equal, unit)}"
    if low is not None and high is not None:
        return f"{number_text(low)} … {quantity(high, unit)}"
    if low is not None:
        return f"≥ {quantity(low, unit)}"
    return f"≤ {quantity(high, unit)}" if high is not None else ""


def exact(value: Scalar | None) -> str:
    """`value` as `repr` has it, which keeps every digit and has words for NaN and infinity; empty for None."""
    return "" if value is None else repr(value)


def read(text: str) -> Scalar | None:
    """What `exact` wrote; a text that is none of its own stays a text."""
    if not text:
        return None
    if text in ("True", "False"):
        return text == "True"
    if text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
