"""Random sequences in one process: sessions, faults, deaths, full disks, incomplete files, copies, two pushes at once.

After a last push of each session directory without faults, Atlas has each recorded entity once.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test
from tests.chaos.recording import GARBAGE, Copy, Damage, Recording, events_of
from tests.chaos.virtual_time import Connection, Disk, Fuse, run
from tests.conftest import rounds
from tests.support.acts import ACTS
from tests.support.atlases import FAULTS, FaultyAtlas
from tests.support.events import BEGIN
from tests.support.totals import give
from tests.support.truth import compare, lines_of, truth

from pytest_atlas.atlas.operations import CreateReport
from pytest_atlas.journal.status import Status
from pytest_atlas.publisher.loop import Publisher
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.receipts import AlreadyPublishing
from pytest_atlas.publisher.reports import LOST
from pytest_atlas.publisher.targets import LocalPlace, Target

MEMORY = Path("/dev/shm")
LOST_REPORT = f"no report: {LOST}"
PATIENCE_S = 120.0
PYTEST_WAITS_S = 60.0

faults = st.tuples(st.integers(1, 8), st.sampled_from([*FAULTS, "late effects arrive"]))
scripts = st.lists(faults, max_size=12).map(
    lambda events: dict(zip(accumulate(gap for gap, _ in events), (t for _, t in events), strict=True))
)
latencies = st.lists(st.sampled_from([0, 1, 7, 150]), min_size=1, max_size=4).map(tuple)
fuses = st.none() | st.integers(1, 150)
damages = st.builds(
    Damage,
    dies_at=st.none() | st.integers(0, 40),
    torn=st.sampled_from([0.0, 0.3, 0.99]),
    full=st.none() | st.tuples(st.integers(1, 15), st.integers(16, 40), st.integers(0, 300)),
    garbage=st.dictionaries(st.integers(1, 40), st.integers(0, len(GARBAGE) - 1), max_size=2),
)
plans = st.fixed_dictionaries(
    {
        "names": st.lists(st.sampled_from(list(ACTS)), min_size=1, max_size=6),
        "workers": st.sampled_from([0, 0, 2]),
        "report": st.sampled_from(["", "", "run", "card", "step"]),
        "broken": st.booleans(),
        "damage": damages,
    }
)
totals: Counter[str] = Counter()
KINDS: Counter[str] = Counter()


class Chaos(RuleBasedStateMachine):
    copies: "Bundle[Copy]" = Bundle("copies")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="chaos-", dir=MEMORY if MEMORY.is_dir() else None))
        times = count(int(BEGIN * 1e9), 1000)
        self.atlas = FaultyAtlas(self.directory / "atlas.db", clock=lambda: next(times))
        self.all: list[Copy] = []
        self.lost: Counter[int] = Counter()
        totals["rounds"] += 1

    # ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _record(self, names: list[str], workers: int, report: str, broken: bool, damage: Damage) -> Copy:
        directory = self.directory / "here" / f"s{len(self.all)}"
        recording = Recording(
            directory, events_of(directory, names, workers=workers, report=report, broken=broken), damage, totals
        )
        copy = Copy(directory, recording)
        self.all.append(copy)
        totals["sessions"] += 1
        return copy

    @rule(target=copies, plan=plans)
    def record_offline(self, plan: dict[str, Any]) -> Copy:
        copy = self._record(**plan)
        copy.recording.tell_all()
        return copy

    @rule(
        target=copies,
        plan=plans,
        script=scripts,
        latency=latencies,
        fuse=fuses,
        pace=st.sampled_from([0.0, 0.06, 2.0]),
        waits=st.sampled_from([0.0, 0.5, PYTEST_WAITS_S]),
    )
    def record_live(
        self,
        plan: dict[str, Any],
        script: dict[int, str],
        latency: tuple[int, ...],
        fuse: int | None,
        pace: float,
        waits: float,
    ) -> Copy:
        copy = self._record(**plan)
        burning = Fuse(fuse)
        way = Connection(self.atlas, burning, script, latency)

        async def session() -> Status:
            begun: list[Publisher] = []
            publishing = asyncio.ensure_future(self._publish(copy, way, started_by_pytest=True, begun=begun.append))
            while copy.recording.write_next():  # noqa: ASYNC110 - the pauses between the events of the session
                await asyncio.sleep(pace)
            await asyncio.sleep(0)
            for publisher in begun:
                if plan["damage"].dies_at is None:
                    publisher.pytest_ended()
                    await asyncio.wait({publishing}, timeout=waits)
                    publisher.stop()
                else:
                    publisher.pytest_left()
            return await publishing

        self._live(session, burning)
        copy.recording.tell_all()  # pytest continues after the death of the publisher
        return copy

    @rule(copy=copies, script=scripts, latency=latencies, fuse=fuses, room=st.none() | st.integers(0, 6000))
    def push(self, copy: Copy, script: dict[int, str], latency: tuple[int, ...], fuse: int | None, room: int | None) -> None:
        burning = Fuse(fuse)
        way = Connection(self.atlas, burning, script, latency)
        totals["disk full"] += room is not None
        self._live(lambda: self._publish(copy, way), burning, room)

    @rule(one=copies, other=copies, script=scripts, latency=latencies, fuse=fuses)
    def push_two_at_once(
        self, one: Copy, other: Copy, script: dict[int, str], latency: tuple[int, ...], fuse: int | None
    ) -> None:
        """Push two sessions of one bench, or by mistake one session twice. The documentation forbids this for two copies."""
        if one.recording is other.recording and one is not other:
            return
        burning = Fuse(fuse)
        ways = [Connection(self.atlas, burning, script, latency), Connection(self.atlas, burning, script, latency)]

        async def both() -> list[Any]:
            return await asyncio.gather(
                *(self._publish(copy, way) for copy, way in zip((one, other), ways, strict=True)), return_exceptions=True
            )

        ended = self._live(both, burning)
        faults = [each for each in ended or [] if isinstance(each, BaseException)]
        assert all(isinstance(fault, AlreadyPublishing) for fault in faults), faults
        assert ended is None or len(faults) <= (one is other)

    @rule(target=copies, copy=copies, with_receipts=st.booleans())
    def copy_to_another_machine(self, copy: Copy, with_receipts: bool) -> Copy:
        copied = copy.copied(len(self.all), with_receipts=with_receipts)
        self.all.append(copied)
        return copied

    @rule(copy=copies, kept=st.integers(0, 999), more=st.binary(max_size=10))
    def tear_receipts(self, copy: Copy, kept: int, more: bytes) -> None:
        """Cut the receipts. The delayed requests arrive first: without their intents the publisher can't expect them."""
        self.late_effects_arrive()
        if copy.receipts.exists():
            whole = copy.receipts.read_bytes()
            copy.receipts.write_bytes(whole[: len(whole) * kept // 999] + more)
            totals["torn: receipts"] += 1

    @rule(copy=copies)
    def delete_receipts(self, copy: Copy) -> None:
        self.late_effects_arrive()
        copy.receipts.unlink(missing_ok=True)
        totals["torn: receipts"] += 1

    @rule()
    def late_effects_arrive(self) -> None:
        self.atlas.release()

    @rule()
    def late_effects_never_come(self) -> None:
        self.atlas.late.clear()

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _publish(
        self,
        copy: Copy,
        way: Connection,
        *,
        started_by_pytest: bool = False,
        begun: Callable[[Publisher], None] = lambda _: None,
    ) -> Status:
        totals["publishers"] += 1
        target = Target(name="test", label="a faulty Atlas", limit=8, atlas=way, objects=LocalPlace(self.atlas.local.objects))
        return await publish(copy.directory, target, started_by_pytest=started_by_pytest, patience_s=PATIENCE_S, begun=begun)

    def _live(self, main: Callable[[], Any], fuse: Fuse, room: int | None = None) -> Any:
        """Run a publisher process. A full disk can end it."""
        try:
            ended = run(main, fuse, Disk(fuse, room))
        except OSError:
            assert room is not None
            ended = None
        totals["killed: publisher"] += fuse.dead
        # A publisher can't recognise a report that another machine has requested and that isn't listed yet.
        late, self.atlas.late = self.atlas.late, [op for op in self.atlas.late if isinstance(op, CreateReport)]
        self.atlas.release()
        self.atlas.late = [op for op in late if not isinstance(op, CreateReport)]
        return ended

    # ── teardown ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def teardown(self) -> None:
        try:
            self.atlas.release()
            self._push_all_with_a_healthy_atlas()
            self._check()
        finally:
            totals["faults"] += self.atlas.happened.total()
            KINDS.update(self.atlas.happened)
            totals["late effects"] += self.atlas.released
            self.atlas.local.close()
            shutil.rmtree(self.directory)

    def _push_all_with_a_healthy_atlas(self) -> None:
        for copy in self.all:  # a copy without receipts requests a report that another copy has lost, so that copy finds it
            self._push_in_peace(copy)
        for copy in self.all:
            status = self._push_in_peace(copy)
            lost = status.remarks.count(LOST_REPORT)
            assert (status.state, status.refused, status.pending) == ("incomplete" if lost else "done", lost, 0), status
            self.lost[id(copy.recording)] = max(lost, self.lost[id(copy.recording)])

    def _push_in_peace(self, copy: Copy) -> Status:
        status = run(lambda: self._publish(copy, Connection(self.atlas, Fuse(), {})), Fuse(), Disk(Fuse()))
        assert status is not None
        return status

    def _check(self) -> None:
        runs = self.atlas.runs()
        due = 0
        for recording in {id(copy.recording): copy.recording for copy in self.all}.values():
            lines = lines_of(recording.directory)
            want = truth(lines, recording.directory)
            totals["events recorded"] += len(lines)
            if want is None:
                continue
            due += 1
            want.reports -= self.lost[id(recording)]
            verdict = compare(want, runs, self.atlas.content)
            totals.update(verdict.totals)
            assert verdict.problems == [], "\n".join(verdict.problems)
            assert verdict.there == verdict.recorded
        assert len(runs) == due, "unexpected runs"


def test_each_entity_is_in_atlas_once_after_any_sequence(record_property: Callable[[str, object], None]) -> None:
    totals.clear()
    try:
        run_state_machine_as_test(Chaos, settings=rounds(150, steps=12))
    finally:
        give(record_property, totals)
