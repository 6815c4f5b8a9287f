"""docs/contributing.md: its table of packages has the dependency rules of tests/test_imports.py, and its files exist."""

import re
from itertools import pairwise

import dev
from tests import test_imports
from tests.support import pages

import pytest_atlas

TEXT = (pages.DOCS / "contributing.md").read_text("utf-8")
PACKAGE = pages.ROOT / "src" / pytest_atlas.__name__
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ?([^|]*) \|$", re.MULTILINE)
TYPICAL_CHANGES = {
    "outcome", "CI provider", "API operation", "content type", "option", "finding", "web page", "hook",
    "storage of data files", "file reader of the analysis",
}  # fmt: skip


def section(heading: str) -> str:
    """Return the text below a heading of the second level."""
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_table_of_packages_has_the_dependency_rules() -> None:
    packages = {package: allowed for package, allowed in test_imports.PACKAGES.items() if "." not in package}
    rows = ROW.findall(section("Architecture"))
    documented = {package: set(re.findall(r"`([\w.]+)`", cell.partition(";")[0])) for package, cell in rows}
    documented["cli"] = set(packages) - documented["cli"] - {"cli"}  # this row lists the exceptions
    assert documented == packages


def test_the_diagram_shows_only_allowed_imports() -> None:
    (diagram,) = pages.blocks(TEXT, "mermaid")
    chains = [line.split(" --> ") for line in map(str.strip, diagram.splitlines()) if "-->" in line]
    edges = {edge for chain in chains for edge in pairwise(chain)}
    allowed = {(package, name.partition(".")[0]) for package, names in test_imports.PACKAGES.items() for name in names}
    assert edges - allowed == set()
    drawn = {package for edge in edges for package in edge}
    assert set(test_imports.PACKAGES) - drawn == {"autoload", "collection", "base", "__main__"} | {
        module for module in test_imports.PACKAGES if "." in module
    }


def test_the_packages_inside_pytest_are_named() -> None:
    (names,) = re.findall(r"^\* \*\*Inside pytest\*\*: (.*?)\s+run \*\*inside pytest\*\*", TEXT, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`(\w+)`", names)) == set(test_imports.INSIDE_PYTEST)


def test_each_command_of_dev_has_a_row() -> None:
    assert set(re.findall(r"^\| `python3 dev\.py (\w+)` \|", TEXT, re.MULTILINE)) == set(dev.CHORES)


def test_each_package_has_a_row() -> None:
    packages = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert packages - {"__init__", "__pycache__"} == {package for package, _ in ROW.findall(section("Architecture"))}


def test_the_named_tables_are_in_the_named_modules() -> None:
    named = re.findall(r"`([A-Z]+)` (?:in )?\(?(?:in )?`([\w/]+\.py)`", TEXT)
    for name, module in named:
        assert re.search(
            rf"^{name}\b",
            next(r / module for r in (PACKAGE, pages.ROOT) if (r / module).exists()).read_text("utf-8"),
            re.MULTILINE,
        ), name
    assert len(named) >= 5


def test_the_typical_changes_name_existing_files() -> None:
    rows = re.findall(r"^\| ([^|`]+?) \| (.*) \| (.*) \|$", section("Typical changes"), re.MULTILINE)
    rows = [row for row in rows if row[0] not in ("change", "---")]
    assert {change for change, *_ in rows} >= TYPICAL_CHANGES
    for change, files, tests in rows:
        named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|\.json|/))`", f"{files} {tests}")
        named = [name for name in named if name != "docs/"]
        assert named or change == "documentation page", change
        assert [name for name in named if not any((root / name).exists() for root in (PACKAGE, pages.ROOT))] == [], change
