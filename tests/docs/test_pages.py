"""All pages: links, commands, options, variables and named files exist, and generated tables are up to date."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import dev
import pytest
from tests.support import pages
from tests.support.readme import made

import pytest_atlas
from pytest_atlas import plugin
from pytest_atlas.cli.entry import make_parser
from pytest_atlas.settings import SETTINGS

OPTIONS = {setting.option for setting in SETTINGS}
VARIABLES = {setting.env for setting in SETTINGS}
FIXTURES = {"atlas_class", "atlas_module", "atlas_session"}
NAMES = {setting.ini for setting in SETTINGS} | {marker.partition("(")[0] for marker in plugin.MARKERS} | FIXTURES

each_page = pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: str(page.relative_to(pages.ROOT)))


@pytest.fixture(scope="module")
def pytest_help() -> str:
    command = [sys.executable, "-m", "pytest", "--help", "--rootdir", str(pages.ROOT)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@each_page
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text("utf-8")
    assert made(text) == text, "run: python3 dev.py docs"


@each_page
def test_links_have_a_target(page: Path) -> None:
    for link in pages.links(page.read_text("utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target.read_text("utf-8")), link


@each_page
def test_the_command_accepts_the_arguments(page: Path) -> None:
    for words in pages.commands(page.read_text("utf-8"), "pytest-atlas"):
        assert _is_accepted(words), f"pytest-atlas {' '.join(words)}"


def _is_accepted(words: list[str]) -> bool:
    try:
        make_parser().parse_args(words)
    except SystemExit as left:
        return not left.code  # after --help
    return True


@each_page
def test_pytest_accepts_the_options(page: Path, pytest_help: str) -> None:
    for words in pages.commands(page.read_text("utf-8"), "pytest"):
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        assert [o for o in options if not re.search(rf"(?<![\w-]){re.escape(o)}(?![\w-])", pytest_help)] == []


@each_page
def test_names_that_start_with_atlas_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    assert set(re.findall(r"--(?:no-)?atlas[a-z-]*", text)) <= OPTIONS
    assert set(re.findall(r"\bATLAS_[A-Z_]+", text)) <= VARIABLES
    assert set(re.findall(r"(?<![./\w-])atlas_[a-z_]+", text)) <= NAMES


@each_page
def test_commands_of_dev_and_tox_environments_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    chores = re.findall(r"dev\.py ([a-z]+)", text)
    assert set(chores) <= set(dev.CHORES)
    tox = ConfigParser()
    tox.read(pages.ROOT / "tox.ini", "utf-8")
    for name, *_ in ([w for w in words if not w.startswith("-")] for words in pages.commands(text, "tox") if words):
        assert f"testenv:{name}" in tox or name in _generated(tox["tox"]["env_list"]), name


def _generated(env_list: str) -> set[str]:
    """Return the environments of tox's list, with expanded braces."""
    found: set[str] = set()
    for line in env_list.split():
        several = re.split(r"\{(.*?)\}", line)
        names = [""]
        for place, part in enumerate(several):
            names = [name + choice for name in names for choice in (part.split(",") if place % 2 else [part])]
        found.update(names)
    return found


@each_page
def test_named_files_of_the_package_exist(page: Path) -> None:
    root, text = Path(pytest_atlas.__file__).parent, page.read_text("utf-8")
    named = re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", text)
    assert [name for name in named if not any((parent / name).exists() for parent in (root, pages.ROOT, page.parent))] == []


@pytest.mark.parametrize("page", sorted(pages.DOCS.glob("*.md")), ids=lambda page: page.name)
def test_each_example_names_its_file_and_has_a_test(page: Path) -> None:
    text = page.read_text("utf-8")
    examples = pages.blocks(text, "python")
    assert [code for code in examples if code not in "\n\n".join(pages.files(text).values())] == []
    assert not examples or Path(__file__).with_name(f"test_{page.stem.replace('-', '_')}.py").exists()
