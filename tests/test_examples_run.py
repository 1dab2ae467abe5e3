"""Every network of examples/ and of the zoo runs, and ONNX Runtime computes the same from its export.

Inputs are made as small as the network allows; its expectations, which hold for the published size, are left out then.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import cnndsl
from cnndsl.api import folder_resolver

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FILES = sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.cnn"))

SIDES = (32, 48, 64, 96, 128, 160, 188)
SMALL = 3_000_000
"""MACs of networks that run at their own size."""
WEIGHTS = 15_000_000
"""Parameters above which a network runs only if no other of its file is smaller."""
TOLERANCE = 1e-4


def small_networks(path: Path) -> Iterator[cnndsl.Network]:
    """The networks of a file, each on the smallest input of ``SIDES`` on which it is sound."""
    found = [smallest(path, network) for network in cnndsl.check_file(path).networks]
    least = min(network.params for network in found)
    yield from (network for network in found if network.params <= max(WEIGHTS, least))


def smallest(path: Path, network: cnndsl.Network) -> cnndsl.Network:
    text = re.sub(r"^ *expect .*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for side in () if network.macs < SMALL else SIDES:
        inputs = {
            name: cnndsl.Shape(shape.channels, tuple(min(side, extent) for extent in shape.spatial))
            for name, shape in network.inputs.items()
        }
        resolver = folder_resolver(path.parent)
        result = cnndsl.check(text, file=str(path), network=network.name, inputs=inputs, resolver=resolver)
        if result.network is not None:
            return result.network
    return network


@pytest.mark.parametrize("file", FILES)
def test_onnx_runtime_computes_the_same(file: str) -> None:
    for network in small_networks(EXAMPLES / file):
        random = np.random.default_rng(1)
        inputs = {
            value.name: random.integers(0, 100, (3, *value.shape.dimensions))
            if value.dtype == "int64"
            else random.standard_normal((3, *value.shape.dimensions), np.float32)
            for value in network.graph.inputs
        }
        weights = network.weights(seed=2)
        run = network.runner(weights=weights)
        model = network.to_onnx(weights=weights).SerializeToString()
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        for batch in (1, 3):
            given = {name: array[:batch] for name, array in inputs.items()}
            ours, theirs = run(given), session.run(None, given)
            for (name, shape), reference in zip(network.outputs.items(), theirs, strict=True):
                assert reference.shape == (batch, *shape.dimensions), f"{network.name}.{name}"
                assert np.isfinite(reference).all(), f"{network.name}.{name}"
                error = np.abs(ours[name] - reference).max() / np.abs(reference).max()
                assert error <= TOLERANCE, f"{network.name}.{name}, batch {batch}: off by {error:.2g}"
