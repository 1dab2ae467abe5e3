"""``cnndsl run``: executes a network on images, arrays or made-up inputs."""

import argparse
import json
import math
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cnndsl.cli.check import natural, positive
from cnndsl.cli.terminal import add_source_arguments, only_network, progress, unwritable
from cnndsl.errors import CnnError, quoted

EXAMPLE = "cnndsl run digits.cnn --weights digits.safetensors --input three.png --top 3"
MADE = ("random", "zeros", "ones")


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a .cnn or .onnx file, or - for standard input")
    input_help = "an image, .npy, .npz, a folder of images, or random, zeros, ones"
    command.add_argument("--input", required=True, metavar="X", help=input_help)
    command.add_argument("--weights", metavar="W", help="a .safetensors, .npz or .onnx file (default: initial weights)")
    command.add_argument("--seed", type=natural, default=0, help="for initial weights and random input (default: 0)")
    batch_help = "examples of made-up input (default: 1), or examples run at a time (default: 32)"
    command.add_argument("--batch", type=positive, metavar="N", help=batch_help)
    command.add_argument("--top", type=positive, metavar="K", help="show the K largest outputs (default: 5)")
    command.add_argument("--labels", metavar="F", help="a text file with one class name a line")
    command.add_argument("--layers", metavar="A,B", help="keep these layers' values too; all for every layer")
    command.add_argument("--out", metavar="F.npz", help="write the outputs (and kept layers) as .npz")
    backend_help = "what computes; onnxruntime is an extra (default: numpy)"
    command.add_argument("--backend", choices=("numpy", "onnxruntime"), default="numpy", help=backend_help)
    command.add_argument("--threads", type=positive, metavar="N", help="threads that compute (default: one a core)")
    command.add_argument("--profile", action="store_true", help="show algorithm, time and GFLOP/s of every layer")
    command.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    network = only_network(options.file, options)
    labels = _labels(options.labels) if options.labels else None
    keep = _kept(options.layers, network)
    if options.out and Path(options.out).suffix.lower() != ".npz":
        raise CnnError.of("bad-setting", f"--out writes .npz files, not {quoted(options.out)}")
    profile = _profile(options)
    run = network.runner(
        weights=options.weights,
        seed=options.seed,
        keep=keep,
        backend=options.backend,
        threads=options.threads,
        profile=profile,
    )
    with closing(Results(network, labels, options, profile)) as results:
        with closing(_inputs(options, network)) as batches:
            for names, inputs in batches:
                results.add(names, run(inputs))
        results.finish()
    return 0


def _profile(options: argparse.Namespace) -> Any:
    """What the time of every layer is added up in, or None."""
    if not options.profile:
        return None
    if options.backend != "numpy":
        raise CnnError.of("bad-setting", "--profile is for the numpy backend")
    from cnndsl.runtime.profile import Profile

    return Profile()


def _labels(path: str) -> list[str]:
    from cnndsl.api import read_text

    return [line.strip() for line in read_text(Path(path)).splitlines() if line.strip()]


def _kept(layers: str | None, network: Any) -> tuple[str, ...]:
    if layers is None:
        return ()
    return tuple(network.layers) if layers == "all" else tuple(name.strip() for name in layers.split(","))


def _inputs(options: argparse.Namespace, network: Any) -> Generator[tuple[list[str], dict[str, Any]]]:
    """The inputs, a batch at a time, with a name for every example."""
    from cnndsl.runtime import images
    from cnndsl.runtime.interpreter import checked_inputs
    from cnndsl.runtime.room import require_room

    def parts(count: int) -> Any:
        """Slices of a batch each; results that run over the terminal are progress enough."""
        size = options.batch or 32
        slices = [slice(start, start + size) for start in range(0, count, size)]
        shown = options.format == "json" or not sys.stdout.isatty()
        return closing(progress(slices, "running", shown))

    inputs = network.graph.inputs
    path = Path(options.input)
    if options.input in MADE:
        count = options.batch or 1
        require_room(network.graph, count)
        made = {value.name: images.made_input(value, options.input, count, options.seed) for value in inputs}
        yield [f"{options.input} {index}" for index in range(count)], made
    elif path.suffix.lower() in (".npy", ".npz"):
        arrays = checked_inputs(network.graph, images.read_array(path, inputs))
        count = len(arrays[inputs[0].name])
        if not count:
            raise CnnError.of("input-shape", f"{quoted(options.input)} holds no examples")
        names = [f"{path.name}[{index}]" for index in range(count)]
        with parts(count) as slices:
            for part in slices:
                yield names[part], {name: array[part] for name, array in arrays.items()}
    else:
        if len(inputs) != 1:
            message = f"images are for networks with one input; this one has {len(inputs)}"
            raise CnnError.of("input-names", message, "give an .npz with one array an input")
        files = images.image_files(path) if path.is_dir() else [path]
        with parts(len(files)) as slices:
            for part in slices:
                yield [file.name for file in files[part]], {inputs[0].name: images.read_batch(files[part], inputs[0])}


