"""`python -m pytest_atlas`: the command `pytest-atlas`."""

import sys

from .cli import main

sys.exit(main())
