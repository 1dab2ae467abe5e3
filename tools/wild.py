"""Imports networks of torchvision, timm and Keras as people export them; docs/wild.md says what became of each.

    .venv-wild/bin/python -m tools.wild [--write] [--keep FOLDER] [NETWORK ...]

Every network has random weights (nothing is downloaded) and is exported by both of PyTorch's exporters, or by Keras,
with a batch of any size. Imported, it must have the library's parameters, all of them (if the exporter fuses nothing),
and for one example and for three the values that ONNX Runtime computes without its optimiser. With ``--keep``, models
and findings stay in a folder, and what is there is not exported, measured or both again: delete what should be.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx

from cnndsl.api import Network
from cnndsl.arrays import Array
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.importer.model import from_onnx
from cnndsl.interop.onnx.runtime import run_file
from tools import wild_keras, wild_networks
from tools.wild_keras import KERAS
from tools.wild_networks import HYBRIDS, OPTIMISED, TIMM, TORCHVISION

PAGE = Path(__file__).resolve().parents[1] / "docs" / "wild.md"
TOLERANCE = 1e-4
"""Of the largest value of an output."""
FOREIGN = ("not exported", "ONNX Runtime does not run it")
"""How problems begin that are not the importer's."""


class Found(NamedTuple):
    """One network by one exporter; ``problem`` is empty if all is as it should be."""

    source: str
    name: str
    exporter: str
    parameters: int
    nodes: int
    lines: int
    difference: float
    problem: str

    @property
    def judged(self) -> bool:
        return not self.problem.startswith(FOREIGN)


def tried(model: wild_networks.Exported) -> Found:
    """What becomes of one network by one exporter."""
    network = (model.source, model.name, model.exporter, model.parameters)
    if model.problem:
        return Found(*network, 0, 0, 0.0, model.problem)
    nodes = len(onnx.load(model.path, load_external_data=False).graph.node)
    images = [np.random.default_rng(batch).normal(size=(batch, *model.shape)).astype(np.float32) for batch in (1, 3)]
    try:
        wanted = [run_file(model.path, [image], optimised=False) for image in images]
    except CnnError:
        return Found(*network, nodes, 0, 0.0, "ONNX Runtime does not run it")
    try:
        found = from_onnx(model.path)
    except CnnError as error:
        first, *more = error.diagnostics
        others = f" (and {len(more)} more)" if more else ""
        return Found(*network, nodes, 0, 0.0, f"refused: {first.message}{others}")
    imported = Network(found.network, found.weights)
    lines = len(imported.decompiled()[0].splitlines())
    given = [np.moveaxis(image, -1, 1) if found.layout.inputs[0] else image for image in images]
    values = [found.layout.from_model(outputs)[0] for outputs in wanted]
    difference = max(compared(imported.run(x), y) for x, y in zip(given, values, strict=True))
    problem = "" if difference <= TOLERANCE else "values differ"
    if model.exporter != OPTIMISED and imported.params != model.parameters:
        problem = f"{imported.params:,} parameters"
    return Found(*network, nodes, lines, difference, problem)


def compared(found: Array, wanted: Array) -> float:
    """The largest difference, as a share of the largest value."""
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-30))


def summary(found: Sequence[Found], source: str) -> str:
    """A row of the first table: how many of one library's networks are as they should be."""
    judged = [one for one in found if one.source == source and one.judged]
    read = [one for one in judged if one.lines]
    unfused = [one for one in read if one.exporter != OPTIMISED]
    equal = sum("parameters" not in one.problem for one in unfused)
    near = sum(one.difference <= TOLERANCE for one in read)
    short = sum(one.lines / one.nodes for one in read) / max(len(read), 1)
    networks = len({one.name for one in judged})
    return (
        f"| {source} | {networks} | {len(judged)} | {len(read)} ({len(read) / max(len(judged), 1):.1%}) "
        f"| {equal} of {len(unfused)} | {near} of {len(read)} | {short:.2f} |"
    )


