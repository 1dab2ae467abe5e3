"""What ``--input`` names: images, folders of them, arrays, numbers as they are, or made-up values."""

import argparse
import os
import re
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from os.path import isdir
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from cnndsl import progress
from cnndsl.cli.options import READING, input_name, size, some_divisors, some_numbers
from cnndsl.errors import CnnError, listed, quoted
from cnndsl.ir import Graph, Input
from cnndsl.runtime.data.made import MADE, made_input
from cnndsl.runtime.data.numbers import is_written, written_array

if TYPE_CHECKING:
    from cnndsl.runtime.data.preparation import Preparation

    Arrays: TypeAlias = dict[str, Any]

ONE = f'an image, .npy, .npz, numbers such as "0 0 1" or "[[0, 1], [1, 0]]", or {", ".join(MADE)}'
"""What names one example."""

MANY = ONE.replace(".npz,", ".npz, a folder of images,")
SEVERAL = "for one of several inputs NAME=X; may be repeated"
FOR_IMAGES = ("convert", "resize", "crop", "mean", "std")
NUMBERS = re.compile(r"[-+.\d][^\s,;/\\]*[\s,;]+(?!.*\.[A-Za-z])")
"""What is meant as numbers, although something in it is none."""
Failed: TypeAlias = Callable[[str, CnnError], object]


def add_arguments(command: argparse.ArgumentParser, words: str, required: bool = False) -> None:
    """``--input``, and the options that say how it is read."""
    command.add_argument("--input", action="append", required=required, metavar="[NAME=]X", help=words)
    add_reading(command)


def add_reading(command: argparse.ArgumentParser) -> None:
    """The options that say how examples are read."""
    group = command.add_argument_group(READING)
    group.add_argument("--convert", choices=("grey", "rgb"), help="images become grey or RGB; transparency is left out")
    resize_help = (
        "images get this size: HxW (height x width), N for the shorter side, or without a value the input's, which "
        "they cover with their sides in proportion if --crop is there"
    )
    group.add_argument("--resize", nargs="?", const=(), type=size, metavar="SIZE", help=resize_help)
    crop_help = "cuts the input's size out of the middle of images"
    group.add_argument("--crop", choices=("center",), help=crop_help)
    mean_help = "is taken from an image's numbers, which are in 0..1: one for all, or one for each channel"
    group.add_argument("--mean", type=some_numbers, metavar="A,B,C", help=mean_help)
    std_help = "divides what is left then"
    group.add_argument("--std", type=some_divisors, metavar="A,B,C", help=std_help)
    last_help = "arrays have their channels in the last axis, as in Keras; an axis for the batch may be missing"
    group.add_argument("--channels-last", action="store_const", const=True, help=last_help)


def reading_options(options: argparse.Namespace) -> list[str]:
    """The options about reading that are given."""
    return [name for name in (*FOR_IMAGES, "channels_last") if getattr(options, name) is not None]


class Source(NamedTuple):
    """What one ``--input`` names."""

    inputs: tuple[Input, ...]
    examples: int | None
    """How many examples; None for as many as the others have."""
    read: "Callable[[slice], tuple[list[str], Arrays]]"
    """The names of some of them, and their arrays by the names of the inputs."""
    kind: str
    """``images``, ``arrays`` or ``made``."""
    differ: bool = False
    """Whether examples may differ in size."""


def batches(
    graph: Graph,
    options: argparse.Namespace,
    seed: int = 0,
    batch: int | None = None,
    failed: Failed | None = None,
) -> "Generator[tuple[list[str], Arrays]]":
    """The inputs by name, a batch at a time, with a name for every example.

    Images of a folder that cannot be read are left out if ``failed`` is there to hear of them. Raises CnnError for
    files that cannot be read or do not fit.
    """
    from cnndsl.runtime.memory_limit import require_memory

    sources = _sources(graph, options, seed, batch, failed)
    _require_used(options, {source.kind for source in sources})
    counts = {source.inputs[0].name: source.examples for source in sources if source.examples is not None}
    _require_equal(counts)
    count = next(iter(counts.values()), batch or 1)
    if not counts:
        require_memory(graph, count)
    sources.sort(key=lambda source: source.examples is None)  # the others have the better names
    many = 1 if any(source.differ for source in sources) else 32
    at_once = (batch or many) if counts else count
    slices = [slice(start, min(start + at_once, count)) for start in range(0, count, at_once)]
    progress.begin("running", count, "examples")
    for part in slices:
        names, arrays = sources[0].read(part)
        for source in sources[1:]:
            arrays |= source.read(part)[1]
        if names:
            yield names, {value.name: arrays[value.name] for value in graph.inputs}
        progress.advance(part.stop - part.start)


