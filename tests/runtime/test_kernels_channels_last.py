"""Every fast algorithm beside a definition written out in float64, over random geometries.

Scratch memory and outputs begin as NaN, so that reading what was not written shows; outputs are views into a wider
array whose other channels must stay as they are.
"""

from fractions import Fraction
from itertools import chain, product
from math import prod

import numpy as np
import pytest

from cnndsl.runtime.kernels.channels_last import (
    blocks,
    columns,
    depthwise,
    elementwise,
    gather,
    layer_norm,
    matrix,
    planar,
    pooling,
    winograd,
    winograd_rows,
)
from cnndsl.runtime.kernels.channels_last.strips import Finish, Follower, Window, split, strips

CASES = range(12)


@pytest.fixture
def small_products(monkeypatch):
    """As where BLAS takes small products as they are, on any machine."""
    monkeypatch.setattr(blocks, "small", lambda: blocks.SMALL)
    blocks.cuts.cache_clear()
    yield
    blocks.cuts.cache_clear()


def run(phases, numbers):
    """Runs the tasks of each phase, in reverse order: they must not depend on each other."""
    for tasks in phases:
        for task in reversed(tasks):
            for call in task.calls(np.full(numbers, np.nan, np.float32)):
                call()


def output(random, shape):
    """An array for a result: some channels of a wider one, and a check that the others were left alone."""
    before, after = int(random.integers(0, 3)), int(random.integers(0, 3))
    wide = np.full((*shape[:-1], before + shape[-1] + after), np.nan, np.float32)
    out = wide[..., before : before + shape[-1]]

    def untouched():
        return np.isnan(wide[..., :before]).all() and np.isnan(wide[..., before + shape[-1] :]).all()

    return out, untouched


def numbers(random, *shape):
    return random.standard_normal(shape).astype(np.float32)


def assert_close(actual, expected, tolerance=1e-4):
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()


def before_outside(random, x, around=None):
    """``x`` in memory that ends with what lies outside: zeros, or rows ``around``. Sometimes ``x`` is some channels of
    a wider array, whose cells lie apart.
    """
    *outer, channels = x.shape
    wide, gap = (*outer, channels + 2 * int(random.integers(0, 2))), int(random.integers(0, 9))
    size = prod(wide)
    memory = np.full(size + gap + 2 * channels, np.nan, np.float32)
    begin = (wide[-1] - channels) // 2
    source = memory[:size].reshape(wide)[..., begin : begin + channels]
    source[...] = x
    outside = gather.Outside(memory[size + gap :])
    if around is not None:
        outside = outside.of(source, around, memory[size + gap :])
        assert (outside.begin - source.__array_interface__["data"][0]) % around.nbytes == 0
    return source, outside


def drawn(random, geometry, channels, batch):
    """A geometry as a Window, its end padding, and an input (N, *spatial, C)."""
    window = Window(
        geometry.kernel,
        geometry.stride,
        geometry.dilation,
        tuple(begin for begin, _ in geometry.padding),
        geometry.output,
    )
    return window, numbers(random, batch, *geometry.spatial, channels)


def cells(x, window):
    """For every output position and tap, the index of the cell under it, or None in the padding."""
    for position in np.ndindex(*window.output):
        for tap in np.ndindex(*window.kernel):
            index = tuple(
                o * s + t * d - b
                for o, s, t, d, b in zip(position, window.stride, tap, window.dilation, window.begin, strict=True)
            )
            inside = all(0 <= i < extent for i, extent in zip(index, x.shape[1:-1], strict=True))
            yield position, tap, index if inside else None


def convolved(x, weight, window, groups=1, around=None):
    """The definition: ``x`` (N, *spatial, C), ``weight`` (F, C/groups, *kernel), ``around`` (C,) lies outside."""
    x, weight = x.astype(np.float64), weight.astype(np.float64)
    channels, filters = weight.shape[1], len(weight) // groups
    result = np.zeros((len(x), *window.output, len(weight)))
    for position, tap, index in cells(x, window):
        values = around if index is None else x[(slice(None), *index)]
        if values is not None:
            for group in range(groups):
                own = slice(group * filters, (group + 1) * filters)
                seen = values[..., group * channels : (group + 1) * channels]
                result[(slice(None), *position, own)] += seen @ weight[(own, slice(None), *tap)].T
    return result


