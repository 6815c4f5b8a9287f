"""The README's parts that are made from the code."""

import re
from pathlib import Path

from pytest_atlas import settings

README = Path(__file__).parents[2] / "README.md"
_TABLE = re.compile(r"(<!-- settings: .*? -->\n).*?(\n<!-- end of settings -->)", re.DOTALL)


def made(text: str) -> str:
    """The README with its table of settings as the code has it."""
    return _TABLE.sub(lambda found: found[1] + settings.as_markdown() + found[2], text)


def write() -> None:
    """Bring the README up to date."""
    README.write_text(made(README.read_text("utf-8")), "utf-8")