def page(found: Sequence[Found]) -> str:
    """docs/wild.md."""
    libraries = ("torch", "torchvision", "timm", "keras")
    versions = ", ".join(f"{library} {version(library).partition('+')[0]}" for library in libraries)
    lines = [
        "# Networks from elsewhere",
        "",
        "Written by `make wild`; do not edit.",
        "",
        "Networks of torchvision, timm and Keras with random weights, as PyTorch and Keras export them, imported",
        f"({versions}; Keras computes with PyTorch).",
        "Values are compared with ONNX Runtime's, its optimiser off, for one example and for three: the",
        f"difference is the largest, as a share of the largest value of the output, and may be {TOLERANCE:g}.",
        "Parameters must be the library's (of Keras, those that are trained); they are not compared where",
        "the exporter optimises, which fuses norms and drops biases that are zeros. Lines are those of the",
        "text, with its blocks and loops. All networks of PyTorch are written by the TorchScript exporter,",
        "some by the new one too. What the library does not export or ONNX Runtime does not run is listed",
        "and not counted. Statistics of norms are random; where that makes PyTorch's own values in float32",
        "and float64 drift apart, they are those of random images.",
        "",
        "Images of Keras have their channels last, and so do these models; the texts have `input 3@96x96` and",
        "no `permute` before the first layer, and are given the images transposed.",
        "",
        "Keras's Inception networks have norms without a weight, which are counted as having one: 17,216 and",
        "30,272 parameters too many. Keras's exporter folds `gamma / sqrt(variance + eps)` into one constant,",
        "and without a gamma `1 / sqrt(variance + eps)`. Both are one number per channel; the variance is",
        "nowhere else in the file, so that the numbers could be either; and names such as `onnx::Mul_197` have",
        "a running number of the exporter alone. Where the file has the variance, a norm without a weight is",
        "read as such: exported by `torch.onnx.export(model, ..., dynamo=False, do_constant_folding=False)`,",
        "InceptionV3 has the 23,817,352 parameters that it should have.",
        "",
        "| | networks | models | imported | parameters equal | values equal | lines / nodes, mean |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(summary(found, source) for source in dict.fromkeys(one.source for one in found)),
        "",
        "| network | exporter | parameters | nodes | lines | difference | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for one in found:
        numbers = f"{one.nodes:,} | {one.lines or ''} | {f'{one.difference:.0e}' if one.lines else ''}"
        said = one.problem.replace("|", "\\|").replace("_", "\\_") or "as it should be"
        lines.append(f"| {one.source} `{one.name}` | {one.exporter} | {one.parameters:,} | {numbers} | {said} |")
    return "\n".join(lines) + "\n"


def measured(source: str, name: str, folder: Path) -> list[Found]:
    """One network by every exporter; what was found before is read from the folder."""
    found = []
    library = wild_keras if source == "Keras" else wild_networks
    for model in library.exported(source, name, folder):
        note = model.path.with_suffix(".found.json")
        if note.exists():
            found.append(Found(*json.loads(note.read_text(encoding="utf-8"))))
            continue
        one = tried(model)
        note.write_text(json.dumps(one), encoding="utf-8")
        print(f"{one.name:<30} {one.exporter:<17} {one.parameters:>11,} {one.nodes:>5} nodes", end=" ")
        print(f"{one.lines:>5} lines {one.difference:8.0e}  {one.problem}", flush=True)
        found.append(one)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for every network and exporter; 1 if any is not as it should be."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    kept = given.pop(given.index("--keep") + 1) if "--keep" in given else None
    wanted = [word for word in given if not word.startswith("--")]
    lists = {"torchvision": TORCHVISION, "timm": TIMM, "timm, with attention": HYBRIDS, "Keras": KERAS}
    networks = [(source, name) for source, names in lists.items() for name in names.split()]
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as temporary:
        for source, name in networks:
            if not wanted or name in wanted:
                found += measured(source, name, Path(kept or temporary))
                if "--write" in given:
                    PAGE.write_text(page(found), encoding="utf-8")
    return int(any(one.problem and one.judged for one in found))


if __name__ == "__main__":
    sys.exit(main())
