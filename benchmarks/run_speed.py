"""Running networks of the zoo, beside ONNX Runtime, PyTorch where it is installed, and onnx's ReferenceEvaluator.

    python -m benchmarks.run_speed [--networks VGG16,...] [--batch 1,8] [--repeats 15] [--reference] [--plain]

``--networks zoo`` is every network of the zoo; without a bar of its own none may take more than three times as long.
Who takes part runs in turns, so that all meet the same load; the medians are compared. Between the turns is a pause:
ONNX Runtime's threads go on spinning for 40 ms after a run, on the cores that the next one needs. A turn begins with
a run that is not timed; with --warm 0 the first run after the pause is. With --threads 1 CPU time is measured instead.
Exit status 1 if a bar is missed or values differ by more than 1e-4 of the largest.

``floor`` is our time over what no implementation without a trick goes below: the multiply-adds at the speed of a large
matrix product, and a layer's weights at the speed of memory, whichever takes longer, both measured at the beginning.
Winograd's algorithm is such a trick, which is why VGG-16 goes below it.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cache
from math import exp, inf, log
from pathlib import Path
from statistics import median
from time import perf_counter, sleep, thread_time
from typing import Any, NamedTuple, Self

import numpy as np
import onnxruntime
from onnx.reference import ReferenceEvaluator

import cnndsl
from cnndsl.lang.settings import parse_setting
from cnndsl.runtime.interpreter import execute
from cnndsl.runtime.kernels.dispatch import LayerContext, compute
from cnndsl.runtime.parallel.blas import blas_core, single_threaded_blas
from cnndsl.runtime.plan.planner import make_plan

ROOT = Path(__file__).resolve().parents[1]
ZOO = ROOT / "examples" / "zoo"


class Bars(NamedTuple):
    """At most so many times ONNX Runtime's time at batch 1: one thread in CPU time, and two threads. ``first`` is that
    of the first call, in runs.
    """

    one: float = 3.0
    two: float = 3.0
    first: float = 4.0


CLASSICS = {
    "VGG16": Bars(0.50, 0.56),
    "ResNet18": Bars(0.73, 0.82),
    "ResNet50": Bars(0.91, 0.98),
    "SqueezeNet1_1": Bars(1.05, 1.2),
    "GoogLeNet": Bars(0.56, 0.65),
    "DenseNet121": Bars(1.0, 1.0),
    "MobileNetV2": Bars(1.6, 2.0),
    "LeNet5Modern": Bars(first=10),
}
MODERN = {
    "ConvNeXt": Bars(1.2, 1.35),
    "RegNetX": Bars(1.35, 1.6),
    "EfficientNet": Bars(1.7, 2.0),
    "ShuffleNetV2:alpha=0.5": Bars(1.9, 2.4),
    "MnasNet": Bars(1.7, 2.0),
    "MobileNetV3Small": Bars(2.1, 2.6),
    "InceptionV3": Bars(0.93, 1.0),
}
"""A setting stands behind the name. The others are ConvNeXt-T, RegNetX-400MF, EfficientNet-B0 and MNASNet 1.0."""
BARS = CLASSICS | MODERN
MEAN_BARS = {1: 1.3, 8: 1.2}
"""Of the classics together."""
REFERENCE_BAR = 15.0
TOLERANCE = 1e-4

Run = Callable[[], Any]


@cache
def zoo() -> dict[str, Path]:
    """The file of every network of the zoo."""
    paths = sorted(ZOO.glob("*.cnn"))
    return {network.name: path for path in paths for network in cnndsl.check_file(path).networks}


def loaded(name: str, **options: Any) -> cnndsl.Network:
    network, _, setting = name.partition(":")
    params = dict([parse_setting(setting)]) if setting else {}
    return cnndsl.load(zoo()[network], network=network, params=params, **options)


def made_input(network: cnndsl.Network, batch: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {name: random.random((batch, *shape.dimensions), np.float32) for name, shape in network.inputs.items()}


def onnx_runtime(model: bytes, inputs: Mapping[str, Any], threads: int) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, dict(inputs))[0]


def pytorch(network: cnndsl.Network, weights: Mapping[str, Any], inputs: Mapping[str, Any], threads: int) -> Run | None:
    """PyTorch's operators one after the other, as the tests call them (not fused); None without PyTorch."""
    try:
        from tests import pytorch_layers as layers
    except ImportError:
        return None
    torch = layers.torch
    torch.set_num_threads(threads)
    tensors: dict[str, dict[str, Any]] = {}
    for key, node, _ in network.graph.all_weights():
        tensors.setdefault(node.name, {})[key.removeprefix(f"{node.name}.")] = torch.from_numpy(weights[key])

    def run() -> Any:
        with torch.inference_mode():
            values = {name: torch.from_numpy(array) for name, array in inputs.items()}
            for node in network.graph.layers:
                own = tensors.get(node.share or node.name, {})
                operands = [values[name] for name in node.inputs]
                values[node.name] = layers.REFERENCES[node.op.operator](node.op, own, *operands)
            return values[network.graph.outputs[0]]

    return run


