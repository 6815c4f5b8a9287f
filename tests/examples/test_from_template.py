"""examples/from_template.py runs and shows the card of the template."""

import subprocess
import sys
from pathlib import Path

from tests.support.inner import environment

SCRIPT = Path(__file__).parents[2] / "examples" / "from_template.py"


def test_the_card_has_the_description_and_steps_of_the_template_first(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        cwd=tmp_path,
        env=environment(PYTHONUTF8="1", ATLAS_URL="https://atlas.invalid"),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.partition("\nOvervoltage protection\n")[2].splitlines()]
    assert lines[:4] == [
        "According to test plan TP-17.",
        "· Check the wiring against drawing BD-204",
        "Supply, scope and device have a common ground.",
        "· Write down the serial number of the device",
    ]
    assert lines[4].startswith("✓ Apply 13.0 V to input rail ")
    assert done.stdout.count("Overvoltage protection") == 1
