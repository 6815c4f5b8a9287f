"""From collected items to the plan: cards, steps, docstrings, identities. Reads items, changes nothing."""

import inspect
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pytest_atlas.journal import events as ev

TESTS_PER_LINE = 500

IDENTITY = pytest.StashKey[ev.Identity]()
"""Where an item keeps who it is."""


def plan(items: Sequence[pytest.Item]) -> Iterator[ev.Planned]:
    """The facts of the plan, in parts, and each item told who it is."""
    cards: dict[tuple[str, str], int] = {}
    seen: Counter[str] = Counter()
    for start in range(0, len(items), TESTS_PER_LINE):
        fresh: list[ev.PlannedCard] = []
        docs: dict[str, int] = {}
        tests = []
        for item in items[start : start + TESTS_PER_LINE]:
            name = nodeid(item)
            item.stash[IDENTITY] = ev.Identity(name, seen[name])
            card = _card(item)
            if (card.kind, card.name) not in cards:
                cards[card.kind, card.name] = len(cards)
                fresh.append(card)
            tests.append(_test(item, cards[card.kind, card.name], seen[name], docs))
            seen[name] += 1
        yield ev.Planned(cards=tuple(fresh), docs=tuple(docs), tests=tuple(tests))


def identity(item: pytest.Item) -> ev.Identity:
    """Who `item` is: as planned, or by its nodeid where it came later."""
    return item.stash.get(IDENTITY, None) or ev.Identity(nodeid(item), 0)


def nodeid(item: pytest.Item) -> str:
    """The item's nodeid without the `@group` that xdist's loadgroup adds; an `@` of the test's own stays."""
    own = f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid
    return own if item.nodeid.startswith(own + "@") else item.nodeid


def _test(item: pytest.Item, card: int, occurrence: int, docs: dict[str, int]) -> ev.PlannedTest:
    doc = docstring(item)
    marker = item.get_closest_marker("atlas_step")
    return ev.PlannedTest(
        nodeid=nodeid(item),
        name=item.name,
        card=card,
        doc=docs.setdefault(doc, len(docs)) if doc else -1,
        title=_formatted(marker.args, item) if marker else "",
        step_type=str(marker.kwargs.get("step_type") or "") if marker else "",
        occurrence=occurrence,
    )


def _formatted(arguments: tuple[Any, ...], item: pytest.Item) -> str:
    """The step's title with the test's parameters in it; as it stands where they don't fit: a title is no reason to fail."""
    if not arguments:
        return ""
    title = str(arguments[0])
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    try:
        return title.format(**parameters)
    except Exception:  # a parameter's own __format__ may raise anything
        return title


def _card(item: pytest.Item) -> ev.PlannedCard:
    marker = item.get_closest_marker("atlas_card")
    if marker and marker.args:
        more = marker.kwargs
        return ev.PlannedCard(
            "marker", str(marker.args[0]), str(more.get("description") or ""), str(more.get("template") or "")
        )
    holder = item.getparent(pytest.Class)
    if holder is not None:
        return ev.PlannedCard("class", holder.nodeid, docstring(holder))
    module = item.getparent(pytest.File)  # type: ignore[type-abstract]
    if module is not None:
        return ev.PlannedCard("module", module.nodeid or module.path.name, docstring(module))
    return ev.PlannedCard("module", item.nodeid.partition("::")[0])


def docstring(node: pytest.Item | pytest.Collector) -> str:
    """The node's own docstring, as `inspect.cleandoc` has it; empty where it has none."""
    doc = getattr(getattr(node, "obj", None), "__doc__", None)
    return inspect.cleandoc(doc) if isinstance(doc, str) else ""
