"""docs/settings.md: pytest prints the shown messages, and the example of an ini file is accepted."""

import re
import shlex
from pathlib import Path

import pytest
from tests.support import pages
from tests.support.events import SYSTEM
from tests.support.inner import Project

from pytest_atlas.journal import events as ev

TEXT = (pages.DOCS / "settings.md").read_text("utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the ini file of the page."""
    (ini,) = pages.blocks(TEXT, "ini")
    project = Project(tmp_path).write("test_trip.py", "def test_trip(): pass\n")
    return project.write("pytest.ini", ini)


def test_the_ini_file_turns_the_plugin_on(project: Project) -> None:
    ended = project.pytest("--strict-config", "--atlas-offline")
    (session,) = ended.recorded(ev.SessionStarted)
    assert session.system_id == SYSTEM
    assert ended.code == 0


def test_invalid_settings_print_the_shown_usage_errors(project: Project) -> None:
    (shown,) = pages.blocks(TEXT, "console")
    calls = re.findall(r"^\$ (.*)\n(.*)$", shown, re.MULTILINE)
    assert len(calls) == shown.count("ERROR") == 4
    for call, message in calls:
        before, _, arguments = call.partition("pytest")
        ended = project.pytest(*shlex.split(arguments), env=dict([before.strip().split("=")]) if before else {})
        assert (ended.code, ended.err.strip()) == (pytest.ExitCode.USAGE_ERROR, message)


def test_the_page_shows_each_kind_of_target() -> None:
    """tests/test_header.py has the sessions that print these lines."""
    (shown,) = (block for block in re.findall(r"(?:^    .*\n)+", TEXT, re.MULTILINE) if "atlas: " in block)
    assert [line.split()[1] for line in shown.splitlines()] == ["local", "https://atlas.example.com;", "recording", "not"]
