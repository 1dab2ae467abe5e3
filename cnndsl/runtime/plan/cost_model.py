"""Which algorithm computes a layer, and in how many parts: a cost model over shapes.

The seconds are those of one core that multiplies matrices at :data:`PEAK`; what matters is how the candidates compare.
Nothing here depends on the machine or on the number of threads, so that every machine chooses the same.
"""

from math import prod
from typing import NamedTuple

from cnndsl.runtime.kernels.arrays import Sizes
from cnndsl.runtime.kernels.channels_last import winograd, winograd_rows
from cnndsl.runtime.kernels.channels_last.strips import Window

PEAK = 250e9
"""Floating point operations a second in a large matrix product, on one core."""
MEMORY = 25e9
"""Bytes a second in which weights come from memory: all of a network's rarely stay in cache."""
NUMBER = 0.12e-9
"""Seconds a number in a pass over a strip in cache."""
RUN = 4e-9
"""Seconds for beginning a run of contiguous numbers."""
CALL = 1e-6
"""Seconds for a NumPy call."""
SHARED = 16e-6
"""Seconds: work shorter than this is not worth sharing with another thread."""
TASK = 500e-6
"""Seconds: more than two tasks are about so long each."""
CACHE = 1 << 22
"""Bytes that the buffers of a strip may take."""
HELD = 2 * CACHE
"""Bytes that a thread may hold of a layer which is cut along its filters alone."""
MOST_CALLS = 256
"""Taps or remainders that are a NumPy call each: beyond that, calls would take more memory than values."""
MOST_PARTS = 8
"""Parts for the sake of threads alone; caches may ask for more."""
ENOUGH_ROWS = 96
"""Rows of a matrix with which a product runs at nearly full speed."""
ENOUGH_TILES = 96
"""Tiles of a strip, as many as still are a small product with many channels."""
STRIP = 1 << 20
"""Numbers in a strip that many passes go over."""
BARRIER = 25e-6
"""Seconds for threads to wait for each other at the end of a phase, and to wait once for Python's lock after that."""


class AlgorithmChoice(NamedTuple):
    """An algorithm, the cuts (of samples, rows and filters), the seconds expected on one core, and the reason."""

    algorithm: str
    seconds: float
    why: str
    samples: int = 1
    rows: int = 1
    filters: int = 1

    @property
    def elapsed(self) -> float:
        """The seconds on two cores."""
        return self.seconds / min(2, self.samples * self.rows * self.filters)


def product_seconds(rows: float, filters: float, links: float) -> float:
    """A matrix product (rows, links) @ (links, filters) of operands in cache: narrow ones do not fill the registers."""
    return 2 * rows * filters * links / PEAK * (1 + 2 / rows + 6 / filters + 6 / links) + CALL / 4


def copy_seconds(numbers: float, run: float) -> float:
    return numbers * NUMBER + numbers / run * RUN + CALL


