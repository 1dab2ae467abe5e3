"""Feeds random texts, JSON, settings, weights, images and models to cnndsl, and keeps what it does not answer properly.

A proper answer is a result or a CnnError, within a second of computing and 300 MB; only a text that uses up its steps
or layers may take longer. Formatting keeps the tree; a sound network survives printing and JSON. Every input follows
from the seed and its number: ``--only 1234`` repeats one. A finding is made shorter and written to the folder with its
traceback; ``running.txt`` there names the input at work, should the process itself die.

    python -m tools.fuzz --minutes 60 --seed 1
"""

import argparse
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import numpy as np

import cnndsl
from cnndsl.codes import CODES
from cnndsl.errors import CnnError, Diagnostic, render
from cnndsl.lang.decompile.sums import flattened
from cnndsl.lang.review.fixes import apply_fixes
from cnndsl.lang.settings import parse_input, parse_setting
from cnndsl.lang.style.format import same_tree
from cnndsl.runtime.data.images import read_array, read_image
from cnndsl.runtime.data.weights import load_weights
from tools import corpus, mutations

SECONDS = 1.0
SECONDS_FOR_LIMITS = 6.0
"""For a text that uses up its steps or layers: the limits leave room for the largest networks in use."""
SECONDS_TO_HANG = 30
SECONDS_TO_SHORTEN = 20.0
_YARDSTICK: list[float] = []
"""The least time of a piece of work, in seconds."""
BYTES = 300 << 20
MANY_LAYERS = 10_000
MANY_STEPS = 40_000
LONG_MESSAGE = 2000

SETTABLE = "param k = 3\nparam s = 1\ninput 3@32x32\nfor w in [k] { conv 8 w stride=s }"

Made = str | bytes
Result = TypeVar("Result")


class Wrong(Exception):
    """An answer that is not proper."""


class Hangs(BaseException):
    """No answer at all; not an Exception, so that nothing on the way catches it."""


class Target(NamedTuple):
    """What makes an input and what tries it; the input is shown as a file of that suffix."""

    make: Callable[[Random], Made]
    run: Callable[[Any], None]
    suffix: str
    share: int


class Finding(NamedTuple):
    """The kind of failure, equal for equal causes, and the traceback."""

    kind: str
    trace: str


# --- what is proper ---------------------------------------------------------------------------------------------------
def timed(what: str, function: Callable[[], Result], allowed: Callable[[], float] = lambda: SECONDS) -> Result:
    """The result, which must come in time. What is slow is tried again: a busy machine is no finding."""
    result, taken = _with_seconds(function)
    for _ in range(2):
        if taken > SECONDS and taken > allowed():
            before = _slowness()
            result, again = _with_seconds(function)
            taken = min(taken, again / max(before, _slowness()))
    if taken > SECONDS and taken > allowed():
        raise Wrong(f"{what} takes too long")
    return result


def _slowness() -> float:
    """How much longer a piece of work takes now than it ever did: others use the caches and the core's other thread."""
    _, taken = _with_seconds(lambda: sum(len(str(number)) for number in range(100_000)))
    _YARDSTICK.append(taken)
    _YARDSTICK[:] = [min(_YARDSTICK)]
    return taken / _YARDSTICK[0]


