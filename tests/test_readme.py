"""What the README says is so."""

import ast
import re

from tests.support.readme import README, made

from pytest_atlas import atlas

TEXT = README.read_text("utf-8")
LISTINGS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_table_of_settings_is_the_codes() -> None:
    assert made(TEXT) == TEXT, "run: python3 dev.py docs"


def test_its_listings_are_python_and_use_what_is_there() -> None:
    assert len(LISTINGS) == 2
    for listing in LISTINGS:
        ast.parse(listing)
    names = re.search(r"from pytest_atlas.atlas import (.*)", LISTINGS[1])
    assert names is not None
    assert set(names[1].split(", ")) <= set(atlas.__all__)


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (README.parent / link).exists()] == []
