"""``--plot`` of ``cnndsl run``: the first example's feature maps as a picture."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from cnndsl.cli.options import positive
from cnndsl.cli.terminal import unwritable
from cnndsl.errors import CnnError
from cnndsl.report.plots.maps import MOST, SCALES
from cnndsl.report.plots.sheet import SUFFIXES

PICTURES = "pictures"
"""The title of these options in the help."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group(PICTURES)
    plot_help = f"draws the first example's maps of --layers (default: of the first kernels) as {SUFFIXES}"
    group.add_argument("--plot", metavar="F.png", help=plot_help)
    columns_help = "maps in a row (default: by their number: 6 are 2x3, 32 are 4x8, 64 are 8x8)"
    group.add_argument("--columns", type=positive, metavar="N", help=columns_help)
    scale_help = (
        "black and white are the least and the largest value of the layer's maps (shared, default), or of each map; of "
        "the .png of --out, of the image or of each channel (default: as --range says)"
    )
    group.add_argument("--scale", choices=SCALES, help=scale_help)
    group.add_argument("--maps", type=positive, metavar="N", help=f"draws at most N maps of a layer (default: {MOST})")


class Plot:
    """What is drawn: the layers and, once they are there, the values of the first example."""

    def __init__(self, options: argparse.Namespace, network: Any, kept: Sequence[str], weights: str) -> None:
        from cnndsl.report import plots

        require_pictures(options.plot)
        self.options = options
        self.network = network
        self.weights = weights
        self.layers = tuple(dict.fromkeys(kept)) or (plots.default_layer(network),)
        plots.require_layers(network, self.layers)
        self.unasked = {*self.layers} - {*kept, *network.outputs}
        self.example = ""
        self.values: dict[str, Any] = {}

    def add(self, examples: Sequence[str], inputs: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Takes the first example of the first batch; gives the values without those that are for the picture alone."""
        if not self.values:
            self.example = examples[0]
            self.values = {
                name: batch[0].copy()
                for name, batch in {**inputs, **values}.items()
                if name in self.layers or name in inputs
            }
        return {name: value for name, value in values.items() if name not in self.unasked}

    def write(self, labels: Sequence[str] | None) -> dict[str, Any]:
        """Draws, and gives in which file what is to be seen. Raises CnnError where it cannot be written."""
        from cnndsl.report import plots

        figure = plots.feature_maps(
            self.network,
            self.values,
            self.layers,
            example=self.example,
            weights=self.weights,
            columns=self.options.columns,
            scale=self.options.scale or "shared",
            most=self.options.maps or MOST,
            labels=labels,
            top=self.options.top or 10,
        )
        try:
            plots.save(figure, self.options.plot)
        except OSError as error:
            raise unwritable(self.options.plot, error) from None
        return {"file": self.options.plot, "input": self.example, "layers": list(self.layers)}


def require_pictures(path: str) -> None:
    """Raises CnnError where matplotlib is missing, or draws no files of this suffix."""
    from cnndsl.report.plots.sheet import picture_format, require_matplotlib

    quiet_matplotlib()
    require_matplotlib()
    picture_format(path)


def quiet_matplotlib() -> None:
    """What matplotlib logs, as that it finds no folder for its caches, is nothing that a picture depends on."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def plot_of(options: argparse.Namespace, network: Any, kept: Sequence[str], weights: str = "") -> Plot | None:
    """The picture that is asked for; ``weights`` says what they are.

    Raises CnnError, before anything has run, where it cannot be drawn.
    """
    if options.plot is not None:
        return Plot(options, network, kept, weights)
    for name in ("columns", "scale", "maps"):
        if getattr(options, name) is not None and not (name == "scale" and options.out):
            raise CnnError.of("bad-setting", f"--{name} says how --plot draws", "give a file: --plot maps.png")
    return None
