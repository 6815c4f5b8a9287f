"""The crashes of xdist workers, found by the test that the worker ran. The controller reports only a nodeid. Pure."""

from collections.abc import Iterator

from pytest_atlas.journal import events as ev

MAX_GROUPS = 20
"""Maximum number of `@` in a nodeid, counted from its end, after which the name of an xdist group can begin."""


class Crashes:
    """The crashes of a session. xdist's loadgroup appends `@group` to nodeids; both can contain other `@`."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, int], ev.TestCrashed] = {}  # worker, and the hash of each nodeid that it can mean
        self._new: dict[str, None] = {}  # reported nodeids since the last `take_new`

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def add(self, event: ev.TestCrashed) -> None:
        """Add a crash. An exact nodeid replaces one that only fits without its group."""
        self._new[event.nodeid] = None
        for name in _possible_nodeids(event.nodeid):
            known = self._by_name.setdefault((event.worker, hash(name)), event)
            if known.nodeid == event.nodeid:
                self._by_name[event.worker, hash(name)] = event

    def find(self, worker: str, nodeid: str) -> ev.TestCrashed | None:
        """Return the crash of `worker` while it ran the test `nodeid`; None if there is none."""
        crash = self._by_name.get((worker, hash(nodeid)))
        return crash if crash and (crash.nodeid == nodeid or crash.nodeid.startswith(f"{nodeid}@")) else None

    def take_new(self) -> Iterator[str]:
        """Yield each nodeid that a new crash can mean, once."""
        seen: set[int] = set()
        for reported in self._new:
            for name in _possible_nodeids(reported):
                if hash(name) not in seen:
                    seen.add(hash(name))
                    yield name
        self._new = {}


def _possible_nodeids(reported: str) -> list[str]:
    parts = reported.split("@")
    least = max(0, len(parts) - MAX_GROUPS)  # each one costs a copy of the nodeid
    return ["@".join(parts[:count]) for count in range(len(parts), least, -1)]
