"""The entry point that pytest loads: options, markers, and whether this session is recorded at all.

Imports nothing that pytest has not imported: a session that does not use Atlas pays a millisecond.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from . import settings

if TYPE_CHECKING:
    from .fixture.atlas import Atlas
    from .fixture.keeper import Keeper

MARKERS = (
    "atlas_card(title, *, template=None, description=None): the Atlas card that the tests belong to (template: its uuid)",
    "atlas_step(title, *, step_type=None): the title of the test's step in Atlas, formatted with the test's parameters",
)

NOT_RECORDED = (
    "collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow", "markers", "help", "version"
)  # fmt: skip
"""pytest's options that run no test: such a session leaves no record."""

OF_THE_OUTER_SESSION = ("ATLAS_RUN_ID", "ATLAS_RUN_KEY")
"""Variables that name the run of the session around: what a test records must not get into it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini keys of the table."""
    group = parser.getgroup("atlas", "the record in Atlas (pytest-atlas)")
    for setting in settings.SETTINGS:
        more = "".join(
            part
            for part in (
                "; may be given several times" if setting.kind == "list" and setting.option else "",
                f" (default: {setting.default})" if setting.default else "",
                f" [${setting.env}]" if setting.env else "",
            )
        )
        text = (setting.help[0].upper() + setting.help[1:] + more).replace("%", "%%")
        if setting.option and setting.kind == "flag":
            group.addoption(setting.option, action="store_true", default=False, help=text)
        elif setting.option:
            action = "append" if setting.kind == "list" else "store"
            group.addoption(setting.option, action=action, default=None, metavar=setting.metavar, help=text)
        if setting.ini:
            parser.addini(setting.ini, text, type=setting.ini_type, default=None)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare our hooks."""
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the recorder where the session is to be recorded."""
    _refuse_second_start()
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    try:
        _record(config)
    except settings.Misuse as misuse:
        raise pytest.UsageError(_without_secrets(str(misuse))) from None
    except Exception as error:  # a fault of ours: it must be seen, but the tests run as ever
        print(
            f"pytest-atlas: internal fault, this session is not recorded ({_without_secrets(repr(error))}); please report it",
            file=sys.stderr,
        )


def _without_secrets(text: str) -> str:
    """A token may stand where a system's id was meant."""
    from .base.sanitize import Cleaner

    return Cleaner(os.environ)(text)


def _refuse_second_start() -> None:
    """Raise UsageError in a program that contains Python and was taken for an interpreter: it would run the tests again."""
    if "PYTEST_ATLAS_STARTED" in os.environ:  # base.interpreter.MARK
        raise pytest.UsageError(
            f"this pytest was started as the publisher of pytest-atlas: {sys.executable} is not a Python interpreter. "
            "Record with --atlas-offline, and publish with pytest-atlas push"
        )


def _record(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        _record_as_worker(config)
        return
    if any(config.getoption(name, False) for name in NOT_RECORDED):
        return
    environment: Mapping[str, str] = os.environ
    if is_inner := _is_inner_session():
        if not _asks_itself(config):
            return
        environment = {name: value for name, value in os.environ.items() if name not in OF_THE_OUTER_SESSION}
    given = settings.collect(config.getoption, partial(_ini, config), environment)
    if "system" not in given and "strict" not in given:
        return
    parsed = settings.parse(given)
    if parsed is not None:
        from .recorder import record

        record(config, parsed, is_inner=is_inner)
        _record_scenarios(config)


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except pytest.UsageError as error:  # it does not name the key
        raise ValueError(str(error)) from None


def _record_as_worker(config: pytest.Config) -> None:
    told = config.workerinput.get("atlas")  # type: ignore[attr-defined]  # xdist's
    if told:
        from .recorder import record_as_worker

        record_as_worker(config, told)
        _record_scenarios(config)


def _record_scenarios(config: pytest.Config) -> None:
    recorder = config.pluginmanager.get_plugin("atlas-tests")
    if recorder is not None and hasattr(config.hook, "pytest_bdd_before_step"):
        from .fixture.scenarios import ScenarioSteps  # for those who have pytest-bdd

        config.pluginmanager.register(ScenarioSteps(recorder), "atlas-scenarios")


def _is_inner_session() -> bool:
    """Whether this pytest runs inside a test: what it inherits by environment is meant for the outer one."""
    recorder = sys.modules.get("pytest_atlas.recorder")
    return "PYTEST_CURRENT_TEST" in os.environ or (recorder is not None and recorder.open_sessions() > 0)


def _asks_itself(config: pytest.Config) -> bool:
    return any(str(argument).partition("=")[0] == "--atlas-system" for argument in config.invocation_params.args)


@pytest.fixture
def atlas(request: pytest.FixtureRequest) -> "Iterator[Atlas]":
    """Record measurements with limits, steps, notes and exceptions of a test. Enforces its limits without Atlas, too."""
    from .fixture.door import opened

    yield from opened(request)


def _wide(request: pytest.FixtureRequest) -> "Iterator[Keeper]":
    """Keep data files of a card or the run: `attach`, `trace` and `path`, for fixtures that are wider than a test."""
    from .fixture.door import opened_wide

    yield from opened_wide(request)


atlas_class = pytest.fixture(scope="class", name="atlas_class")(_wide)
"""Files of the card of the test's class."""
atlas_module = pytest.fixture(scope="module", name="atlas_module")(_wide)
"""Files of the card of the test's module."""
atlas_session = pytest.fixture(scope="session", name="atlas_session")(_wide)
"""Files of the run."""