def convolved_by_channel(x, weight, window, around=None):
    """The same where each of C filters reads one of C channels."""
    x, weight = x.astype(np.float64), weight.astype(np.float64)
    result = np.zeros((len(x), *window.output, len(weight)))
    for position, tap, index in cells(x, window):
        values = around if index is None else x[(slice(None), *index)]
        if values is not None:
            result[(slice(None), *position)] += values * weight[(slice(None), 0, *tap)]
    return result


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_columns(rank, case, random_geometry):
    random = np.random.default_rng([1, rank, case])
    groups, batch = int(random.choice([1, 1, 2, 3])), int(random.integers(1, 4))
    window, x = drawn(random, random_geometry(random, rank), 2 * groups, batch)
    weight = numbers(random, 3 * groups, 2, *window.kernel)
    out, untouched = output(random, (batch, *window.output, 3 * groups))
    samples, rows = int(random.integers(1, batch + 1)), int(random.integers(1, window.output[0] + 1))
    size = -(-batch // samples) * -(-window.output[0] // rows) * prod(window.output[1:])
    links = prod(weight.shape[1:])
    shape = blocks.BlockSize(links, 3) if groups > 1 else blocks.BlockSize(links // int(random.choice([1, 2])), 1)
    packed = blocks.pack(columns.table(weight, groups), shape)
    scratch = columns.scratch(window, x.shape, samples, rows) + blocks.scratch(size, packed)
    bias, other = numbers(random, 3 * groups), numbers(random, *out.shape)
    finish = Finish(out, [Follower("add", bias), Follower("other", other), Follower("relu")])
    around = None if groups > 1 or case % 2 else numbers(random, 2)
    source, outside = before_outside(random, x, around)
    run(columns.convolve(source, [packed], finish, window, samples, rows, outside), scratch)
    assert_close(out, np.maximum(convolved(x, weight, window, groups, around) + bias + other, 0))
    assert untouched()


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_columns_by_filters(rank, case, random_geometry):
    random = np.random.default_rng([2, rank, case])
    batch, rows, parts = (int(random.integers(1, 4)) for _ in range(3))
    window, x = drawn(random, random_geometry(random, rank), 3, batch)
    weight = numbers(random, 5, 3, *window.kernel)
    out, untouched = output(random, (batch, *window.output, 5))
    finish = Finish(out, [Follower("add", numbers(random, 5)), Follower("relu")])
    bias = finish.followers[0].operand
    count, links = batch * prod(window.output), 3 * prod(window.kernel)
    weights = [
        part[None] for part in blocks.pack_parts(columns.table(weight)[0], blocks.shapes(count, links, 5, parts))
    ]
    source, outside = before_outside(random, x)
    phases = columns.convolve(source, weights, finish, window, batch, rows, outside)
    run(phases, columns.scratch(window, x.shape, batch, rows))
    assert_close(out, np.maximum(convolved(x, weight, window) + bias, 0))
    assert untouched()


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_planar(rank, case, random_geometry):
    random = np.random.default_rng([3, rank, case])
    batch, rows, channels = (int(random.integers(1, 4)) for _ in range(3))
    samples = 1 + case % batch
    window, x = drawn(random, random_geometry(random, rank), channels, batch)
    weight = numbers(random, 4, channels, *window.kernel)
    out, untouched = output(random, (batch, *window.output, 4))
    first = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    bias = numbers(random, 4)
    phases = planar.convolve(first, planar.pack(weight, bias), Finish(out, [Follower("relu")]), window, samples, rows)
    run(phases, planar.scratch(window, first.shape, samples, rows))
    assert_close(out, np.maximum(convolved(x, weight, window) + bias, 0))
    assert untouched()


@pytest.mark.parametrize("filter_parts", [1, 2])
@pytest.mark.parametrize("scheme", winograd.SCHEMES.values(), ids=winograd.SCHEMES)
@pytest.mark.parametrize("case", CASES)
def test_winograd(case, scheme, filter_parts):
    random = np.random.default_rng([4, case])
    batch, channels, filters = (int(random.integers(1, top)) for top in (3, 9, 9))
    filters *= 1 + case % 3
    height, width = (int(random.integers(3, 20)) for _ in range(2))
    padding = tuple((int(random.integers(0, 3)), int(random.integers(0, 3))) for _ in range(2))
    height, width = (extent + taps - 3 for extent, taps in zip((height, width), scheme.kernel, strict=True))
    spatial = tuple(
        extent + b + e - taps + 1 for extent, taps, (b, e) in zip((height, width), scheme.kernel, padding, strict=True)
    )
    window = Window(scheme.kernel, (1, 1), (1, 1), tuple(b for b, _ in padding), spatial)
    x, weight = numbers(random, batch, height, width, channels), numbers(random, filters, channels, *scheme.kernel)
    out, untouched = output(random, (batch, *spatial, filters))
    bias, other = numbers(random, filters), numbers(random, *out.shape)
    followers = [Follower("add", bias), Follower("other", other), Follower("relu")]
    held = [Follower("maximum", bias), followers[1]]
    chosen = [followers, followers[:1], [followers[0], followers[2]], followers[1:], [], held][case % 6]
    finish = Finish(out, chosen)
    parts = int(random.choice([1, 1, 2, 3]))
    points = winograd.pack(weight, scheme, blocks.BlockSize(channels, filters // (1 + case % 3)))
    around = numbers(random, channels) if case % 2 else None
    source, outside = before_outside(random, x, around)
    cut = winograd.Cut(int(random.integers(1, batch + 1)), parts, filter_parts)
    phases = winograd.convolve(scheme, source, points, finish, padding, cut, outside)
    run(phases, winograd.scratch(scheme, winograd.tile_window(scheme, spatial, padding), x.shape, cut, points))
    for task in phases[0]:  # others must know what it reads
        assert any(np.shares_memory(read, other) for read in task.reads) == (followers[1] in chosen)
    expected = convolved(x, weight, window, around=around)
    for kind, operand in chosen:
        if kind in ("relu", "maximum"):
            expected = np.maximum(expected, 0 if kind == "relu" else operand)
        else:
            expected = expected + operand
    assert_close(out, expected)
    assert untouched()


POINTS = {
    "F(2,3)": (0, 1, -1),
    "F(4,3)": (0, Fraction(5, 7), -Fraction(5, 7), Fraction(3, 2), -Fraction(3, 2)),
    "others": (Fraction(1, 3), 2, -5, 0),
}


@pytest.mark.parametrize("points", POINTS.values(), ids=POINTS)
def test_matrices_made_of_points_filter_exactly(points):
    """In fractions, for unit inputs and unit filters: so for all."""
    b, g, a = winograd.toom_cook([Fraction(point) for point in points], 3)
    cells, outputs = len(points) + 1, len(points) - 1
    assert (len(b), len(g), len(a)) == (cells, cells, outputs)
    assert all(number.denominator == 1 for number in chain(*b, *a))
    for tap, cell, output in product(range(3), range(cells), range(outputs)):
        found = sum(a[output][point] * g[point][tap] * b[point][cell] for point in range(cells))
        assert found == (cell == output + tap)


@pytest.mark.parametrize("scheme", winograd.SCHEMES.values(), ids=winograd.SCHEMES)
def test_winograd_matrices_are_those_of_the_algorithm(scheme):
    """Along an axis: as many outputs as a tile has of a filter of some taps; float32 holds what is applied in it."""
    random = np.random.default_rng(5)
    for line in scheme.lines:
        assert line.cells == line.tile + line.taps - 1
        inputs, filter_ = random.standard_normal(line.cells), random.standard_normal(line.taps)
        results = line.a @ ((line.g @ filter_) * (line.b @ inputs))
        expected = [inputs[i : i + line.taps] @ filter_ for i in range(line.tile)]
        np.testing.assert_allclose(results, expected, rtol=1e-12)
    down, across = scheme.lines
    for single, double in ((scheme.input, np.kron(down.b, across.b)), (scheme.output, np.kron(down.a, across.a))):
        assert single.dtype == np.float32
        np.testing.assert_array_equal(single, double)


@pytest.mark.parametrize(
    ("rows", "links", "filters"),
    [
        (49, 512, 2048),
        (49, 4608, 512),
        (16, 256, 256),
        (49, 1153, 96),
        (100, 5300, 64),
        (391, 130, 200),
        (49, 400, 400),
        (200, 24, 144),
        (4, 7, 5),
        (1, 1, 1),
    ],
)
@pytest.mark.parametrize("row_parts", [1, 3])
@pytest.mark.parametrize("parts", [1, 2])
def test_products_in_blocks(small_products, rows, links, filters, row_parts, parts):
    random = np.random.default_rng([rows, links, filters])
    x, weight, bias = numbers(random, rows, links), numbers(random, links, filters), numbers(random, filters)
    shapes = blocks.shapes(-(-rows // row_parts), links, filters, parts)
    weights = blocks.pack_parts(weight, shapes)
    low, high = numbers(random, links) - 1, numbers(random, links) + 1
    for bounds in (None, (low, None), (None, high), (low, high)):
        out, untouched = output(random, (rows, filters))
        phases = matrix.product(x, weights, Finish(out, [Follower("add", bias)]), row_parts, bounds)
        run(phases, (x.size if bounds else 0) + max(blocks.scratch(rows, weight) for weight in weights))
        held = x.astype(np.float64)
        if bounds:
            held = held if bounds[0] is None else np.maximum(held, bounds[0])
            held = held if bounds[1] is None else np.minimum(held, bounds[1])
        assert_close(out, held @ weight.astype(np.float64) + bias)
        assert untouched()


@pytest.mark.parametrize(
    ("rows", "links", "filters", "cut_links", "expected"),
    [
        (784, 512, 512, True, (128, 64)),
        (49, 512, 512, False, (512, 32)),
        (49, 4608, 256, True, (192, 64)),
        (49, 4608, 256, False, (4608, 256)),
        (200, 2304, 256, True, (192, 64)),
        (200, 192, 256, True, (192, 64)),
        (100, 64, 144, True, (64, 48)),
        (196, 400, 400, True, (200, 16)),
        (16, 96, 208, True, (96, 208)),
        (28, 96, 208, True, (96, 16)),
        (100, 64, 232, True, (64, 232)),
        (9000, 64, 24, True, (64, 24)),
        (3, 17, 24, True, (17, 24)),
        (100, 512, 1000, True, (512, 1000)),
        (30, 4099, 512, True, (4099, 512)),
    ],
)
def test_blocks(small_products, rows, links, filters, cut_links, expected):
    shape = blocks.block(rows, links, filters, cut_links)
    assert shape == expected and links % shape.links == 0 and filters % shape.filters == 0
    cuts = blocks.cuts(rows, shape)
    assert [index for some, _, _ in cuts for index in range(some.start, some.stop)] == list(range(rows))
    assert all(times * size == some.stop - some.start for some, times, size in cuts)
    if shape != (links, filters) or filters == 24:
        assert all(size * prod(shape) <= blocks.SMALL for _, _, size in cuts)


@pytest.mark.parametrize(("count", "rows", "links", "filters"), [(1, 3000, 1152, 128), (36, 98, 512, 64), (1, 7, 8, 8)])
def test_sums_of_parts_take_bounded_memory_and_are_more_exact(small_products, count, rows, links, filters):
    random = np.random.default_rng(rows)
    x, weight = numbers(random, count, rows, links), numbers(random, count, links, filters)
    exact = np.matmul(x.astype(np.float64), weight)
    errors = []
    for cut_links in (True, False):
        packed = blocks.pack(weight, blocks.block(rows, links, filters, cut_links))
        held = blocks.scratch(rows, packed)
        assert held <= blocks.STACK
        scratch, out = np.full(held, np.nan, np.float32), np.empty(exact.shape, np.float32)
        for call in blocks.Product(packed, out).calls(x, scratch):
            call()
        assert_close(out, exact)
        errors.append(np.abs(out - exact).mean())
    assert errors[0] <= errors[1] * (0.75 if links > blocks.MOST_LINKS else 1)


def test_another_blas_gets_products_whole(monkeypatch):
    monkeypatch.setattr(blocks, "small", lambda: 0)
    blocks.cuts.cache_clear()
    try:
        assert blocks.block(49, 512, 1024) == (512, 1024)
        assert blocks.cuts(49, blocks.BlockSize(512, 1024)) == [(slice(0, 49), 1, 49)]
    finally:
        blocks.cuts.cache_clear()


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_depthwise(rank, case, random_geometry):
    random = np.random.default_rng([6, rank, case])
    batch, rows = (int(random.integers(1, 4)) for _ in range(2))
    samples = 1 + case % batch
    window, x = drawn(random, random_geometry(random, rank), 5, batch)
    weight = numbers(random, 5, 1, *window.kernel)
    out, untouched = output(random, (batch, *window.output, 5))
    bias = numbers(random, 5)
    finish = Finish(out, [Follower("add", bias), Follower("clip", (-0.5, 0.5))])
    around = numbers(random, 5) if case % 2 else None
    source, outside = before_outside(random, x, around)
    phases = depthwise.convolve(source, depthwise.pack(weight, window), finish, window, samples, rows, outside)
    run(phases, depthwise.scratch(window, x.shape, samples, rows))
    assert_close(out, np.clip(convolved(x, weight, window, 5, around) + bias, -0.5, 0.5))
    assert untouched()


GEOMETRIES = {
    "even": ((12, 12), 5, ((2, 2), (2, 2)), 6),
    "last tile cut off": ((14, 9), 5, ((2, 2), (2, 2)), 48),
    "one row": ((1, 9), 5, ((2, 2), (2, 2)), 5),
    "one column": ((9, 1), 7, ((0, 0), (3, 3)), 33),
    "one cell": ((1, 1), 7, ((3, 3), (3, 3)), 7),
    "one output": ((3, 4), 5, ((0, 4), (3, 0)), 3),
    "padding wider than the input": ((2, 3), 3, ((9, 7), (4, 6)), 2),
    "to one side": ((6, 10), 4, ((0, 5), (3, 0)), 40),
    "no padding": ((17, 8), 7, ((0, 0), (0, 0)), 1),
    "a column of taps": ((10, 6), 1, ((3, 3), (0, 0)), 600),
    "more channels than a loop": ((7, 3), 5, ((2, 2), (2, 2)), 2100),
}


@pytest.mark.parametrize("taps", winograd_rows.LINES)
@pytest.mark.parametrize("case", range(4))
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_winograd_rows(small_products, geometry, case, taps):
    spatial, columns_, padding, channels = geometry
    random = np.random.default_rng([15, case, taps, *spatial])
    batch, rows, samples = 1 + case % 3, 1 + case, 1 + case // 2
    kernel = (taps, columns_)
    size = (extent + b + e - k + 1 for extent, (b, e), k in zip(spatial, padding, kernel, strict=True))
    window = Window(kernel, (1, 1), (1, 1), tuple(b for b, _ in padding), tuple(max(extent, 1) for extent in size))
    assert winograd_rows.fits(window)
    x, weight = numbers(random, batch, *spatial, channels), numbers(random, channels, 1, *kernel)
    out, untouched = output(random, (batch, *window.output, channels))
    bias = numbers(random, channels)
    finish = Finish(out, [Follower("add", bias), Follower("clip", (-5.0, 5.0))])
    around = numbers(random, channels) if case % 2 else None
    source, outside = before_outside(random, x, around)
    phases = winograd_rows.convolve(source, winograd_rows.pack(weight, window), finish, window, samples, rows, outside)
    run(phases, winograd_rows.scratch(window, x.shape, samples, rows))
    assert_close(out, np.clip(convolved_by_channel(x, weight, window, around) + bias, -5, 5), 1e-5)
    assert untouched()


@pytest.mark.parametrize("taps", winograd_rows.LINES)
def test_matrices_of_rows_filter(taps):
    line = winograd_rows.LINES[taps]
    random = np.random.default_rng(taps)
    inputs, filter_ = random.standard_normal(line.cells), random.standard_normal(taps)
    results = line.a @ ((line.g @ filter_) * (line.b @ inputs))
    np.testing.assert_allclose(results, [inputs[i : i + taps] @ filter_ for i in range(line.tile)], rtol=1e-9)


@pytest.mark.parametrize("bounds", [None, "both", "low", "high"])
@pytest.mark.parametrize("case", CASES)
def test_matrix_product(case, bounds):
    random = np.random.default_rng([7, case])
    rows, channels, filters, row_parts, filter_parts = (int(random.integers(1, 12)) for _ in range(5))
    x, weight = numbers(random, rows, channels), numbers(random, channels, filters)
    low, high = numbers(random, channels) - 1, numbers(random, channels) + 1
    limits = {None: None, "both": (low, high), "low": (low, None), "high": (None, high)}[bounds]
    out, untouched = output(random, (rows, filters))
    bias = numbers(random, filters)
    finish = Finish(out, [Follower("add", bias), Follower("multiply", bias), Follower("apply", np.tanh)])
    weights = blocks.pack_parts(weight, blocks.shapes(rows, channels, filters, filter_parts))
    run(matrix.product(x, weights, finish, row_parts, limits), x.size)
    held = x if limits is None else np.minimum(np.maximum(x, low if limits[0] is not None else -np.inf), np.inf)
    held = held if limits is None or limits[1] is None else np.minimum(held, high)
    expected = held.astype(np.float64) @ weight
    assert_close(out, np.tanh((expected + bias) * bias))
    assert untouched()


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_maxima(rank, case, random_geometry):
    random = np.random.default_rng([8, rank, case])
    batch, rows = (int(random.integers(1, 4)) for _ in range(2))
    samples = 1 + case % batch
    window, x = drawn(random, random_geometry(random, rank, pool=True, ceil=True), 4, batch)
    out, untouched = output(random, (batch, *window.output, 4))
    finish = Finish(out, [Follower("relu")])
    run(pooling.maxima(x, finish, window, samples, rows), pooling.scratch(window, x.shape, samples, rows))
    expected = np.full((batch, *window.output, 4), -np.inf)
    for position, _, index in cells(x, window):
        if index is not None:
            target = (slice(None), *position)
            expected[target] = np.maximum(expected[target], x[(slice(None), *index)])
    np.testing.assert_array_equal(out, np.maximum(expected, 0))
    assert untouched()


@pytest.mark.parametrize("rank", (1, 2, 3))
@pytest.mark.parametrize("case", CASES)
def test_means(rank, case, random_geometry):
    random = np.random.default_rng([9, rank, case])
    batch, rows = (int(random.integers(1, 4)) for _ in range(2))
    samples = 1 + case % batch
    geometry = random_geometry(random, rank, pool=True, ceil=True)
    window, x = drawn(random, geometry, 4, batch)
    count_padding = bool(random.integers(0, 2))
    end = tuple(end for _, end in geometry.padding)
    shares = pooling.shares(window._replace(end=end), geometry.spatial, count_padding)
    out, untouched = output(random, (batch, *window.output, 4))
    run(
        pooling.means(x, Finish(out, []), window, shares, samples, rows),
        pooling.scratch(window, x.shape, samples, rows),
    )
    sums, counts = np.zeros(out.shape), np.zeros(window.output)
    for position, tap, index in cells(x, window):
        if index is not None:
            sums[(slice(None), *position)] += x[(slice(None), *index)]
        place = [
            o * s + t * d - b
            for o, s, t, d, b in zip(position, window.stride, tap, window.dilation, window.begin, strict=True)
        ]
        padded = all(i < n + e for i, n, e in zip(place, geometry.spatial, end, strict=True))
        counts[position] += index is not None or (count_padding and padded)
    assert_close(out, sums / np.maximum(counts, 1)[..., None])
    assert untouched()


@pytest.mark.parametrize("spatial", [(7,), (5, 4), (3, 4, 2)])
def test_global_means(spatial):
    random = np.random.default_rng(10)
    x = numbers(random, 3, *spatial, 6)
    out = np.full((3, *(1 for _ in spatial), 6), np.nan, np.float32)
    run(pooling.global_means(x, Finish(out, [])), 0)
    axes = tuple(range(1, x.ndim - 1))
    assert_close(out, x.astype(np.float64).mean(axis=axes, keepdims=True))


@pytest.mark.parametrize(("size", "beta"), [(1, 0.75), (2, 0.75), (5, 0.75), (4, 0.6), (9, 1.0)])
def test_local_response_norm(size, beta):
    random = np.random.default_rng([11, size])
    x = numbers(random, 2, 4, 3, 6)
    out = np.full(x.shape, np.nan, np.float32)
    band = elementwise.channel_band(6, size)
    run(elementwise.local_response_norm(x, Finish(out, []), band, 0.3, beta, 2.0, 3), 2 * x.size)
    expected = np.empty(x.shape)
    for channel in range(6):
        near = x[..., max(channel - (size - 1) // 2, 0) : channel + size // 2 + 1].astype(np.float64)
        expected[..., channel] = x[..., channel] / (2.0 + 0.3 * np.square(near).sum(axis=-1)) ** beta
    assert_close(out, expected)


@pytest.mark.parametrize("shape", [(2, 5, 4, 6), (1, 1, 1, 96), (3, 7, 33), (2, 4, 3, 2, 5), (4, 10), (2, 3, 3, 1)])
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_layer_norm_standardises_each_cell(shape, parts):
    """Also cells of equal numbers, whose variance is 0, and a mean that is large beside it."""
    random = np.random.default_rng([14, *shape])
    wide = numbers(random, *shape[:-1], shape[-1] + 3) + 5
    x = wide[..., 1:-2]
    x[0, ..., :] *= 0
    x[-1, ..., :] += 100
    out, untouched = output(random, shape)
    phases = layer_norm.standardise(x, Finish(out, [Follower("relu")]), 1e-3, parts)
    run(phases, layer_norm.scratch(prod(shape[:-1])))
    exact = x.astype(np.float64)
    centred = exact - exact.mean(axis=-1, keepdims=True)
    expected = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(out, np.maximum(expected, 0), atol=1e-3 if shape[-1] == 1 else 3e-5)
    assert untouched()


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_merges_spread_what_is_narrower(parts):
    random = np.random.default_rng(12)
    wide, row, one = numbers(random, 2, 3, 4, 5), numbers(random, 2, 1, 4, 5), numbers(random, 2, 1, 1, 1)
    out, untouched = output(random, wide.shape)
    run(elementwise.merge(np.add, [row, wide, one], Finish(out, [Follower("relu")]), 0.5, parts), 0)
    assert_close(out, np.maximum((wide.astype(np.float64) + row + one) / 2, 0))
    assert untouched()


def test_rows_are_cut_where_tiles_are():
    """55 rows at 28, and so their 14 rows of tiles at 7."""
    assert [part.stop for part in split(55, 2)] == [28, 55] and [part.stop for part in split(14, 2)] == [7, 14]
    assert [part.stop for part in split(7, 3)] == [3, 5, 7]


@pytest.mark.parametrize(("extent", "parts"), [(1, 1), (7, 2), (7, 7), (7, 20), (0, 3)])
def test_split_covers_evenly(extent, parts):
    slices = split(extent, parts)
    assert [cell for part in slices for cell in range(part.start, part.stop)] == list(range(extent))
    sizes = [part.stop - part.start for part in slices]
    assert len(sizes) <= max(parts, 1) and max(sizes) - min(sizes) <= 1


def test_strips_without_padding_read_the_array_itself():
    window = Window((3, 3), (1, 1), (1, 1), (0, 0), (6, 6))
    assert [strip.inner for strip in strips(window, (1, 8, 8, 4), 1, 2)] == [None, None]
    padded = Window((3, 3), (1, 1), (1, 1), (1, 0), (8, 6))
    first, last = strips(padded, (1, 8, 8, 4), 1, 2)
    assert (first.halo, last.halo) == ((1, 6, 8, 4), (1, 6, 8, 4))
    assert (first.source[1], first.inner[1]) == (slice(0, 5), slice(1, 6))
    assert (last.source[1], last.inner[1]) == (slice(3, 8), slice(0, 5))
