"""Sessions with widely used plugins."""

from tests.support.kinds import Kind
from tests.support.shapes import RERUNS

SLOW = """
    import time
    def test_before(): pass
    def test_slow(): time.sleep(60)
    def test_after(): pass
"""

CHECK = """
    import pytest
    from pytest_check import check
    def test_soft(check):
        check.equal(112, 100, "trip time")
        check.equal(1, 1)
        check.less(5.2, 5.0)
    def test_soft_and_hard(check):
        check.is_true(False)
        assert 0, "hard"
    def test_context():
        with check: assert 1 == 2
    def test_all_well(check): check.equal(1, 1)
    @pytest.mark.xfail(reason="ECR-118")
    def test_expected(check): check.equal(1, 2)
    @pytest.fixture
    def soft(check):
        check.equal("set-up", 1)
        yield
        check.equal("tear-down", 1)
    def test_in_fixtures(soft): pass
"""

ASYNCIO = """
    import asyncio, pytest
    @pytest.fixture
    async def supply():
        await asyncio.sleep(0)
        yield 12
        await asyncio.sleep(0)
    @pytest.fixture
    async def broken():
        await asyncio.sleep(0)
        raise RuntimeError("no supply")
    async def test_passes(supply): assert supply == 12
    async def test_fails(supply): assert supply == 13
    async def test_set_up_fails(broken): pass
    async def test_skips(): pytest.skip("no scope")
    @pytest.mark.xfail(reason="ECR-118")
    async def test_xfails(): await asyncio.sleep(0); assert 0
    async def test_subtests(subtests):
        for volts in (12, 13):
            with subtests.test(volts=volts):
                await asyncio.sleep(0)
                assert volts == 12
    def test_plain(): pass
"""

FEATURE = """
    Feature: Overvoltage protection
      Background:
        Given a supply
      Scenario: It trips
        When it is set to 14 V
        Then the output is off
      Scenario: It does not trip
        When it is set to 12 V
        Then the output is off
        And the fault lamp is lit
      Scenario: An unknown word
        When it is painted red
        Then the output is off
      Scenario: No scope
        When there is no scope
        Then the output is off
      Scenario Outline: Each rail
        When it is set to <volts> V
        Then the output is off
        Examples:
          | volts |
          | 15    |
          | 11    |
"""
BDD = """
    import pytest
    from pytest_bdd import given, parsers, scenarios, then, when
    scenarios("trip.feature")
    @given("a supply", target_fixture="supply")
    def supply(): return {"volts": 0}
    @when(parsers.parse("it is set to {volts:d} V"))
    def set_to(supply, volts): supply["volts"] = volts
    @when("there is no scope")
    def no_scope(): pytest.skip("no scope")
    @then("the output is off")
    def off(supply): assert supply["volts"] > 13, "still on"
    @then("the fault lamp is lit")
    def lit(): pass
    def test_beside(): pass
"""
GIVEN, OFF = ("Given a supply", "passed"), "Then the output is off"
LAMP = ("And the fault lamp is lit", "todo")
SCENARIOS = {
    "test_it_trips": [GIVEN, ("When it is set to 14 V", "passed"), (OFF, "passed")],
    "test_it_does_not_trip": [GIVEN, ("When it is set to 12 V", "passed"), (OFF, "failed")],
    "test_an_unknown_word": [GIVEN, ("When it is painted red", "failed")],
    "test_no_scope": [GIVEN, ("When there is no scope", "todo")],
    "test_each_rail[15]": [GIVEN, ("When it is set to 15 V", "passed"), (OFF, "passed")],
    "test_each_rail[11]": [GIVEN, ("When it is set to 11 V", "passed"), (OFF, "failed")],
}

DOCTESTS = {
    "bench.py": '''
        """The bench.

        >>> 1 + 1
        2
        """
        def volts():
            """
            >>> volts()
            13
            """
            return 12
        class Rail:
            """
            >>> Rail().name  # doctest: +SKIP
            'x'
            """
            def broken(self):
                """
                >>> 1 / 0
                """
    ''',
    "notes.txt": ">>> 2 + 2\n5\n>>> 2 + 3\n5\n",
    "skipped.txt": ">>> import pytest; pytest.skip('not today')\n",
    "test_plain.py": "def test_a(): pass\n",
}

UNITTEST = """
    import unittest
    def setUpModule(): print("module up")
    def tearDownModule(): raise RuntimeError("module down")
    class Fine(unittest.TestCase):
        @classmethod
        def setUpClass(cls): cls.addClassCleanup(print, "class cleanup")
        def setUp(self): self.addCleanup(print, "cleanup")
        def test_b_second(self): pass
        def test_a_first(self): pass
    class SetUpClassFails(unittest.TestCase):
        @classmethod
        def setUpClass(cls): raise RuntimeError("no bench")
        def test_a(self): pass
        def test_b(self): pass
    class SetUpClassSkips(unittest.TestCase):
        @classmethod
        def setUpClass(cls): raise unittest.SkipTest("no bench")
        def test_a(self): pass
    class TearDownClassFails(unittest.TestCase):
        @classmethod
        def tearDownClass(cls): raise RuntimeError("stayed on")
        def test_a(self): pass
        def test_b(self): pass
    class SetUpFails(unittest.TestCase):
        def setUp(self): raise RuntimeError("not up")
        def test_a(self): pass
    class TearDownFails(unittest.TestCase):
        def tearDown(self): raise RuntimeError("not down")
        def test_a(self): pass
        def test_fails_too(self): self.fail()
    class CleanupFails(unittest.TestCase):
        def test_a(self): self.addCleanup(lambda: 1 / 0)
    class Async(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self): self.volts = 12
        async def test_passes(self): self.assertEqual(self.volts, 12)
        async def test_fails(self): self.assertEqual(self.volts, 13)
    @unittest.skip("all of it")
    class Skipped(unittest.TestCase):
        def test_a(self): pass
    class LastModule(unittest.TestCase):
        def test_z(self): pass
"""

