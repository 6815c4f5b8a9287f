"""What docs/ci.md says is so."""

import re

from tests.support.pages import DOCS

from pytest_atlas.recorder.ci_providers import CIS
from pytest_atlas.settings import LONGEST_RUN_KEY

TEXT = (DOCS / "ci.md").read_text("utf-8")


def test_the_table_has_the_source_of_each_ci() -> None:
    assert all(f"[{row.name}]({row.source})" in TEXT for row in CIS)


def test_each_ci_has_its_word_about_retries() -> None:
    assert {row.name for row in CIS} <= set(re.findall(r"^\* \*\*(.+?)\*\*", TEXT, re.MULTILINE))


def test_the_length_of_a_key_is_the_one_that_is_taken() -> None:
    assert f"at most {LONGEST_RUN_KEY} characters" in TEXT
