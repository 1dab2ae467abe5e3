"""The small modules that a generated file defines itself, where PyTorch has none."""

_ANY_RANK = {
    "Embedding": '''\
class Embedding(nn.Embedding):
    """A table; what it gives lies along the channels."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input).movedim(-1, 1)
''',
    "Parameter": '''\
class Parameter(nn.Module):
    """A learned value, the same for every example."""

    def __init__(self, shape: tuple[int, ...], init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, init))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(len(x), *self.weight.shape)
''',
    "RadialBasis": '''\
class RadialBasis(nn.Module):
    """The squared distance from each of the centres (LeCun et al. 1998, eq. 7)."""

    centers: Tensor

    def __init__(self, units: int, features: int) -> None:
        super().__init__()
        self.register_buffer("centers", torch.zeros(units, features))

    def forward(self, x: Tensor) -> Tensor:
        mode = "donot_use_mm_for_euclid_dist"
        return torch.cdist(x, self.centers, compute_mode=mode).square()
''',
    "NearestResize": '''\
class NearestResize(nn.Module):
    """Cell i of m reads cell floor(i * n / m); nn.Upsample may round to a neighbour."""

    def __init__(self, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        for axis, size in enumerate(self.size, start=2):
            cells = torch.arange(size, device=x.device) * x.shape[axis] // size
            x = x.index_select(axis, cells)
        return x
''',
    "CubicResize": '''\
class CubicResize(nn.Module):
    """Cubic interpolation along any number of axes; nn.Upsample has it for two."""

    def __init__(self, size: tuple[int, ...], align_corners: bool) -> None:
        super().__init__()
        self.size = size
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> Tensor:
        for axis, size in enumerate(self.size, start=2):
            lines = x.movedim(axis, -1)
            rows = lines.reshape(1, 1, -1, lines.shape[-1])
            shape = (rows.shape[2], size)
            corners = self.align_corners
            rows = F.interpolate(rows, shape, mode="bicubic", align_corners=corners)
            x = rows.reshape(*lines.shape[:-1], size).movedim(-1, axis)
        return x
''',
    "ChannelNorm": '''\
class ChannelNorm(nn.LayerNorm):
    """Normalises over the channels at each position."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)
''',
    "LocalResponseNorm": '''\
class LocalResponseNorm(nn.LocalResponseNorm):
    """Of an even size the odd channel is behind the middle, not before it."""

    def forward(self, input: Tensor) -> Tensor:
        x = input if self.size % 2 else input.flip(1)
        y = super().forward(x[..., None])[..., 0]
        return y if self.size % 2 else y.flip(1)
''',
    "Scale": '''\
class Scale(nn.Module):
    """A learned factor per channel, and a term if asked for."""

    def __init__(self, channels: int, init: float = 1.0, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        x = x.movedim(1, -1) * self.weight
        return (x if self.bias is None else x + self.bias).movedim(-1, 1)
''',
    "Bias": '''\
class Bias(nn.Module):
    """A learned term per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return (x.movedim(1, -1) + self.bias).movedim(-1, 1)
''',
    "Normalize": '''\
class Normalize(nn.Module):
    """(x - mean) / std per channel, with constants."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return ((x.movedim(1, -1) - self.mean) / self.std).movedim(-1, 1)
''',
}
_BY_RANK = {
    "ConnectedConv": '''\
class ConnectedConv2d(nn.Conv2d):
    """A convolution whose filters see only the channels that a table names."""

    mask: Tensor

    def __init__(self, table: list[list[int]], *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        mask = torch.zeros_like(self.weight)
        for row, channels in enumerate(table):
            mask[row, channels] = 1
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight * self.mask
        input = self._conv_forward(input, weight, self.bias)
        return input
''',
    "PaddedAvgPool": '''\
class PaddedAvgPool2d(nn.Module):
    """Padding of unequal sides; that which is not counted does not lower a mean."""

    def __init__(self, kernel: Any, stride: Any, counted: Any, uncounted: Any) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.counted, self.uncounted = counted, uncounted

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.counted)
        total = F.avg_pool2d(F.pad(x, self.uncounted), self.kernel, self.stride)
        ones = F.pad(torch.ones_like(x[:1, :1]), self.uncounted)
        return total / F.avg_pool2d(ones, self.kernel, self.stride)
''',
    "PaddedLPPool": '''\
class PaddedLPPool2d(nn.Module):
    """The p-norm of each window, of any p and padding."""

    def __init__(
        self, norm: float, kernel: Any, stride: Any, padding: Any, cells: int
    ) -> None:
        super().__init__()
        self.norm, self.kernel, self.stride = norm, kernel, stride
        self.padding, self.cells = padding, cells

    def forward(self, x: Tensor) -> Tensor:
        powers = F.pad(x.abs() ** self.norm, self.padding)
        mean = F.avg_pool2d(powers, self.kernel, self.stride)
        return (mean * self.cells) ** (1 / self.norm)
''',
    "Subsample": '''\
class Subsample2d(nn.Module):
    """The sum of each window times a factor, plus a term (LeCun et al. 1998)."""

    def __init__(self, channels: int, kernel: Any, stride: Any, cells: int) -> None:
        super().__init__()
        self.kernel, self.stride, self.cells = kernel, stride, cells
        self.weight = nn.Parameter(torch.full((channels,), 1 / cells))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        sums = F.avg_pool2d(x, self.kernel, self.stride) * self.cells
        return (sums.movedim(1, -1) * self.weight + self.bias).movedim(-1, 1)
''',
}


def helper_text(name: str) -> str:
    """The definition of a helper; those of windows end in their number of axes, as in ``Subsample2d``."""
    if name in _ANY_RANK:
        return _ANY_RANK[name]
    return _BY_RANK[name[:-2]].replace("2d", name[-2:])
