"""The keys of entities. They are the keys of the receipts on disk, so their form never changes. Pure.

A key is built here and never parsed: nodeids and titles can contain all separators. The kind of an entity is the type of
its object. A key is a string, because a session can have 100,000 steps, and receipts and state share its keys.
"""

from pytest_atlas.journal import events as ev

RUN = "run"
"""The key of the run."""

_TEST = "test:"
_FIRST = "#0"


def card_key(card: ev.PlannedCard) -> str:
    """Return the key of a card."""
    return f"card:{card.kind}:{card.name}"


def test_key(nodeid: str, occurrence: int) -> str:
    """Return the key of a test. `occurrence`: number of earlier tests with this nodeid in the collection."""
    return f"{_TEST}{nodeid}#{occurrence}"


def nodeid_of_first(key: str) -> str:
    """Return the nodeid in the key of a test whose occurrence is 0."""
    return key[len(_TEST) : -len(_FIRST)]


def inner_key(test: str, ordinal: int, title: str) -> str:
    """Return the key of an inner step. `test`: the key of its test."""
    return f"{test}/{ordinal}:{title}"


def collection_key(nodeid: str) -> str:
    """Return the key of a failed collection."""
    return f"collection:{nodeid}"


def file_key(owner: str, file: ev.FileKept) -> str:
    """Return the key of a data file. `owner`: the key of the run, the card or the step."""
    return f"file:{owner}:{file.path}:{file.name}"
