"""What ``cnndsl run`` shows and writes of what it computes."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from cnndsl.cli import terminal
from cnndsl.cli.initial import InitialWeights, to_json
from cnndsl.cli.labels import require_fitting
from cnndsl.cli.outputs import wrote
from cnndsl.cli.saved import saved
from cnndsl.cli.terminal import say
from cnndsl.errors import CnnError, visible

RANKED = ("softmax", "log_softmax")
"""Operators whose vectors are shown from the largest number on, without being asked."""


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
        self.network = network
        self.initial = initial
        self.profile = profile
        self.labels = labels
        self.options = options
        self.saved = saved(options, network)
        self.reports: list[dict[str, Any]] = []
        self.unreadable: list[dict[str, str]] = []
        self.count = 0
        require_fitting(labels, network)

    def add(self, names: Sequence[str], values: dict[str, Any]) -> None:
        """One batch's values by layer name."""
        self.count += len(names)
        if self.saved:
            self.saved.add(values)
        for index, example in enumerate(names):
            outputs = {name: self._described(name, values[name][index]) for name in self.network.outputs}
            layers = {
                name: self._described(name, value[index]) for name, value in values.items() if name not in outputs
            }
            report = {"input": example, "outputs": outputs, **({"layers": layers} if layers else {})}
            if self.options.format == "json":
                self.reports.append(report)
            else:
                with terminal.speaking():
                    self._print(report)

    def leave_out(self, name: str, error: CnnError) -> None:
        """Says why an example of many is left out."""
        say(error.diagnostics, error.sources)
        self.unreadable.append({"input": name, "message": error.diagnostics[0].message})

    def require_some(self) -> None:
        """Raises CnnError where nothing could be read."""
        if not self.count:
            raise CnnError.of("input-file", f"none of the {len(self.unreadable)} images can be read")

    def _described(self, name: str, value: Any) -> dict[str, Any]:
        """A value's range, its largest elements if it is a vector, and its numbers if they are shown."""
        import numpy as np

        from cnndsl.report.values import is_small

        with np.errstate(all="ignore"):
            spread = {"min": value.min(), "mean": value.mean(dtype=np.float64), "max": value.max()}
        result: dict[str, Any] = {"shape": list(value.shape)} | {name: float(number) for name, number in spread.items()}
        if value.ndim == 1:
            order = np.argsort(-value, kind="stable")[: self.options.top or 5].tolist()
            result["top"] = [
                {"index": index, **self._label(index, value.size), "value": float(value[index])} for index in order
            ]
        shown = self.options.print
        if shown == "all" or (shown is None and is_small(value.shape) and not self._is_ranked(name)):
            result["values"] = value.tolist() if self.options.format == "json" else value
        return result

    def _is_ranked(self, name: str) -> bool:
        """Whether an output's largest numbers say more than all in their order."""
        if name not in self.network.outputs or not self.network.outputs[name].is_vector:
            return False
        layer = self.network.layers.get(name)
        asked = self.labels is not None or self.options.top is not None
        return asked or (layer is not None and layer.operator in RANKED)

    def _label(self, index: int, size: int) -> dict[str, str]:
        return {"label": self.labels[index]} if self.labels is not None and len(self.labels) == size else {}

    def _print(self, report: dict[str, Any]) -> None:
        from cnndsl.report.values import laid_out

        print(visible(report["input"]))
        for name, facts in {**report["outputs"], **report.get("layers", {})}.items():
            shape = "x".join(map(str, facts["shape"]))
            spread = f"min {facts['min']:.6g}, mean {facts['mean']:.6g}, max {facts['max']:.6g}"
            if "values" in facts:
                print(f"  {name} ({shape}): {spread}")
                print("\n".join(f"    {line}" for line in laid_out(facts["values"])))
            elif name in report["outputs"] and "top" in facts:
                print(f"  {name} ({shape})")
                for row in facts["top"]:
                    print(f"    {row['value']:>12.6g}  {visible(str(row.get('label', row['index'])))}")
            else:
                print(f"  {name} ({shape}): {spread}")

    def close(self) -> None:
        if self.saved:
            self.saved.close()

    def finish(self, drawn: dict[str, Any] | None = None) -> None:
        """Writes the file and the JSON, once all is computed; ``drawn`` says what a picture shows."""
        if self.saved:
            wrote(*self.saved.write())
        with terminal.speaking():
            self._conclude(drawn)

    def _conclude(self, drawn: dict[str, Any] | None) -> None:
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
