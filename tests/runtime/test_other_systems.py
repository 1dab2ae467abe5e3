"""As on systems that lack what Linux has: the calls are taken away, and networks run with the same results."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnndsl.runtime.memory_limit import free_memory

RUN = """
import sys
import numpy as np
import cnndsl
from cnndsl.cli import main

net = cnndsl.load("net.cnn")
run = net.runner(threads=2)
image = np.random.default_rng(0).random((3, 3, 40, 40), np.float32)
values = run(image)
assert all(np.array_equal(run(image)[name], values[name]) for name in values)
np.savez(sys.argv[1], **values)
assert main(["check", "net.cnn"]) == main(["run", "net.cnn", "--input", "zeros"]) == 0
assert main(["export", "net.cnn", "-o", "net.onnx"]) == 0
"""

LACKING = {
    "nothing": "",
    "placing threads": "del os.sched_getaffinity, os.sched_setaffinity",
    "counting cores": "del os.sched_getaffinity, os.sched_setaffinity; os.cpu_count = lambda: None",
    "the core's number": "ctypes.PyDLL = lambda name: types.SimpleNamespace()",
    "a library of the process": """
def windows(name):
    raise TypeError("bad argument type for built-in operation")
ctypes.PyDLL = windows
""",
    "forking": "del os.fork, os.register_at_fork",
    "/proc": """
def without(path, *arguments, **keywords):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(path)
    return opened(path, *arguments, **keywords)
opened, builtins.open = builtins.open, without
""",
    "a known BLAS": "threadpoolctl.ThreadpoolController.__init__ = lambda self: setattr(self, 'lib_controllers', [])",
}
LACKING["/proc and sysconf"] = LACKING["/proc"] + "del os.sysconf\n"
LACKING["everything"] = "\n".join(LACKING[name] for name in LACKING if name not in ("placing threads", "/proc"))

NETWORK = """
input 3@40x40
conv 32 3x3 pad=1 -> relu
add {
  conv 32 3x3 pad=1 -> relu
  conv 32 1x1
}
conv 48 3x3 stride=2 -> relu
flatten
dense 10
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("systems")
    (folder / "net.cnn").write_text(NETWORK, encoding="utf-8")
    return folder


def results(root: Path, folder: Path, lacking: str) -> dict[str, np.ndarray]:
    """What a process computes in which these calls are missing, but for the libraries that are loaded already."""
    missing = f"import builtins, ctypes, os, types\nimport numpy, onnx, threadpoolctl\n{LACKING[lacking]}\n"
    line = [sys.executable, "-c", missing + RUN, "values.npz"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, timeout=480)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    with np.load(folder / "values.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def expected(root: Path, folder: Path) -> dict[str, np.ndarray]:
    return results(root, folder, "nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="the others lack these calls already")
@pytest.mark.parametrize("lacking", [name for name in LACKING if name != "nothing"])
def test_networks_run_without(root, folder, expected, lacking):
    values = results(root, folder, lacking)
    assert values.keys() == expected.keys()
    for name in values:
        if lacking in ("/proc", "/proc and sysconf", "a known BLAS", "everything"):  # kernels are chosen by it
            np.testing.assert_allclose(values[name], expected[name], rtol=1e-4, atol=1e-6)
        else:
            np.testing.assert_array_equal(values[name], expected[name])


def test_memory_is_all_there_is_where_the_free_part_is_not_known(monkeypatch):
    free = free_memory()

    def missing(*arguments, **keywords):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    everything = free_memory()
    monkeypatch.setattr(os, "sysconf", missing, raising=False)
    nothing = free_memory()
    monkeypatch.undo()
    assert nothing is None
    assert everything is None or (free or 0) <= everything < 1 << 50
