"""A plugin of inner sessions: writes down what pytest collected, in order, for who compares a record with what should be in it.

Needs nothing of ours. The first session that collects writes; a distributed one's workers all collect the same.
"""

import json
import os
from pathlib import Path

import pytest

TOLD = Path(os.environ.get("WITNESS", "collected.json"))  # bound at once: a test may clear the environment


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the nodeids of all that was collected and not deselected; xdist's controller collects nothing."""
    if hasattr(session.config, "workerinput") or not _is_distributed(session.config):
        new = TOLD.with_name(f"{TOLD.name}.{os.getpid()}")
        new.write_text(json.dumps([f"{item.parent.nodeid}::{item.name}" for item in session.items if item.parent]), "utf-8")
        if TOLD.exists():
            new.unlink()
        else:
            new.replace(TOLD)


def _is_distributed(config: pytest.Config) -> bool:
    return bool(config.getoption("tx", None))
