"""The picture at the top of README.md: the page of the run of the examples. `dev.py docs` refreshes it.

python -m tests.browser.screenshot
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright
from tests.browser.browsers import find_browser
from tests.browser.seeds import PATIENCE_S, SYSTEM
from tests.browser.serving import serving

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "run.png"
SIZE: ViewportSize = {"width": 1280, "height": 860}


def record_examples(directory: Path) -> Path:
    """Run a copy of the examples once, and return the Atlas directory. Raises AssertionError if the run was not published."""
    examples = shutil.copytree(
        ROOT / "examples", directory / "examples", ignore=shutil.ignore_patterns(".atlas", "__pycache__")
    )
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ATLAS_", "PYTEST_", "GITHUB_", "CI"))}
    options = ("-q", "-p", "no:cacheprovider", f"--atlas-system={SYSTEM}")
    command = [sys.executable, "-m", "pytest", *options]
    ended = subprocess.run(command, cwd=examples, env=own, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert "published to local Atlas" in ended.stdout, ended.stdout
    return examples / ".atlas"


def take(browser: Browser, atlas_dir: Path) -> bytes:
    """Return the picture (PNG) of the page of the newest run."""
    with serving(atlas_dir) as url:
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"{url}/runs/latest", wait_until="networkidle")
        return page.screenshot()


def main() -> None:
    """Write the picture, or say that there is no browser."""
    path = find_browser()
    if path is None:
        print(f"{PICTURE.relative_to(ROOT)} was not refreshed: no Chromium was found")
        return
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        atlas_dir = record_examples(Path(directory))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(take(browser, atlas_dir))


if __name__ == "__main__":
    main()
