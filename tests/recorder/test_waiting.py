"""The time that pytest waits for the publisher, with a simulated clock."""

from collections.abc import Callable

import pytest

from pytest_atlas.journal.status import Status
from pytest_atlas.recorder import waiting
from pytest_atlas.recorder.waiting import wait


def status(state: str = "working", **more: object) -> Status:
    return Status(pid=1, state=state, target="t", atlas="a", **more)  # type: ignore[arg-type]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Script:
    """A publisher with a status and an exit that depend on the time."""

    def __init__(self, clock: Clock, word: Callable[[float], Status | None], dies_at: float = float("inf")) -> None:
        self._clock = clock
        self._word = word
        self._dies_at = dies_at

    @property
    def has_exited(self) -> bool:
        return self._clock.now >= self._dies_at

    def status(self) -> Status | None:
        return self._word(self._clock.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "monotonic", clock.monotonic)
    monkeypatch.setattr(waiting, "sleep", clock.sleep)
    return clock


def none(_: str) -> None:
    return None


@pytest.mark.parametrize("state", ["done", "incomplete", "stopped"])
def test_the_wait_ends_with_the_work(clock: Clock, state: str) -> None:
    waited = wait(Script(clock, lambda now: status(state if now >= 3 else "working", answered=True)), 60, none)
    assert (waited.why, waited.status and waited.status.state) == ("ended", state)
    assert 3 <= clock.now < 3.1


def test_the_wait_ends_if_the_publisher_exits(clock: Clock) -> None:
    waited = wait(Script(clock, lambda _: status(answered=True), dies_at=2), 60, none)
    assert waited.why == "exited"
    assert 2 <= clock.now < 2.1


def test_the_last_status_of_an_exited_publisher_is_used(clock: Clock) -> None:
    assert wait(Script(clock, lambda _: status("done"), dies_at=0), 60, none).why == "ended"


def test_an_atlas_that_has_responded_gets_the_whole_timeout(clock: Clock) -> None:
    assert wait(Script(clock, lambda _: status(answered=True)), 60, none).why == "time"
    assert 60 <= clock.now < 60.1


@pytest.mark.parametrize("word", [lambda _: None, lambda _: status()], ids=["no status", "no answer"])
def test_an_atlas_without_a_response_gets_five_seconds(clock: Clock, word: Callable[[float], Status | None]) -> None:
    assert wait(Script(clock, word), 60, none).why == "silent"
    assert 5 <= clock.now < 5.1


def test_a_response_within_five_seconds_extends_the_wait(clock: Clock) -> None:
    assert wait(Script(clock, lambda now: status(answered=now > 4)), 60, none).why == "time"
    assert clock.now >= 60


def test_a_timeout_below_five_seconds_is_used(clock: Clock) -> None:
    assert wait(Script(clock, lambda _: None), 2, none).why == "time"
    assert 2 <= clock.now < 2.1


def test_without_time_the_status_is_read_once(clock: Clock) -> None:
    assert wait(Script(clock, lambda _: status("done")), 0, none).why == "ended"
    assert wait(Script(clock, lambda _: status()), 0, none).why == "time"
    assert clock.now == 0


def test_progress_is_shown_only_during_a_long_wait(clock: Clock) -> None:
    shown: list[tuple[float, str]] = []
    script = Script(clock, lambda now: status(answered=now > 1, total=9, in_place=int(now)))
    wait(script, 3, lambda line: shown.append((clock.now, line)))
    assert shown[0][0] > waiting.QUIET_S
    assert shown[0][1] == "atlas: waiting for a response, 0 s"
    assert shown[-1][1] == "atlas: 2 of 9 published, 3 s"


def test_progress_has_the_number_of_files_during_uploads() -> None:
    going = status(answered=True, total=9, in_place=4, files=5, files_sent=2, bytes_sent=3 << 20)
    assert waiting.progress(going, 2) == "atlas: 4 of 9 published, files 2 of 5 (3.0 MiB, 1.5 MiB/s), 2 s"
    done = status(answered=True, total=9, in_place=9, files=5, files_sent=5, bytes_sent=3 << 20)
    assert waiting.progress(done, 2) == "atlas: 9 of 9 published, 2 s"
