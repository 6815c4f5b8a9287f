"""The command `pytest-atlas`."""
