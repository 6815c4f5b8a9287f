"""A card made from a template: it begins with steps that are done by hand, and the tests' steps stand behind them.

    python examples/from_template.py

In your Atlas somebody has written the template; here the program writes it into an empty local Atlas. Which card is made from
which template stands in a table, a JSON file, which the hook in `conftest.py` reads. Runs one module, and shows the run.
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
    TemplateStep("Check the wiring against drawing BD-204", "Supply, scope and device share one ground."),
    TemplateStep("Write down the serial number of the device", step_type="data"),
)


def main() -> int:
    """Make the template and the table, run the suite, show the run; the exit code is pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        with LocalAtlas(Path(folder) / "atlas.db", create=True) as atlas:
            template = atlas.add_template(TITLE, "As the test plan TP-17 has it.", BY_HAND)
        table = Path(folder) / "templates.json"
        table.write_text(json.dumps({TITLE: str(template)}), "utf-8")
        local = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
        environment = {**local, "BENCH_TEMPLATES": str(table)}
        session = [f"--atlas-system={SYSTEM}", f"--atlas-dir={folder}"]
        suite = EXAMPLES / "test_overvoltage.py"
        ended = subprocess.run([sys.executable, "-m", "pytest", "-q", str(suite), *session], env=environment, check=False)
        subprocess.run([sys.executable, "-m", "pytest_atlas.cli", "--atlas-dir", folder, "show"], env=local, check=True)
    return ended.returncode


if __name__ == "__main__":
    raise SystemExit(main())
