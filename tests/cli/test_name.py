"""`pytest-atlas name`: names of systems in the local Atlas."""

from pathlib import Path
from uuid import UUID

from tests.cli.conftest import Command

from pytest_atlas.atlas import CreateRun
from pytest_atlas.local import LocalAtlas

BENCH = UUID("5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")
OTHER = UUID("11111111-1111-1111-1111-111111111111")


def create_runs(atlas_dir: Path, *systems: UUID) -> None:
    with LocalAtlas(atlas_dir / "atlas.db", create=True) as atlas:
        for system in systems:
            atlas.send(CreateRun(title="Nightly", system_id=system))


def test_a_name_is_set_printed_and_replaced(cli: Command, atlas_dir: Path) -> None:
    create_runs(atlas_dir)
    assert cli("name", BENCH, "Rig  3") == (0, "Rig 3\n", "")
    assert cli("name", str(BENCH).upper()).out == "Rig 3\n"
    assert cli("name", BENCH, "Power bench").out == "Power bench\n"
    assert cli("name", BENCH).out == "Power bench\n"


def test_show_has_the_name_and_runs_of_several_systems_have_it_too(cli: Command, atlas_dir: Path) -> None:
    create_runs(atlas_dir, BENCH)
    cli("name", BENCH, "Rig 3")
    assert cli("show").out.splitlines()[1].startswith("Rig 3 · ")
    assert "Rig 3" not in cli("runs").out, "all runs are of one system"
    create_runs(atlas_dir, OTHER)
    heading, newest, oldest = cli("runs").out.splitlines()
    place = heading.index("SYSTEM")
    assert newest[place:].startswith("System 11111111  ")
    assert oldest[place:].startswith("Rig 3  ")


def test_a_system_without_a_name_is_an_error_with_the_remedy(cli: Command, atlas_dir: Path) -> None:
    create_runs(atlas_dir)
    result = cli("name", BENCH)
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith(f"Set one with pytest-atlas name {BENCH} NAME\n")


def test_wrong_arguments_are_usage_errors(cli: Command, atlas_dir: Path) -> None:
    create_runs(atlas_dir)
    assert cli("name", "bench-7", "Rig").code == 2
    assert cli("name", BENCH, " ").code == 2
    assert cli("name").code == 2


def test_without_a_local_atlas_none_is_created(cli: Command, atlas_dir: Path) -> None:
    assert cli("name", BENCH, "Rig").code == 1
    assert not (atlas_dir / "atlas.db").exists()


def test_control_characters_in_a_name_are_escaped(cli: Command, atlas_dir: Path) -> None:
    create_runs(atlas_dir, BENCH)
    assert "\x1b" not in cli("name", BENCH, "Rig\x1b[31m").out
    assert "\x1b" not in cli("show").out
