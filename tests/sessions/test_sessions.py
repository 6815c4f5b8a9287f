"""Every kind of session that pytest can have, run for real without us and with us: nothing lost, never in the way."""

from pathlib import Path

from tests.sessions import collection, deaths, distributed, flags, hostile, phases, plugins, stops
from tests.support.kinds import Kind, compare, each

KINDS = [kind for theme in (phases, plugins, collection, stops, deaths, distributed, flags, hostile) for kind in theme.KINDS]


@each(KINDS)
def test_atlas_has_what_pytest_reported_and_the_session_is_no_other_than_without_us(kind: Kind, tmp_path: Path) -> None:
    compare(kind, tmp_path)