FORKED = """
    import os, pytest, signal, unittest
    def test_passes(): pass
    def test_fails(): assert 1 == 2, "in the child"
    def test_skips(): pytest.skip("no scope")
    @pytest.mark.xfail(reason="ECR-118")
    def test_xfails(): assert 0
    @pytest.fixture
    def broken(): raise RuntimeError("no supply")
    def test_set_up_fails(broken): pass
    @pytest.fixture
    def stays_on():
        yield
        raise RuntimeError("stayed on")
    def test_tear_down_fails(stays_on): pass
    @pytest.mark.xfail(reason="ECR-119")
    def test_is_killed_as_expected(): os.kill(os.getpid(), signal.SIGKILL)
    def test_exits(): os._exit(7)
    def test_is_killed(): os.kill(os.getpid(), signal.SIGKILL)
    def test_after(): pass
"""

# pytest-forked 1.7.5 sends reports by marshal, which knows no NodeId of pytest 9.2's
FORKED_MENDED = """
    import pytest_forked
    serialize_report = pytest_forked.serialize_report
    def plain(report):
        fields = {name: value for name, value in serialize_report(report).items() if name != "_id"}
        return {"nodeid": report.nodeid, **fields}
    pytest_forked.serialize_report = plain
"""

SOAK = """
    loops = []
    def test_supply_holds():
        loops.append(1)
        assert len(loops) != 2, "rail dropped in loop 2"
    def test_holds(): pass
"""
LOOP = """
    def pytest_runtestloop(session):
        for loop in range(4):
            for item in session.items: item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return True
"""

FLAKY = """
    from flaky import flaky
    seen = []
    @flaky(max_runs=3)
    def test_bounces():
        seen.append(1)
        assert len(seen) > 2, "no contact"
    @flaky(max_runs=2)
    def test_stays_bad(): assert 0
    def test_plain(): pass
"""

RETRIED = """
    import pytest
    seen = []
    @pytest.mark.flaky(retries=2, delay=0)
    def test_bounces():
        seen.append(1)
        assert len(seen) > 2, "no contact"
    @pytest.mark.flaky(retries=1, delay=0)
    def test_stays_bad(): assert 0
    def test_plain(): pass
"""
AT_THIRD = ("passed_with_exception", "passed at attempt 3; first failure: AssertionError: no contact")

KINDS = (
    Kind(
        "retries, reported as an outcome of the plugin's own",
        {"test_retry.py": RETRIED},
        plugins=["pytest_retry.retry_plugin"],
        instead={"test_retry.py::test_bounces": AT_THIRD},
    ),
    Kind(
        "attempts that the plugin does not report",
        {"test_flaky.py": FLAKY},
        plugins=["flaky.flaky_pytest_plugin"],
        instead={"test_flaky.py::test_bounces": AT_THIRD, "test_flaky.py::test_stays_bad": ("failed", "")},
    ),
    Kind(
        "a session that runs its tests in loops",
        {"test_soak.py": SOAK, "conftest.py": LOOP},
        instead={"test_soak.py::test_supply_holds": ("failed", ""), "test_soak.py::test_holds": ("passed", "")},
    ),
    Kind("reruns", {"test_rerun.py": RERUNS}, ["--reruns=2"], ["pytest_rerunfailures"]),
    Kind("reruns that stop at -x", {"test_rerun.py": RERUNS}, ["--reruns=1", "-x"], ["pytest_rerunfailures"]),
    Kind(
        "a time-out by signal",
        {"test_slow.py": SLOW},
        ["--timeout=0.2", "--timeout-method=signal"],
        ["pytest_timeout"],
        posix=True,
    ),
    Kind(
        "a time-out by thread, which ends pytest",
        {"test_slow.py": SLOW},
        ["--timeout=0.2", "--timeout-method=thread", "-s"],
        ["pytest_timeout"],
        dies=True,
        compares_output=False,  # the stack contains the wrapper of pytest-atlas
    ),
    Kind("soft assertions", {"test_check.py": CHECK}, ["-p", "no:faulthandler"], ["pytest_check.plugin"]),
    Kind(
        "asyncio",
        {"test_async.py": ASYNCIO, "pytest.ini": "[pytest]\nasyncio_mode = auto\n"},
        plugins=["pytest_asyncio.plugin"],
    ),
    Kind(
        "scenarios, whose steps are steps inside the test",
        {"trip.feature": FEATURE, "test_trip.py": BDD},
        plugins=["pytest_bdd.plugin"],
        inside={f"test_trip.py::{name}": steps for name, steps in SCENARIOS.items()},
    ),
    Kind("doctests", DOCTESTS, ["--doctest-modules", "--doctest-glob=*.txt"]),
    Kind(
        "doctests that go on at a failure",
        DOCTESTS,
        ["--doctest-modules", "--doctest-glob=*.txt", "--doctest-continue-on-failure"],
    ),
    Kind(
        "tests in forked children",
        {"test_forked.py": FORKED, "conftest.py": FORKED_MENDED},
        ["--forked"],
        ["pytest_forked"],
        posix=True,
    ),
    Kind(
        "tests in forked children of workers",
        {"test_forked.py": FORKED},
        ["--forked", "-n1"],
        ["pytest_forked", "xdist.plugin"],
        any_order=True,
        posix=True,
    ),
    Kind("unittest with class and module fixtures", {"test_unit.py": UNITTEST}),
)
