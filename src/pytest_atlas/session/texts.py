"""Names that moved to `pytest_atlas.descriptions`."""

from pytest_atlas.descriptions import first_line
from pytest_atlas.descriptions import identity_line_of as mark_of
from pytest_atlas.descriptions import step_identity_line as step_mark
from pytest_atlas.descriptions.identity import STEP_PREFIX as STEP_MARK

__all__ = ["STEP_MARK", "first_line", "mark_of", "step_mark"]
