from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_atlas.local import LocalAtlas


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "atlas.db"


@pytest.fixture
def atlas(path: Path) -> Iterator[LocalAtlas]:
    with LocalAtlas(path, user="engineer@example.com", create=True) as made:
        yield made
