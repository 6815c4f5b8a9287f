"""A card from a template: it has the steps of the template, which a person does, and after them the steps of the tests.

    python examples/from_template.py

In your Atlas, users write templates; this program writes one into an empty local Atlas. A JSON file has the template of each
card; the hook in `conftest.py` reads it. The program runs one module and shows the run.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pytest_atlas.local import LocalAtlas, TemplateStep

EXAMPLES = Path(__file__).resolve().parent
SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
TITLE = "Overvoltage protection"
BY_HAND = (
    TemplateStep("Check the wiring against drawing BD-204", "Supply, scope and device have a common ground."),
    TemplateStep("Write down the serial number of the device", step_type="data"),
)


def main() -> int:
    """Write the template and the table, run the suite and show the run. Return the exit code of pytest."""
    with tempfile.TemporaryDirectory() as directory:
        with LocalAtlas(Path(directory) / "atlas.db", create=True) as atlas:
            template = atlas.add_template(TITLE, "According to test plan TP-17.", BY_HAND)
        table = Path(directory) / "templates.json"
        table.write_text(json.dumps({TITLE: str(template)}), "utf-8")
        local = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
        environment = {**local, "BENCH_TEMPLATES": str(table)}
        session = [f"--atlas-system={SYSTEM}", f"--atlas-dir={directory}"]
        suite = EXAMPLES / "test_overvoltage.py"
        ended = subprocess.run([sys.executable, "-m", "pytest", "-q", str(suite), *session], env=environment, check=False)
        subprocess.run([sys.executable, "-m", "pytest_atlas.cli", "--atlas-dir", directory, "show"], env=local, check=True)
    return ended.returncode


if __name__ == "__main__":
    raise SystemExit(main())
