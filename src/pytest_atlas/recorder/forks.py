"""Tests that a plugin runs in forked children (pytest-forked): what is told inside them is written there.

The parent, which waits for its child, gets reports of phases and nothing else: measurements, steps, subtests and files would
be lost. A child that a test forks is another matter: its test's set-up was the parent's, and it stays silent.
"""

import os

import pytest

from .faults import guarded
from .tests import TestRecorder


class ForkedTests:
    """Tells the recorder where a test is set up, and when its teardown is over in a child."""

    def __init__(self, tests: TestRecorder) -> None:
        self.faults = tests.faults
        self._tests = tests
        self._pid = os.getpid()

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """The first thing that a child does for its test."""
        self._tests.is_set_up_here(item)

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """The last: what its parent can't know of is kept. A wrapper of the teardown would be in its traceback."""
        if call.when == "teardown" and os.getpid() != self._pid:
            self._tests.keep_in_child(item)
