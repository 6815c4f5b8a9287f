"""`python -m pytest_atlas.cli`."""

import sys

from .entry import main

sys.exit(main())
