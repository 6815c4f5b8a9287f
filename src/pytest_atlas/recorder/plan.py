"""Convert collected items to the plan: cards, steps, docstrings, identities."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import pytest

from pytest_atlas.journal import events as ev
from pytest_atlas.mapping import StepMapping
from pytest_atlas.settings import uuid

from .hooks import ProjectHooks

TESTS_PER_LINE = 500

IDENTITY = pytest.StashKey[ev.Identity]()
"""The stash key of the identity of an item."""


_HEAP = re.compile(r" at 0x[0-9a-fA-F]+")


class Planner:
    """Reads items, and calls the hooks of projects. `report` receives a line about an invalid marker.

    `clean` redacts nodeids before they are compared: equal ones are distinguished by their occurrence.
    """

    def __init__(self, clean: Callable[[str], str], report: Callable[[str], None], hooks: ProjectHooks) -> None:
        self._clean = clean
        self._report = report
        self._hooks = hooks
        self._cards: dict[pytest.Collector, ev.PlannedCard] = {}
        self._planned: list[ev.PlannedCard] = []
        self._shared: dict[pytest.Collector, int] = {}  # class or module -> the card of all its tests; -1: several cards

    def plan(self, items: Sequence[pytest.Item]) -> Iterator[ev.Planned]:
        """Yield the plan in parts, and store the identity of each item in its stash."""
        placed = self._place(items)
        written = 0
        seen: Counter[str] = Counter()
        for start in range(0, len(items), TESTS_PER_LINE):
            docs: dict[str, int] = {}
            tests = []
            for item, card in placed[start : start + TESTS_PER_LINE]:
                name = self._clean(nodeid(item))
                test = item.stash[IDENTITY] = ev.Identity(name, seen[name])
                seen[name] += 1
                tests.append(_test(item, test, card, docs, self._hooks.step(item)))
            last = max(written, *(test.card + 1 for test in tests))
            yield ev.Planned(cards=tuple(self._planned[written:last]), docs=tuple(docs), tests=tuple(tests))
            written = last

    def _place(self, items: Sequence[pytest.Item]) -> list[tuple[pytest.Item, int]]:
        """Return each item with the index of its card. Each field of a shared card comes from the first test that gives it."""
        index: dict[tuple[str, str], int] = {}
        placed = []
        for item in items:
            card = self._card(item)
            at = index.setdefault((card.kind, card.name), len(index))
            if at == len(self._planned):
                self._planned.append(card)
            elif (known := self._planned[at]) != card:
                doc, template = known.doc or card.doc, known.template or card.template
                self._planned[at] = ev.PlannedCard(card.kind, card.name, doc, template)
            for node in _around(item):
                self._shared[node] = at if self._shared.get(node, at) == at else -1
            placed.append((item, at))
        return placed

    def identity(self, item: pytest.Item) -> ev.Identity:
        """Return the identity of `item`: from the plan, or from its nodeid if it was added later."""
        return item.stash.get(IDENTITY, None) or ev.Identity(self._clean(nodeid(item)))

    def _card(self, item: pytest.Item) -> ev.PlannedCard:
        """Return the card of a test. Each field comes from the first source that gives it: hook, marker, class or module."""
        own, given = self._own_card(item), self._hooks.card(item)
        if given is None:
            return own
        # The docstring of a class or module does not describe a card with another title.
        doc = "" if given.title and own.kind != "marker" else own.doc
        return ev.PlannedCard(
            "marker" if given.title else own.kind,
            given.title or own.name,
            doc if given.description is None else given.description,
            given.template or own.template,
        )

    def _own_card(self, item: pytest.Item) -> ev.PlannedCard:
        marker = item.get_closest_marker("atlas_card")
        if marker is not None:
            title = _text(*marker.args[:1]) or _text(marker.kwargs.get("title"))
            if title:
                return ev.PlannedCard("marker", title, _text(marker.kwargs.get("description")), self._template(marker, title))
            self._report("a marker atlas_card has no title. Its tests are on the cards of their classes or modules")
        holder = item.getparent(pytest.Class) or item.getparent(pytest.File)  # type: ignore[type-abstract]
        if holder is None:
            return ev.PlannedCard("module", nodeid(item).partition("::")[0])
        return self.card_of(holder)

    def wide_card(self, node: pytest.Class | pytest.File) -> ev.PlannedCard:
        """Return the card for the files of a class or module: that of all its tests if it comes from a marker or hook."""
        at = self._shared.get(node, -1)
        return self._planned[at] if at >= 0 and self._planned[at].kind == "marker" else self.card_of(node)

    def card_of(self, holder: pytest.Class | pytest.File) -> ev.PlannedCard:
        """Return the card of a class or module."""
        if holder not in self._cards:
            kind: Literal["class", "module"] = "class" if isinstance(holder, pytest.Class) else "module"
            self._cards[holder] = ev.PlannedCard(kind, holder.nodeid or holder.path.name, docstring(holder))
        return self._cards[holder]

    def _template(self, marker: pytest.Mark, title: str) -> str:
        given = _text(marker.kwargs.get("template"))
        try:
            return uuid(given) if given else ""
        except ValueError as error:  # Atlas would reject the card and all its tests
            self._report(f"the marker atlas_card({title!r}): template {given!r} {error}. The card is created without it")
            return ""


def _around(item: pytest.Item) -> Iterator[pytest.Collector]:
    """Yield the classes and the module of a test."""
    node: pytest.Item | pytest.Collector | None = item.parent
    while isinstance(node, pytest.Class | pytest.File):
        yield node
        node = node.parent


def nodeid(item: pytest.Item) -> str:
    """Return the nodeid without the `@group` that xdist's loadgroup adds. An `@` in the name of the test is kept."""
    own = f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid
    return own if item.nodeid.startswith(own + "@") else item.nodeid


def _test(item: pytest.Item, test: ev.Identity, card: int, docs: dict[str, int], step: StepMapping | None) -> ev.PlannedTest:
    doc = docstring(item)
    marker = item.get_closest_marker("atlas_step")
    given = step or StepMapping()
    return ev.PlannedTest(
        nodeid=test.nodeid,
        name=item.name,
        card=card,
        doc=docs.setdefault(doc, len(docs)) if doc else -1,
        title=_HEAP.sub("", given.title or "") or (_step_title(marker, item) if marker else ""),
        step_type=given.step_type or (_text(marker.kwargs.get("step_type")) if marker else ""),
        occurrence=test.occurrence,
    )


def _step_title(marker: pytest.Mark, item: pytest.Item) -> str:
    """Return the title formatted with the parameters of the test, or unformatted if formatting fails."""
    title = _text(*marker.args[:1]) or _text(marker.kwargs.get("title"))
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    try:
        return _HEAP.sub("", title.format(**parameters))
    except Exception:  # the __format__ of a parameter can raise anything
        return title


def _text(given: object = None) -> str:
    try:
        return "" if given is None else str(given).strip()
    except Exception:  # str() of a user's class can raise; the test is recorded without a title
        return ""


def docstring(node: pytest.Item | pytest.Collector) -> str:
    """Return the docstring of a node, through `inspect.cleandoc`; empty if it has none.

    Only functions, classes and modules count: the docstring of another object is that of its class.
    """
    try:
        thing = getattr(node, "obj", None)
        written = inspect.isroutine(thing) or inspect.isclass(thing) or inspect.ismodule(thing)
        return inspect.cleandoc(thing.__doc__) if written and isinstance(thing.__doc__, str) else ""
    except Exception:  # a property of a custom item can raise anything; the test must still be recorded
        return ""