class Results:
    """Gathers what the batches give and shows it."""

    def __init__(
        self, network: Any, labels: Sequence[str] | None, options: argparse.Namespace, profile: Any = None
    ) -> None:
        from cnndsl.runtime.spool import Spool

        self.network = network
        self.profile = profile
        self.labels = labels
        self.options = options
        self.kept = Spool()
        self.reports: list[dict[str, Any]] = []
        for name, shape in network.outputs.items():
            if labels is not None and (not shape.is_vector or len(labels) != shape.channels):
                message = f"there are {len(labels)} labels, but output {quoted(name)} is {shape}"
                raise CnnError.of("labels-mismatch", message)

    def add(self, names: Sequence[str], values: dict[str, Any]) -> None:
        """One batch's values by layer name."""
        if self.options.out:
            try:
                for name, value in values.items():
                    self.kept.add(name, value)
            except OSError as error:
                raise unwritable(self.options.out, error) from None
        for index, example in enumerate(names):
            outputs = {name: self._described(values[name][index]) for name in self.network.outputs}
            layers = {name: self._described(value[index]) for name, value in values.items() if name not in outputs}
            report = {"input": example, "outputs": outputs, **({"layers": layers} if layers else {})}
            if self.options.format == "json":
                self.reports.append(report)
            else:
                self._print(report)

    def _described(self, value: Any) -> dict[str, Any]:
        """A value's largest elements if it is a vector, and its range."""
        import numpy as np

        with np.errstate(all="ignore"):
            spread = {"min": value.min(), "mean": value.mean(dtype=np.float64), "max": value.max()}
        result: dict[str, Any] = {"shape": list(value.shape)} | {name: float(number) for name, number in spread.items()}
        if value.ndim == 1:
            order = np.argsort(-value, kind="stable")[: self.options.top or 5].tolist()
            result["top"] = [
                {"index": index, **self._label(index, value.size), "value": float(value[index])} for index in order
            ]
        return result

    def _label(self, index: int, size: int) -> dict[str, str]:
        return {"label": self.labels[index]} if self.labels is not None and len(self.labels) == size else {}

    def _print(self, report: dict[str, Any]) -> None:
        from cnndsl.report.diagnostics import visible

        print(visible(report["input"]))
        for name, facts in {**report["outputs"], **report.get("layers", {})}.items():
            shape = "x".join(map(str, facts["shape"]))
            spread = f"min {facts['min']:.6g}, mean {facts['mean']:.6g}, max {facts['max']:.6g}"
            if name in report["outputs"] and "top" in facts:
                print(f"  {name} ({shape})")
                for row in facts["top"]:
                    print(f"    {row['value']:>12.6g}  {visible(str(row.get('label', row['index'])))}")
            else:
                print(f"  {name} ({shape}): {spread}")

    def close(self) -> None:
        self.kept.close()

    def finish(self) -> None:
        """Writes the file and the JSON, once all is computed."""
        if self.options.out:
            try:
                self.kept.write(self.options.out)
            except OSError as error:
                raise unwritable(self.options.out, error) from None
        if self.options.format == "json":
            report = {"version": 1, "network": self.network.name, "results": self.reports}
            if self.profile:
                report["profile"] = self.profile.rows()
            json.dump(_finite(report), sys.stdout, indent=1, allow_nan=False)
            print()
        elif self.profile:
            from cnndsl.report.diagnostics import visible

            print("\n" + "\n".join(map(visible, self.profile.table().splitlines())))


def _finite(value: Any) -> Any:
    """JSON has neither infinities nor NaN: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
