"""Check references and UUIDs of Atlas, because receipts, status files and servers are not trusted. Standard library only."""

import re

_REFERENCE = re.compile(r"TR-[0-9]{1,20}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)


def is_reference(text: str) -> bool:
    """Return whether `text` is a reference of a run, such as TR-0042."""
    return _REFERENCE.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Return whether `text` is a UUID, with or without hyphens."""
    return _UUID.fullmatch(text) is not None


def reference(text: str) -> str:
    """Return `text` if it is the reference of a run, otherwise an empty string: then the UUID names the run."""
    return text if is_reference(text) else ""
