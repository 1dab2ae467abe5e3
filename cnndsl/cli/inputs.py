"""What ``--input`` names: an image, a folder of images, arrays, or made-up values."""

from collections.abc import Generator
from contextlib import closing
from os.path import isdir
from pathlib import Path
from typing import Any

from cnndsl.cli.terminal import progress
from cnndsl.errors import CnnError, quoted
from cnndsl.ir import Graph
from cnndsl.runtime.data.made import MADE, made_input

ONE = f"an image, .npy, .npz, or {', '.join(MADE)}"
"""What names one example."""

MANY = f"an image, .npy, .npz, a folder of images, or {', '.join(MADE)}"


def batches(
    graph: Graph, given: str, seed: int = 0, batch: int | None = None, shown: bool = False
) -> Generator[tuple[list[str], dict[str, Any]]]:
    """The inputs by name, a batch at a time, with a name for every example; ``shown`` with a progress bar.

    Raises CnnError for files that cannot be read or do not fit.
    """
    from cnndsl.runtime.data import images
    from cnndsl.runtime.interpreter import checked_inputs, require_arrays
    from cnndsl.runtime.memory_limit import require_memory

    def parts(count: int) -> Any:
        """Slices of a batch each."""
        size = batch or 32
        slices = [slice(start, start + size) for start in range(0, count, size)]
        return closing(progress(slices, "running", shown))

    inputs = graph.inputs
    if not given:
        raise CnnError.of("bad-setting", "--input is empty", f"give {MANY}")
    path = Path(given)
    if given in MADE:
        count = batch or 1
        require_memory(graph, count)
        made = {value.name: made_input(value, given, count, seed) for value in inputs}
        yield [f"{given} {index}" for index in range(count)], made
    elif path.suffix.lower() in (".npy", ".npz"):
        require_arrays(inputs, [*images.array_headers(path, inputs).values()], quoted(given))
        arrays = checked_inputs(graph, images.read_array(path, inputs))
        count = len(arrays[inputs[0].name])
        if not count:
            raise CnnError.of("input-shape", f"{quoted(given)} holds no examples")
        with parts(count) as slices:
            for part in slices:
                names = [f"{path.name}[{index}]" for index in range(count)[part]]
                yield names, {name: array[part] for name, array in arrays.items()}
    else:
        if len(inputs) != 1:
            message = f"images are for networks with one input; this one has {len(inputs)}"
            raise CnnError.of("input-names", message, "give an .npz with one array an input")
        files = images.image_files(path) if isdir(path) else [path]
        with parts(len(files)) as slices:
            for part in slices:
                yield [file.name for file in files[part]], {inputs[0].name: images.read_batch(files[part], inputs[0])}


def first_example(graph: Graph, given: str, seed: int = 0) -> dict[str, Any]:
    """The first example alone, with a batch axis of 1. Raises CnnError, for a folder too."""
    if isdir(given) and given not in MADE:
        raise CnnError.of("bad-setting", f"{quoted(given)} is a folder, but one example is wanted", "name one image")
    with closing(batches(graph, given, seed, 1)) as found:
        return next(found)[1]
