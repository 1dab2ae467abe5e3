"""`cnndsl.cli.main` in another program: afterwards all is as it was. Importing cnndsl leaves no traces either."""

import json
import os
import subprocess
import sys

import pytest

STATE = """
import gc, importlib, json, locale, os, signal, sys, threading, warnings
import decimal, logging, numpy

def open_files():
    if not os.path.exists("/proc/self/fd"):
        return None
    paths = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    files = sorted(os.readlink(path) for path in paths if os.path.islink(path))
    return [file for file in files if "mpl-data" not in file]  # matplotlib keeps its fonts open

def state():
    streams = [getattr(sys, name) for name in ("stdin", "stdout", "stderr")]
    return {
        "collector": [gc.get_threshold(), gc.get_freeze_count(), gc.isenabled()],
        "environment": dict(os.environ),
        "streams": [
            stream and [id(stream), stream.encoding, stream.errors, stream.newlines, stream.line_buffering]
            for stream in streams
        ],
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "metadata": str(type(importlib.import_module("importlib.metadata"))),
        "limits": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits()],
        "hooks": [str(sys.excepthook), str(sys.displayhook), str(threading.excepthook), str(sys.gettrace())],
        "folder": os.getcwd(),
        "arguments": sys.argv,
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": str(decimal.getcontext()),
        "errors of NumPy": numpy.geterr(),
        "random numbers": str(numpy.random.get_state()),
        "log levels": [logging.getLogger(name).level for name in (None, "matplotlib")],
        "cores": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "open files": open_files(),
    }
"""

IN_PROCESS = """
import contextlib
before = state()
from cnndsl.cli import main
status = None
with contextlib.suppress(SystemExit):
    status = main(sys.argv[1:])
after = state()
with open("state.json", "w", encoding="utf-8") as file:
    json.dump([status, before, after], file)
"""


def run(program, line, environment, **streams):
    """The exit status of ``main``, and the state of a process before and after it."""
    done = subprocess.run(
        [sys.executable, "-c", STATE + program, *line.split()],
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **streams},
        env=environment,
        timeout=240,
    )
    with open("state.json", encoding="utf-8") as file:
        return done, *json.load(file)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("check net.cnn", 0),
        ("check missing.cnn", 2),
        ("run net.cnn --input zeros --batch 3", 0),
        ("run net.cnn --input zeros --plot maps.png", 0),
        ("export net.cnn -o net.onnx", 0),
        ("report net.cnn -o net.html", 0),
        ("--help", None),
        ("nonsense", None),
    ],
)
def test_main_leaves_the_process_as_it_was(folder, environment, line, expected):
    if "--plot" in line:
        pytest.importorskip("matplotlib")
    done, status, before, after = run(IN_PROCESS, line, {**environment, "PYTHONIOENCODING": "ascii"})
    assert status == expected, done.stderr
    assert after == before


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX streams")
def test_main_leaves_broken_streams_as_they_were(folder, environment):
    reader, writer = os.pipe()
    os.close(reader)
    _, status, before, after = run(IN_PROCESS, "check net.cnn", environment, stdout=writer)
    os.close(writer)
    assert status == 0
    before["streams"][1][2] = after["streams"][1][2]  # the one that cannot be flushed
    assert after == before
    closed = IN_PROCESS.replace("before =", "sys.stdin = sys.stdout = None; before =")
    _, status, before, after = run(closed, "check net.cnn", environment)
    assert status == 0 and after == before and after["streams"][:2] == [None, None]


def test_importing_cnndsl_leaves_no_traces(folder, environment):
    """Nor does loading all that it offers and running a network, but for threads that sleep."""
    program = """
before = state()
import cnndsl
bare = [name for name in ("numpy", "pydantic") if name in sys.modules and name not in loaded]
for name in cnndsl.__all__:
    getattr(cnndsl, name)
cnndsl.load("net.cnn").run(numpy.zeros((2, 1, 28, 28)), threads=2)
after = state()
with open("state.json", "w", encoding="utf-8") as file:
    json.dump([bare, before, after], file)
"""
    done, bare, before, after = run("loaded = set(sys.modules)\n" + program, "", environment)
    assert (done.returncode, bare) == (0, []), done.stderr
    assert after == before
