"""Kills commands while they write, one alone and two at once, and looks whether anything was lost.

Every command writes what it makes of one of two networks, in turn, under one name, until it is killed (SIGKILL) at a
random moment. Afterwards each file must be exactly what one of the two gives, or not be there, and files that belong
together must be of one network, or be told apart when they are used. Another write must clear away what was left.

    python -m tools.kill_writers --trials 100 --seed 1
"""

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from random import Random
from typing import NamedTuple

import cnndsl
from cnndsl import cli
from cnndsl.interop.onnx.exporter import model as exporter

TEXT = "input 1@16x16\nconv 8 3x3 pad=1 -> {0}\nflatten -> dense 64 -> {0} -> dense 10 -> softmax\n"
TEMPORARY = re.compile(r".*\.part")


class Writer(NamedTuple):
    """A command; ``{0}`` stands for the network that it writes, ``{1}`` for its number."""

    line: str
    out: str
    beside: str = ""
    """The weights that are written with a text."""
    external: bool = False
    """Whether the weights of a model go to a file of their own."""


WRITERS = {
    "import": Writer("import {0}.onnx -o out.cnn", "out.cnn", beside="out.safetensors"),
    "external data": Writer("export {0}.cnn --seed {1} -o out.onnx", "out.onnx", external=True),
    "onnx": Writer("export {0}.cnn -o out.onnx", "out.onnx"),
    "json": Writer("export {0}.cnn -o out.json", "out.json"),
    "text": Writer("export {0}.cnn -o out.cnn", "out.cnn"),
    "draw": Writer("draw {0}.cnn -o out.svg", "out.svg"),
    "report": Writer("report {0}.cnn -o out.html", "out.html"),
    "explain": Writer("explain {0}.cnn conv1 -o out.txt", "out.txt"),
    "run": Writer("run {0}.cnn --input random --layers all --out out.npz", "out.npz"),
    "fmt": Writer("fmt out.cnn", "out.cnn"),
}


def prepare() -> None:
    """The two networks, as texts and as models, in the current folder."""
    for name, activation, seed in (("a", "relu", 1), ("b", "tanh", 2)):
        Path(f"{name}.cnn").write_text(TEXT.format(activation), encoding="utf-8")
        cnndsl.load(f"{name}.cnn").to_onnx(f"{name}.onnx", seed=seed)


def write(writer: Writer, which: str) -> None:
    """Runs the command in this process. Raises RuntimeError where it fails."""
    exporter.EXTERNAL_BYTES = 0 if writer.external else 1 << 30
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        status = cli.main(writer.line.format(which, "ab".index(which)).split())
    if status:
        raise RuntimeError(f"{writer.line}: exit status {status}")


def start(work: Callable[[], None]) -> int:
    """A process of its own that works, silently; gives its id."""
    process = os.fork()
    if process:
        return process
    try:
        work()
    finally:
        os._exit(1)


def for_ever(writer: Writer, order: str) -> Callable[[], None]:
    def work() -> None:
        while True:
            for which in order:
                write(writer, which)

    return work


def files() -> dict[str, bytes]:
    """What lies in the current folder, but the two networks."""
    return {path.name: path.read_bytes() for path in Path().iterdir() if path.stem not in ("a", "b")}


class Trial:
    """One command, killed again and again."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.whole: dict[str, dict[str, bytes]] = {}
        for which in "ab":
            self.spoil(which)
            write(writer, which)
            self.whole[which] = files()
        self.seen: Counter[str] = Counter()

    def spoil(self, which: str) -> bytes | None:
        """Gives ``fmt`` something to mend: the network in another style."""
        if not self.writer.line.startswith("fmt"):
            return None
        ugly = Path(f"{which}.cnn").read_bytes().replace(b" -> ", b"->")
        Path(self.writer.out).write_bytes(ugly)
        return ugly

    def kill(self, random: Random, processes: int, longest: float) -> list[str]:
        """Starts the command, kills it, and says what is wrong with what it leaves."""
        ugly = self.spoil("a")
        started = [start(for_ever(self.writer, order)) for order in ("ab", "ba")[:processes]]
        time.sleep(random.uniform(0, longest))
        for process in started:
            os.kill(process, signal.SIGKILL)
        for process in started:
            os.waitpid(process, 0)
        left = files()
        self.seen["temporary file left"] += any(TEMPORARY.fullmatch(name) for name in left)
        faults = self.faults(left, ugly)
        self.spoil("b")
        write(self.writer, "b")
        if not faults and files() != self.whole["b"]:
            faults = [f"another write leaves {sorted(files())}, not {sorted(self.whole['b'])}"]
        return faults

    def faults(self, left: dict[str, bytes], before: bytes | None) -> list[str]:
        main = left.get(self.writer.out)
        of = [which for which in "ab" if main == self.whole[which][self.writer.out]]
        self.seen["".join(of) or "nothing new"] += 1
        if main is None or main == before:
            return []
        if not of:
            return [f"{self.writer.out} is neither of the two"]
        if self.writer.external:
            wanted = self.whole[of[0]]
            lost = [name for name in wanted if left.get(name) != wanted[name]]
            return [f"the model is {of[0]}, but not {lost}"] if lost else []
        return self.pair_faults(left, of[0]) if self.writer.beside else []

    def pair_faults(self, left: dict[str, bytes], of: str) -> list[str]:
        beside = left.get(self.writer.beside)
        with_weights = [which for which in "ab" if beside == self.whole[which][self.writer.beside]]
        if not with_weights:
            return [f"{self.writer.beside} is neither of the two"]
        if with_weights == [of]:
            return []
        self.seen["mixed"] += 1
        try:
            cnndsl.load(self.writer.out).weights_from(self.writer.beside, 0)
        except cnndsl.CnnError as error:
            if error.diagnostics[0].code == "weights-pair":
                self.seen["mixed, and told"] += 1
                return []
        return ["the text of one network has the weights of another, and nobody says so"]


def run(names: Sequence[str], trials: int, seed: int, longest: float = 0.3) -> list[str]:
    """All faults that were found; a line for each command on standard output."""
    random = Random(seed)
    found = []
    for name in names:
        for processes in (1, 2) if name != "fmt" else (1,):
            with tempfile.TemporaryDirectory() as folder, chdir(folder):
                prepare()
                trial = Trial(WRITERS[name])
                faults = [fault for _ in range(trials) for fault in trial.kill(random, processes, longest)]
            print(f"{name}, {processes} at once: {trials} kills, {len(faults)} faults; {dict(trial.seen)}", flush=True)
            found += [f"{name}, {processes} at once: {fault}" for fault in faults]
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--trials", type=int, default=30, help="kills of each command, and of two at once")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("commands", nargs="*", default=list(WRITERS), help=f"of {', '.join(WRITERS)} (default: all)")
    options = arguments.parse_args()
    found = run(options.commands, options.trials, options.seed)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
