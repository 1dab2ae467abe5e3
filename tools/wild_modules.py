"""Networks of torchvision and timm as modules: what ``cnndsl.from_torch`` makes of them.

    .venv-wild/bin/python -m tools.wild_modules [timm] [NETWORK ...]

Every network has random weights (nothing is downloaded). Imported, it must have the module's parameters, for one
example its values within 1e-4 of the largest, and for every weight that is the module's as it is the key in its state
dict.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

import cnndsl
from tools.wild import TOLERANCE, compared
from tools.wild_networks import TIMM, TORCHVISION, built, torchvision_models


class Found(NamedTuple):
    """One network; ``problem`` is empty if all is as it should be."""

    name: str
    way: str
    parameters: int
    lines: int
    difference: float
    problem: str


def tried(source: str, name: str) -> Found:
    """What becomes of one network."""
    only, shape = built(torchvision_models(), source, name)
    module: Any = only.network
    parameters = sum(parameter.numel() for parameter in module.parameters())
    x = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    try:
        network = cnndsl.from_torch(module, x)
    except cnndsl.CnnError as error:
        return Found(name, "", parameters, 0, 0.0, f"refused: {error.diagnostics[0].message}")
    with torch.no_grad():
        made = module(x.clone())
    wanted = [value.numpy() for value in made.values()] if isinstance(made, dict) else [made.numpy()]
    values = network.run(x.numpy())
    found = list(values.values()) if isinstance(values, Mapping) else [values]
    difference = max(compared(mine, theirs) for mine, theirs in zip(found, wanted, strict=True))
    text, again = network.decompiled()
    state = {key: tensor.numpy() for key, tensor in module.state_dict().items()}
    wrong = [key for key, weight, theirs in keys(again) if not np.array_equal(weight.ravel(), state[theirs].ravel())]
    problem = "" if difference <= TOLERANCE else "values differ"
    if network.params != parameters:
        problem = f"{network.params:,} parameters"
    if wrong or cnndsl.loads(text).params != network.params:
        problem = f"{wrong[0]} has another key" if wrong else "the text gives another network"
    return Found(name, str(network.imported_by), parameters, len(text.splitlines()), difference, problem)


def keys(network: cnndsl.Network) -> Iterator[tuple[str, Any, str]]:
    """The weights of a network that the module has as they are, with their keys here and there."""
    for key, weight in network.weights().items():
        layer, _, role = key.rpartition(".")
        if key in network.module_names:
            yield key, weight, network.module_names[key]
        elif layer in network.module_names:
            yield key, weight, ".".join(filter(None, [network.module_names[layer], role]))


def main(arguments: list[str]) -> int:
    source = "timm" if arguments[:1] == ["timm"] else "torchvision"
    names = arguments[source == "timm" :] or (TIMM if source == "timm" else TORCHVISION).split()
    print("| network | way | parameters | lines | difference | |\n|---|---|---:|---:|---:|---|")
    problems = 0
    for name in names:
        one = tried(source, name)
        problems += bool(one.problem)
        said = one.problem.replace("|", "\\|") or "as it should be"
        print(
            f"| `{name}` | {one.way} | {one.parameters:,} | {one.lines} | {one.difference:.0e} | {said} |", flush=True
        )
    return min(problems, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
