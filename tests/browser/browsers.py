"""Find a Chromium on this machine."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
"""Names of the command, in the order of the search."""


def find_browser() -> str | None:
    """Return the path of a Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