def first_example(graph: Graph, options: argparse.Namespace, seed: int = 0) -> "Arrays":
    """The first example alone, with a batch axis of 1. Raises CnnError, for a folder too."""
    for given in options.input:
        _, what = input_name(given, [value.name for value in graph.inputs])
        if isdir(what) and what not in MADE:
            raise CnnError.of("bad-setting", f"{quoted(what)} is a folder, but one example is wanted", "name one image")
    with closing(batches(graph, options, seed, 1)) as found:
        return next(found)[1]


def _sources(
    graph: Graph, options: argparse.Namespace, seed: int, batch: int | None, failed: Failed | None
) -> list[Source]:
    """What every ``--input`` names; the one without a name is for all inputs that are not named."""
    values = {value.name: value for value in graph.inputs}
    named: dict[str | None, str] = {}
    for given in options.input:
        name, what = input_name(given, values)
        if name in named:
            twice = f"input {quoted(name)} is given twice" if name else "two of --input have no name"
            raise CnnError.of("bad-setting", twice, "write --input NAME=X for each input of the network")
        if not what:
            raise CnnError.of("bad-setting", "--input is empty", f"give {MANY}")
        named[name] = what
    rest = [value for value in graph.inputs if value.name not in named]
    if rest and None not in named:
        missing = listed([value.name for value in rest])
        raise CnnError.of("input-names", f"no --input for {missing}", f"add --input {rest[0].name}=X")
    if not rest and None in named:
        raise CnnError.of("bad-setting", f"--input {quoted(named[None])} is for no input: all are named")
    alone = len(named) == 1
    return [
        _source([values[name]] if name else rest, what, options, seed, batch, failed if alone else None)
        for name, what in named.items()
    ]


def _source(
    inputs: Sequence[Input],
    given: str,
    options: argparse.Namespace,
    seed: int,
    batch: int | None,
    failed: Failed | None,
) -> Source:
    path = Path(given)
    if given in MADE:
        return _made(inputs, given, seed)
    if path.suffix.lower() in (".npy", ".npz"):
        return _arrays(inputs, path, options.channels_last)
    if len(inputs) != 1:
        message = f"{quoted(given)} is for networks with one input; this one has {len(inputs)}"
        advice = f"name each: --input {inputs[0].name}={given}; or give an .npz with one array an input"
        raise CnnError.of("input-names", message, advice)
    if is_written(given) and not os.path.exists(given):
        return _numbers(inputs[0], given, options.channels_last)
    if NUMBERS.match(given) and not os.path.exists(given):
        advice = 'numbers have spaces or commas between them, and rows brackets: "0 0 1", "[[0, 1], [1, 0]]"'
        raise CnnError.of("input-file", f"there is no file {quoted(given)}", advice)
    return _images(inputs[0], path, preparation_of(options), failed)


def preparation_of(options: argparse.Namespace) -> "Preparation":
    from cnndsl.runtime.data.preparation import Preparation

    mean, std = options.mean or (), options.std or ()
    return Preparation(options.convert, options.resize, options.crop is not None, mean, std)


def _made(inputs: Sequence[Input], kind: str, seed: int) -> Source:
    def read(part: slice) -> "tuple[list[str], Arrays]":
        made = {value.name: made_input(value, kind, part.stop, seed)[part] for value in inputs}
        return [f"{kind} {index}" for index in range(part.start, part.stop)], made

    return Source(tuple(inputs), None, read, "made")


