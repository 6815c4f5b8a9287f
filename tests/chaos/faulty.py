"""The local Atlas behind a bad way, in virtual time: which call meets what is written in a script beforehand."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from tests.chaos.clockwork import Fuse
from tests.support.atlases import every_run
from tests.support.facts import BEGIN

from pytest_atlas.atlas.errors import AtlasError, BadAnswer, Unreachable, refusal
from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import Operation
from pytest_atlas.local import LocalAtlas
from pytest_atlas.publisher.targets import LocalPlace, Target

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one call meets."""

    error: Callable[[Operation[Any]], AtlasError]
    takes_effect: bool = False
    later: bool = False
    after_s: float = 0.0


def _answers(status: int, retry_after_s: float | None = None) -> Callable[[Operation[Any]], AtlasError]:
    return lambda op: refusal(op, status, f"a made up {status}", retry_after_s)


def _lost(op: Operation[Any]) -> AtlasError:
    return Unreachable(op, "connection reset", in_doubt=True)


def _refused(op: Operation[Any]) -> AtlasError:
    return Unreachable(op, "connection refused", in_doubt=False)


def _html(op: Operation[Any]) -> AtlasError:
    return BadAnswer(op, 200, "an answer that is no JSON", "<html>")


TROUBLES: dict[str, Trouble] = {
    "refused": Trouble(_refused),
    "lost before": Trouble(_lost),
    "lost after": Trouble(_lost, takes_effect=True),
    "504 late": Trouble(_answers(504), later=True),
    "504 before": Trouble(_answers(504)),
    "500 after": Trouble(_answers(500), takes_effect=True),
    "hangs before": Trouble(_lost, after_s=30.0),
    "hangs after": Trouble(_lost, takes_effect=True, after_s=30.0),
    "html before": Trouble(_html),
    "html after": Trouble(_html, takes_effect=True),
    "429": Trouble(_answers(429, 3.0)),
    "503": Trouble(_answers(503)),
    "425": Trouble(_answers(425)),
    "408 after": Trouble(_answers(408), takes_effect=True),
    "401": Trouble(_answers(401)),
    "404": Trouble(_answers(404)),
    "422": Trouble(_answers(422)),
}


class Way:
    """One publisher's way to the Atlas: the troubles by the number of the call, and how long calls take."""

    def __init__(self, atlas: "Atlas", fuse: Fuse, script: Mapping[int, str], latencies: tuple[int, ...] = (0,)) -> None:
        self._atlas = atlas
        self._fuse = fuse
        self._script = dict(script)
        self._latencies = latencies
        self._numbers = count()

    async def send(self, operation: Operation[R], /) -> R:
        number = next(self._numbers)
        await asyncio.sleep(self._latencies[number % len(self._latencies)] / 100)
        self._fuse.burn()
        name = self._script.pop(number, "")
        if not name:
            return self._carry_out(operation)
        if name == "late effects arrive":
            self._atlas.release()
            return self._carry_out(operation)
        trouble = TROUBLES[name]
        self._atlas.happened[name] += 1
        if trouble.later:
            self._atlas.late.append(operation)
        if trouble.takes_effect:
            self._carry_out(operation)
        await asyncio.sleep(trouble.after_s)
        raise trouble.error(operation)

    def _carry_out(self, operation: Operation[R]) -> R:
        answer = self._atlas.local.send(operation)
        self._fuse.burn()  # the moment between the effect and its receipt
        return answer


class Atlas:
    """An Atlas that outlives all publishers."""

    def __init__(self, folder: Path) -> None:
        times = count(int(BEGIN * 1e9), 1000)
        self.local = LocalAtlas(folder / "atlas.db", clock=lambda: next(times), create=True)
        self.happened: Counter[str] = Counter()
        self.late: list[Operation[Any]] = []
        self.released = 0

    def target(self, way: Way) -> Target:
        """For `publish`."""
        return Target(name="test", label="a bad Atlas", limit=8, atlas=way, objects=LocalPlace(self.local.objects))

    def release(self) -> None:
        """What answered 504 takes effect after all, as far as it still can."""
        late, self.late = self.late, []
        self.released += len(late)
        for operation in late:
            with suppress(AtlasError):
                self.local.send(operation)

    def runs(self) -> list[Run]:
        return list(every_run(self.local))

    def content(self, url: str) -> bytes:
        with self.local.objects.open(url) as stream:
            return stream.read()
