"""The record is complete if a test patches, replaces or exhausts functions and resources.

Each test of a session replaces one function by one that raises. Its record must be that of a test that replaces nothing. Most
functions stay replaced until the teardown, so pytest reports the test without them; functions that pytest needs for this are
found by a session that is not recorded.
"""

from collections import Counter, defaultdict
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
    NAME = [""]
    TIMES = array.array("d", [0.0, 1.0])
    FILE = pathlib.Path(__file__).with_name("bus.log")

    def functions():
        for module in MODULES:
            for name in sorted(dir(module)):
                title = f"{module.__name__}.{name}"
                found = getattr(module, name)
                is_function = not name.startswith("_") and callable(found) and not isinstance(found, type)
                if is_function and title not in NEEDED_BY_PYTEST:
                    yield pytest.param(module, name, id=title)

    def broken(*arguments, **more):
        raise RuntimeError("replaced by a test")

    def record(atlas):
        atlas.measure("rail", 12.0, unit="V", low=11, high=13)
        atlas.note("armed")
        with atlas.step("Arm the scope"):
            atlas.measure("count", 3)
        atlas.attach(NAME[0].encode(), name="dump.bin")
        atlas.attach("words of " + NAME[0], name="commands.txt")
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


def recorded(ended: Ended) -> dict[str, list[object]]:
    """Return for each test the kinds of its events, with the names of files and the outcomes of phases."""
    found: dict[str, list[object]] = defaultdict(list)
    for _, event in ended.events:
        if nodeid := getattr(event, "nodeid", ""):
            match event:
                case ev.FileKept():
                    details: tuple[str, ...] = (event.name,)
                case ev.PhaseReported():
                    details = (event.when, event.outcome)
                case _:
                    details = ()
            found[nodeid.rpartition("::")[2]].append((type(event).__name__, *details))
    return dict(found)


