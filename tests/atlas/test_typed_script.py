"""The script that mypy checks also runs."""

from pathlib import Path

from tests.atlas.typed_script import failures, ids_of_responses, mistakes, record

from pytest_atlas import atlas as api
from pytest_atlas.local import LocalAtlas

SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"


def test_a_script_without_conversions_runs(tmp_path: Path) -> None:
    with LocalAtlas(str(tmp_path / "atlas.db"), create=True) as atlas:
        run = record(atlas, SYSTEM)
        assert failures(atlas, run.test_run_id, SYSTEM) == ["Apply 14 V"]
        assert mistakes(run) == 0


def test_each_operation_accepts_the_ids_of_responses() -> None:
    run = api.Run(uuid=SYSTEM, system_id=SYSTEM)
    built = ids_of_responses(
        run, api.Card(uuid=SYSTEM), api.Step(uuid=SYSTEM), api.DataFile(uuid=SYSTEM), api.Report(uuid=SYSTEM)
    )
    assert [type(operation) for operation in built] == list(api.OPERATIONS)
