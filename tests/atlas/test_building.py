"""Validators of models and operations are built at import, or at their first use in a process that chooses it."""

import subprocess
import sys

import pytest

from pytest_atlas.atlas.models import Page, Report, RunSummary
from pytest_atlas.atlas.operations import OPERATIONS, Operation

USE = """
from pytest_atlas.atlas import building
building.defer()
from pytest_atlas.atlas.operations import OPERATIONS, CreateStep, GetRun
assert not any(operation.__pydantic_complete__ for operation in OPERATIONS)
uuid = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
print(CreateStep(run_id=uuid, card_id=uuid, title="Apply 13 V").body().decode())
assert CreateStep.__pydantic_complete__ and not GetRun.__pydantic_complete__
"""


def test_a_process_can_build_operations_at_their_first_use() -> None:
    done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ('{"title":"Apply 13 V"}\n', "")


@pytest.mark.parametrize("kind", [*OPERATIONS, Page[Report], RunSummary])
def test_other_processes_build_them_when_they_are_imported(kind: type[Operation[object]]) -> None:
    assert kind.__pydantic_complete__