def _arrays(inputs: Sequence[Input], path: Path, channels_last: bool) -> Source:
    from cnndsl.runtime.data import images
    from cnndsl.runtime.interpreter import require_arrays

    headers = [*images.array_headers(path, inputs).values()]
    if channels_last:
        headers = [
            header._replace(shape=_shape_with_channels_first(header.shape, value))
            for header, value in zip(headers, inputs, strict=False)
        ]
    require_arrays(inputs, headers, quoted(str(path)))
    return _of_arrays(inputs, images.read_array(path, inputs), path.name, channels_last, quoted(str(path)))


def _numbers(value: Input, given: str, channels_last: bool) -> Source:
    array = written_array(given, value, f"--input {quoted(given, 30)}")
    return _of_arrays([value], {value.name: array}, "numbers", channels_last, "--input")


def _of_arrays(inputs: Sequence[Input], given: "Arrays", label: str, channels_last: bool, shown: str) -> Source:
    from cnndsl.runtime.interpreter import checked_input

    if channels_last:
        given = {value.name: _with_channels_first(given[value.name], value) for value in inputs}
    arrays = {value.name: checked_input(value, given[value.name]) for value in inputs}
    counts = {name: len(array) for name, array in arrays.items()}
    _require_equal(counts)
    count = next(iter(counts.values()))
    if not count:
        raise CnnError.of("input-shape", f"{shown} holds no examples")

    def read(part: slice) -> "tuple[list[str], Arrays]":
        names = [f"{label}[{index}]" for index in range(part.start, part.stop)]
        return names, {name: array[part] for name, array in arrays.items()}

    return Source(tuple(inputs), count, read, "arrays")


def _require_equal(counts: Mapping[str, int]) -> None:
    """Raises CnnError where inputs have different numbers of examples."""
    if len(set(counts.values())) > 1:
        sizes = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise CnnError.of("input-shape", f"the inputs differ in batch size: {sizes}")


def _with_channels_first(array: Any, value: Input) -> Any:
    """(N, spatial..., C), or (spatial..., C) of one example, as (N, C, spatial...); what is neither as it is."""
    import numpy as np

    rank = len(value.shape.dimensions)
    if array.ndim == rank:
        array = array[None]
    return np.moveaxis(array, -1, 1) if array.ndim == rank + 1 and rank > 1 else array


def _shape_with_channels_first(shape: tuple[int, ...], value: Input) -> tuple[int, ...]:
    rank = len(value.shape.dimensions)
    if len(shape) == rank:
        shape = (1, *shape)
    return (shape[0], shape[-1], *shape[1:-1]) if len(shape) == rank + 1 and rank > 1 else shape


def _images(value: Input, path: Path, preparation: "Preparation", failed: Failed | None) -> Source:
    import numpy as np

    from cnndsl.runtime.data import images

    folder = isdir(path)
    files = images.image_files(path) if folder else [path]

    def read(part: slice) -> "tuple[list[str], Arrays]":
        names, arrays = [], []
        for file in files[part]:
            try:
                arrays.append(images.read_image(file, value, preparation))
            except CnnError as error:
                if not folder or failed is None or error.diagnostics[0].code != "input-file":
                    raise
                failed(file.name, error)
            else:
                names.append(file.name)
        if len({array.shape for array in arrays}) > 1:
            advice = "--batch 1 runs each by itself, --resize makes them equal"
            raise CnnError.of("image-size", f"images of one batch differ in size: {listed(names)}", advice)
        return names, {value.name: np.concatenate(arrays)} if arrays else {}

    own_size = bool(value.extents) and preparation.resize is None and not preparation.crop
    return Source((value,), len(files), read, "images", folder and own_size)


def _require_used(options: argparse.Namespace, kinds: Collection[str]) -> None:
    """Raises CnnError for an option about images where there are none, and the like."""
    for name in reading_options(options):
        kind = "images" if name in FOR_IMAGES else "arrays"
        if kind not in kinds:
            raise CnnError.of("bad-setting", f"--{name.replace('_', '-')} is for {kind}, and no input is one")
