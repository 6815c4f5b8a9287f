"""The table of outcomes: a module with every kind of outcome, and the expected status and note of each step."""

SHAPES = '''
    """The module's words."""
    import unittest, pytest

    @pytest.fixture
    def breaks_before(): raise RuntimeError("no supply")

    @pytest.fixture
    def breaks_after():
        yield
        raise RuntimeError("supply stayed on")

    @pytest.fixture
    def skips(): pytest.skip("no bench here")

    @pytest.fixture
    def xfails(): pytest.xfail("known in set-up")

    def test_passes():
        """Trips in time."""
    def test_fails(): assert 112 <= 100, "slow trip"
    def test_set_up_fails(breaks_before): pass
    def test_tear_down_fails(breaks_after): pass
    def test_call_and_tear_down_fail(breaks_after): assert False, "first of two"

    @pytest.mark.skip(reason="by marker")
    def test_skip_marker(): pass
    @pytest.mark.skipif(True, reason="by condition")
    def test_skip_condition(): pass
    def test_skip_fixture(skips): pass
    def test_skip_body(): pytest.skip("in its body")
    def test_skip_then_tear_down_fails(breaks_after): pytest.skip("first")

    @pytest.mark.xfail(reason="ECR-118")
    def test_xfail(): assert False
    @pytest.mark.xfail
    def test_xfail_without_reason(): assert False
    @pytest.mark.xfail(run=False, reason="hangs")
    def test_xfail_not_run(): assert False
    @pytest.mark.xfail(raises=ValueError, reason="ours")
    def test_xfail_raises(): raise ValueError("x")
    @pytest.mark.xfail(raises=ValueError, reason="ours")
    def test_xfail_raises_another(): raise KeyError("y")
    def test_xfail_in_its_body(): pytest.xfail("found out late")
    def test_xfail_in_a_fixture(xfails): pass
    @pytest.mark.xfail(reason="ECR-118")
    def test_xfail_and_tear_down_fails(breaks_after): assert False
    @pytest.mark.xfail(reason="mended?")
    def test_xpass(): pass
    @pytest.mark.xfail
    def test_xpass_without_reason(): pass
    @pytest.mark.xfail(strict=True, reason="must fail")
    def test_xpass_strict(): pass

    def test_subtests_pass(subtests):
        for volts in (12, 13):
            with subtests.test(volts=volts): pass
    def test_a_subtest_fails(subtests):
        with subtests.test("rail"): pass
        with subtests.test("trip"): assert 1 == 2
        with subtests.test(): pass
        with subtests.test("skips"): pytest.skip("no scope")
        with subtests.test("xfails"): pytest.xfail("known")
    def test_a_subtest_fails_and_the_rest_too(subtests):
        with subtests.test("rail"): assert False, "inner"
        assert False, "outer"

    class TestGroup:
        """A class of tests."""
        def test_in_class(self): pass
        class TestInner:
            def test_in_inner_class(self): assert False
    class TestUnit(unittest.TestCase):
        def test_unit(self): pass
        def test_unit_fails(self): self.assertEqual(1, 2)
        @unittest.skip("not today")
        def test_unit_skips(self): pass
        @unittest.expectedFailure
        def test_unit_xfails(self): self.fail()
        @unittest.expectedFailure
        def test_unit_xpasses(self): pass
        def test_unit_subtests(self):
            for n in (1, 2):
                with self.subTest("count", n=n): self.assertEqual(n, 1)
        def test_unit_subtest_without_words(self):
            with self.subTest(n=3): pass
            with self.subTest(): self.fail("odd")
'''

EXPECTED = {
    "test_passes": ("passed", ""),
    "test_fails": ("failed", ""),
    "test_set_up_fails": ("failed", ""),
    "test_tear_down_fails": ("failed", ""),
    "test_call_and_tear_down_fail": ("failed", ""),
    "test_skip_marker": ("todo", ""),
    "test_skip_condition": ("todo", ""),
    "test_skip_fixture": ("todo", ""),
    "test_skip_body": ("todo", ""),
    "test_skip_then_tear_down_fails": ("failed", ""),
    "test_xfail": ("passed_with_exception", "xfail: ECR-118"),
    "test_xfail_without_reason": ("passed_with_exception", "xfail"),
    "test_xfail_not_run": ("passed_with_exception", "xfail: [NOTRUN] hangs"),
    "test_xfail_raises": ("passed_with_exception", "xfail: ours"),
    "test_xfail_raises_another": ("failed", ""),
    "test_xfail_in_its_body": ("passed_with_exception", "xfail: found out late"),
    "test_xfail_in_a_fixture": ("passed_with_exception", "xfail: known in set-up"),
    "test_xfail_and_tear_down_fails": ("passed_with_exception", "xfail: ECR-118"),  # pytest expects that one, too
    "test_xpass": ("passed_with_exception", "xpass: mended?"),
    "test_xpass_without_reason": ("passed_with_exception", "xpass"),
    "test_xpass_strict": ("failed", ""),
    "test_subtests_pass": ("passed", ""),
    "test_subtests_pass > volts=12": ("passed", ""),
    "test_subtests_pass > volts=13": ("passed", ""),
    "test_a_subtest_fails": ("failed", ""),
    "test_a_subtest_fails > rail": ("passed", ""),
    "test_a_subtest_fails > trip": ("failed", ""),
    "test_a_subtest_fails > subtest 3": ("passed", ""),
    "test_a_subtest_fails > skips": ("todo", ""),
    "test_a_subtest_fails > xfails": ("passed_with_exception", "xfail: known"),
    "test_a_subtest_fails_and_the_rest_too": ("failed", ""),
    "test_a_subtest_fails_and_the_rest_too > rail": ("failed", ""),
    "test_in_class": ("passed", ""),
    "test_in_inner_class": ("failed", ""),
    "test_unit": ("passed", ""),
    "test_unit_fails": ("failed", ""),
    "test_unit_skips": ("todo", ""),
    "test_unit_subtest_without_words": ("failed", ""),
    "test_unit_subtest_without_words > n=3": ("passed", ""),
    "test_unit_subtest_without_words > subtest 2": ("failed", ""),
    "test_unit_subtests": ("failed", ""),
    "test_unit_subtests > count": ("passed", ""),
    "test_unit_subtests > count#2": ("failed", ""),
    "test_unit_xfails": ("passed_with_exception", "xfail"),
    "test_unit_xpasses": ("failed", ""),  # unittest's own rule: an unexpected success fails
}

RERUNS = """
    import pytest
    @pytest.fixture
    def flaky_supply(counts={}):
        counts["n"] = counts.get("n", 0) + 1
        assert counts["n"] > 1, "supply was off"
        yield

    state = {"call": 0, "teardown": 0, "sub": 0}
    def test_passes_at_third(): state["call"] += 1; assert state["call"] > 2, f"attempt {state['call']}"
    def test_set_up_passes_at_second(flaky_supply): pass
    def test_never_passes(): assert False, "for good"
    def test_steady(): pass
    def test_subtest_passes_at_second(subtests):
        state["sub"] += 1
        with subtests.test("rail"): assert state["sub"] > 1, "rail was low"
        with subtests.test("trip"): pass
        assert state["sub"] > 1
"""
