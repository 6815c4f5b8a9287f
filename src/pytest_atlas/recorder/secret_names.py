"""Refuse tests whose nodeid contains the token: nodeids identify tests in Atlas and in logs, so they can't be redacted."""

from builtins import enumerate, next
from collections.abc import Iterable, Sequence

import pytest

from pytest_atlas.base.sanitize import Cleaner

REMEDY = "Give it another parameter id, for instance pytest.param(..., id='token')"


def refuse_secret_names(items: Sequence[pytest.Item], clean: Cleaner) -> None:
    """Raise UsageError if a nodeid contains the token of Atlas or a secret of AWS."""
    nodeids = [item.nodeid for item in items]
    index = _first(nodeids, clean)
    if index is not None:
        _, line, _ = items[index].location
        raise _error(nodeids, index, clean, "" if line is None else f":{line + 1}")


def refuse_secret_nodeids(nodeids: Sequence[str], clean: Cleaner) -> None:
    """Raise UsageError in the same way for the nodeids that xdist's workers collected."""
    index = _first(nodeids, clean)
    if index is not None:
        raise _error(nodeids, index, clean, "")


def _error(nodeids: Sequence[str], index: int, clean: Cleaner, line: str) -> pytest.UsageError:
    paths = [nodeid.partition("::")[0] for nodeid in nodeids[: index + 1]]
    number = paths.count(paths[-1])
    what = f"{clean.identity(paths[-1])}{line}: the nodeid of the file's test number {number} contains a secret"
    return pytest.UsageError(f"atlas: {what}, and nodeids are not redacted. {REMEDY}")


def _first(nodeids: Iterable[str], clean: Cleaner) -> int | None:
    return next((index for index, nodeid in enumerate(nodeids) if clean.has_known_secret(nodeid)), None)
