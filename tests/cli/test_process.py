"""The command as a process of its own: optimised bytecode, and interrupts at any moment."""

import signal
import subprocess
import sys
import time
from random import Random

import pytest


@pytest.mark.parametrize("layer", ["conv1", "input"])
def test_explain_says_the_same_without_docstrings(root, layer):
    line = ["-m", "cnndsl", "explain", "examples/lenet.cnn", layer]
    plain, bare = (
        subprocess.run([sys.executable, *options, *line], capture_output=True, text=True, check=True, cwd=root).stdout
        for options in ([], ["-OO"])
    )
    assert plain == bare != ""


WAYS = {
    "module": ["-m", "cnndsl"],
    "script": ["-c", "import sys; from cnndsl.__main__ import run; sys.exit(run())"],
}
TRIALS = 30
HEARING = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""Where the tests run in the background, the system has interrupts ignored."""


def interrupted_after(way, seconds, root):
    """The status and standard error of a command that is interrupted so long after the first module that it loads."""
    line = [sys.executable, "-X", "importtime", *WAYS[way], "check", "examples/lenet.cnn"]
    starting = f"{HEARING}import os; os.execv(sys.executable, {line!r})"
    pipes = dict(stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=root)
    with subprocess.Popen([sys.executable, "-c", starting], **pipes) as process:
        for loaded in process.stderr:
            if loaded.split("|")[-1].strip() == "argparse":
                break
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    return process.returncode, "\n".join(line for line in rest.splitlines() if not line.startswith("import time:"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_at_any_moment_ends_a_command_without_a_word(way, root):
    random = Random(way)
    outcomes = [interrupted_after(way, random.random() ** 2 / 2, root) for _ in range(TRIALS)]
    assert {status for status, _ in outcomes} <= {0, 130}
    assert [said for _, said in outcomes if said] == []
    assert sum(status == 130 for status, _ in outcomes) > TRIALS // 4
