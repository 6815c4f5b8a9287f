"""What docs/ci.md says is so."""

import re

from tests.support.readme import DOCS, made

from pytest_atlas.cli.commands import COMMANDS
from pytest_atlas.recorder.cis import CIS
from pytest_atlas.settings import LONGEST_RUN_KEY, SETTINGS

TEXT = (DOCS / "ci.md").read_text("utf-8")


def test_the_table_of_cis_is_the_codes() -> None:
    assert made(TEXT) == TEXT, "run: python3 dev.py docs"
    assert all(f"[{row.name}]({row.source})" in TEXT for row in CIS)


def test_each_ci_has_its_word_about_retries() -> None:
    assert {row.name for row in CIS} <= set(re.findall(r"^\* \*\*(.+?)\*\*", TEXT, re.MULTILINE))


def test_options_variables_and_commands_that_it_names_are_there() -> None:
    assert set(re.findall(r"--atlas-[a-z]+", TEXT)) <= {setting.option for setting in SETTINGS}
    assert set(re.findall(r"\bATLAS_[A-Z_]+", TEXT)) <= {setting.env for setting in SETTINGS}
    commands = {command.name for command in COMMANDS}
    assert set(re.findall(r"pytest-atlas ([a-z]+)(?= |`)", TEXT)) - {"knows"} <= commands
    assert f"at most {LONGEST_RUN_KEY} characters" in TEXT


def test_what_it_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if not link.startswith("https://")]
    assert len(links) == 3
    assert [link for link in links if not (DOCS / link).exists()] == []
