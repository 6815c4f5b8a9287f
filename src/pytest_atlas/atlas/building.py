"""When pydantic builds the validators of models and operations: when they are imported, or at their first use.

Building at first use starts a process faster, but fails in several threads at once with pydantic 2.11 to 2.13
(https://github.com/pydantic/pydantic/issues/11849).
"""

_at_first_use = False


def is_deferred() -> bool:
    """Return whether validators are built at their first use."""
    return _at_first_use


def defer() -> None:
    """Build validators at their first use, in a process that uses them in one thread. Call it before models are imported."""
    global _at_first_use  # noqa: PLW0603 - a choice of the process, before the classes exist
    _at_first_use = True
