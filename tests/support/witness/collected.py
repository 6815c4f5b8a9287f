"""A plugin of inner sessions: writes the collected nodeids in order, for a comparison with the record.

Independent of pytest-atlas. The first process that collects writes; the workers of a distributed session collect the same.
"""

import json
import os
from pathlib import Path

import pytest

TOLD = Path(os.environ.get("WITNESS", "collected.json"))  # bound at once: a test may clear the environment


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the nodeids of the collected items without deselected ones; xdist's controller collects nothing."""
    if hasattr(session.config, "workerinput") or not _is_distributed(session.config):
        new = TOLD.with_name(f"{TOLD.name}.{os.getpid()}")
        new.write_text(json.dumps([f"{item.parent.nodeid}::{item.name}" for item in session.items if item.parent]), "utf-8")
        if TOLD.exists():
            new.unlink()
        else:
            new.replace(TOLD)


def _is_distributed(config: pytest.Config) -> bool:
    return bool(config.getoption("tx", None))
