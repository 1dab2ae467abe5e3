"""``cnndsl run``: executes a network on images, arrays or made-up inputs."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cnndsl.cli import inputs as given
from cnndsl.cli import plotting
from cnndsl.cli.initial import InitialWeights, say_initial_weights, to_json, used_initial_weights
from cnndsl.cli.options import add_file, add_source_arguments, add_weights, positive
from cnndsl.cli.outputs import require_free, wrote
from cnndsl.cli.terminal import FINE, WRONG, only_network, say, unwritable
from cnndsl.errors import CnnError, quoted, visible
from cnndsl.network import BACKENDS

EXAMPLE = "cnndsl run digits.cnn --weights digits.safetensors --input three.png --top 3"


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    input_help = f"{given.MANY}; of an .npz one array for each input, by name; {given.SEVERAL}"
    given.add_arguments(command, input_help, required=True)
    add_weights(command, "initial weights and random input")
    backend_help = "what computes: the interpreter (numpy, default), ONNX Runtime, an extra, or the reference"
    command.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help=backend_help)
    batch_help = (
        "examples of made-up input (default: 1), or how many examples of a file or images of a folder run at a time "
        "(default: 32)"
    )
    command.add_argument("--batch", type=positive, metavar="N", help=batch_help)
    command.add_argument("--top", type=positive, metavar="K", help="shows the K largest outputs (default: 5)")
    command.add_argument("--labels", metavar="F", help="a text file with the names of the classes, one a line")
    command.add_argument("--layers", metavar="A,B", help="keeps these layers' values too; all for every layer")
    command.add_argument("--out", metavar="F.npz", help="writes the outputs and the kept values as .npz")
    threads_help = "threads that compute (default: one for each core); results do not depend on it"
    command.add_argument("--threads", type=positive, metavar="N", help=threads_help)
    profile_help = "shows for every step what it computes, by which algorithm, its time, GFLOP/s and share"
    command.add_argument("--profile", action="store_true", help=profile_help)
    format_help = "how the results are printed: text (default), or json, one object"
    command.add_argument("--format", choices=("text", "json"), default="text", help=format_help)
    plotting.add_arguments(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    network = only_network(options.file, options)
    labels = _labels(options.labels) if options.labels else None
    keep = _kept(options.layers, network)
    if options.out and Path(options.out).suffix.lower() != ".npz":
        raise CnnError.of("bad-setting", f"--out writes .npz files, not {quoted(options.out)}")
    for out in (options.out, options.plot):
        require_free(out, options, network)
    profile = _profile(options)
    initial = used_initial_weights(options, network)
    plot = plotting.plot_of(options, network, keep, initial.caption if initial else "")
    run = network.runner(
        weights=options.weights,
        seed=options.seed,
        keep=plot.layers if plot else keep,
        backend=options.backend,
        threads=options.threads,
        profile=profile,
    )
    say_initial_weights(initial)
    shown = options.format == "json" or not sys.stdout.isatty()  # results that run over the terminal are progress too
    with closing(Results(network, labels, options, initial, profile)) as results:
        examples = given.batches(network.graph, options, options.seed, options.batch, shown, results.leave_out)
        with closing(examples) as batches:
            for names, inputs in batches:
                values = run(inputs)
                results.add(names, plot.add(names, inputs, values) if plot else values)
        results.require_some()
        drawn = plot.write(labels) if plot else None
        results.finish(drawn)
    return WRONG if results.unreadable else FINE


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


class Results:
    """Gathers what the batches give and shows it."""

    def __init__(
        self,
        network: Any,
        labels: Sequence[str] | None,
        options: argparse.Namespace,
        initial: InitialWeights | None = None,
        profile: Any = None,
    ) -> None:
        from cnndsl.runtime.data.npz_stream import NpzStream

        self.network = network
        self.initial = initial
        self.profile = profile
        self.labels = labels
        self.options = options
        self.kept = NpzStream()
        self.reports: list[dict[str, Any]] = []
        self.unreadable: list[dict[str, str]] = []
        self.count = 0
        for name, shape in network.outputs.items():
            if labels is not None and (not shape.is_vector or len(labels) != shape.channels):
                message = f"there are {len(labels)} labels, but output {quoted(name)} is {shape}"
                raise CnnError.of("labels-mismatch", message)

    def add(self, names: Sequence[str], values: dict[str, Any]) -> None:
        """One batch's values by layer name."""
        self.count += len(names)
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

    def leave_out(self, name: str, error: CnnError) -> None:
        """Says why an example of many is left out."""
        say(error.diagnostics, error.sources)
        self.unreadable.append({"input": name, "message": error.diagnostics[0].message})

    def require_some(self) -> None:
        """Raises CnnError where nothing could be read."""
        if not self.count:
            raise CnnError.of("input-file", f"none of the {len(self.unreadable)} images can be read")

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

    def finish(self, drawn: dict[str, Any] | None = None) -> None:
        """Writes the file and the JSON, once all is computed; ``drawn`` says what a picture shows."""
        if self.options.out:
            try:
                self.kept.write(self.options.out)
            except OSError as error:
                raise unwritable(self.options.out, error) from None
            wrote(self.options.out)
        if self.options.format == "json":
            about = {"version": 1, "network": self.network.name, "initial_weights": to_json(self.initial)}
            report = {**about, "results": self.reports, "unreadable": self.unreadable}
            if self.profile:
                report["profile"] = self.profile.rows()
            if drawn:
                report["plot"] = drawn
            json.dump(_finite(report), sys.stdout, indent=1, allow_nan=False)
            print()
            return
        if drawn:
            print(visible(f"{drawn['file']} shows {', '.join(drawn['layers'])} of {drawn['input']}"))
        if self.profile:
            print("\n" + "\n".join(map(visible, self.profile.table().splitlines())))


def _finite(value: Any) -> Any:
    """JSON has neither infinities nor NaN: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
