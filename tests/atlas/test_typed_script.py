"""The script that the type checker checks also runs."""

from pathlib import Path

from tests.atlas.typed_script import failures, mistakes, record

from pytest_atlas.local import LocalAtlas

SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"


def test_a_script_without_conversions_runs(tmp_path: Path) -> None:
    with LocalAtlas(str(tmp_path / "atlas.db"), create=True) as atlas:
        run = record(atlas, SYSTEM)
        assert failures(atlas, run.test_run_id, SYSTEM) == ["Apply 14 V"]
        assert mistakes(run) == 0
