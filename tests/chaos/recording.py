"""Write the events of a session with the real writer, with a death, a full disk or damage by other programs."""

import itertools
import json
import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.virtual_time import Disk, Fuse, pytests_disk
from tests.support import acts
from tests.support import events as f
from tests.support.truth import Line, lines_of

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.writer import JournalWriter

GARBAGE = (b"\x00\xff\x00\n", b'{"e": "end", "nodeid": 7}\n', b"{}\n", b'["e"]\n', b'{"e":"start","nodeid":"tests/te\n')


@dataclass(frozen=True)
class Damage:
    """The damage to pytest and its disk, by the number of the event."""

    dies_at: int | None = None
    torn: float = 0.0  # written part of the line during which pytest dies
    full: tuple[int, int, int] | None = None  # first and last event with a full disk, and its free bytes
    garbage: dict[int, int] = field(default_factory=dict)  # number of the event that follows -> index of the garbage


class Recording:
    """The journals of one session. `write_next` writes the next event."""

    def __init__(self, directory: Path, events: list[tuple[str, ev.Event]], damage: Damage, totals: Counter[str]) -> None:
        self.directory = directory
        self.over = False
        self._events = events
        self._damage = damage
        self._totals = totals
        self._written = 0
        self._disk = Disk(Fuse())
        self._writers: dict[str, JournalWriter] = {}
        self._lines: dict[str, list[Line]] = {}
        self._damaged = False
        directory.mkdir(parents=True, exist_ok=True)

    def write_next(self) -> bool:
        """Write one event. Return whether pytest continues."""
        if self.over:
            return False
        if self._written == self._damage.dies_at or self._written == len(self._events):
            self._end(in_order=self._written == len(self._events))
            return False
        source, event = self._events[self._written]
        if self._damage.full and self._written in self._damage.full[:2]:
            self._disk.room = self._damage.full[2] if self._written == self._damage.full[0] else None
            self._totals["disk full"] += self._disk.room is not None
        with pytests_disk(self._disk):
            if source not in self._writers:
                self._open(source)
            if self._written in self._damage.garbage:
                self._litter(source, GARBAGE[self._damage.garbage[self._written]])
            self._writers[source].write(event)
        self._lines[source].append(json.loads(json.dumps(ev.to_json_dict(event))))
        self._written += 1
        return True

    def tell_all(self) -> None:
        """Write the remaining events."""
        while self.write_next():
            pass

    def _open(self, source: str) -> None:
        worker = source.split("-")[1] if "-" in source else ""
        self._writers[source] = JournalWriter(self.directory / source, Cleaner({}), worker=worker)
        self._lines[source] = []

    def _litter(self, source: str, garbage: bytes) -> None:
        """Append garbage to the journal, as another program or a bad disk does. It continues an incomplete last line."""
        with (self.directory / source).open("ab") as journal:
            journal.write(garbage)
        self._totals["torn: journal"] += 1

    def _end(self, *, in_order: bool) -> None:
        self.over = True
        if not in_order:
            self._totals["killed: pytest"] += 1
            source, event = self._events[self._written]
            if source in self._writers and self._damage.torn:
                line = json.dumps(ev.to_json_dict(event), separators=(",", ":")).encode()
                with (self.directory / source).open("ab") as journal:
                    journal.write(line[: int(len(line) * self._damage.torn)])
                self._totals["torn: journal"] += 1
        else:
            self._disk.room = None
        lost: Counter[str] = Counter()
        with pytests_disk(self._disk):
            for source, writer in self._writers.items():
                lost[source] = writer.unwritten if not in_order else 0
                if in_order:
                    writer.close()
                    assert writer.unwritten == 0
                else:
                    os.close(writer._fd)
        self._check_only_these_are_lost(lost)

    def _check_only_these_are_lost(self, lost: Counter[str]) -> None:
        """Check that the file has every event that the writer counts as written, except incomplete lines."""
        found: dict[str, list[Line]] = {source: [] for source in self._writers}
        for line in lines_of(self.directory):
            source = line.pop("source")
            if line.get("e") != "journal" and line in self._lines[source]:
                found[source].append(line)
        for source, lines in self._lines.items():
            kept = lines[: max(0, len(lines) - lost[source])]
            assert found[source] == kept, f"{source}: {len(found[source])} lines of {len(kept)} that were written"


@dataclass
class Copy:
    """One directory of a session."""

    directory: Path
    recording: Recording

    def copied(self, number: int, *, with_receipts: bool) -> "Copy":
        """Return a copy of the session on another machine."""
        elsewhere = self.directory.parent.parent / f"copy-{number}" / self.directory.name
        ignored = shutil.ignore_patterns(*(() if with_receipts else ("receipts-*", "status-*")))
        shutil.copytree(self.directory, elsewhere, ignore=ignored)
        return Copy(elsewhere, self.recording)

    @property
    def receipts(self) -> Path:
        return self.directory / "receipts-test.jsonl"


def events_of(directory: Path, names: list[str], *, workers: int, report: str, broken: bool) -> list[tuple[str, ev.Event]]:
    """Return the events of a session. `names`: kinds of its tests. With workers, the events of all workers are mixed."""
    tests = [(f"test_{n}_{name}", acts.MODULES[n % len(acts.MODULES)]) for n, name in enumerate(names)]
    recorded = [
        acts.ACTS[name](acts.Bench(directory, test, module, n))
        for n, (name, (test, module)) in enumerate(zip(names, tests, strict=True))
    ]
    dist = {"dist": "load"} if workers else {}
    session, *plan = acts.opening(directory.name, tests, report=report, **dist)
    finish = [(f.SERIAL, f.finish(1))]
    failed = ev.CollectionFailed(at=f.BEGIN, nodeid="tests/test_broken.py", message="SyntaxError: no")
    first = [*([failed] if broken else []), *plan]
    if not workers:
        return [(f.SERIAL, event) for event in (session, *first, *itertools.chain(*recorded))] + finish
    lanes = [
        [(f"journal-gw{w}-0.jsonl", event) for event in (*first, *itertools.chain(*recorded[w::workers]))]
        for w in range(workers)
    ]
    mixed: list[tuple[str, ev.Event]] = []
    chance = random.Random(len(names))
    while any(lanes):
        mixed.append(chance.choice([lane for lane in lanes if lane]).pop(0))
    return [(f.SERIAL, session), *mixed, *finish]
