"""Errors of the interpreter and of ONNX Runtime against float64, on every network of the zoo.

    python -m benchmarks.accuracy [--networks VGG16,...] [--seeds 3] [--no-pytorch] [--markdown]

Weights are initial ones with every norm perturbed, running statistics and factors alike, so that all of them matter;
inputs are standard normal. Errors are relative to the largest number of an output: the largest of all seeds, and the
mean. Of an output that is a softmax the numbers before it are judged: at random weights it is 0 and 1. Float64 is the
reference backend's; for a few networks it is compared with PyTorch's float64 (``pytorch``). Exit status 1 if our errors
are more than so many times ONNX Runtime's: see LARGEST_BAR and MEAN_BAR.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

import cnndsl

ROOT = Path(__file__).resolve().parents[1]
ZOO = ROOT / "examples" / "zoo"
LARGEST_BAR, MEAN_BAR = 2.0, 1.5
FEW = 100
"""Numbers whose errors say little."""
COMPARED_WITH_PYTORCH = frozenset({"LeNet5Modern", "MobileNetV2", "ResNet18", "SqueezeNet1_1", "WaveNet"})

Array = NDArray[Any]


class Errors(NamedTuple):
    """Over the largest number of an output."""

    largest: float
    mean: float


class Row(NamedTuple):
    """Our errors and ONNX Runtime's on a network; ``pytorch`` is how far PyTorch's float64 is from the reference."""

    network: str
    ours: Errors
    theirs: Errors
    pytorch: float | None = None

    @property
    def ratios(self) -> Errors:
        return Errors(self.ours.largest / self.theirs.largest, self.ours.mean / self.theirs.mean)

    @property
    def missed(self) -> bool:
        return self.ratios.largest > LARGEST_BAR or self.ratios.mean > MEAN_BAR


def perturbed(network: cnndsl.Network, seed: int) -> dict[str, Array]:
    """Initial weights, but norms as if they had been trained."""
    random = np.random.default_rng([1, seed])
    weights = network.weights(seed)
    for key, node, weight in network.graph.all_weights():
        if node.op.operator.endswith("norm"):
            drawn = random.standard_normal(weight.shape)
            made = {"running_var": np.exp(0.2 * drawn), "weight": 1 + 0.1 * drawn}
            weights[key] = made.get(key.rpartition(".")[2], 0.1 * drawn).astype(np.float32)
    return weights


def made_inputs(network: cnndsl.Network, seed: int, batch: int = 1) -> dict[str, Array]:
    random = np.random.default_rng([2, seed])
    return {
        value.name: random.integers(0, 100, (batch, *value.shape.dimensions))
        if value.dtype == "int64"
        else random.standard_normal((batch, *value.shape.dimensions), np.float32)
        for value in network.graph.inputs
    }


def judged(network: cnndsl.Network) -> tuple[str, ...]:
    """The values whose errors count."""
    layers = {node.name: node for node in network.graph.layers}
    return tuple(
        layers[name].inputs[0] if name in layers and layers[name].op.operator == "softmax" else name
        for name in network.outputs
    )


def errors(values: Mapping[str, Array], exact: Mapping[str, Array]) -> Errors:
    """Over all values of ``exact``."""
    relative = [np.abs(values[name] - exact[name]) / np.abs(exact[name]).max() for name in exact]
    return Errors(max(float(one.max()) for one in relative), float(np.mean([one.mean() for one in relative])))


def pytorch(network: cnndsl.Network, weights: Mapping[str, Array], inputs: Mapping[str, Array]) -> dict[str, Array]:
    """All values by PyTorch's operators in float64, as the tests call them."""
    from tests import pytorch_layers as layers

    def wide(array: Array) -> Any:
        return layers.torch.from_numpy(array.astype(np.float64) if array.dtype == np.float32 else array)

    tensors: dict[str, dict[str, Any]] = {}
    for key, node, _ in network.graph.all_weights():
        tensors.setdefault(node.name, {})[key.removeprefix(f"{node.name}.")] = wide(weights[key])
    values = {name: wide(array) for name, array in inputs.items()}
    for node in network.graph.layers:
        operands = [values[name] for name in node.inputs]
        own = tensors.get(node.share or node.name, {})
        values[node.name] = layers.REFERENCES[node.op.operator](node.op, own, *operands)
    return {name: value.numpy() for name, value in values.items()}


def measure(network: cnndsl.Network, seeds: int, with_pytorch: bool = False) -> Row:
    """One network; of few numbers ten examples at once, and ten times the seeds.

    Raises CnnError where there is not enough memory.
    """
    found: dict[Literal["numpy", "onnxruntime"], list[Errors]] = {"numpy": [], "onnxruntime": []}
    difference = None
    keep = judged(network)
    few = sum(network.graph.shapes[name].elements for name in keep) < FEW
    for seed in range(10 * seeds if few else seeds):
        weights, inputs = perturbed(network, seed), made_inputs(network, seed, 10 if few else 1)
        values = network.runner(weights=weights, keep=keep, backend="reference")(inputs)
        exact = {name: values[name] for name in keep}
        for backend, many in found.items():
            many.append(errors(network.runner(weights=weights, keep=keep, backend=backend)(inputs), exact))
        if with_pytorch and not seed:
            difference = errors(pytorch(network, weights, inputs), exact).largest
    ours, theirs = (
        Errors(max(one.largest for one in many), float(np.mean([one.mean for one in many]))) for many in found.values()
    )
    return Row(network.name, ours, theirs, difference)


def networks(names: str | None) -> Iterator[cnndsl.Network]:
    wanted = None if names is None else set(names.split(","))
    for path in sorted(ZOO.glob("*.cnn")):
        for network in cnndsl.check_file(path).networks:
            if wanted is None or network.name in wanted:
                yield network


def show(row: Row, markdown: bool) -> str:
    cells = [
        *(f"{ours:.1e} / {theirs:.1e}" for ours, theirs in zip(row.ours, row.theirs, strict=True)),
        *(f"{ratio:.2f}" for ratio in row.ratios),
        "" if row.pytorch is None else f"{row.pytorch:.0e}",
    ]
    first, second, largest, mean, other = cells
    if markdown:
        return f"| {row.network} | {first} | {largest} | {second} | {mean} | {other} |"
    return f"{row.network:<18}  {first}  {largest:>5}    {second}  {mean:>5}    {other}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", help="names, with commas between them (default: all)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-pytorch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--markdown", action="store_true", help="rows for README.md")
    options = parser.parse_args(arguments)
    missed = []
    for network in networks(options.networks):
        try:
            row = measure(network, options.seeds, network.name in COMPARED_WITH_PYTORCH and not options.no_pytorch)
        except cnndsl.CnnError as error:
            print(f"{network.name}: left out: {error.diagnostics[0].message}", flush=True)
            continue
        print(show(row, options.markdown), flush=True)
        if row.missed:
            missed.append(row.network)
    print(f"beyond the bar: {', '.join(missed)}" if missed else "every bar is reached")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
