"""Convolutions against definitions written as loops, against PyTorch, and against each other as adjoint maps."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnndsl.runtime.kernels import convolution
from cnndsl.runtime.kernels.arrays import blocks
from cnndsl.runtime.kernels.convolution import convolve, convolve_transposed

GROUPINGS = [(1, 2, 3), (2, 2, 4), (2, 4, 2), (3, 3, 3), (3, 3, 6)]  # groups, C, F: plain, grouped and depthwise


def source_cell(index, extent, mode):
    """The cell that padding copies to ``index``, None for zero."""
    if 0 <= index < extent:
        return index
    match mode:
        case "zeros":
            return None
        case "edge":
            return 0 if index < 0 else extent - 1
        case "circular":
            return index % extent
        case "reflect":
            return -index if index < 0 else 2 * (extent - 1) - index


def naive_convolve(x, weight, bias, *, stride, dilation, padding, groups, output, pad_mode="zeros"):
    batch, spatial = x.shape[0], x.shape[2:]
    filters, links, *kernel = weight.shape
    y = np.zeros((batch, filters, *output))
    for n, f, *cell in np.ndindex(*y.shape):
        total = 0.0 if bias is None else bias[f]
        first = f // (filters // groups) * links
        for c, *tap in np.ndindex(links, *kernel):
            source = [
                source_cell(o * s + t * d - begin, extent, pad_mode)
                for o, s, t, d, (begin, _), extent in zip(cell, stride, tap, dilation, padding, spatial, strict=True)
            ]
            if None not in source:
                total += weight[(f, c, *tap)] * x[(n, first + c, *source)]
        y[(n, f, *cell)] = total
    return y


def naive_transposed(x, weight, bias, *, stride, dilation, padding, groups, output):
    batch, channels = x.shape[:2]
    per_group, *kernel = weight.shape[1:]
    y = np.zeros((batch, per_group * groups, *output))
    if bias is not None:
        y += bias.reshape(-1, *(1 for _ in output))
    for n, c, *cell in np.ndindex(*x.shape):
        for f, *tap in np.ndindex(per_group, *kernel):
            target = [
                i * s + t * d - begin
                for i, s, t, d, (begin, _) in zip(cell, stride, tap, dilation, padding, strict=True)
            ]
            if all(0 <= i < o for i, o in zip(target, output, strict=True)):
                y[(n, c // (channels // groups) * per_group + f, *target)] += x[(n, c, *cell)] * weight[(c, f, *tap)]
    return y


def draw(seed, rank, random_geometry, transposed=False):
    random = np.random.default_rng([seed, rank])
    geometry = random_geometry(random, rank)
    groups, channels, filters = GROUPINGS[seed % len(GROUPINGS)]
    if transposed:
        channels, filters = filters, channels
    shape = (channels, filters // groups) if transposed else (filters, channels // groups)
    x = random.standard_normal((2, channels, *geometry.spatial), np.float32)
    weight = random.standard_normal((*shape, *geometry.kernel), np.float32)
    bias = random.standard_normal(filters, np.float32)
    return geometry, groups, x, weight, bias


def settings_of(geometry):
    return {name: getattr(geometry, name) for name in ("stride", "dilation", "padding", "output")}


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_convolve_is_its_definition(agree, random_geometry, seed, rank):
    geometry, groups, x, weight, bias = draw(seed, rank, random_geometry)
    x = x[:1] if rank == 3 else x
    options = {**settings_of(geometry), "groups": groups}
    agree(partial(convolve, **options), partial(naive_convolve, **options), x, weight, bias)


@pytest.mark.parametrize("pad_mode", ["reflect", "edge", "circular"])
@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_convolve_pads_by_mode(agree, random_geometry, seed, rank, pad_mode):
    geometry, groups, x, weight, bias = draw(seed, rank, random_geometry)
    options = {**settings_of(geometry), "groups": groups, "pad_mode": pad_mode}
    agree(partial(convolve, **options), partial(naive_convolve, **options), x, weight, bias)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10, 30))
def test_convolve_agrees_with_torch(agree, by_torch, random_geometry, seed, rank):
    geometry, groups, x, weight, bias = draw(seed, rank, random_geometry)
    functional = pytest.importorskip("torch.nn.functional")
    convolution_of_rank = [functional.conv1d, functional.conv2d, functional.conv3d][rank - 1]
    around = [side for sides in reversed(geometry.padding) for side in sides]

    def reference(x, weight, bias):
        padded = functional.pad(x, around)
        return convolution_of_rank(padded, weight, bias, geometry.stride, 0, geometry.dilation, groups)

    agree(partial(convolve, **settings_of(geometry), groups=groups), by_torch(reference), x, weight, bias)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_convolve_transposed_is_its_definition(agree, random_geometry, seed, rank):
    geometry, groups, x, weight, bias = draw(seed, rank, random_geometry, transposed=True)
    x = x[:, :, *(slice(0, 3) for _ in range(rank))]
    sizes = [
        max(1, (n - 1) * s + (k - 1) * d + 1 - begin - end + seed % s)  # seed % s: output_pad
        for n, s, k, d, (begin, end) in zip(
            x.shape[2:], geometry.stride, geometry.kernel, geometry.dilation, geometry.padding, strict=True
        )
    ]
    options = {**settings_of(geometry), "groups": groups, "output": tuple(sizes)}
    agree(partial(convolve_transposed, **options), partial(naive_transposed, **options), x, weight, bias)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_convolve_transposed_agrees_with_torch(agree, by_torch, random_geometry, seed, rank):
    functional = pytest.importorskip("torch.nn.functional")
    transposed_of_rank = [functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d][
        rank - 1
    ]
    geometry, groups, x, weight, bias = draw(seed, rank, random_geometry, transposed=True)
    padding = tuple(min(begin, k // 2) for (begin, _), k in zip(geometry.padding, geometry.kernel, strict=True))
    extra = tuple(min(1, s - 1) for s in geometry.stride)
    output = tuple(
        (n - 1) * s + (k - 1) * d + 1 - 2 * p + e
        for n, s, k, d, p, e in zip(
            geometry.spatial, geometry.stride, geometry.kernel, geometry.dilation, padding, extra, strict=True
        )
    )
    kernel = partial(
        convolve_transposed,
        stride=geometry.stride,
        dilation=geometry.dilation,
        padding=tuple((p, p) for p in padding),
        groups=groups,
        output=output,
    )

    def reference(x, weight, bias):
        return transposed_of_rank(x, weight, bias, geometry.stride, padding, extra, groups, geometry.dilation)

    agree(kernel, by_torch(reference), x, weight, bias)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_transpose_is_the_adjoint(random_geometry, seed, rank):
    geometry, groups, x, weight, _ = draw(seed, rank, random_geometry)
    x, weight = x.astype(np.float64), weight.astype(np.float64)
    options = {"stride": geometry.stride, "dilation": geometry.dilation, "padding": geometry.padding, "groups": groups}
    image = convolve(x, weight, None, **options, output=geometry.output)
    other = np.random.default_rng(seed).standard_normal(image.shape)
    preimage = convolve_transposed(other, weight, None, **options, output=geometry.spatial)
    assert np.vdot(image, other) == pytest.approx(np.vdot(x, preimage), rel=1e-10)


def test_bias_is_optional(agree):
    random = np.random.default_rng(0)
    x, weight = random.standard_normal((2, 4, 5)), random.standard_normal((6, 4, 1))
    options = {"stride": (1,), "dilation": (1,), "padding": ((0, 0),), "groups": 1, "output": (5,)}
    agree(lambda x, w: convolve(x, w, None, **options), lambda x, w: np.einsum("ncl,fc->nfl", x, w[..., 0]), x, weight)
    agree(
        lambda x, w: convolve_transposed(x, w, None, **options),
        lambda x, w: np.einsum("ncl,cf->nfl", x, w[..., 0]),
        x,
        weight.swapaxes(0, 1),
    )


def test_an_image_of_one_window(agree):
    random = np.random.default_rng(1)
    x, weight = random.standard_normal((3, 2, 4, 5)), random.standard_normal((7, 2, 4, 5))
    options = {"stride": (1, 1), "dilation": (1, 1), "padding": ((0, 0), (0, 0)), "groups": 1, "output": (1, 1)}
    agree(
        lambda x, w: convolve(x, w, None, **options),
        lambda x, w: np.einsum("nchw,fchw->nf", x, w)[..., None, None],
        x,
        weight,
    )


@pytest.mark.parametrize("budget", [1, 200, 3000])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_results_do_not_depend_on_the_blocks(monkeypatch, agree, groups, budget):
    monkeypatch.setattr(convolution, "BUFFER_BYTES", budget)
    monkeypatch.setattr(convolution, "CACHE_BYTES", budget)
    random = np.random.default_rng(2)
    x = random.standard_normal((2, 4, 5, 6))
    options = {"stride": (1, 2), "dilation": (1, 1), "padding": ((1, 1), (0, 1)), "groups": groups}
    weight, bias = random.standard_normal((4, 4 // groups, 3, 3)), random.standard_normal(4)
    forward = {**options, "output": (5, 3)}
    agree(partial(convolve, **forward), partial(naive_convolve, **forward), x, weight, bias)
    backward = {**options, "output": (5, 12)}
    agree(partial(convolve_transposed, **backward), partial(naive_transposed, **backward), x, weight, bias)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(0, 50))
def test_blocks_tile_their_extents(extents, cells):
    visits = np.zeros(extents, int)
    for block in blocks(extents, cells):
        assert visits[block].size <= max(cells, 1)
        visits[block] += 1
    assert (visits == 1).all()
