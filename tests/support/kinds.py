"""Run a project with and without pytest-atlas, and compare the sessions and the run in Atlas.

The references are pytest-reportlog, a plugin that writes the collected nodeids to a file, and the output without pytest-atlas.
"""

import difflib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest
from tests.support import inner, mirror, reportlog
from tests.support.events import SYSTEM
from tests.support.reportlog import Card, Step

from pytest_atlas.atlas.models import Run
from pytest_atlas.journal import session_dir, status
from pytest_atlas.publisher import targets

LOG, COLLECTED = "log.jsonl", "collected.json"
WITNESS = Path(__file__).parent / "witness"
NOT_MINE = re.compile(r"^(atlas: .*|pytest-atlas: .*)\n", re.MULTILINE)
COLOURS = r"(?:\x1b\[[\d;]*m)*"
SECTION = re.compile(rf"^{COLOURS}-+ atlas -+{COLOURS}\n(?:(?!{COLOURS}[=!-]{{3}}).*\n)*", re.MULTILINE)
VARIES = (
    (re.compile(r"\d+\.\d+s( \([^)]*\d+:\d\d:\d\d\))?"), "0.00s"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x0"),
    (re.compile(r"\bgw\d+\b"), "gw0"),
    (re.compile(r"cache from [\d:]+ ago"), "cache"),
    (re.compile(r"\batlas(_class|_module|_session)?, "), ""),  # in the list of available fixtures
    (re.compile(r"~Stack of .*~|Thread 0x\w+|pid[= ]\d+"), "~"),
)


@dataclass(frozen=True)
class Kind:
    """A kind of session: name (also the test id), files of the project, arguments, and exceptions from the references."""

    name: str
    files: Mapping[str, str]
    arguments: Sequence[str] = ()
    plugins: Sequence[str] = ()  # modules, in addition to the references
    env: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[Sequence[str]] = ()  # arguments of earlier sessions, without pytest-atlas
    instead: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # status and note that the log of pytest can't give
    inside: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # inner steps that pytest does not report
    says: Sequence[str] = ()  # parts of the terminal summary
    no_run: bool = False  # nothing was collected
    any_order: bool = False  # a distributed session, in which parallel events have no order
    dies: bool = False
    is_pushed: bool = False  # the user interrupts the publisher, and a push completes the run
    compares_output: bool = True
    cwd: str = "."
    posix: bool = False

    def missing(self) -> str:
        """Return the reason to skip this kind here; empty if it can run."""
        if self.posix and os.name == "nt":
            return "needs POSIX signals and forks"
        lacking = [name for name in self.plugins if find_spec(name.partition(".")[0]) is None]
        return f"not installed: {', '.join(lacking)}" if lacking else ""


@dataclass(frozen=True)
class Told:
    """The exit code and the output of a session."""

    code: int
    out: str
    err: str


def each(kinds: Sequence[Kind]) -> pytest.MarkDecorator:
    """Return a mark that parametrizes a test with these kinds."""
    return pytest.mark.parametrize(
        "kind", [pytest.param(k, id=k.name, marks=pytest.mark.skipif(bool(k.missing()), reason=k.missing())) for k in kinds]
    )


def compare(kind: Kind, directory: Path) -> Run | None:
    """Run both sessions, compare them and the run in Atlas, and return the run."""
    root = directory / "bench"
    plain = _session(kind, root)
    witnessed = reportlog.reports(root / LOG) if (root / LOG).exists() else []
    shutil.rmtree(root)
    begun = time.time()
    ours = _session(kind, root, f"--atlas-system={SYSTEM}")
    log = root / LOG
    _same_session(kind, plain, ours, witnessed, reportlog.reports(log) if log.exists() else [])
    for words in kind.says:
        assert words in ours.out + ours.err
    _wait_for_publisher(root / ".atlas")
    if kind.is_pushed:
        (left,) = session_dir.sessions(root / ".atlas")
        assert mirror.push(left, targets.local(root / ".atlas")).state == "done"
    runs = mirror.runs(root / ".atlas") if (root / ".atlas" / targets.STORE).exists() else []
    if kind.no_run:
        assert not runs
        return None
    (run,) = runs
    collected = json.loads((root / COLLECTED).read_text("utf-8")) if (root / COLLECTED).exists() else []
    expected = reportlog.cards(log, collected, is_dead=kind.dies)
    _same("Atlas", _flat(shown(run)), _flat(_completed(kind, card) for card in expected))
    _same_titles(run)
    _true_times(run, begun, time.time())
    return run


def _wait_for_publisher(atlas_dir: Path) -> None:
    """Wait until the publisher has published the journal. It can outlive a killed or interrupted pytest."""
    deadline = time.monotonic() + inner.PATIENCE_S
    for session in session_dir.sessions(atlas_dir):
        while all(word.state == "working" for word in status.read_all(session)):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def shown(run: Run) -> list[Card]:
    """Return the run as expected cards and steps."""
    cards = sorted(run.test_cards, key=lambda card: card.order or 0)
    return [Card(card.title, [_shown(step) for step in sorted(card.test_steps, key=lambda s: s.order or 0)]) for card in cards]


def _shown(step: object) -> Step:
    mark = step.description.rpartition("\n")[2]  # type: ignore[attr-defined]
    assert mark.startswith("pytest: ")
    return Step(mark.removeprefix("pytest: "), step.execution_status, step.exception or "")  # type: ignore[attr-defined]


def _completed(kind: Kind, card: Card) -> Card:
    """Return the expected card with the exceptions of the kind."""
    steps: list[Step] = []
    for step in card.steps:
        steps.append(Step(step.identity, *kind.instead.get(step.identity, (step.status, step.note))))
        steps += [Step(f"{step.identity} > {title}", outcome) for title, outcome in kind.inside.get(step.identity, ())]
    return Card(card.title, steps)


def _same_titles(run: Run) -> None:
    """Check that a title is the end of the identity: the name of the test, or the text after the last `>`. It can be cut."""
    for card in run.test_cards:
        for step in card.test_steps:
            identity = step.description.rpartition("\n")[2].removeprefix("pytest: ")
            words = " ".join(identity.replace("\\n", " ").split())
            assert words.endswith(step.title) or step.title[:-10] in words, (step.title, identity)


def _true_times(run: Run, begun: float, ended: float) -> None:
    """Check that a test can't change the recorded times. `begun`, `ended`: Unix seconds around the session."""
    for step in (step for card in run.test_cards for step in card.test_steps):
        times = [time.timestamp() for time in (step.started_at, step.ended_at) if time is not None]
        assert times == sorted(times)
        assert all(begun - 1 < t < ended + 1 for t in times), (step.title, times)
        assert times or step.execution_status in ("todo", "failed") or " > " in step.description  # unittest subtests: none


def _same_session(kind: Kind, plain: Told, ours: Told, log: list[dict[str, object]], our_log: list[dict[str, object]]) -> None:
    said = ours.out + ours.err
    assert not re.search("internal (fault|error)", said), said
    assert ("INTERNALERROR" in said) == ("INTERNALERROR" in plain.out + plain.err), said
    assert ours.code == plain.code, said
    ours_in_order, plain_in_order = (
        [_normal(json.dumps(report, sort_keys=True)) for report in reports] for reports in (our_log, log)
    )
    if kind.any_order:
        ours_in_order, plain_in_order = sorted(ours_in_order), sorted(plain_in_order)
    _same("the reports", ours_in_order, plain_in_order)
    if kind.compares_output:
        for one, other in ((ours.out, plain.out), (ours.err, plain.err)):
            _same("the output", _lines(kind, one), _lines(kind, other))


def _same(what: str, ours: list[str], expected: list[str]) -> None:
    if ours != expected:
        shown = difflib.unified_diff(_cut(expected, ours), _cut(ours, expected), "expected", "with us", "", "", 1, "")
        pytest.fail(f"{what}:\n" + "\n".join(shown), pytrace=False)


def _cut(lines: Iterable[str], others: Iterable[str]) -> list[str]:
    """Cut long lines to the part around the first difference."""
    return [
        line if len(line) < 400 else line[max(0, _common(line, other) - 100) :][:400]
        for line, other in itertools.zip_longest(lines, others, fillvalue="")
    ]


def _common(one: str, other: str) -> int:
    """Return the length of the common prefix."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _flat(cards: Iterable[Card]) -> list[str]:
    return [_normal(line) for card in cards for line in (f"card {card.title!r}", *(f"  {step}" for step in card.steps))]


def _lines(kind: Kind, text: str) -> list[str]:
    lines = _normal(NOT_MINE.sub("", SECTION.sub("", text))).splitlines()
    lines = [line.strip("=-! ") if line[:3] in ("===", "---", "!!!") else line.rstrip() for line in lines if line.strip()]
    if kind.any_order:  # also the letters in a line of progress
        return sorted("".join(sorted(line)) if re.match(r"[.,\w-]+ *\[ *\d+%\]$", line) else line for line in lines)
    return lines


def _normal(text: str) -> str:
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text


def _session(kind: Kind, root: Path, *more: str) -> Told:
    for name, text in {"pytest.ini": "[pytest]\n", **kind.files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
    for arguments in kind.before:
        _run(kind, root, arguments)
    return _run(kind, root, [f"--report-log={root / LOG}", *more, *kind.arguments], WITNESS=str(root / COLLECTED))


def _run(kind: Kind, root: Path, arguments: Sequence[str], **env: str) -> Told:
    atlas = ["pytest_atlas.plugin"] if any(a.startswith("--atlas-system") for a in arguments) else []
    names = ("pytest_reportlog.plugin", *atlas, *kind.plugins)
    path = os.pathsep.join([str(WITNESS), *filter(None, [os.environ.get("PYTHONPATH")])])
    loaded = inner.plugins(*names, *(("pytest_subtests.plugin",) if pytest.version_tuple < (9,) else ()))
    if env:
        loaded["PYTEST_PLUGINS"] += ",collected"
    cache = [] if kind.before else ["-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *cache, *arguments],
        cwd=root / kind.cwd,
        env={**inner.environment(**loaded, PYTHONPATH=path), "COLUMNS": "120", "PYTHONHASHSEED": "0", **env, **kind.env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=inner.PATIENCE_S,
        check=False,
        start_new_session=True,  # a kind can send signals to its process group
    )
    return Told(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
