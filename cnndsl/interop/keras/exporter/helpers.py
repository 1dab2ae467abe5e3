"""The small layers that a generated file defines itself, where Keras has none, and how it reads weights."""

_HELPERS = {
    "Pad": '''\
class Pad(layers.Layer):
    """Cells of one value around the map."""

    def __init__(self, padding: Any, value: float, **options: Any) -> None:
        super().__init__(**options)
        self.padding, self.value = padding, value

    def call(self, inputs: KerasTensor) -> KerasTensor:
        pairs = [(0, 0), *map(tuple, self.padding), (0, 0)]
        return ops.pad(inputs, pairs, constant_values=self.value)
''',
    "MirrorPad": '''\
class MirrorPad(layers.Layer):
    """Cells around the map that are like those in it: np.pad's modes."""

    def __init__(self, padding: Any, mode: str, **options: Any) -> None:
        super().__init__(**options)
        self.padding, self.mode = padding, mode

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs
        for axis, pair in enumerate(self.padding, start=1):
            cells = np.pad(np.arange(x.shape[axis]), pair, self.mode)
            x = ops.take(x, cells, axis)
        return x
''',
    "ConvTranspose": '''\
class ConvTranspose(layers.Layer):
    """A convolution of the map with zeros between its cells, with filters turned."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any,
        cropping: Any,
        output_padding: Any,
        dilation_rate: Any = 1,
        groups: int = 1,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides
        self.cropping, self.output_padding = cropping, output_padding
        self.dilation_rate, self.groups, self.use_bias = dilation_rate, groups, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape: Any) -> None:
        shape = (*self.kernel_size, self.filters // self.groups, input_shape[-1])
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        if self.use_bias:
            bias, shape = self.bias_initializer, (self.filters,)
            self.bias = self.add_weight(shape, bias, name="bias")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x, rank = inputs, len(self.kernel_size)
        spread = self.dilation_rate
        spread = (spread,) * rank if isinstance(spread, int) else spread
        for axis in range(rank):
            size, stride = x.shape[axis + 1], self.strides[axis]
            begin, end = self.cropping[axis]
            reach = spread[axis] * (self.kernel_size[axis] - 1)
            cells = np.arange((size - 1) * stride + 1)
            x = ops.take(x, cells // stride, axis + 1)
            shape = [-1 if n == axis else 1 for n in range(rank)]
            holes = (cells % stride == 0).astype("float32").reshape(*shape, 1)
            x = x * ops.cast(holes, x.dtype)
            pairs = [(0, 0)] * (rank + 2)
            pairs[axis + 1] = (reach, reach + self.output_padding[axis])
            x = ops.pad(x, pairs)
            cells = np.arange(begin, x.shape[axis + 1] - end)
            x = ops.take(x, cells, axis + 1)
        kernel = ops.flip(self.kernel, tuple(range(rank)))
        parts = ops.split(kernel, self.groups, axis=-1)
        parts = [ops.swapaxes(part, -1, -2) for part in parts]
        x = ops.conv(
            x,
            ops.concatenate(parts, axis=-1),
            padding="valid",
            data_format="channels_last",
            dilation_rate=spread,
        )
        return x + self.bias if self.use_bias else x
''',
    "DilatedMaxPooling": '''\
class DilatedMaxPooling(layers.Layer):
    """The largest of each window whose taps stand apart."""

    def __init__(
        self, pool_size: Any, strides: Any, dilation_rate: Any, **options: Any
    ) -> None:
        super().__init__(**options)
        self.pool_size, self.strides = pool_size, strides
        self.dilation_rate = dilation_rate

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs
        sizes = zip(self.pool_size, self.strides, self.dilation_rate, strict=True)
        for axis, (taps, stride, spread) in enumerate(sizes, start=1):
            last = x.shape[axis] - spread * (taps - 1)
            starts = np.arange(0, last, stride)
            found = [ops.take(x, starts + tap * spread, axis) for tap in range(taps)]
            x = functools.reduce(ops.maximum, found)
        return x
''',
    "PaddedAveragePooling": '''\
class PaddedAveragePooling(layers.Layer):
    """Means of windows: of two paddings one counts in the divisor, one does not."""

    def __init__(
        self, pool_size: Any, strides: Any, counted: Any, uncounted: Any, **options: Any
    ) -> None:
        super().__init__(**options)
        self.pool_size, self.strides = pool_size, strides
        self.counted, self.uncounted = counted, uncounted

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = ops.pad(inputs, [(0, 0), *map(tuple, self.counted), (0, 0)])
        ones = np.ones((1, *x.shape[1:-1], 1), "float32")
        pairs = [(0, 0), *map(tuple, self.uncounted), (0, 0)]
        total, part = [
            ops.average_pool(
                ops.pad(value, pairs),
                tuple(self.pool_size),
                tuple(self.strides),
                data_format="channels_last",
            )
            for value in (x, ops.cast(ones, x.dtype))
        ]
        return total / part
''',
    "NormPooling": '''\
class NormPooling(layers.Layer):
    """The p-norm of each window."""

    def __init__(
        self, norm: int, pool_size: Any, strides: Any, padding: Any = (), **options: Any
    ) -> None:
        super().__init__(**options)
        self.norm, self.pool_size, self.strides = norm, pool_size, strides
        self.padding = padding

    def call(self, inputs: KerasTensor) -> KerasTensor:
        powers = ops.absolute(inputs) ** self.norm
        if self.padding:
            powers = ops.pad(powers, [(0, 0), *map(tuple, self.padding), (0, 0)])
        size, strides = tuple(self.pool_size), tuple(self.strides)
        mean = ops.average_pool(powers, size, strides, data_format="channels_last")
        return (mean * math.prod(size)) ** (1 / self.norm)
''',
    "Subsample": '''\
class Subsample(layers.Layer):
    """The sum of each window times a factor, plus a term (LeCun et al. 1998)."""

    def __init__(self, pool_size: Any, strides: Any, **options: Any) -> None:
        super().__init__(**options)
        self.pool_size, self.strides = pool_size, strides

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.Constant(1 / math.prod(self.pool_size))
        self.weight = self.add_weight((input_shape[-1],), start, name="weight")
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        size, strides = tuple(self.pool_size), tuple(self.strides)
        mean = ops.average_pool(inputs, size, strides, data_format="channels_last")
        return mean * math.prod(size) * self.weight + self.bias
''',
    "AdaptiveAveragePooling": '''\
class AdaptiveAveragePooling(layers.Layer):
    """The means of as many windows as asked for; they may overlap by a cell."""

    def __init__(self, size: Any, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs
        for axis, cells in enumerate(self.size, start=1):
            n = x.shape[axis]
            means = []
            for i in range(cells):
                window = np.arange(i * n // cells, -(-(i + 1) * n // cells))
                part = ops.take(x, window, axis)
                means.append(ops.mean(part, axis, keepdims=True))
            x = ops.concatenate(means, axis)
        return x
''',
    "AdaptiveMaxPooling": '''\
class AdaptiveMaxPooling(layers.Layer):
    """The largest of as many windows as asked for; they may overlap by a cell."""

    def __init__(self, size: Any, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs
        for axis, cells in enumerate(self.size, start=1):
            n = x.shape[axis]
            found = []
            for i in range(cells):
                window = np.arange(i * n // cells, -(-(i + 1) * n // cells))
                part = ops.take(x, window, axis)
                found.append(ops.max(part, axis, keepdims=True))
            x = ops.concatenate(found, axis)
        return x
''',
    "Resize": '''\
class Resize(layers.Layer):
    """Nearest, linear or cubic (a = -0.75) along each axis, as PyTorch has them."""

    def __init__(
        self, size: Any, mode: str, align_corners: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.size, self.mode, self.align_corners = size, mode, align_corners

    def matrix(self, cells: int, size: int) -> Any:
        """The share of each cell in each of the new ones."""
        new = np.arange(size)
        if self.mode == "nearest":
            return np.eye(cells)[new * cells // size]
        at = (new + 0.5) * cells / size - 0.5
        if self.align_corners:
            at = new * (cells - 1) / max(size - 1, 1)
        if self.mode == "linear":
            at = np.clip(at, 0, cells - 1)
        first, shares = np.floor(at).astype(int), np.zeros((size, cells))
        for tap in range(-1, 3):
            far = np.abs(at - first - tap)
            share = np.maximum(1 - far, 0)
            if self.mode == "cubic":
                near = (1.25 * far - 2.25) * far**2 + 1
                outer = ((-0.75 * far + 3.75) * far - 6) * far + 3
                share = np.where(far <= 1, near, np.where(far < 2, outer, 0))
            np.add.at(shares, (new, np.clip(first + tap, 0, cells - 1)), share)
        return shares

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs
        for axis, size in enumerate(self.size, start=1):
            matrix = self.matrix(x.shape[axis], size).astype("float32")
            x = ops.moveaxis(x, axis, -1) @ ops.cast(matrix.T, x.dtype)
            x = ops.moveaxis(x, -1, axis)
        return x
''',
    "ChannelShuffle": '''\
class ChannelShuffle(layers.Layer):
    """The channels of the groups dealt out in turn."""

    def __init__(self, groups: int, **options: Any) -> None:
        super().__init__(**options)
        self.groups = groups

    def call(self, inputs: KerasTensor) -> KerasTensor:
        channels = inputs.shape[-1]
        order = np.arange(channels).reshape(self.groups, -1).T.flatten()
        return ops.take(inputs, order, axis=-1)
''',
    "PixelShuffle": '''\
class PixelShuffle(layers.Layer):
    """Channels become pixels; the pixels of a channel are neighbours (PyTorch)."""

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, inputs: KerasTensor) -> KerasTensor:
        f, (_, height, width, channels) = self.factor, inputs.shape
        x = ops.reshape(inputs, (-1, height, width, channels // f**2, f, f))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
        return ops.reshape(x, (-1, height * f, width * f, channels // f**2))
''',
    "SpaceToDepth": '''\
class SpaceToDepth(layers.Layer):
    """Pixels become channels; the pixels of a channel are neighbours (PyTorch)."""

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, inputs: KerasTensor) -> KerasTensor:
        f, (_, height, width, channels) = self.factor, inputs.shape
        x = ops.reshape(inputs, (-1, height // f, f, width // f, f, channels))
        x = ops.transpose(x, (0, 1, 3, 5, 2, 4))
        return ops.reshape(x, (-1, height // f, width // f, channels * f**2))
''',
    "LocalResponseNormalization": '''\
class LocalResponseNormalization(layers.Layer):
    """x / (k + alpha * mean of the squares of neighbouring channels) ** beta."""

    def __init__(
        self,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, inputs: KerasTensor) -> KerasTensor:
        channels = inputs.shape[-1]
        pairs = [(0, 0)] * (len(inputs.shape) - 1)
        pairs.append(((self.size - 1) // 2, self.size // 2))
        squares = ops.pad(ops.square(inputs), pairs)
        total = sum(squares[..., i : i + channels] for i in range(self.size))
        return inputs / (self.k + self.alpha / self.size * total) ** self.beta
''',
    "Parameter": '''\
class Parameter(layers.Layer):
    """A learned value, the same for every example."""

    def __init__(
        self, shape: Any, init: float = 0.0, initializer: Any = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.shape, self.init, self.initializer = shape, init, initializer

    def build(self, input_shape: Any) -> None:
        start = self.initializer or keras.initializers.Constant(self.init)
        start = keras.initializers.get(start)
        self.weight = self.add_weight(tuple(self.shape), start, name="weight")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        examples = ops.shape(inputs)[0]
        return ops.broadcast_to(self.weight, (examples, *self.shape))
''',
    "RadialBasis": '''\
class RadialBasis(layers.Layer):
    """The squared distance from each of the centres (LeCun et al. 1998, eq. 7)."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: Any) -> None:
        shape = (self.units, input_shape[-1])
        self.centers = self.add_weight(shape, "zeros", trainable=False, name="centers")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        return ops.sum(ops.square(inputs[:, None] - self.centers), axis=-1)
''',
    "Scale": '''\
class Scale(layers.Layer):
    """A learned factor per channel, and a term if asked for."""

    def __init__(
        self, init: float = 1.0, use_bias: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.init, self.use_bias = init, use_bias

    def build(self, input_shape: Any) -> None:
        shape, start = (input_shape[-1],), keras.initializers.Constant(self.init)
        self.weight = self.add_weight(shape, start, name="weight")
        if self.use_bias:
            self.bias = self.add_weight(shape, "zeros", name="bias")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        x = inputs * self.weight
        return x + self.bias if self.use_bias else x
''',
    "Bias": '''\
class Bias(layers.Layer):
    """A learned term per channel."""

    def build(self, input_shape: Any) -> None:
        self.bias = self.add_weight((input_shape[-1],), "zeros", name="bias")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        return inputs + self.bias
''',
}
_CONNECTED = '''\
class ConnectedConv2D(layers.Conv2D):
    """A convolution whose filters see only the channels that a table names."""

    def __init__(self, table: Any, *sizes: Any, **options: Any) -> None:
        super().__init__(*sizes, **options)
        self.table = table

    def convolution_op(self, inputs: KerasTensor, kernel: Any) -> KerasTensor:
        mask = np.zeros(kernel.shape, "float32")
        for row, channels in enumerate(self.table):
            mask[..., channels, row] = 1
        return super().convolution_op(inputs, kernel * ops.cast(mask, kernel.dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "table": self.table}
'''
_REGISTERED = "@keras.saving.register_keras_serializable()\n"


def helper_text(name: str) -> str:
    """The definition of a helper; those of convolutions end in their number of axes."""
    text = _HELPERS[name] if name in _HELPERS else _CONNECTED.replace("2D", name[-2:])
    return _REGISTERED + text
