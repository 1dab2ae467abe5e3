"""Node.js for the tests of the VS Code extension, with what ``npm ci`` puts into its folder.

Where that is missing these tests are skipped; where CNNDSL_NODE is set, as .ci/run does, that is an error.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXTENSION = Path(__file__).resolve().parents[2] / "editors" / "vscode"


def node(*arguments: str | Path, given: str = "") -> str:
    """What Node.js prints, run in the folder of the extension; it must succeed."""
    wanted = bool(os.environ.get("CNNDSL_NODE") or os.environ.get("CI"))
    found = shutil.which("node")
    if found is None or not (EXTENSION / "node_modules").is_dir():
        (pytest.fail if wanted else pytest.skip)("there is no Node.js, or `npm ci` was not run in editors/vscode")
    done = subprocess.run(
        [found, *arguments],
        cwd=EXTENSION,
        env=os.environ | {"CNNDSL_PYTHON": sys.executable},
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def program(name: str) -> Path:
    """A program that ``npm ci`` installed."""
    return EXTENSION / "node_modules" / ".bin" / name
