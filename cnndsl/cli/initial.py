"""Commands that compute with initial weights say so: on standard error, in captions and in JSON."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cnndsl.cli.terminal import complain
from cnndsl.errors import quoted, visible

MOST_FILES = 64
"""Files beside the text that are looked into."""


class InitialWeights(NamedTuple):
    """The seed that a command makes weights of, and files beside the text whose weights would fit."""

    seed: int
    beside: tuple[str, ...]

    @property
    def caption(self) -> str:
        return f"initial weights, seed {self.seed}"

    @property
    def words(self) -> str:
        """With how to get others."""
        if not self.beside:
            return f"{self.caption}; those of training come by --weights FILE"
        name = self.beside[0]
        shown = f'"{name}"' if " " in name else name
        return f"{self.caption}; {quoted(Path(name).name)} lies beside the file: --weights {shown}"


def used_initial_weights(options: argparse.Namespace, network: Any) -> InitialWeights | None:
    """What to say where no weights are given and the network has some that neither the text nor a model gives."""
    learned = any(weight.literal is None for _, _, weight in network.graph.all_weights())
    file = getattr(options, "file", None) or options.subject
    if options.weights is not None or not learned or file.lower().endswith(".onnx"):
        return None
    beside = () if file == "-" else tuple(map(str, _fitting(Path(file), network)))
    return InitialWeights(options.seed or 0, beside)


def say_initial_weights(initial: InitialWeights | None) -> None:
    if initial is not None:
        complain(visible(initial.words))


def to_json(initial: InitialWeights | None) -> dict[str, Any] | None:
    """The field ``initial_weights``: null where weights are given."""
    return None if initial is None else {"seed": initial.seed, "beside": list(initial.beside)}


def _fitting(file: Path, network: Any) -> Iterator[Path]:
    """The files of weights in the text's folder that fit, that of its own name first."""
    from cnndsl.runtime.data.weights import SUFFIXES, fits

    try:
        found = sorted(
            (path for path in file.parent.iterdir() if path.suffix.lower() in SUFFIXES),
            key=lambda path: (path.stem != file.stem, path.name),
        )
    except OSError:
        return
    yield from (path for path in found[:MOST_FILES] if fits(network.graph, path))
