"""Changes fields of small sound ONNX models, feeds them to the importer, and keeps what it does not answer properly.

A proper answer is a CnnError or a network, within two seconds of computing and a gigabyte, in a process of its own. A
network is printed as text that is read as the same network, and computes what ONNX Runtime does without its optimiser,
where that takes the model. Every input follows from the seed and its number: ``--only 1234`` repeats one. A finding is
written to the folder with its traceback.

    python -m tools.fuzz_onnx --minutes 60 --seed 1
"""

import argparse
import os
import pickle
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime

import cnndsl
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.runtime import run_file
from cnndsl.interop.verify import TOLERANCE, difference
from cnndsl.runtime.data.made import made_input
from tools import fuzz, model_mutations

SECONDS = 2
SECONDS_TO_HANG = 10
BYTES = 1 << 30
LIMITS = cnndsl.Limits(run_bytes=BYTES // 4)
LARGEST = 1e6
"""Beyond this the last digits of float32 decide what comes out, and the two may differ."""
MOST_MACS = 200_000_000
MOST_ELEMENTS = 10_000_000


class Answer(NamedTuple):
    """What became of an input: how far it came, and what is wrong."""

    stage: str
    finding: fuzz.Finding | None = None


def answer(data: bytes, folder: Path) -> Answer:
    """Tries a model in a process of its own, whose memory and time are bounded."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _bounded()
        for found in _stages(data, folder):
            os.write(write, pickle.dumps(found))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    answers = _unpickled(told)
    last = answers[-1] if answers else Answer("started")
    if status and last.finding is None and last.stage != "onnxruntime":
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
        return Answer(last.stage, fuzz.Finding(f"died after {last.stage}: {how}", ""))
    return last


def _bounded() -> None:
    with open("/proc/self/statm", encoding="ascii") as sizes:
        taken = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_TO_HANG, SECONDS_TO_HANG))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _unpickled(told: bytes) -> list[Answer]:
    found = []
    while told:
        found.append(pickle.loads(told))
        told = told[len(pickle.dumps(found[-1])) :]
    return found


def _stages(data: bytes, folder: Path) -> Iterable[Answer]:
    """How far the model has come, again and again; the last one has the finding, if there is one."""
    path = folder / "model.onnx"
    path.write_bytes(data)
    stage = "read"
    begin = time.process_time()
    try:
        result = cnndsl.check_file(path, limits=LIMITS)
        fuzz.readable(result.diagnostics, {})
        fuzz.require(result.ok == bool(result.networks), "a model is neither refused nor a network")
        if not result.ok:
            yield _in_time(begin, "refused")
            return
        network = result.networks[0]
        stage = "text"
        yield _in_time(begin, stage)
        text, named = network.decompiled()
        again = cnndsl.check(text)
        fuzz.require(again.ok, f"the text is not read again: {[one.code for one in again.diagnostics]}")
        fuzz.require(fuzz.nameless(again.networks[0]) == fuzz.nameless(named), "the text is another network")
        network.summary()
        stage = "run"
        yield _in_time(begin, stage)
        if network.macs > MOST_MACS or sum(shape.elements for shape in network.inputs.values()) > MOST_ELEMENTS:
            yield Answer("large")
            return
        inputs = {value.name: made_input(value, "random", 1, 0) for value in network.graph.inputs}
        begin = time.process_time()
        with np.errstate(all="ignore"):
            mine = named.runner(threads=1)(dict(zip(named.inputs, inputs.values(), strict=True)))
        yield _in_time(begin, "onnxruntime")
        yield _compared(network, list(mine.values()), inputs, path)
    except CnnError as error:
        fuzz.readable(error.diagnostics, {})
        if stage == "run" and error.diagnostics[0].code == "memory-limit":
            yield Answer("large")
        elif stage == "read":
            yield _in_time(begin, "refused")
        else:
            yield Answer(stage, _finding(error))
    except Exception as error:  # whatever comes out is a finding
        yield Answer(stage, _finding(error))


def _finding(error: Exception) -> fuzz.Finding:
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames if "cnndsl" in frame.filename]
    place = str(error)[:150] if isinstance(error, fuzz.Wrong | CnnError) else next(reversed(inside), "")
    return fuzz.Finding(f"{type(error).__name__} {place}", "".join(traceback.format_exception(error)[-30:]))


def _in_time(begin: float, stage: str) -> Answer:
    taken = time.process_time() - begin
    return Answer(stage, fuzz.Finding(f"{stage} takes too long", f"{taken:.1f} s") if taken > SECONDS else None)


def _compared(network: cnndsl.Network, mine: list[Any], inputs: dict[str, Any], path: Path) -> Answer:
    """What ONNX Runtime makes of the model; what float32 itself leaves open is no finding."""
    try:
        last = network.channels_last
        given = [np.moveaxis(array, 1, -1) if name in last else array for name, array in inputs.items()]
        theirs = run_file(path, given, optimised=False)
    except (CnnError, Exception):
        return Answer("run alone")
    raw = theirs
    theirs = [np.moveaxis(y, -1, 1) if name in last else y for name, y in zip(network.outputs, theirs, strict=True)]
    values = [*mine, *theirs]
    if not all(np.isfinite(value).all() and np.abs(value).max(initial=0.0) < LARGEST for value in values):
        return Answer("not finite")
    for name, own, other in zip(network.outputs, mine, theirs, strict=True):
        found = difference(name, own, other)
        if not found.within(TOLERANCE) and found.absolute > TOLERANCE:
            if own.shape == other.shape and found.absolute < 10 * _change(path, given, raw):
                return Answer("unsteady")
            trace = f"{found}\n{own.shape} {other.shape}\n{own.ravel()[:8]}\n{other.ravel()[:8]}\n"
            kind = "a shape" if own.shape != other.shape else "values"
            return Answer("compared", fuzz.Finding(f"{kind} other than ONNX Runtime's", trace))
    return Answer("compared")


def _change(path: Path, given: Sequence[Any], theirs: Sequence[Any]) -> float:
    """By how much ONNX Runtime's values differ where the inputs do by a few units in their last place."""
    near = [array * np.float32(1 + 2**-21) if array.dtype == np.float32 else array for array in given]
    found = run_file(path, near, optimised=False)
    return max(difference("", one, other).absolute for one, other in zip(found, theirs, strict=True))


class Fuzzer:
    """Runs numbered models and keeps the first finding of each kind."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self.kinds: Counter[str] = Counter()
        self.stages: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)

    def made(self, number: int) -> tuple[bytes, list[str]]:
        """The model of a number, and what was changed in it."""
        return model_mutations.mutated(Random(f"{self.seed} {number}"))

    def one(self, number: int) -> fuzz.Finding | None:
        data, changes = self.made(number)
        with tempfile.TemporaryDirectory() as folder:
            stage, found = answer(data, Path(folder))
        self.stages[stage] += 1
        if found:
            self.kinds[found.kind] += 1
            if self.kinds[found.kind] <= 3:
                print(f"input {number}: {found.kind} ({'; '.join(changes)})", flush=True)
                path = self.folder / f"{self.seed}-{number}.onnx"
                path.write_bytes(data)
                note = f"python -m tools.fuzz_onnx --seed {self.seed} --only {number}\n{found.kind}\n{changes}\n\n"
                path.with_suffix(".onnx.trace").write_text(note + found.trace, encoding="utf-8", errors="replace")
        return found


def run(seed: int, folder: Path, numbers: Iterable[int], minutes: float) -> Fuzzer:
    """Tries models until the time is over."""
    fuzzer = Fuzzer(seed, folder)
    onnxruntime.set_default_logger_severity(4)
    _load_modules()
    end = time.monotonic() + minutes * 60
    for number in numbers:
        if time.monotonic() > end:
            break
        fuzzer.one(number)
    return fuzzer


def _load_modules() -> None:
    """What every process would load again."""
    _, network = cnndsl.from_onnx(onnx.load_from_string(model_mutations.seeds()[0])).decompiled()
    network.summary()
    network.runner(threads=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of all inputs (default: 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="try this input alone")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="for findings (default: build/fuzz)")
    options = parser.parse_args()
    numbers = range(sys.maxsize) if options.only is None else [options.only]
    fuzzer = run(options.seed, options.folder, numbers, options.minutes)
    for kind, count in fuzzer.kinds.most_common():
        print(f"{count} x {kind}")
    stages = ", ".join(f"{count:,} {stage}" for stage, count in fuzzer.stages.most_common())
    print(f"{fuzzer.stages.total():,} models ({stages}), {len(fuzzer.kinds)} findings")
    return 1 if fuzzer.kinds else 0


if __name__ == "__main__":
    sys.exit(main())