def _with_seconds(function: Callable[[], Result]) -> tuple[Result, float]:
    begin = time.process_time()
    return function(), time.process_time() - begin


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def readable(diagnostics: Iterable[Diagnostic], sources: dict[str, str]) -> None:
    """Diagnostics have known codes, short messages and places inside their texts, and can be printed."""
    for diagnostic in diagnostics:
        require(diagnostic.code in CODES, f"the code {diagnostic.code} is unknown")
        words = [diagnostic.message, *diagnostic.help, *(label.message for label in diagnostic.labels)]
        require(max(map(len, words)) < LONG_MESSAGE, f"a message of {diagnostic.code} is long")
        spans = [diagnostic.span, *(label.span for label in diagnostic.labels), *(fix.span for fix in diagnostic.fixes)]
        for span in [span for span in spans if span and span.file in sources]:
            lines = sources[span.file].split("\n")
            inside = 1 <= span.line <= span.end_line <= len(lines) and 1 <= span.column <= len(lines[span.line - 1]) + 1
            ends = span.end_column <= len(lines[span.end_line - 1]) + 1 if inside else False
            require(inside and ends, f"a place of {diagnostic.code} is outside its text")
    printed = timed("printing diagnostics", lambda: render(diagnostics, sources))
    require(not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", printed), "a message controls the terminal")


def seconds_for(check: Callable[..., cnndsl.CheckResult], text: str) -> float:
    """More than :data:`SECONDS` if the text takes many steps."""
    few = check(text, limits=cnndsl.Limits(steps=MANY_STEPS))
    return SECONDS_FOR_LIMITS if any(one.code == "step-limit" for one in few.diagnostics) else SECONDS


def try_text(text: str) -> None:
    """Parsing, checking with and without the default warnings, fixing, formatting, and the networks."""
    tree = None
    try:
        tree = timed("parsing", lambda: cnndsl.parse(text, "net.cnn"))
    except CnnError as error:
        readable(error.diagnostics, dict(error.sources))
    check = partial(cnndsl.check, file="net.cnn", resolver=corpus.FILES.__getitem__)
    allowed = partial(seconds_for, check, text)
    result = timed("checking", lambda: check(text), allowed)
    readable(result.diagnostics, dict(result.sources))
    require((tree is None) <= (not result.ok), "a text is checked but not parsed")
    more = timed("checking with all warnings", lambda: check(text, select=["all"]), allowed)
    readable(more.diagnostics, dict(more.sources))
    require(len(more.networks) == len(result.networks), "warnings change the networks")
    shown = more.diagnostics
    del more  # large networks are not held twice
    timed("checking strictly", lambda: check(text, strict=True), allowed)
    if "net.cnn" in result.sources:
        apply_fixes(result.sources["net.cnn"], "net.cnn", shown)
    if tree is not None:
        try_format(text)
    for network in result.networks:
        try_network(network)


def try_format(text: str) -> None:
    try:
        formatted = timed("formatting", lambda: cnndsl.format(text))
    except CnnError as error:
        require(error.diagnostics[0].code == "source-too-large", "a text is parsed but not formatted")
        return
    require(cnndsl.format(formatted) == formatted, "formatting again changes the text")
    require(same_tree(cnndsl.parse(formatted).items, cnndsl.parse(text).items), "formatting changes the tree")


def try_network(network: cnndsl.Network) -> None:
    """The numbers of a sound network, and its way through JSON and text and back."""

    def allowed() -> float:
        return SECONDS_FOR_LIMITS if len(network.graph.layers) > MANY_LAYERS else SECONDS

    timed("counting", network.summary, allowed)
    if len(network.graph.layers) > MANY_LAYERS:
        return
    written = timed("writing JSON", network.to_json, allowed)
    require(timed("reading JSON", lambda: cnndsl.from_json(written), allowed).graph == network.graph, "JSON changes it")
    printed = timed("printing", network.to_cnn, allowed)
    limits = cnndsl.Limits(source_bytes=1 << 26)
    again = timed("reading what was printed", lambda: cnndsl.loads(printed, limits=limits), allowed)
    require(nameless(again) == nameless(network), "printing changes the network")
    if len(network.graph.layers) < 200:
        folded, same = timed("decompiling", network.decompiled)
        require(unordered(same) == unordered(network), "decompiling changes the network")
        require(nameless(cnndsl.loads(folded)) == nameless(same), "what was decompiled is read as another network")


def nameless(network: cnndsl.Network) -> list[object]:
    """The graph with its values numbered in order."""
    graph = network.graph
    number = {name: index for index, name in enumerate(graph.shapes)}
    layers = [
        (node.op, [number[name] for name in node.inputs], node.shape, node.dtype, node.share and number[node.share])
        for node in graph.layers
    ]
    inputs = [(value.shape, value.dtype) for value in graph.inputs]
    return [inputs, layers, [number[name] for name in graph.outputs]]


def unordered(network: cnndsl.Network) -> list[object]:
    """What stays when independent layers change places, and sums of sums become one sum."""
    layers = flattened(network.graph).layers
    operators = Counter(node.op.operator for node in layers if node.op.operator != "identity")
    return [network.params, network.macs, operators, list(network.outputs.values()), list(network.inputs.values())]


def try_json(text: str) -> None:
    try_network(timed("reading JSON", lambda: cnndsl.from_json(text)))


def try_setting(text: str) -> None:
    """Text behind ``--set`` and ``--input``."""
    for option, parse in (("params", parse_setting), ("inputs", parse_input)):
        try:
            name, value = timed("reading a setting", lambda parse=parse: parse(text))  # type: ignore[misc]
        except CnnError as error:
            readable(error.diagnostics, {})
        else:
            known = "k" if option == "params" else None
            for settings in ({known: value}, {name: value}):
                result = timed("checking", lambda o=option, s=settings: cnndsl.check(SETTABLE, **{o: s}))
                readable(result.diagnostics, dict(result.sources))


def in_file(data: bytes, suffix: str, read: Callable[[Path], Any]) -> None:
    """Reads the bytes as a file; what comes out is small, as the networks are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix}"
        path.write_bytes(data)
        arrays = timed("reading", lambda: read(path))
    arrays = arrays if isinstance(arrays, dict) else {"": arrays}
    require(all(isinstance(array, np.ndarray) for array in arrays.values()), "what was read is no array")


# --- targets ---------------------------------------------------------------------------------------------------------
def setting(random: Random) -> str:
    """Mostly a name and a value."""
    made = "=".join((random.choice(("k", "s", "none", "", "input")), mutations.value(random)))
    return mutations.text(random, [made, "3@64x64", "k=[1, 2]", "é=1"]) if random.random() < 0.7 else made


def read_model(path: Path) -> dict[str, Any]:
    try_network(cnndsl.from_onnx(path))
    return {}


def load_small(path: Path) -> Any:
    loaded = load_weights(corpus.small().graph, path)
    expected = {key: weight.shape for key, _, weight in corpus.small().graph.all_weights()}
    require({key: array.shape for key, array in loaded.items()} == expected, "weights of another shape are taken")
    return loaded


def file_target(
    suffix: str, files: Callable[[str], Sequence[bytes]], read: Callable[[Path], Any], share: int = 1
) -> Target:
    return Target(
        lambda random: mutations.data(random, files(suffix)), lambda data: in_file(data, suffix, read), suffix, share
    )


def targets() -> dict[str, Target]:
    inputs = corpus.small().graph.inputs
    found = {
        "text": Target(lambda random: mutations.text(random, corpus.texts()), try_text, ".cnn", 60),
        "json": Target(lambda random: mutations.json_text(random, corpus.graphs()), try_json, ".json", 10),
        "setting": Target(setting, try_setting, ".txt", 5),
        "model": file_target(".onnx", corpus.models, read_model, 3),
    }
    for suffix in (".npz", ".safetensors"):
        found[f"weights{suffix}"] = file_target(suffix, corpus.weights, load_small)
    for suffix in (".npy", ".npz"):
        found[f"array{suffix}"] = file_target(suffix, corpus.arrays, lambda path: read_array(path, inputs))
    for suffix in (".png", ".jpg", ".gif", ".bmp", ".webp", ".tif", ".pgm"):
        found[f"image{suffix}"] = file_target(suffix, corpus.images, lambda path: read_image(path, inputs[0]))
    return found


# --- trying and shortening --------------------------------------------------------------------------------------------
def attempt(target: Target, made: Made) -> Finding | None:
    """Runs a target; what is found is told by the kind of failure and the last line of cnndsl on the way to it."""
    before = peak_bytes()
    signal.setitimer(signal.ITIMER_PROF, SECONDS_TO_HANG)
    try:
        target.run(made)
    except CnnError as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if any(diagnostic.code not in CODES for diagnostic in error.diagnostics) or len(error.args[0]) > 50_000:
            return Finding("an error that is no proper one", traceback.format_exc())
    except (Exception, Hangs) as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        frames = traceback.extract_tb(error.__traceback__)
        inside = [f"{Path(frame.filename).name}:{frame.name}" for frame in frames if "cnndsl" in frame.filename]
        place = str(error) if isinstance(error, Wrong) else next(reversed(inside), "")
        return Finding(f"{type(error).__name__} {place}", traceback.format_exc(limit=-30))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if peak_bytes() - before > BYTES:
        return Finding("memory", f"{(peak_bytes() - before) >> 20} MB more than before\n")
    return None


def hang(*_: object) -> None:
    raise Hangs


def peak_bytes() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def shortened(target: Target, made: Made, kind: str) -> Made:
    """The input without the lines and characters that the failure can do without."""
    end = time.monotonic() + SECONDS_TO_SHORTEN
    parts: list[Any] = made.splitlines(keepends=True) if isinstance(made, str) else [made]
    empty = made[:0]
    for single in (False, True):
        parts = [made[i : i + 1] for i in range(len(made))] if single else parts
        size = max(len(parts) // 2, 1)
        while size and time.monotonic() < end:
            at = 0
            while at < len(parts) and time.monotonic() < end:
                fewer = parts[:at] + parts[at + size :]
                found = attempt(target, empty.join(fewer))
                if found and found.kind == kind:
                    parts = fewer
                else:
                    at += size
            size //= 2
        made = empty.join(parts)
    return made


class Fuzzer:
    """Runs numbered inputs and keeps the first finding of each kind."""

    def __init__(self, seed: int, folder: Path, names: Sequence[str] = ()) -> None:
        known = targets()
        self.targets = {name: target for name, target in known.items() if not names or name.startswith(tuple(names))}
        self.seed = seed
        self.folder = folder
        self.kinds: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.broken = ""
        folder.mkdir(parents=True, exist_ok=True)

    def made(self, number: int) -> tuple[str, Made]:
        """The target and the input of a number."""
        random = Random(f"{self.seed} {number}")
        (name,) = random.choices(list(self.targets), [target.share for target in self.targets.values()])
        return name, self.targets[name].make(random)

    def one(self, number: int) -> Finding | None:
        name, made = self.made(number)
        self.tried[name] += 1
        (self.folder / "running.txt").write_text(f"seed {self.seed}, input {number}, {name}\n", encoding="utf-8")
        found = attempt(self.targets[name], made)
        if found:
            kind = f"{name}: {found.kind}"
            self.kinds[kind] += 1
            if self.kinds[kind] == 1:
                self._keep(number, name, made, found)
        return found

    def _keep(self, number: int, name: str, made: Made, found: Finding) -> None:
        target = self.targets[name]
        print(f"input {number}, {name}: {found.kind}", flush=True)
        if found.kind != "memory":
            made = shortened(target, made, found.kind)
        path = self.folder / f"{self.seed}-{number}{target.suffix}"
        path.write_bytes(made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made)
        note = f"python -m tools.fuzz --seed {self.seed} --only {number}\n{name}: {found.kind}\n\n{found.trace}"
        path.with_name(f"{path.name}.trace").write_text(note, encoding="utf-8", errors="backslashreplace")


def run(seed: int, folder: Path, numbers: Iterable[int], minutes: float, names: Sequence[str] = ()) -> Fuzzer:
    """Tries inputs until the time is over; warnings count as exceptions."""
    signal.signal(signal.SIGPROF, hang)
    fuzzer = Fuzzer(seed, folder, names)
    end = time.monotonic() + minutes * 60
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in numbers:
            if time.monotonic() > end:
                break
            fuzzer.one(number)
    return fuzzer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="of all inputs (default: 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="try this input alone")
    parser.add_argument("--target", action="append", default=[], help="only these: text, json, setting, weights, ...")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="for findings (default: build/fuzz)")
    options = parser.parse_args()
    numbers = range(sys.maxsize) if options.only is None else [options.only]
    for _ in range(20):
        _slowness()
    fuzzer = run(options.seed, options.folder, numbers, options.minutes, options.target)
    for kind, count in fuzzer.kinds.most_common():
        print(f"{count} x {kind}")
    print(f"{fuzzer.tried.total():,} inputs, {len(fuzzer.kinds)} findings, peak {peak_bytes() >> 20} MB")
    return 1 if fuzzer.kinds else 0


if __name__ == "__main__":
    sys.exit(main())
