"""Make the example's package `bench` importable, as `pythonpath` of examples/pytest.ini does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