def test_the_record_is_complete_for_each_replaced_function(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_all.py", TESTS)
    project.write("bus.log", "can")
    ended = project.record("-v", "--tb=line", env=ALONE)
    assert ended.code == 0, ended.out[-8000:] + ended.err[-4000:]
    tests = recorded(ended)
    control = tests.pop("test_control")
    assert len(tests) > 700
    assert {name: record for name, record in tests.items() if record != control} == {}
    assert "internal" not in "".join(ended.terminal_summary)


CONFTEST = """
    import os, pathlib
    import pytest

    HERE = pathlib.Path(__file__).parent
    IS_SEARCH = "SEARCH" in os.environ
    NEEDED = HERE / "needed.txt"  # tests that pytest can't report, or not as expected, without the function
    REPLACED, RAN, OUTCOMES = [], set(), {}
    EXPECTED = {
        "passes": "ppp", "fails": "pfp", "skips": "psp",
        "fixture_skips": "sp", "fixture_raises": "fp", "teardown_raises": "ppf",
    }
    set_attribute = setattr

    def restore():
        while REPLACED:
            set_attribute(*REPLACED.pop())

    BUS = HERE / "bus.log"

    def pytest_atlas_artifacts(item, report):
        return [BUS]

    def pytest_collection_modifyitems(items):
        needed = set(NEEDED.read_text().splitlines()) if NEEDED.exists() else set()
        items[:] = [item for item in items if item.name not in needed]

    if IS_SEARCH:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtestloop(session):
            with NEEDED.open("w") as needed:
                for item, following in zip(session.items, [*session.items[1:], None]):
                    try:
                        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                    except BaseException:
                        OUTCOMES.pop(item.name, None)
                    restore()
                    expected = EXPECTED[item.name.partition("[")[0].removeprefix("test_")]
                    if OUTCOMES.get(item.name) != expected or item.name not in RAN:
                        needed.write(item.name + "\\n")
                        repair(session, item)
            return True

        def repair(session, item):
            # Without the function, pytest can leave nodes on its stack and fixtures with a result.
            session._setupstate.stack.clear()
            for definitions in item._fixtureinfo.name2fixturedefs.values():
                for definition in definitions:
                    definition.cached_result = None
                    definition._finalizers.clear()

        def pytest_runtest_logreport(report):
            name = report.nodeid.rpartition("::")[2]
            OUTCOMES[name] = OUTCOMES.get(name, "") + report.outcome[0]
"""
KINDS = """
    import array, builtins, contextvars, io, json, os, pathlib, threading, time
    import pytest
    from conftest import RAN, REPLACED, restore

    MODULES = [builtins, contextvars, io, json, os, os.path, pathlib.Path, pathlib.PurePath, threading, time]
    TIMES = array.array("d", [0.0, 1.0])
    FILE = pathlib.Path(__file__).with_name("bus.log")

    def functions():
        yield pytest.param(None, id="nothing")
        for module in MODULES:
            for name in sorted(dir(module)):
                found = getattr(module, name)
                is_type = isinstance(found, type) and (module is not builtins or issubclass(found, BaseException))
                if not name.startswith("_") and callable(found) and not is_type:
                    yield pytest.param((module, name), id=f"{module.__name__}.{name}")

    def broken(*arguments, **more):
        raise RuntimeError("replaced by a test")

    @pytest.fixture
    def replace(request):
        def do():
            RAN.add(request.node.name)
            if request.param:
                module, name = request.param
                REPLACED.append((module, name, getattr(module, name)))
                setattr(module, name, broken)
        yield do
        restore()

    def record(atlas):
        atlas.measure("rail", 12.0, unit="V", low=11, high=13)
        atlas.measure("mode", "CC", one_of=["CC", "CV"])
        atlas.note("armed")
        with atlas.step("Arm the scope"):
            atlas.measure("count", 3)
        atlas.attach(b"0", name="dump.bin")
        atlas.attach("text", name="commands.txt")
        atlas.attach({"a": [1, "b", None]}, name="values.json")
        atlas.attach(FILE)
        atlas.trace("trip", t=TIMES, volts=TIMES)

    def record_little(atlas):
        atlas.measure("rail", 12.0, unit="V", low=11, high=13)
        with atlas.step("Arm the scope"):
            atlas.attach(b"0", name="dump.bin")

    each = pytest.mark.parametrize("replace", list(functions()), indirect=True)
"""
REPORTED_WITHOUT = """
    @each
    def test_passes(atlas, replace):
        replace()
        record(atlas)

    @each
    def test_fails(atlas, replace):
        replace()
        record(atlas)
        assert 0, "expected"

    @each
    def test_skips(atlas, replace):
        replace()
        record(atlas)
        pytest.skip("no load")

    @pytest.fixture
    def skipping(replace, atlas):
        replace()
        record_little(atlas)
        pytest.skip("no load")

    @each
    def test_fixture_skips(skipping): ...

    @pytest.fixture
    def raising(replace, atlas):
        replace()
        record_little(atlas)
        raise OSError("no power")

    @each
    def test_fixture_raises(raising): ...

    @pytest.fixture
    def raising_teardown(replace, atlas):
        yield
        replace()
        record_little(atlas)
        raise OSError("no power")

    @each
    def test_teardown_raises(raising_teardown): ...
"""
IN_THE_BODY = """
    @each
    def test_body(atlas, replace):
        replace()
        try:
            record(atlas)
        finally:
            restore()
"""


def differing(ended: Ended) -> tuple[int, list[str]]:
    """Return the number of tests, and those with another record than the test of the same kind that replaces nothing."""
    tests = recorded(ended)
    controls = {name.partition("[")[0]: events for name, events in tests.items() if name.endswith("[nothing]")}
    return len(tests), [name for name, events in tests.items() if events != controls[name.partition("[")[0]]]


def test_the_record_of_each_outcome_is_complete_without_a_function(tmp_path: Path) -> None:
    project = (
        Project(tmp_path).write("conftest.py", CONFTEST).write("test_all.py", KINDS + REPORTED_WITHOUT).write("bus.log", "can")
    )
    project.pytest("-q", "--tb=line", "-p", "no:cacheprovider", env={**ALONE, "SEARCH": "1"})
    ended = project.record("-q", "--tb=line", "-p", "no:cacheprovider", env=ALONE)
    count, others = differing(ended)
    assert others == []
    kinds = Counter(name.partition("[")[0] for name in recorded(ended))
    assert len(kinds) == 6
    assert min(kinds.values()) > 300, kinds
    assert count == kinds.total()
    assert "internal" not in "".join(ended.terminal_summary)


@pytest.mark.parametrize("options", [(), ("-p", "xdist.plugin", "-p", "xdist.looponfail", "-n2")], ids=["serial", "xdist"])
def test_the_record_is_complete_without_any_function_in_the_body(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Also without the builtins that pytest needs for its report: isinstance, len, str, getattr, …"""
    project = Project(tmp_path).write("conftest.py", CONFTEST).write("test_all.py", KINDS + IN_THE_BODY)
    project.write("bus.log", "can")
    ended = project.record("-q", "--tb=line", *options, env=ALONE)
    assert ended.code == 0, ended.out[-8000:] + ended.err[-4000:]
    count, others = differing(ended)
    assert others == []
    assert count > 400


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
def test_the_record_is_complete_without_a_resource(tmp_path: Path, code: str) -> None:
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
    assert ended.recorded(ev.SessionEnded)
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
