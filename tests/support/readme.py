"""The generated tables of README.md and docs/."""

import re

from tests.support.pages import PAGES

from pytest_atlas import settings
from pytest_atlas.recorder import ci_providers

NEEDED_MOST = ("system", "url", "token", "bucket", "offline")
"""The settings in the table of the README."""


def needed_most() -> str:
    """Return their rows of the table."""
    return settings.as_markdown(setting for setting in settings.SETTINGS if setting.name in NEEDED_MOST)


TABLES = {"settings": settings.as_markdown, "most": needed_most, "CIs": ci_providers.as_markdown}
_TABLE = re.compile(r"(<!-- (\w+): generated .*? -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def made(text: str) -> str:
    """Return a page with up-to-date tables."""
    return _TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", text)


def write() -> None:
    """Write the tables of all pages."""
    for page in PAGES:
        page.write_text(made(page.read_text("utf-8")), "utf-8")
