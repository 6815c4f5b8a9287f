"""Makes the example's `bench` importable here as it is for its own suite, whose root is the examples folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
