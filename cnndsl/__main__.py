"""``python -m cnndsl``."""

import sys

from cnndsl.cli.process import run

sys.exit(run())
