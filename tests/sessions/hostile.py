"""Tests with harmful effects, and problems that users of other reporters reported."""

from tests.support.kinds import Kind

LAST_TEARDOWN = """
    import pytest
    @pytest.fixture(scope="session")
    def rig():
        yield
        raise RuntimeError("rig stayed on")
    @pytest.fixture(scope="module")
    def supply():
        yield
        raise RuntimeError("supply stayed on")
    class TestLast:
        @pytest.fixture(scope="class")
        def scope(self):
            yield
            raise RuntimeError("scope stayed on")
        def test_first(self, rig, supply, scope): pass
        def test_last(self): pass
"""
FROZEN = """
    import datetime, time
    import {module}
    def test_before(): pass
    def test_freezes(): {freezes}; assert time.time() < 1e9
    def test_stays_frozen(subtests):
        with subtests.test("inner"): assert datetime.datetime.now().year < 2010
    def test_last(): assert 0
"""
IDS = {
    "test_ids.py": r"""
        import pytest
        class Thing: pass
        @pytest.mark.parametrize("thing", [object(), Thing(), lambda: 0], ids=repr)
        def test_heap_address(thing): pass
        @pytest.mark.parametrize("a", ["z", "y-z"])
        @pytest.mark.parametrize("b", ["x-y", "x"])
        def test_two_sets_with_one_id(a, b): assert (a, b) != ("y-z", "x")
        @pytest.mark.parametrize("text", ["nul\0", "\x1b[31mred", "\ud800", "Ω\u202e", "", " ", "a > b", "a::b", "[x]", "é\n"])
        def test_text(text): pass
        @pytest.mark.parametrize("long", ["v" * 150 + "a", "v" * 150 + "b"])
        def test_long(long): pass
    """,
    "pytest.ini": "[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n",
}
REASONS = r"""
    import pytest, sys, warnings
    BAD = "nul \0 bell \a \x1b[31mred\x1b[0m lone \ud800 fffe \ufffe Ω"
    def test_skip(): pytest.skip(BAD)
    @pytest.mark.xfail(reason=BAD)
    def test_xfail(): assert 0
    def test_fails(): assert False, BAD
    def test_raises(): raise RuntimeError(BAD)
    def test_prints():
        print(BAD.encode("utf-8", "replace").decode())
        sys.stdout.buffer.write(b"\xff\xfe\x00 raw")
        assert 0
    def test_subtest(subtests):
        with subtests.test(BAD): pytest.fail(BAD)
        with subtests.test(bad=1, worse=float("nan")): pass
    class Odd(Exception):
        def __str__(self): raise ValueError("no words")
        __repr__ = __str__
    def test_exception_without_words(): raise Odd
"""
NUMBERS = """
    import math, pytest
    numpy = pytest.importorskip("numpy")
    VALUES = [math.nan, math.inf, -math.inf, 1e400, numpy.float64("nan"), numpy.int8(3)]
    VALUES += [numpy.float32(0.1), numpy.array([1, 2])]
    @pytest.mark.parametrize("value", VALUES)
    def test_number(value, subtests):
        with subtests.test(value=str(value)): assert value is not None
        assert str(value) != "inf", value
"""
NESTED = {
    "conftest.py": "pytest_plugins = ['pytester']\n",
    "test_nested.py": """
        import os, pytest
        def test_pytester(pytester):
            pytester.makepyfile("def test_inner(): assert 0\\ndef test_other(): pass")
            pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(failed=1, passed=1)
        def test_subprocess(pytester):
            pytester.makepyfile("def test_inner(): pass")
            pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
        def test_main(tmp_path):
            (tmp_path / "test_in.py").write_text("def test_in(): assert 0")
            assert pytest.main([str(tmp_path), "-q", "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]) == 1
        def test_after(): assert 0
    """,
}
INTERLEAVED = {
    "conftest.py": """
        def pytest_collection_modifyitems(items):
            items.sort(key=lambda item: item.name)
    """,
    "test_mixed.py": """
        class TestA:
            def test_1(self): pass
            def test_3(self): assert 0
        class TestB:
            def test_2(self): pass
            def test_4(self): pass
        def test_0(): pass
        def test_5(): pass
    """,
}
DEEDS = {
    "deletes its working directory": "os.chdir(tmp_path); shutil.rmtree(tmp_path)",
    "clears the environment": "os.environ.clear()",
    "replaces standard output": "sys.stdout = io.StringIO(); sys.stderr = io.StringIO()",
    "closes standard output": "sys.stdout.close()",
    "removes standard output": "sys.stdout = sys.stderr = None",
    "breaks the clocks": "time.time = time.monotonic = time.perf_counter = lambda: 0.0",
    "lowers the recursion limit": "sys.setrecursionlimit(180)",
}
HARM = """
    import io, os, shutil, sys, time
    def test_before(): pass
    def test_harms(tmp_path):
        {deed}
    def test_next(): assert 1 == 2
"""
MANY_DEEDS = """
    import gc, os, pathlib, signal, threading, time
    def test_changes_the_folder(tmp_path): os.chdir(tmp_path)
    def test_sets_variables_of_ours(): os.environ["ATLAS_DIR"] = os.environ["ATLAS_URL"] = "/nowhere"
    def test_ignores_signals(): [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGINT)]
    def test_forks_a_child(): os.fork() or os._exit(0)
    def test_leaves_a_thread(): threading.Thread(target=time.sleep, args=(0.3,)).start()
    def test_turns_collection_of_garbage_off(): gc.disable()
    def test_breaks_paths(): pathlib.Path.exists = pathlib.Path.is_file = lambda self: False
    def test_has_an_odd_umask(): os.umask(0o777)
    def test_next(): assert 1 == 2
"""
TITLES = """
    import pytest
    @pytest.mark.parametrize("n", [1, 2])
    class TestSame:
        def test_same(self, n, subtests):
            with subtests.test("same"): pass
            with subtests.test("same"): assert n == 1
            with subtests.test("same  \\n same"): pass
        class TestSame:
            def test_same(self, n): pass
"""

KINDS = (
    Kind("the very last teardowns fail", {"test_last.py": LAST_TEARDOWN}),
    Kind(
        "freezegun",
        {"test_frozen.py": FROZEN.format(module="freezegun", freezes="freezegun.freeze_time('2001-01-01').start()")},
    ),
    Kind(
        "time-machine",
        {
            "test_frozen.py": FROZEN.format(
                module="time_machine", freezes="time_machine.travel('2001-01-01T00:00Z', tick=False).start()"
            )
        },
    ),
    Kind("odd ids", IDS),
    Kind("odd reasons and output", {"test_reasons.py": REASONS}),
    Kind("numbers that JSON has no word for", {"test_numbers.py": NUMBERS}),
    Kind("pytest inside a test", NESTED, ["--basetemp=tmp"]),
    Kind("interleaved classes", INTERLEAVED),
    Kind("the same titles", {"test_titles.py": TITLES}),
    Kind("tests that do other harm", {"test_harm.py": MANY_DEEDS}, posix=True),
    *(Kind(f"a test that {name}", {"test_harm.py": HARM.format(deed=deed)}) for name, deed in DEEDS.items()),
)
