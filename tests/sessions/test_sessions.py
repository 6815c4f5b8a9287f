"""Run every kind of session with and without pytest-atlas: the record is complete and the session is unchanged."""

from pathlib import Path

from tests.sessions import collection, deaths, distributed, flags, hostile, phases, plugins, stops
from tests.support.kinds import Kind, compare, each

KINDS = [kind for theme in (phases, plugins, collection, stops, deaths, distributed, flags, hostile) for kind in theme.KINDS]


@each(KINDS)
def test_atlas_has_the_reported_outcomes_and_the_session_is_unchanged(kind: Kind, tmp_path: Path) -> None:
    compare(kind, tmp_path)
