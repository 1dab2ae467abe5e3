"""Imports networks of torchvision as people export them, and writes what became of each to docs/wild.md.

    .venv-wild/bin/python -m tools.wild [--write] [NETWORK ...]

Every network has random weights (nothing is downloaded) and is exported by both of PyTorch's exporters with a batch of
any size. Imported, it must have PyTorch's parameters, all of them (if the exporter fuses nothing), and for one example
and for three the values that ONNX Runtime computes without its optimiser.
"""

import contextlib
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch

from cnndsl.api import from_onnx
from cnndsl.errors import CnnError
from cnndsl.interop.onnx.runtime import run_file
from cnndsl.network import Network

PAGE = Path(__file__).resolve().parents[1] / "docs" / "wild.md"
TOLERANCE = 1e-4
"""Of the largest value of an output."""
OPTIMISED = "dynamo, optimised"
EXPORTERS = ("TorchScript", "dynamo", OPTIMISED)
"""PyTorch's old exporter and its new one, which fuses norms and drops zeros unless it is told not to."""

NETWORKS = (
    "squeezenet1_1 resnet18 mobilenet_v2 mobilenet_v3_small mnasnet0_5 shufflenet_v2_x0_5 regnet_x_400mf "
    "regnet_y_400mf efficientnet_b0 googlenet densenet121 lraspp_mobilenet_v3_large deeplabv3_mobilenet_v3_large "
    "s3d mc3_18 alexnet inception_v3 convnext_tiny fcn_resnet50 vgg11_bn"
)
VIDEO = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d")
SIDES = {"inception": 299, "alexnet": 224, "vgg": 224}
"""Images that they are made for; others take smaller ones."""
SEGMENTATION = ("fcn", "deeplab", "lraspp")


class Found(NamedTuple):
    """One network by one exporter; ``problem`` is empty if all is as it should be."""

    name: str
    exporter: str
    parameters: int
    nodes: int
    lines: int
    difference: float
    problem: str


def torchvision_models() -> Any:
    """torchvision's models; the operators that its compiled part would register are declared where that part is missing
    or made for another build of PyTorch: no network of these calls them.
    """
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision_models.library = library  # type: ignore[attr-defined]  # it ends with its last reference
    import torchvision.models

    return torchvision.models


class Only(torch.nn.Module):
    """A network that gives its main output alone, as one tensor."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.network(x)
        return found["out"] if isinstance(found, dict) else found


def built(models: Any, name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    """A network of random weights whose norms are not ones and zeros, and the shape of an example."""
    options: dict[str, Any] = {"weights": None}
    if name.startswith(SEGMENTATION):
        options["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": False}
    torch.manual_seed(0)
    network = models.get_model(name, **options)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            for values, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                torch.nn.init.uniform_(values, low, high)
    if name in VIDEO:
        return Only(network).eval(), (3, 16, 64, 64)
    side = SIDES.get(name.partition("_")[0].rstrip("0123456789"), 128)
    return Only(network).eval(), (3, side, side)


def exported(network: torch.nn.Module, shape: Sequence[int], exporter: str, path: Path) -> None:
    """Writes the model; its batch may be of any size."""
    example = torch.zeros(2, *shape)
    given: dict[str, Any] = {"input_names": ["image"], "output_names": ["result"]}
    if exporter != "TorchScript":
        given |= {"dynamo": True, "optimize": exporter == OPTIMISED, "verbose": False, "external_data": False}
        given |= {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    else:
        given |= {
            "dynamo": False,
            "dynamic_axes": {"image": {0: "batch"}, "result": {0: "batch"}},
            "training": torch.onnx.TrainingMode.PRESERVE,
            "do_constant_folding": False,
        }
    out, err = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with warnings.catch_warnings(), out, err:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        torch.onnx.export(network, (example,), str(path), **given)


def tried(name: str, network: torch.nn.Module, shape: Sequence[int], exporter: str, path: Path) -> Found:
    """What becomes of one network by one exporter."""
    parameters = sum(part.numel() for part in network.parameters())
    try:
        exported(network, shape, exporter, path)
    except Exception as error:  # whatever PyTorch raises: another exporter's matter
        return Found(name, exporter, parameters, 0, 0, 0.0, f"not exported: {type(error).__name__}")
    nodes = len(onnx.load(path, load_external_data=False).graph.node)
    try:
        imported = from_onnx(path)
        lines = len(imported.decompiled()[0].splitlines())
        difference = max(compared(imported, path, shape, batch) for batch in (1, 3))
    except CnnError as error:
        first, *more = error.diagnostics
        problem = first.message + (f" (and {len(more)} more)" if more else "")
        return Found(name, exporter, parameters, nodes, 0, 0.0, f"refused: {problem}")
    whole = exporter == OPTIMISED or imported.params == parameters
    problem = "" if whole else f"{imported.params:,} parameters"
    if not difference <= TOLERANCE:
        problem = "values differ"
    return Found(name, exporter, parameters, nodes, lines, difference, problem)


def compared(imported: Network, path: Path, shape: Sequence[int], batch: int) -> float:
    """The largest difference from ONNX Runtime's values, as a share of the largest of them."""
    image = np.random.default_rng(batch).normal(size=(batch, *shape)).astype(np.float32)
    (wanted,) = run_file(path, [image], optimised=False)
    found = imported.run(image)
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-30))


def page(found: Sequence[Found]) -> str:
    """docs/wild.md."""
    versions = f"PyTorch {version('torch').partition('+')[0]}, torchvision {version('torchvision').partition('+')[0]}"
    well = sum(not one.problem for one in found)
    lines = [
        "# Networks from elsewhere",
        "",
        "Written by `make wild`; do not edit.",
        "",
        f"Networks of torchvision with random weights, as PyTorch exports them ({versions}), imported:",
        f"{well} of {len(found)} have ONNX Runtime's values, for one example and for three, and PyTorch's parameters.",
        "Parameters are not compared where the exporter optimises: it fuses norms and drops biases that are zeros.",
        "The difference is the largest, as a share of the largest value of the output. Lines are those of the text,",
        "with its blocks and loops.",
        "",
        "| network | exporter | parameters | nodes | lines | difference | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for one in found:
        numbers = f"{one.nodes:,} | {one.lines or ''} | {f'{one.difference:.0e}' if one.lines else ''}"
        said = one.problem.replace("|", "\\|").replace("_", "\\_") or "as it should be"
        lines.append(f"| `{one.name}` | {one.exporter} | {one.parameters:,} | {numbers} | {said} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for every network and exporter; 1 if any is not as it should be."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    names = [word for word in given if word != "--write"] or NETWORKS.split()
    models = torchvision_models()
    found = []
    for name in names:
        network, shape = built(models, name)
        for exporter in EXPORTERS:
            with tempfile.TemporaryDirectory() as folder:
                found.append(tried(name, network, shape, exporter, Path(folder) / "model.onnx"))
            one = found[-1]
            print(f"{name:<30} {exporter:<12} {one.parameters:>11,} {one.nodes:>5} nodes {one.lines:>5} lines", end=" ")
            print(f"{one.difference:8.0e}  {one.problem}", flush=True)
        if "--write" in given:
            PAGE.write_text(page(found), encoding="utf-8")
    return int(any(one.problem for one in found))


if __name__ == "__main__":
    sys.exit(main())
