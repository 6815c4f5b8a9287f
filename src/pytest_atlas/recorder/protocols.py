"""The items whose protocol is running in this process, and the item that a report belongs to.

A report belongs to the item that it was made for, else to the item whose protocol is running in the same thread: plugins
rewrite its fields, so they are not used. Several threads may run items at the same time.
"""

from _thread import get_ident
from builtins import id, len, next
from typing import Any

import pytest

from .running import Running


class Protocols:
    """Running protocols, by item and by thread. Nested ones (a plugin runs another item) form a stack in their thread."""

    def __init__(self) -> None:
        self._by_item: dict[int, Running] = {}  # by id(item): an item can be unhashable, and two can have one nodeid
        self._by_thread: dict[int, list[Running]] = {}
        self._report_outside: tuple[object, pytest.Item] | None = None
        self.has_implied = False  # whether there has been one

    def __repr__(self) -> str:
        return f"<Protocols {[running.item.nodeid for running in self._by_item.values()]}>"

    def begin(self, running: Running) -> None:
        """Add a protocol that begins in this thread."""
        self.has_implied = self.has_implied or running.is_implied
        self._by_item[id(running.item)] = running
        self._by_thread.setdefault(get_ident(), []).append(running)

    def end(self, running: Running) -> None:
        """Remove a protocol that is over."""
        self._by_item.pop(id(running.item), None)
        stack = self._by_thread.get(running.thread, [])
        if running in stack:
            stack.remove(running)
        if not stack:
            self._by_thread.pop(running.thread, None)

    def of_item(self, item: pytest.Item) -> Running | None:
        """Return the running protocol of `item`."""
        return self._by_item.get(id(item))

    def current(self) -> Running | None:
        """Return the innermost protocol that runs in this thread."""
        stack = self._by_thread.get(get_ident())
        return stack[-1] if stack else None

    def implied(self) -> list[Running]:
        """Return the protocols, in this thread, of items that a plugin runs without the hook pytest_runtest_protocol."""
        return [running for running in self._by_item.values() if running.is_implied and running.thread == get_ident()]

    def note_report_outside(self, report: object, item: pytest.Item) -> None:
        """Remember the item of a report that was created while no protocol of the item ran, for `item_of_outside`."""
        self._report_outside = (report, item)

    def item_of_outside(self, report: object) -> pytest.Item | None:
        """Return the item, without a running protocol, for which `report` was created."""
        return self._report_outside[1] if self._report_outside and self._report_outside[0] is report else None

    def of_report(self, report: Any) -> Running | None:
        """Return the running protocol that `report` belongs to."""
        if len(self._by_item) == 1:
            return [*self._by_item.values()][0]  # noqa: RUF015 - a test may replace `iter` or `next`
        current = self.current()
        if current is not None and current.has_unreported(report):
            return current
        made = next((running for running in self._by_item.values() if running.has_unreported(report)), None)
        return made or current
