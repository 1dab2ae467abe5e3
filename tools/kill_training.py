"""Kills a training at random moments, again and again, and looks whether more was lost than the epoch in progress.

A run is started, killed (SIGKILL) and resumed until it has been killed as often as asked for. After each kill every
file of its folder must load, and no finished epoch may be lost. In the end it must be, bit for bit, the run that nobody
killed. Needs the extra ``train``.

    python -m tools.kill_training --trials 50 --seed 1
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from safetensors.numpy import load_file

from cnndsl.training.history import from_csv
from cnndsl.training.run_folder import RunFolder

TEXT = """\
input 1@12x12
conv 16 3x3 pad=1 -> relu -> conv 16 3x3 -> relu -> maxpool 2x2
flatten -> dropout 0.25 -> dense 3 -> softmax
train {
  data "data.npz"
  augment shift=1 noise=0.1
  schedule constant
  batch 16
}
"""
ROOT = Path(__file__).resolve().parents[1]
LONGEST = 1.5
"""Seconds from the first sign of a new epoch to the kill, at most."""


def prepare(folder: Path) -> None:
    """The network and its data."""
    random = np.random.default_rng(0)
    y = np.arange(150) % 3
    x = random.integers(0, 120, (150, 1, 12, 12), np.uint8) + (40 * y[:, None, None, None]).astype(np.uint8)
    np.savez(folder / "data.npz", x=x, y=y)
    (folder / "net.cnn").write_text(TEXT, encoding="utf-8")


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cnndsl", "train", "net.cnn", "--device", "cpu", "--watch", "conv1", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes)


def epochs(run: Path) -> int:
    """That are finished: the state is the last file of an epoch that is written."""
    state = RunFolder(run).state()
    return state.epoch if state else 0


def kill_once(process: subprocess.Popen[str], run: Path, random: Random) -> int:
    """Kills a run some time after it has begun to write; gives how many epochs were seen to be finished.

    Raises RuntimeError where it ends by itself.
    """
    before = (run / "state.safetensors").stat().st_mtime_ns if (run / "state.safetensors").exists() else 0
    while process.poll() is None:
        state = run / "state.safetensors"
        if state.exists() and state.stat().st_mtime_ns != before:
            break
        time.sleep(0.002)
    time.sleep(random.uniform(0, LONGEST))
    seen = epochs(run)
    process.send_signal(signal.SIGKILL)
    _, said = process.communicate()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(said)
    return seen


def faults(run: Path, seen: int) -> list[str]:
    """What is wrong with the folder after a kill."""
    found = []
    try:
        for file in run.glob("*.safetensors"):
            load_file(file)
        for file in run.glob("*.npz"):
            with np.load(file, allow_pickle=False) as archive:
                [archive[name] for name in archive.files]
        json.loads((run / "settings.json").read_text(encoding="utf-8"))
        state = RunFolder(run).state()
        history = from_csv((run / "history.csv").read_text(encoding="utf-8"))
    except Exception as error:  # whatever it is, a file does not load
        return [f"{type(error).__name__}: {error}"]
    if state is None or state.epoch < seen or len(state.history) != state.epoch:
        found.append(f"{seen} epochs were finished, but the state has {state and state.epoch}")
    if state and len(history) not in (state.epoch, state.epoch + 1):
        found.append(f"the state has {state.epoch} epochs, but the history {len(history)}")
    return found


def same(one: Path, other: Path) -> bool:
    """Whether two runs learned the same."""
    first, second = (load_file(folder / "last.safetensors") for folder in (one, other))
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Kills a training again and again, and looks what is lost.")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    random, wrong = Random(options.seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        run = folder / "run"
        for trial in range(options.trials):
            begun = (run / "settings.json").exists()
            process = start(folder, *(("--resume", "run") if begun else ("--out", "run")), "--epochs", "1000000")
            seen = kill_once(process, run, random)
            found = faults(run, seen)
            wrong += bool(found)
            print(f"{trial + 1}: {seen} epochs {'; '.join(found)}", flush=True)
        last = epochs(run)
        for target, words in ((run, ("--resume", "run")), (folder / "whole", ("--out", "whole"))):
            process = start(folder, *words, "--epochs", str(last + 2))
            _, said = process.communicate()
            if process.returncode:
                print(f"{target.name}: {said}")
                return 1
        equal = same(run, folder / "whole")
    print(
        f"{options.trials} kills, {wrong} faults; {last + 2} epochs, {'the same' if equal else 'NOT the same'} weights"
    )
    return int(bool(wrong) or not equal)


if __name__ == "__main__":
    raise SystemExit(main())
