"""The plugin that pytest loads: options, markers and fixtures; it starts the recorder if the session is recorded.

Imports only modules that pytest has imported: a session without Atlas pays about 1 ms. Annotations are not evaluated, because
an older pytest without these names must print a message instead of an ImportError.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from . import settings

if TYPE_CHECKING:
    from .fixture.atlas import Atlas
    from .fixture.file_methods import Keeper

MARKERS = (
    "atlas_card(title, *, template=None, description=None): the Atlas card that the tests belong to (template: its uuid)",
    "atlas_step(title, *, step_type=None): the title of the test's step in Atlas, formatted with the test's parameters",
)

NOT_RECORDED = (
    "collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow", "markers", "help", "version"
)  # fmt: skip
"""Options of pytest that run no test: such a session is not recorded."""

OF_THE_OUTER_SESSION = ("ATLAS_RUN_ID", "ATLAS_RUN_KEY")
"""Variables that name the run of the outer session, into which a session inside a test must not record."""


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
        text = (setting.help + more).replace("%", "%%")
        if setting.option and setting.kind == "flag":
            group.addoption(setting.option, action="store_true", default=False, help=text)
        elif setting.option:
            action = "append" if setting.kind == "list" else "store"
            group.addoption(setting.option, action=action, default=None, metavar=setting.metavar, help=text)
        if setting.ini:
            parser.addini(setting.ini, text, type=setting.ini_type, default=None)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks."""
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and the recorder if the session is to be recorded."""
    _refuse_second_start()
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    try:
        if hasattr(pytest, "Directory"):  # an older pytest gets a message below
            from .collection import CollectionFilter

            config.pluginmanager.register(CollectionFilter(config), "atlas-collection")
        _record(config)
    except settings.SettingError as misuse:
        raise pytest.UsageError(_without_secrets(str(misuse))) from None
    except Exception as error:  # an internal error: it must be reported, but the tests run as usual
        _report_internal_error(config, error)


def _report_internal_error(config: pytest.Config, error: Exception) -> None:
    line = f"pytest-atlas: internal error, this session is not recorded ({_without_secrets(repr(error))}); please report it"
    if hasattr(config, "workeroutput"):  # of an xdist worker: the controller prints it, and fails a strict session
        config.workeroutput.setdefault("atlas", {})[line] = line
    elif _is_strict(config):
        raise pytest.UsageError(line) from None
    else:
        print(line, file=sys.stderr)


def _is_strict(config: pytest.Config) -> bool:
    try:
        return bool(config.getoption("atlas_strict") or config.getini("atlas_strict"))
    except (ValueError, pytest.UsageError):  # an ini value that is not a truth value
        return True


def _without_secrets(text: str) -> str:
    """Redact secrets: a user may have set a token as the id of the system."""
    from .base.sanitize import Cleaner, log_lines

    return log_lines([Cleaner(os.environ)(text)])[0]


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
    is_inner = _is_inner_session()
    if is_inner:
        if not _has_option(config, "--atlas-system"):
            _explain_inner_session(config)
            return
        environment = {name: value for name, value in os.environ.items() if name not in OF_THE_OUTER_SESSION}
    given = settings.collect(config.getoption, partial(_ini, config), environment)
    if "off" in given:
        if "system" in given:
            _explain(config, {}, f"{given['off'][0].source} is set")
        return
    unknown = settings.unknown_names(environment, settings.ini_keys(config))
    if "system" not in given:
        _explain(config, given, settings.not_recorded(given, unknown))
        return
    from .settings.parsed import parse

    parsed = parse(given)
    if problem := _pytest_problem():
        _explain(config, given, problem)
    elif parsed is not None:
        from .recorder import record

        record(config, parsed, is_inner=is_inner)
        _record_scenarios(config)


def _pytest_problem() -> str:
    """Return a line if this pytest is too old: with --no-deps or a later downgrade, no installer has checked it."""
    from .base.requirements import REQUIREMENTS

    return REQUIREMENTS["pytest"].problem(pytest.__version__)


def _explain(config: pytest.Config, given: Mapping[str, list[settings.Given]], reason: str) -> None:
    """Print `reason`, if any, in the header of this unrecorded session. Raises SettingError if it is strict."""
    if reason and "strict" in given:
        raise settings.SettingError(settings.not_recorded_strictly(given, reason))
    if reason:
        config.pluginmanager.register(NotRecorded(_without_secrets(reason)), "atlas-not-recorded")


def _explain_inner_session(config: pytest.Config) -> None:
    """Print why a session inside a test is not recorded, if its command line has settings of Atlas."""
    reason = "it runs inside a test. Add --atlas-system=UUID to its command line"
    if _has_option(config, "--atlas-strict"):
        raise settings.SettingError(f"--atlas-strict: the session is not recorded: {reason}")
    if _has_option(config, "--atlas-"):
        _explain(config, {}, reason)


class NotRecorded:
    """Prints the reason why the session is not recorded: in the header, or with -q, which has no header, at the end."""

    def __init__(self, reason: str) -> None:
        self._line = f"atlas: not recorded: {reason}"

    def pytest_report_header(self) -> str:
        """Return the line."""
        return self._line

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Print the line if pytest printed no header."""
        if config.getoption("verbose") == -1:
            terminalreporter.line(self._line)


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except pytest.UsageError as error:  # it does not name the key
        raise ValueError(str(error)) from None


