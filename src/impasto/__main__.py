"""``python -m impasto`` is the program ``impasto``."""

import sys

from impasto.cli.main import run

sys.exit(run())