def parts(seconds: float, bytes_: float = 0) -> int:
    """Parts for work of that length whose buffers take that much: enough for the cache, and an even number."""
    wanted = max(min(int(seconds / TASK), MOST_PARTS), -(-int(bytes_) // CACHE), 2 if seconds > SHARED else 1)
    return wanted + wanted % 2 if wanted > 1 else 1


def dense_seconds(batch: int, units: int, features: int) -> float:
    """A dense layer: for few examples, the time that its weights take to arrive."""
    return max(product_seconds(batch, units, features) / 2, 4 * units * features / MEMORY)


def matrix(output: Sizes, batch: int, channels: int, filters: int) -> AlgorithmChoice:
    """A 1x1 convolution. Cut by rows, a thread reads all weights, and need not wait for others that are cut alike; cut
    by filters, it reads all positions.
    """
    positions, rows = batch * prod(output), batch * output[0]
    finishing = copy_seconds(2 * positions * filters, filters)
    reading = 4 * channels * filters / MEMORY
    seconds = product_seconds(positions, filters, channels) + finishing
    wanted = parts(seconds, 4 * positions * (channels + filters))
    if wanted == 1:
        return AlgorithmChoice("matrix product", seconds + reading, "small")
    by_rows = max(2, min(wanted, positions // ENOUGH_ROWS // 2 * 2))
    uneven = -(-rows // by_rows) * by_rows / rows
    if rows == 1 or (seconds * uneven + 2 * reading > seconds + reading + 2 * BARRIER and by_rows == 2 and filters > 1):
        return AlgorithmChoice("matrix product", seconds + reading, f"{positions} positions", filters=2)
    return AlgorithmChoice("matrix product", seconds + 2 * reading, f"{positions} positions", rows=by_rows)


def convolution(
    window: Window, batch: int, channels: int, filters: int, groups: int, planar: bool, precise: bool = False
) -> AlgorithmChoice:
    """The cheapest of the algorithms that can compute a convolution; ``precise`` leaves F(4,3) out."""
    if window.plain and groups == 1 and not planar:
        return matrix(window.output, batch, channels, filters)
    if planar:
        return _planar(window, batch, channels, filters)
    candidates = [_columns(window, batch, channels, filters, groups)]
    if groups == 1:
        if 4 * batch * prod(window.output) * channels * prod(window.kernel) <= HELD:
            candidates.append(_columns_by_filters(window, batch, channels, filters))
        if {*window.stride, *window.dilation} == {1} and min(channels, filters) >= 8:
            schemes = [winograd.F2] if precise else winograd.SCHEMES.values()
            for scheme in (scheme for scheme in schemes if scheme.kernel == window.kernel):
                candidates.append(_winograd(scheme, window.output, batch, channels, filters))
                if filters >= 128 and _held(scheme, window.output, channels, filters) <= HELD:
                    candidates.append(_winograd_by_filters(scheme, window.output, batch, channels, filters))
    best, *others = sorted(candidates, key=lambda choice: choice.elapsed)
    beaten = ", ".join(f"{other.algorithm} {other.elapsed / best.elapsed:.2g}x" for other in others)
    return best._replace(why=f"{best.why}; {beaten}" if beaten else best.why)


def _planar(window: Window, batch: int, channels: int, filters: int) -> AlgorithmChoice:
    cells, links = prod(window.output), channels * prod(window.kernel)
    unfold = copy_seconds(batch * cells * links, window.output[-1]) * (2 if window.stride[-1] > 1 else 1)
    seconds = unfold + product_seconds(batch * cells, filters, links)
    rows = parts(seconds / batch, 4 * cells * (links + filters))
    together = _together(batch, min(rows, window.output[0]), seconds, 4 * cells * (links + filters))
    return AlgorithmChoice("planar columns", seconds, f"{channels} channels", *together)


def _unfold_seconds(window: Window, cells: int, channels: float, groups: int = 1) -> float:
    together = window.kernel[-1] if window.dilation[-1] == 1 and groups == 1 else 1
    columns = copy_seconds(cells * channels * prod(window.kernel), channels / groups * together)
    return columns + copy_seconds(cells * channels * prod(window.stride), 64)


def _columns(window: Window, batch: int, channels: int, filters: int, groups: int) -> AlgorithmChoice:
    cells, links = batch * prod(window.output), channels * prod(window.kernel)
    unfold = _unfold_seconds(window, cells, channels, groups) + copy_seconds(2 * cells * filters, filters)
    once = groups * product_seconds(cells, filters / groups, links / groups)
    wanted = min(parts(unfold + once, 4 * cells * (links + filters)), max(2, cells // ENOUGH_ROWS // 2 * 2))
    samples = min(batch, wanted)
    rows = min(-(-wanted // samples), window.output[0])
    count = samples * rows
    largest = -(-batch // samples) * -(-window.output[0] // rows) * prod(window.output[1:])
    product = count * groups * product_seconds(largest, filters / groups, links / groups)
    seconds = unfold * largest * count / cells + product + min(2, count) * 4 * links * filters / groups / MEMORY
    return AlgorithmChoice("columns", seconds, f"{cells} cells x {links} links", samples=samples, rows=rows)


def _columns_by_filters(window: Window, batch: int, channels: int, filters: int) -> AlgorithmChoice:
    cells, links = batch * prod(window.output), channels * prod(window.kernel)
    unfold = 2 * _unfold_seconds(window, cells, channels) + copy_seconds(2 * cells * filters, filters)
    product = 2 * product_seconds(cells, filters / 2, links)
    seconds = unfold + product + 4 * links * filters / MEMORY + 2 * BARRIER
    return AlgorithmChoice("columns by filters", seconds, f"{cells} cells x {links} links", filters=2)


def _winograd(scheme: winograd.Scheme, output: Sizes, batch: int, channels: int, filters: int) -> AlgorithmChoice:
    down, across = scheme.tiles(output)
    cuts = max(1, down * across // ENOUGH_TILES)
    cuts = min(cuts + cuts % 2 if cuts > 1 else 1, down)
    if cuts == 1 and batch == 1 and down > 1:
        cuts = 2
    cut = winograd.Cut(batch, cuts)
    count, tiles = batch * cuts, winograd.most_tiles(scheme, batch, output, cut)
    products = scheme.points * product_seconds(tiles, filters, channels)
    seconds = count * (_forth(scheme, tiles, channels) + products + _back(scheme, tiles, filters))
    seconds += min(2, count) * 4 * scheme.points * channels * filters / MEMORY
    if cuts == 2 and down % 2:  # other layers are cut elsewhere, so there is one barrier more
        seconds += 2 * BARRIER
    return AlgorithmChoice(f"winograd {scheme}", seconds, f"{down}x{across} tiles", samples=batch, rows=cuts)


def _winograd_by_filters(
    scheme: winograd.Scheme, output: Sizes, batch: int, channels: int, filters: int
) -> AlgorithmChoice:
    down, across = scheme.tiles(output)
    held = _held(scheme, output, channels, filters)
    samples = min(batch, -(-batch * held // CACHE))
    tiles = winograd.most_tiles(scheme, batch, output, winograd.Cut(samples))
    products = scheme.points * 2 * product_seconds(tiles, filters / 2, channels)
    seconds = samples * (2 * _forth(scheme, tiles, channels) + products + _back(scheme, tiles, filters))
    seconds += samples * 4 * scheme.points * channels * filters / MEMORY + BARRIER
    seconds += 2 * samples * held / MEMORY if held > CACHE else 0
    return AlgorithmChoice(
        f"winograd {scheme} by filters", seconds, f"{down}x{across} tiles", samples=samples, filters=2
    )


def _held(scheme: winograd.Scheme, output: Sizes, channels: int, filters: int) -> int:
    """The bytes of a sample's values and products at the points, for half of the filters."""
    down, across = scheme.tiles(output)
    return 4 * scheme.points * down * across * 2 * max(channels, filters // 2)


def _forth(scheme: winograd.Scheme, tiles: float, channels: int) -> float:
    numbers = scheme.points * tiles * channels
    return copy_seconds(numbers, channels) + 1.2 * product_seconds(scheme.points, tiles * channels, scheme.points)


def _back(scheme: winograd.Scheme, tiles: float, filters: int) -> float:
    cells = prod(scheme.tile)
    return 1.3 * product_seconds(cells, tiles * filters, scheme.points) + copy_seconds(
        2 * cells * tiles * filters, filters
    )


def depthwise(window: Window, batch: int, channels: int, precise: bool = False) -> AlgorithmChoice:
    """A depthwise convolution; ``precise`` leaves Winograd's out."""
    cells = prod(window.output)
    seconds = batch * (2 * prod(window.kernel) * copy_seconds(cells * channels, 256) + CALL * 10)
    if winograd_rows.fits(window) and not precise:
        choice = _winograd_rows(window, batch, channels)
        if choice.seconds < seconds:
            return choice
    rows = max(parts(seconds / batch), cells * channels // STRIP // 2 * 2)
    together = _together(batch, min(rows, window.output[0]), seconds, 12 * cells * channels * prod(window.stride))
    return AlgorithmChoice("depthwise", seconds, f"{cells} cells", *together)


def _winograd_rows(window: Window, batch: int, channels: int) -> AlgorithmChoice:
    line, across = winograd_rows.LINES[window.kernel[0]], window.output[1]
    tiles, at_points = line.tiles(window.output[0]), line.cells * across * channels
    once = 2 * window.kernel[1] * copy_seconds(at_points, 256)
    once += 2 * product_seconds(line.cells, at_points / line.cells, line.cells)
    seconds = batch * (tiles * once + CALL * 10)
    rows = max(parts(seconds / batch), tiles * at_points // STRIP // 2 * 2)
    together = _together(batch, min(rows, tiles), seconds, 12 * tiles * at_points)
    return AlgorithmChoice(f"winograd {line} rows", seconds, f"{tiles} tiles", *together)


def pooling(window: Window, batch: int, elements: int) -> AlgorithmChoice:
    """Cut by rows where a sample is worth it, else by samples, several in a part if they are small."""
    count = 1 + sum(window.kernel) / prod(window.stride)
    rows = min(passes(elements, count).rows, window.output[0])
    seconds = passes(elements, count).seconds * batch
    return AlgorithmChoice("separable windows", seconds, "", *_together(batch, rows, seconds, 8 * elements))


def _together(batch: int, rows: int, seconds: float, bytes_: float) -> tuple[int, int]:
    """Parts of samples and rows for work of that length, ``bytes_`` a sample: whole samples may share a part."""
    return (batch, rows) if rows > 1 else (min(batch, parts(seconds, batch * bytes_)), 1)


def passes(elements: int, count: float = 2) -> AlgorithmChoice:
    """``count`` passes over all numbers."""
    seconds = elements * count * 0.2e-9 + CALL * count
    return AlgorithmChoice("cell by cell", seconds, "", rows=parts(seconds, 8 * elements if seconds > TASK else 0))
