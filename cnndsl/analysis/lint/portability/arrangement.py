"""Where numbers lie elsewhere: channels last, axes that stay or go, orders of channels, places of resized pixels."""

from collections.abc import Callable
from math import gcd

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView, axis_names
from cnndsl.ir import Node
from cnndsl.ops.resize import Resize, Upsample
from cnndsl.ops.shape import PixelShuffle, SpaceToDepth

GLOBAL_POOLS = ("global_avgpool", "global_maxpool")


def keras_flatten(view: LintView, node: Node, target: str) -> str | None:
    shape = view.shape_into(node)
    channels, positions = shape.channels, shape.positions
    if 1 in (channels, positions):
        return None
    moved = shape.elements - gcd(channels - 1, positions - 1) - 1
    return f"{target} has the channels last: {moved:,} of the {shape.elements:,} features come in another place"


def keras_global_pool(view: LintView, node: Node, target: str) -> str | None:
    readers = view.readers.get(node.name, [])
    if node.name not in view.outputs and all(reader.op.operator == "flatten" for reader in readers):
        return None
    return f"{target}'s global pools drop the axes: {node.shape.channels} where this gives {node.shape}"


def rows_of_vectors(view: LintView, node: Node, target: str) -> str:
    size, length = node.shape.dimensions
    return f"{target} puts the vectors last, {length}x{size}, where this gives {node.shape}"


def depth_first(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, PixelShuffle)
    square = node.op.factor**2
    return _reordered(node.shape.channels, square, target, "`mode` CRD" if target == "ONNX" else "a choice")


def depth_first_inverse(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, SpaceToDepth)
    return _reordered(view.shape_into(node).channels, node.op.factor**2, target, "a choice")


MOST_CELLS = 100_000
"""Of a longer axis only so many cells are compared."""


def _reordered(channels: int, square: int, target: str, without: str) -> str | None:
    """Between index = channel*square + place and index = place*channels + channel."""
    if 1 in (channels, square):
        return None
    moved = channels * square - gcd(channels - 1, square - 1) - 1
    return (
        f"{target} without {without} counts places before channels: {moved} of {channels * square} channels are others"
    )


def _pixels_elsewhere(node: Node, view: LintView, there: Callable[[int, int, int], int]) -> str | None:
    """How many cells of an axis the nearest pixel of another rule fills otherwise."""
    sizes = view.shape_into(node).spatial
    for name, size, cells in zip(axis_names(len(sizes)), sizes, node.shape.spatial, strict=True):
        looked_at = min(cells, MOST_CELLS)
        other = sum(there(cell, size, cells) != cell * size // cells for cell in range(looked_at))
        if other:
            counted = f"the first {looked_at}" if looked_at < cells else f"{cells}"
            return f"{other} of {counted} {name} are other pixels"
    return None


def keras_nearest(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, Resize)
    if node.op.mode != "nearest" or len(node.shape.spatial) != 2:
        return None
    found = _pixels_elsewhere(node, view, lambda cell, size, cells: (2 * cell + 1) * size // (2 * cells))
    return f"{target}'s nearest pixel is that of the centre: {found}" if found else None


def onnx_nearest(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, Resize)
    if node.op.mode != "nearest":
        return None

    def rounded(cell: int, size: int, cells: int) -> int:
        """(o + 1/2)*n/m - 1/2 rounded, halves down: ceil((o + 1/2)*n/m - 1), within the axis."""
        return min(max(-(-((2 * cell + 1) * size - 2 * cells) // (2 * cells)), 0), size - 1)

    found = _pixels_elsewhere(node, view, rounded)
    return f"{target}'s Resize rounds half-pixel places unless told: {found}" if found else None


def aligned_corners(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, Resize)
    if not node.op.align_corners:
        return None
    for size, cells in zip(view.shape_into(node).spatial, node.shape.spatial, strict=True):
        if size > 1 and cells > 1 and size != cells:
            here, there = (size - 1) / (cells - 1), max(1.5 * size / cells - 0.5, 0)
            word = "does not align corners" if target == "Keras" else "aligns no corners unless told"
            return f"{target} {word}: the second of {cells} cells is read at {there:.3f} where this reads at {here:.3f}"
    return None


def interpolated_axes(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, Resize | Upsample)
    rank, mode = len(node.shape.spatial), node.op.mode
    taken = ("linear", "cubic") if target == "Keras" else ("cubic",)
    if rank == 2 or mode not in taken:
        return None
    return f"{target} has mode={mode} for 2 axes only, and this has {rank}"


DIFFERENCES = (
    Difference(
        "flatten",
        ("keras",),
        ("flatten",),
        keras_flatten,
        "a flattened map has its channels last: of 16@5x5 396 of the 400 features come in another place, and so do "
        "the weights of a dense layer behind it",
        "transpose before it (`layers.Permute((3, 1, 2))`), or move the columns of the weights",
    ),
    Difference(
        "global-pools",
        ("keras",),
        GLOBAL_POOLS,
        keras_global_pool,
        "global pools drop the axes: a vector of 64, where PyTorch and this language keep 64@1x1",
        "write keepdims=True",
    ),
    Difference(
        "embedding",
        ("torch", "onnx"),
        ("embedding",),
        rows_of_vectors,
        "an embedding puts the vectors last, 50x128, where convolutions want 128 channels of 50",
        "transpose behind it: `.mT`",
    ),
    Difference(
        "pixel-shuffle",
        ("keras", "onnx"),
        ("pixel_shuffle",),
        depth_first,
        "`depth_to_space` takes the channels of a pixel by places first (DCR), PyTorch's `PixelShuffle` by channels "
        "(CRD): of 12 channels 10 are others",
        'write mode="CRD" in ONNX; in Keras reorder the channels before it',
    ),
    Difference(
        "space-to-depth",
        ("keras", "onnx"),
        ("space_to_depth",),
        depth_first_inverse,
        "`space_to_depth` counts places before channels, PyTorch's `PixelUnshuffle` channels before places",
        "reorder the channels behind it",
    ),
    Difference(
        "keras-nearest",
        ("keras",),
        ("resize",),
        keras_nearest,
        "the nearest pixel is that of the cell's centre, PyTorch's that of its corner: from 4 to 7 they differ in 2 of "
        "7 rows",
        "take the rows and columns by `keras.ops.take`, or enlarge by a whole factor, where all agree",
    ),
    Difference(
        "onnx-nearest",
        ("onnx",),
        ("resize",),
        onnx_nearest,
        "`Resize` rounds half-pixel places, PyTorch rounds corners down: from 4 to 7 they differ in 1 of 7 rows",
        'write coordinate_transformation_mode="asymmetric" and nearest_mode="floor"',
    ),
    Difference(
        "aligned-corners",
        ("keras", "torch", "onnx"),
        ("resize",),
        aligned_corners,
        "corners are not aligned unless told, in Keras never: from 4 to 7 the second cell is read at 0.357 and not at "
        "0.5",
        'write align_corners=True (coordinate_transformation_mode="align_corners" in ONNX); in Keras interpolate by '
        "hand",
    ),
    Difference(
        "interpolated-axes",
        ("keras", "torch", "onnxruntime"),
        ("upsample", "resize"),
        interpolated_axes,
        "cubic interpolation is for images only, and in Keras linear too",
        "interpolate an axis at a time",
    ),
)
