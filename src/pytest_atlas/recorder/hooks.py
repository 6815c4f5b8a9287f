"""Asks the hooks that projects implement, one implementation after the other: one that fails costs its own word only.

pluggy's own call would stop at the first that raises, so it is not used; its order and its choice of arguments are kept.
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

LONGEST = 500
FIRST_PROBLEMS = 3
"""A line lists so many problems, and counts the others."""
"""Most characters of a closing line: an error may carry a whole document."""

PASS_THROUGH = (KeyboardInterrupt, SystemExit, GeneratorExit, pytest.exit.Exception)
"""What ends a session, ends it also where it is raised in one of our hooks."""


class Implementation(Protocol):
    """What pluggy knows of an implementation of a hook (its HookImpl)."""

    function: Callable[..., object]
    argnames: Sequence[str]
    plugin_name: str
    wrapper: bool
    hookwrapper: bool


class ProjectHooks:
    """The hooks of this session's plugins and conftest.py files. Costs next to nothing where nobody implements them."""

    def __init__(self, config: pytest.Config, faults: InternalErrors, clean: Callable[[str], str]) -> None:
        self._config = config
        self._faults = faults
        self._clean = clean
        self._hook: Any = config.hook

    def run(self) -> RunMapping:
        """What they say of the run."""
        said = self._ask("pytest_atlas_run", self._hook, hook_results.run, config=self._config)
        return RunMapping(
            _first(r.title for r in said),
            description=_first(r.description for r in said),
            assets=[each for r in said for each in r.assets],
            issues=[each for r in said for each in r.issues],
            templates=[each for r in said for each in r.templates],
        )

    def card(self, item: pytest.Item) -> CardMapping | None:
        """What they say of the test's card; None where nobody is asked or has an opinion."""
        if not self._hook.pytest_atlas_card.get_hookimpls():
            return None
        said = self._ask("pytest_atlas_card", item.ihook, hook_results.card, item=item)
        if len(said) < 2:
            return said[0] if said else None
        return CardMapping(
            _first(c.title for c in said),
            description=_first(c.description for c in said),
            template=_first(c.template for c in said),
        )

    def step(self, item: pytest.Item) -> StepMapping | None:
        """What they say of the test's step; None where nobody is asked or has an opinion."""
        if not self._hook.pytest_atlas_step.get_hookimpls():
            return None
        said = self._ask("pytest_atlas_step", item.ihook, hook_results.step, item=item)
        if len(said) < 2:
            return said[0] if said else None
        return StepMapping(_first(s.title for s in said), step_type=_first(s.step_type for s in said))

    @property
    def see_outcomes(self) -> bool:
        """Whether anybody wants to see the tests' outcomes."""
        return bool(self._hook.pytest_atlas_outcome.get_hookimpls())

    def notes(self, item: pytest.Item, outcome: Outcome) -> list[Notes]:
        """What they add to the test's step."""
        return self._ask("pytest_atlas_outcome", item.ihook, hook_results.notes, item=item, outcome=outcome)

    @property
    def give_files(self) -> bool:
        """Whether anybody gives files of tests."""
        return bool(self._hook.pytest_atlas_artifacts.get_hookimpls())

    def files(
        self, item: pytest.Item, report: pytest.TestReport, keep: Callable[[object, hook_results.Complain], None]
    ) -> None:
        """Let `keep` take what each gives for this phase of the test."""
        self._ask("pytest_atlas_artifacts", item.ihook, keep, item=item, report=report)

    def _ask(
        self,
        name: str,
        relay: Any,
        read: Callable[[object, hook_results.Complain], T],
        *,
        item: pytest.Item | None = None,
        **more: Any,
    ) -> list[T]:
        """What `read` makes of each answer that is not None, in pluggy's order."""
        given = more if item is None else {"item": item, **more}
        said: list[T] = []
        for implementation in reversed(getattr(relay, name).get_hookimpls()):
            problems: list[str] = []
            try:
                if implementation.wrapper or implementation.hookwrapper:
                    problems.append("is a wrapper, which this hook does not take: it is not called. Make it a plain hook")
                elif (answer := implementation.function(*[given[n] for n in implementation.argnames])) is not None:
                    said.append(read(answer, problems.append))
            except PASS_THROUGH:
                raise
            except BaseException as error:  # a project's code may raise anything, pytest.skip included; it is told below
                problems.append(f"raised {_words(error)}{self._raised_at(implementation, error.__traceback__)}")
            if problems:
                self._tell(name, implementation, item, problems)
        return said

    def _tell(self, name: str, implementation: Implementation, item: pytest.Item | None, problems: Sequence[str]) -> None:
        """One line for each implementation, whatever else it does wrong for other tests."""
        who = f"the hook {name} of {self._who(implementation)}"
        first = f" for {item.nodeid}" if item is not None else ""
        rest = len(problems) - FIRST_PROBLEMS
        shown = [*problems[:FIRST_PROBLEMS], f"and {rest:,} more like these"] if rest > 0 else problems
        line = " ".join(self._clean(f"{who}{first} {'; '.join(shown)}").split())
        self._faults.say(line if len(line) <= LONGEST else line[:LONGEST] + "…", about=who)

    def _who(self, implementation: Implementation) -> str:
        """`tests/conftest.py:12`, with the plugin's name before it where it has one of its own."""
        plugin, code = implementation.plugin_name or "", _code(implementation)
        place = f"{self._path(code.co_filename)}:{code.co_firstlineno}" if code else ""
        if not place or plugin.isdigit() or plugin.endswith("conftest.py"):  # pluggy numbers those that have no name
            return place or plugin
        return f"{plugin} ({place})"

    def _raised_at(self, implementation: Implementation, trace: TracebackType | None) -> str:
        """Where the error came from: the last line of the hook's own file, else the last of all."""
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
    """The code object of an implementation; None where it has none of its own (a partial, a builtin)."""
    return getattr(unwrap(implementation.function), "__code__", None)


def _first(said: Iterable[T | None]) -> T | None:
    return next((word for word in said if word is not None), None)


def _words(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # an error of the user's own class, whose text raises as well
        return type(error).__name__