def _record_as_worker(config: pytest.Config) -> None:
    worker_settings = config.workerinput.get("atlas")  # type: ignore[attr-defined]  # xdist's
    if worker_settings:
        from .recorder import record_as_worker

        record_as_worker(config, worker_settings)
        _record_scenarios(config)


def _record_scenarios(config: pytest.Config) -> None:
    recorder = config.pluginmanager.get_plugin("atlas-tests")
    if recorder is not None and hasattr(config.hook, "pytest_bdd_before_step"):
        from .fixture.scenarios import ScenarioSteps  # only with pytest-bdd

        config.pluginmanager.register(ScenarioSteps(recorder), "atlas-scenarios")


def _is_inner_session() -> bool:
    """Return whether this pytest runs inside a test. Its environment is then that of the outer session."""
    recorder = sys.modules.get("pytest_atlas.recorder.session")
    return "PYTEST_CURRENT_TEST" in os.environ or (recorder is not None and recorder.open_sessions() > 0)


def _has_option(config: pytest.Config, start: str) -> bool:
    """Return whether the command line itself, without addopts and PYTEST_ADDOPTS, has an option that starts with `start`."""
    names = (str(argument).partition("=")[0] for argument in config.invocation_params.args)
    return any(name.startswith(start) if start.endswith("-") else name == start for name in names)


def _require_pytest() -> None:
    """Fail a test that uses a fixture with a pytest that is too old: the message is clearer than an AttributeError."""
    if problem := _pytest_problem():
        pytest.fail(problem, pytrace=False)


@pytest.fixture
def atlas(request: pytest.FixtureRequest) -> Iterator[Atlas]:
    """Record measurements with limits, steps, notes and exceptions of a test. Enforces its limits without Atlas, too."""
    _require_pytest()
    from .fixture.request import opened

    yield from opened(request)


def _wide(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    """Record data files of a card or the run: `attach`, `trace` and `path`, for fixtures with a wider scope than a test."""
    _require_pytest()
    from .fixture.request import opened_wide

    yield from opened_wide(request)


atlas_class = pytest.fixture(scope="class", name="atlas_class")(_wide)
"""Files of the card of the test's class."""
atlas_module = pytest.fixture(scope="module", name="atlas_module")(_wide)
"""Files of the card of the test's module."""
atlas_session = pytest.fixture(scope="session", name="atlas_session")(_wide)
"""Files of the run."""
