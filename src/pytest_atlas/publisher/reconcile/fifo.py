"""A first-in, first-out queue of keys, each at most once.

Not a dict: to find the first key of a dict, Python passes over all keys that were deleted before it.
"""

from collections import deque
from collections.abc import Iterable


class Fifo:
    """Keys in the order in which they were added; a key that is in the queue keeps its place."""

    def __init__(self) -> None:
        self._order: deque[str] = deque()
        self._keys: set[str] = set()

    def add(self, keys: Iterable[str]) -> None:
        """Append the keys that are not in the queue."""
        for key in keys:
            if key not in self._keys:
                self._keys.add(key)
                self._order.append(key)

    def pop(self) -> str:
        """Remove and return the first key. Raises IndexError if there is none."""
        key = self._order.popleft()
        self._keys.remove(key)
        if not self._order:
            self._keys = set()  # an empty set keeps the memory of all that was in it
        return key

    def __len__(self) -> int:
        return len(self._order)