def plain_kernels(network: cnndsl.Network, weights: Mapping[str, Any], inputs: Mapping[str, Any], threads: int) -> Run:
    """Our kernels without a plan, one after the other, as the tests use them; of several threads BLAS makes use."""
    tensors: dict[str, dict[str, Any]] = {node.name: {} for node in network.graph.layers}
    for key, node, _ in network.graph.all_weights():
        tensors[node.name][key.removeprefix(f"{node.name}.")] = weights[key]
    steps = []
    for node in network.graph.layers:
        site = LayerContext(network.graph.input_shapes(node), node.shape, tensors[node.share or node.name])
        steps.append((node, compute(node.op, site)))

    def run() -> Any:
        values = dict(inputs)
        with single_threaded_blas() if threads == 1 else nullcontext():
            for node, step in steps:
                values[node.name] = step(*(values[name] for name in node.inputs))
        return values[network.graph.outputs[0]]

    return run


def in_turns(
    runs: Mapping[str, Run], repeats: int, pause: float, threads: int, warm: int = 1
) -> dict[str, list[float]]:
    """The seconds of each, ``repeats`` times in turns; the first turn is for warming up, and so are ``warm`` runs of
    every turn: without them each run would begin with cores that sleep and with caches full of another's weights.

    One thread is measured in CPU time, which other load hardly disturbs: then all work is done by the calling thread.
    """
    clock = thread_time if threads == 1 else perf_counter
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            sleep(pause)
            for _ in range(warm):
                run()
            begun = clock()
            run()
            if turn:
                times[name].append(clock() - begun)
    return times


class Machine(NamedTuple):
    """What some threads do in a second: floating point operations in a large product, and bytes read from memory."""

    flops: float
    bytes: float

    @classmethod
    def measured(cls, threads: int) -> Self:
        clock = thread_time if threads == 1 else perf_counter
        matrix, large = np.ones((2048, 2048), np.float32), np.ones(1 << 26, np.float32)
        with single_threaded_blas() if threads == 1 else nullcontext():
            product = _least(clock, lambda: matrix @ matrix)
            reading = _least(clock, lambda: large.max())
        return cls(2 * 2048**3 / product, threads * large.nbytes / reading)

    def floor(self, network: cnndsl.Network, batch: int) -> float:
        """Seconds below which a network is not computed as it is written."""
        costs = (layer.cost for layer in network.layers.values())
        return sum(max(2 * batch * cost.macs / self.flops, 4 * cost.params / self.bytes) for cost in costs)


def _least(clock: Callable[[], float], work: Run) -> float:
    times = []
    for _ in range(5):
        begun = clock()
        work()
        times.append(clock() - begun)
    return min(times)


def measure(name: str, batch: int, options: argparse.Namespace, machine: Machine) -> dict[str, Any]:
    """One network at one batch size."""
    network = loaded(name)
    weights, inputs = network.weights(), made_input(network, batch)
    model = network.to_onnx(weights=weights)
    begun = perf_counter()
    plan = make_plan(network.graph, weights)
    (values,) = execute(plan, inputs, options.threads).values()
    first = perf_counter() - begun
    runs: dict[str, Run] = {
        "cnndsl": lambda: execute(plan, inputs, options.threads),
        "one_thread": lambda: execute(plan, inputs, 1),
        "onnxruntime": onnx_runtime(model.SerializeToString(), inputs, options.threads),
    }
    torch = None if options.no_pytorch else pytorch(network, weights, inputs, options.threads)
    if torch is not None:
        runs["pytorch"] = torch
    judged = runs["onnxruntime"]()
    times = in_turns(runs, options.repeats, options.pause, options.threads, options.warm)
    medians = {who: median(seconds) for who, seconds in times.items()}
    row = {
        "network": name,
        "batch": batch,
        "seconds": medians,
        "fastest": {who: min(seconds) for who, seconds in times.items()},
        "ratio": medians["cnndsl"] / medians["onnxruntime"],
        "error": float(np.abs(values - judged).max() / np.abs(judged).max()),
        "first_call_in_runs": first / medians["cnndsl"],
        "floor_ratio": medians["cnndsl"] / machine.floor(network, batch),
        "threads_gain": medians["one_thread"] / medians["cnndsl"],
        "peak_bytes": plan.at(batch).peak_bytes(options.threads),
    }
    if options.plain:
        plain = plain_kernels(network, weights, inputs, options.threads)
        assert np.abs(plain() - judged).max() <= TOLERANCE * np.abs(judged).max()
        row["plain_ratio"] = median(in_turns({"plain": plain}, 3, 0, options.threads)["plain"]) / medians["cnndsl"]
    if options.reference and batch == 1:
        evaluator = ReferenceEvaluator(model)
        begun = perf_counter()
        evaluator.run(None, inputs)
        row["reference_ratio"] = (perf_counter() - begun) / medians["cnndsl"]
    return row


