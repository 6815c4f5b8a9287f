"""docs/ci.md: its table, its list of CIs and its limit of a run key are those of the code."""

import re

from tests.support.pages import DOCS

from pytest_atlas.recorder.ci_providers import CIS
from pytest_atlas.settings import LONGEST_RUN_KEY

TEXT = (DOCS / "ci.md").read_text("utf-8")


def test_the_table_links_the_documentation_of_each_ci() -> None:
    assert all(f"[{row.name}]({row.source})" in TEXT for row in CIS)


def test_each_ci_has_an_item_about_retries() -> None:
    assert {row.name for row in CIS} <= set(re.findall(r"^\* \*\*(.+?)\*\*", TEXT, re.MULTILINE))


def test_the_longest_run_key_is_that_of_the_settings() -> None:
    assert f"at most {LONGEST_RUN_KEY} characters" in TEXT
