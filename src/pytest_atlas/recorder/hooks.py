"""Call the hooks that projects implement. If an implementation raises, only its result is lost.

pluggy's call is not used: it stops at the first implementation that raises, so the results of all others would be lost, and one
error boundary around it could not name the implementation. Each implementation is called separately, in pluggy's order and with
the arguments that it declares.
"""

from builtins import bool, getattr, len, next, reversed, type
from collections.abc import Callable, Iterable, Sequence
from inspect import unwrap
from pathlib import PurePath
from types import TracebackType
from typing import Any, Protocol, TypeVar

import pytest

from pytest_atlas.mapping import CardMapping, Notes, Outcome, RunMapping, StepMapping

from . import hook_results
from .internal_errors import InternalErrors

T = TypeVar("T")

MAX_LENGTH = 500
"""Largest length of a line of the terminal summary: the text of an error can be a whole document."""
MAX_PROBLEMS = 3
"""Largest number of problems in one line; the others are counted."""

PASS_THROUGH = (KeyboardInterrupt, SystemExit, GeneratorExit, pytest.exit.Exception)
"""Exceptions that end a session, also if a hook of pytest-atlas raises them."""


class Implementation(Protocol):
    """The attributes of pluggy's HookImpl that are used here."""

    function: Callable[..., object]
    argnames: Sequence[str]
    plugin_name: str
    wrapper: bool
    hookwrapper: bool


class ProjectHooks:
    """The hooks of the plugins and conftest.py files of this session. Costs almost nothing if no hook is implemented."""

    def __init__(self, config: pytest.Config, internal_errors: InternalErrors, clean: Callable[[str], str]) -> None:
        self._config = config
        self._internal_errors = internal_errors
        self._clean = clean
        self._hook: Any = config.hook

    def run(self) -> RunMapping:
        """Return the fields of the run, each from the first hook that gives it."""
        results = self._call("pytest_atlas_run", self._hook, hook_results.run, config=self._config)
        return RunMapping(
            _first(r.title for r in results),
            description=_first(r.description for r in results),
            assets=[each for r in results for each in r.assets],
            issues=[each for r in results for each in r.issues],
            templates=[each for r in results for each in r.templates],
        )

    def card(self, item: pytest.Item) -> CardMapping | None:
        """Return the fields of the test's card; None if no hook gives any."""
        if not self._hook.pytest_atlas_card.get_hookimpls():
            return None
        results = self._call("pytest_atlas_card", item.ihook, hook_results.card, item=item)
        if len(results) < 2:
            return results[0] if results else None
        return CardMapping(
            _first(c.title for c in results),
            description=_first(c.description for c in results),
            template=_first(c.template for c in results),
        )

    def step(self, item: pytest.Item) -> StepMapping | None:
        """Return the fields of the test's step; None if no hook gives any."""
        if not self._hook.pytest_atlas_step.get_hookimpls():
            return None
        results = self._call("pytest_atlas_step", item.ihook, hook_results.step, item=item)
        if len(results) < 2:
            return results[0] if results else None
        return StepMapping(_first(s.title for s in results), step_type=_first(s.step_type for s in results))

    @property
    def has_outcome_hooks(self) -> bool:
        """Whether a plugin implements `pytest_atlas_outcome`."""
        return bool(self._hook.pytest_atlas_outcome.get_hookimpls())

    def notes(self, item: pytest.Item, outcome: Outcome) -> list[Notes]:
        """Return the notes and exceptions for the test's step."""
        return self._call("pytest_atlas_outcome", item.ihook, hook_results.notes, item=item, outcome=outcome)

    @property
    def has_artifact_hooks(self) -> bool:
        """Whether a plugin implements `pytest_atlas_artifacts`."""
        return bool(self._hook.pytest_atlas_artifacts.get_hookimpls())

    def files(
        self, item: pytest.Item, report: pytest.TestReport, keep: Callable[[object, hook_results.Complain], None]
    ) -> None:
        """Pass the result of each hook for this phase of the test to `keep`."""
        self._call("pytest_atlas_artifacts", item.ihook, keep, item=item, report=report)

    def _call(
        self,
        name: str,
        relay: Any,
        read: Callable[[object, hook_results.Complain], T],
        *,
        item: pytest.Item | None = None,
        **more: Any,
    ) -> list[T]:
        """Return `read` of each result that is not None, in pluggy's order."""
        given = more if item is None else {"item": item, **more}
        results: list[T] = []
        for implementation in reversed(getattr(relay, name).get_hookimpls()):
            problems: list[str] = []
            try:
                if implementation.wrapper or implementation.hookwrapper:
                    problems.append(
                        "is a wrapper, which this hook does not support, and was not called. Implement it without wrapper=True"
                    )
                elif (result := implementation.function(*[given[n] for n in implementation.argnames])) is not None:
                    results.append(read(result, problems.append))
            except PASS_THROUGH:
                raise
            except BaseException as error:  # a hook can raise anything, also pytest.skip; it is reported below
                problems.append(f"raised {_error_text(error)}{self._raised_at(implementation, error.__traceback__)}")
            if problems:
                self._report(name, implementation, item, problems)
        return results

    def _report(self, name: str, implementation: Implementation, item: pytest.Item | None, problems: Sequence[str]) -> None:
        """Report one line for each implementation, with its first problems only."""
        who = f"the hook {name} of {self._name(implementation)}"
        first = f" for {item.nodeid}" if item is not None else ""
        rest = len(problems) - MAX_PROBLEMS
        shown = [*problems[:MAX_PROBLEMS], f"and {rest:,} more like these"] if rest > 0 else problems
        line = " ".join(self._clean(f"{who}{first} {'; '.join(shown)}").split())
        self._internal_errors.report(line if len(line) <= MAX_LENGTH else line[:MAX_LENGTH] + "…", about=who)

    def _name(self, implementation: Implementation) -> str:
        """Return `tests/conftest.py:12`, after the name of the plugin if it has a name."""
        plugin, code = implementation.plugin_name or "", _code(implementation)
        place = f"{self._path(code.co_filename)}:{code.co_firstlineno}" if code else ""
        if not place or plugin.isdigit() or plugin.endswith("conftest.py"):  # pluggy gives an unnamed plugin a number
            return place or plugin
        return f"{plugin} ({place})"

    def _raised_at(self, implementation: Implementation, trace: TracebackType | None) -> str:
        """Return the location of the error: the innermost line in the file of the hook, else the innermost line."""
        code = _code(implementation)
        own = last = ""
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            last = f" ({self._path(file)}:{trace.tb_lineno})"
            own = last if code and file == code.co_filename else own
            trace = trace.tb_next
        return own or last

    def _path(self, file: str) -> str:
        path = PurePath(file)
        inside = path.relative_to(self._config.rootpath) if path.is_relative_to(self._config.rootpath) else path
        return inside.as_posix()


def _code(implementation: Implementation) -> Any:
    """Return the code object of an implementation; None if it has none (a partial, a builtin)."""
    return getattr(unwrap(implementation.function), "__code__", None)


def _first(results: Iterable[T | None]) -> T | None:
    return next((result for result in results if result is not None), None)


def _error_text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # str() of a user's exception can raise
        return type(error).__name__
