"""The command as a process of its own: optimised bytecode, and interrupts at any moment."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("layer", ["conv1", "input"])
def test_explain_says_the_same_without_docstrings(root, layer):
    line = ["-m", "cnndsl", "explain", "examples/lenet.cnn", layer]
    plain, bare = (
        subprocess.run([sys.executable, *options, *line], capture_output=True, text=True, check=True, cwd=root).stdout
        for options in ([], ["-OO"])
    )
    assert plain == bare != ""
