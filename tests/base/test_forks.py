"""A process finds out that it was forked."""

import os
import subprocess
import sys

import pytest

CODE = """
import os
from pytest_atlas.base.forks import generation
before = generation()
os.getpid = lambda: 4711
for depth in (1, 2):
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os._exit(code or 10 * (generation() - before - depth + 1))
    if generation() != before + depth:
        os._exit(1)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_each_fork_has_a_new_generation_and_the_parent_keeps_its_generation() -> None:
    assert subprocess.run([sys.executable, "-c", CODE], check=False, timeout=60).returncode == 0
