"""The record is complete, whatever a test patches, replaces or exhausts.

One session with a test for each public function of the standard library that a test may replace by one that raises. pytest
reports each test while its function is still replaced. The record of each must be that of a test that replaces none.
"""

from collections import defaultdict
from pathlib import Path

import pytest
from tests.support.inner import Ended, Project
from tests.support.stand_in import ALONE

from pytest_atlas.journal import events as ev

TESTS = """
    import array, ast, base64, builtins, contextlib, contextvars, copy, dataclasses, datetime, functools, gc, hashlib, inspect
    import io, itertools, json, linecache, locale, logging, math, mimetypes, operator, os, pathlib, platform, queue, random, re
    import reprlib, select, shlex, shutil, signal, socket, stat, struct, subprocess, tempfile, threading, time, traceback
    import types, typing, unicodedata, warnings, weakref
    import pytest

    MODULES = [
        array, ast, base64, builtins, contextlib, contextvars, copy, dataclasses, datetime, functools, gc, hashlib, inspect,
        io, itertools, json, linecache, locale, logging, math, mimetypes, operator, os, os.path,
        platform, queue, random, re, reprlib,
        select, shlex, shutil, signal, socket, stat, struct, subprocess, tempfile, threading, time, traceback, types, typing,
        unicodedata, warnings, weakref, pathlib.Path, pathlib.PurePath, threading.Thread,
    ]
    NEEDED_BY_PYTEST = {
        "os.dup2", "os.fstat", "os.get_terminal_size", "os.putenv", "shutil.get_terminal_size", "unicodedata.normalize",
        "logging.getLogger", *(f"builtins.{name}" for name in (
            "getattr", "hasattr", "hash", "isinstance", "issubclass", "len", "next", "setattr",
        )),
    }
    NEEDED_BY_US = {exceptions}
    NAME = [""]
    TIMES = array.array("d", [0.0, 1.0])
    FILE = pathlib.Path(__file__).with_name("bus.log")

    def functions():
        for module in MODULES:
            for name in sorted(dir(module)):
                title = f"{module.__name__}.{name}"
                found = getattr(module, name)
                is_function = not name.startswith("_") and callable(found) and not isinstance(found, type)
                if is_function and title not in NEEDED_BY_PYTEST | NEEDED_BY_US:
                    yield pytest.param(module, name, id=title)

    def broken(*arguments, **more):
        raise RuntimeError("replaced by a test")

    def record(atlas):
        atlas.measure("rail", 12.0, unit="V", low=11, high=13)
        atlas.note("armed")
        with atlas.step("Arm the scope"):
            atlas.measure("count", 3)
        atlas.attach(NAME[0].encode(), name="dump.bin")
        atlas.attach("words of " + NAME[0], name="words.txt")
        atlas.attach({"a": NAME[0]}, name="values.json")
        atlas.attach(FILE)
        atlas.trace("trip", t=TIMES, volts=TIMES)

    def test_control(monkeypatch, atlas):
        record(atlas)

    @pytest.mark.parametrize(("module", "name"), functions())
    def test_replaces(monkeypatch, atlas, module, name):
        FILE.write_text(f"{module} {name}")
        NAME[0] = f"{module} {name}"
        monkeypatch.setattr(module, name, broken)
        record(atlas)
"""
EXCEPTIONS = {
    "os.fspath": "pathlib calls it for each path",
    "posixpath.isabs": "os.path.abspath calls it",
    "posixpath.normpath": "likewise",
}
"""Function -> why the record may suffer."""


def recorded(ended: Ended) -> dict[str, list[object]]:
    """What the journal has of each test: the kinds of its events, and the names of its files."""
    found: dict[str, list[object]] = defaultdict(list)
    for _, event in ended.events:
        if nodeid := getattr(event, "nodeid", ""):
            named = (event.name,) if isinstance(event, ev.FileKept) else ()
            found[nodeid.rpartition("::")[2]].append((type(event).__name__, *named))
    return dict(found)


def test_the_record_is_complete_whichever_function_a_test_replaces(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_all.py", TESTS.replace("{exceptions}", repr(set(EXCEPTIONS))))
    project.write("bus.log", "can")
    ended = project.record("-v", "--tb=line", env=ALONE)
    assert ended.code == 0, ended.out[-8000:] + ended.err[-4000:]
    tests = recorded(ended)
    control = tests.pop("test_control")
    assert len(tests) > 700
    assert {name: record for name, record in tests.items() if record != control} == {}
    assert "internal" not in "".join(ended.closing)


CASES = {
    "os.fstat": "monkeypatch.setattr(os, 'fstat', broken)",
    "os.write and os.getpid": "monkeypatch.setattr(os, 'getpid', lambda: 4711); monkeypatch.setattr(os, 'write', broken)",
    "frozen time": "[monkeypatch.setattr(time, n, lambda: 0.0) for n in ('time', 'monotonic', 'perf_counter')]",
    "the environment": "os.environ.clear()",
    "standard output": "sys.stdout = sys.stderr = None",
    "descriptors": "exhaust()",
    "descriptors, closed": "os.closerange(3, 256)",
    "the collector": "gc.disable(); gc.freeze()",
    "for ever: os.getpid": "os.getpid = lambda: 4711",
    "for ever: print": "builtins.print = broken",
    "for ever: time": "time.time = time.monotonic = time.perf_counter = lambda: 0.0",
    "for ever: json": "json.dumps = json.loads = json.JSONEncoder.encode = broken",
    "for ever: the working directory": "os.chdir('/')",
}


@pytest.mark.parametrize("code", CASES.values(), ids=CASES)
def test_the_record_is_complete_whatever_a_test_takes_away(tmp_path: Path, code: str) -> None:
    ended = (
        Project(tmp_path)
        .write(
            "test_takes.py",
            f"""
            import builtins, gc, json, os, resource, sys, time
            import pytest
            def broken(*arguments, **more): raise RuntimeError("replaced by a test")
            def exhaust():
                resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
                try:
                    while True: os.dup(0)
                except OSError: pass
            def test_takes(monkeypatch, atlas):
                {code}
                atlas.measure("rail", 12.0, unit="V", low=11)
            def test_fails(atlas): assert 0, "as it should"
            @pytest.mark.skip(reason="no load")
            def test_skips(): ...
            """,
        )
        .record("--capture=no", "-p", "no:faulthandler")
    )
    assert ended.statuses() == {"test_takes": "passed", "test_fails": "failed", "test_skips": "todo"}
    assert "rail: 12 V" in ended.steps["test_takes"].text
    assert ended.told(ev.SessionEnded)
    assert "3 tests recorded only" in ended.out + ended.err


def test_a_test_at_the_end_of_the_stack_is_recorded(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_deep.py",
        """
        import sys
        def test_recurses(atlas):
            def deeper(): return deeper()
            try: deeper()
            except RecursionError: atlas.note("at the end of the stack")
        def test_fails():
            def deeper(): return deeper()
            deeper()
        def test_low_limit(atlas, monkeypatch):
            depth = len(__import__("inspect").stack())
            sys.setrecursionlimit(depth + 60)
            atlas.note("near the limit")
            sys.setrecursionlimit(1000)
        """,
    )
    ended = project.record()
    assert ended.statuses() == {"test_recurses": "passed", "test_fails": "failed", "test_low_limit": "passed"}
    assert "at the end of the stack" in ended.steps["test_recurses"].text
    assert "near the limit" in ended.steps["test_low_limit"].text
