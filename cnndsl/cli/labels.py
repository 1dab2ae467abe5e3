"""The names of the classes: those of ``--labels``, or those that the weights were trained for."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnndsl.errors import CnnError, quoted


def add_labels(command: argparse.ArgumentParser, purpose: str = "") -> None:
    labels_help = (
        "a text file with the names of the classes, one a line (default: those that the weights were trained for)"
    )
    command.add_argument("--labels", metavar="F", help=purpose + labels_help)


def class_names(options: argparse.Namespace, network: Any) -> list[str] | None:
    """The names, or None where nothing gives them. Raises CnnError for a file that cannot be read."""
    return _read(options.labels) if options.labels else _trained(options.weights, network)


def _read(path: str) -> list[str]:
    from cnndsl.api import read_text

    if "," in path and not os.path.exists(path):
        advice = "the names of the classes stand in a text file, one a line"
        raise CnnError.of("file-unreadable", f"there is no file {quoted(path)}", advice)
    return [line.strip() for line in read_text(Path(path)).splitlines() if line.strip()]


def _trained(weights: str | None, network: Any) -> list[str] | None:
    """The names of the classes that the weights were trained for, if the network has one output for each."""
    from cnndsl.runtime.data.weights import class_names

    names = class_names(weights) if weights else ()
    sizes = [shape.channels for shape in network.outputs.values() if shape.is_vector]
    return list(names) if names and sizes == [len(names)] * len(network.outputs) else None


def require_fitting(labels: Sequence[str] | None, network: Any) -> None:
    """Raises CnnError where there is not one name for each value of every output."""
    for name, shape in network.outputs.items():
        if labels is not None and (not shape.is_vector or len(labels) != shape.channels):
            message = f"there are {len(labels)} labels, but output {quoted(name)} is {shape}"
            raise CnnError.of("labels-mismatch", message)