def growth(options: argparse.Namespace) -> dict[str, Any]:
    """Exponents of ResNet-18's time: over the batch (1 to 8), and over the pixels (112x112 to 448x448)."""
    network = loaded("ResNet18")
    by_batch = {count: _fastest(network, made_input(network, count), options) for count in (1, 2, 4, 8)}
    by_pixels = {}
    for extent in (112, 224, 448):
        larger = loaded("ResNet18", inputs={None: cnndsl.Shape(3, (extent, extent))})
        by_pixels[extent**2] = _fastest(larger, made_input(larger, 1), options)
    return {"batch": _exponent(by_batch), "pixels": _exponent(by_pixels), "by_batch": by_batch, "by_pixels": by_pixels}


def _fastest(network: cnndsl.Network, inputs: dict[str, Any], options: argparse.Namespace) -> float:
    plan = make_plan(network.graph, network.weights())
    return min(in_turns({"run": lambda: execute(plan, inputs, options.threads)}, 7, 0.01, options.threads)["run"])


def _exponent(seconds: Mapping[int, float]) -> float:
    """The slope of a straight line through the logarithms."""
    slope: float = np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]
    return float(slope)


def show(row: Mapping[str, Any]) -> str:
    times = "  ".join(f"{row['seconds'][who] * 1e3:10.2f}" if who in row["seconds"] else " " * 10 for who in COLUMNS)
    plain, reference = (
        f"{row[of]:8.{digits}f}" if of in row else " " * 8
        for of, digits in (("plain_ratio", 1), ("reference_ratio", 0))
    )
    return (
        f"{row['network']:<22}  {row['batch']:>5}  {times}  {row['ratio']:>5.2f}  {row['threads_gain']:>5.2f}  "
        f"{row['floor_ratio']:>5.2f}  {row['first_call_in_runs']:>5.1f}  {plain}  {reference}  {row['error']:.0e}"
    )


COLUMNS = ("cnndsl", "one_thread", "onnxruntime", "pytorch")
HEADER = (
    f"{'network':<22}  {'batch':>5}  " + "  ".join(f"{who:>10.10}" for who in COLUMNS) + f"  {'ratio':>5}  "
    f"{'gain':>5}  {'floor':>5}  {'first':>5}  {'x plain':>8}  {'x refer.':>8}  error"
)


def missed(rows: list[dict[str, Any]], threads: int) -> list[str]:
    """The bars that are not reached, in words."""
    found = []
    for row in rows:
        what = f"{row['network']}, batch {row['batch']}"
        bars = BARS.get(row["network"], Bars(first=inf))
        bar = bars.one if threads == 1 else bars.two
        if row["batch"] == 1 and row["ratio"] > bar:
            found.append(f"{what}: {row['ratio']:.2f} times ONNX Runtime, the bar is {bar}")
        if row["error"] > TOLERANCE:
            found.append(f"{what}: off by {row['error']:.1g} of the largest value")
        if row["batch"] == 1 and row["first_call_in_runs"] > bars.first:
            found.append(f"{what}: the first call takes {row['first_call_in_runs']:.1f} runs")
        if row.get("reference_ratio", REFERENCE_BAR) < REFERENCE_BAR:
            found.append(f"{what}: only {row['reference_ratio']:.1f} times as fast as ReferenceEvaluator")
    for batch, bar in MEAN_BARS.items():
        ratios = [row["ratio"] for row in rows if row["batch"] == batch and row["network"] in CLASSICS]
        if len(ratios) == len(CLASSICS) and mean_ratio(ratios) > bar:
            found.append(f"batch {batch}: geometric mean {mean_ratio(ratios):.2f}, the bar is {bar}")
    return found


def mean_ratio(ratios: list[float]) -> float:
    return exp(sum(map(log, ratios)) / len(ratios))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(BARS))
    parser.add_argument("--batch", default="1,8")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.06, help="seconds between the turns")
    parser.add_argument("--warm", type=int, default=1, help="runs that are not timed at the beginning of every turn")
    parser.add_argument("--reference", action="store_true", help="also onnx's ReferenceEvaluator, once at batch 1")
    parser.add_argument("--plain", action="store_true", help="also our plain kernels, without a plan")
    parser.add_argument("--no-pytorch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--growth", action="store_true", help="also how the time grows with batch and pixels")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args(arguments)
    print(f"{options.threads} threads, BLAS kernels for {blas_core()}, load {os.getloadavg()[0]:.1f}; milliseconds")
    print(HEADER)
    machine = Machine.measured(options.threads)
    rows = []
    for batch in map(int, options.batch.split(",")):
        for name in zoo() if options.networks == "zoo" else options.networks.split(","):
            rows.append(measure(name, batch, options, machine))
            print(show(rows[-1]), flush=True)
        ratios = [row["ratio"] for row in rows if row["batch"] == batch]
        print(f"geometric mean of the ratios at batch {batch}: {mean_ratio(ratios):.2f}")
    report: dict[str, Any] = {"threads": options.threads, "blas": blas_core(), "rows": rows}
    if options.growth:
        report["growth"] = growth(options)
        print(f"time grows as batch^{report['growth']['batch']:.2f} and pixels^{report['growth']['pixels']:.2f}")
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    failures = missed(rows, options.threads)
    print("\n".join(failures) if failures else "every bar is reached")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
