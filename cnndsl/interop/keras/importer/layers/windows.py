"""Convolutions, pooling, dense layers and embeddings from Keras."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnndsl.interop.calls import ToValue
from cnndsl.interop.keras.importer.call import LayerCall, led, trailed, value_of
from cnndsl.interop.onnx.importer.graph import NodeContext, Refusal, Value
from cnndsl.interop.onnx.importer.translations import windows
from cnndsl.interop.onnx.importer.translations.reductions import reduction
from cnndsl.interop.onnx.importer.translations.windows import compact
from cnndsl.ops.base import Operator
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.dense import Dense, Embedding
from cnndsl.ops.global_pool import AdaptiveAvgPool, AdaptiveMaxPool


def _map(call: LayerCall, layer: Any, input: Any) -> Value:
    """The map that the layer slides over, its axes in the language's order."""
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        raise Refusal("its weights are quantised, or have a correction of low rank", "merge that before the import")
    return call.builder.straight(led(layer, value_of(input)))


def _geometry(layer: Any) -> dict[str, Any]:
    stride, dilation = layer.strides, layer.dilation_rate
    size = zip(layer.kernel_size, dilation, strict=True)
    causal = [spread * (taps - 1) for taps, spread in size] + [0] * layer.rank
    pad: Any = {"valid": 0, "same": "same", "causal": compact(causal)}[layer.padding]
    if set(layer.kernel_size) == {1}:
        pad = 0  # a window of one cell lies inside
    return {"stride": compact(stride), "dilation": compact(dilation), "pad": pad}


def conv(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x, rank = _map(call, layer, inputs), layer.rank
    kernel = call.held(layer.kernel)
    given = {"kernel": tuple(layer.kernel_size), "bias": layer.bias is not None, **_geometry(layer)}
    op: Operator = Conv(filters=layer.filters, groups=layer.groups, **given)
    if layer.groups > 1 and layer.groups == x.shape.channels:
        op = Depthwise(multiplier=layer.filters // layer.groups, **given)
    weight = kernel.turned(rank + 1, rank, *range(rank))
    found = call.weighted(op, x, weight=weight, bias=call.perhaps(layer.bias))
    return call.activated(layer.activation, trailed(layer, found))


def depthwise(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x = _map(call, layer, inputs)
    found = _depthwise(call, layer, x, layer.kernel, layer.bias)
    return call.activated(layer.activation, trailed(layer, found))


def _depthwise(call: LayerCall, layer: Any, x: Value, kernel: Any, bias: Any) -> Value:
    """Keras has the filters of a channel behind each other, as the language does."""
    held, rank = call.held(kernel), layer.rank
    turned = held.turned(rank, rank + 1, *range(rank))
    filters = turned.array.shape[0] * turned.array.shape[1]
    weight = turned._replace(array=turned.array.reshape(filters, 1, *turned.array.shape[2:]))
    given = {"kernel": tuple(layer.kernel_size), "bias": bias is not None, **_geometry(layer)}
    op = Depthwise(multiplier=layer.depth_multiplier, **given)
    return call.weighted(op, x, weight=weight, bias=call.perhaps(bias))


def separable(call: LayerCall, layer: Any, inputs: Any) -> Value:
    """A depthwise convolution and one of size 1."""
    x, rank = _map(call, layer, inputs), layer.rank
    deep = _depthwise(call.beside_it("depthwise"), layer, x, layer.depthwise_kernel, None)
    weight = call.held(layer.pointwise_kernel).turned(rank + 1, rank, *range(rank))
    op = Conv(filters=layer.filters, kernel=(1,) * rank, bias=layer.bias is not None)
    found = call.beside_it("pointwise").weighted(op, deep, weight=weight, bias=call.perhaps(layer.bias))
    return call.activated(layer.activation, trailed(layer, found))


def conv_transpose(call: LayerCall, layer: Any, inputs: Any) -> Value:
    x, rank = _map(call, layer, inputs), layer.rank
    begins, ends, extra = [], [], []
    paddings = layer.output_padding if layer.output_padding is not None else (None,) * rank
    each = zip(layer.kernel_size, layer.strides, layer.dilation_rate, paddings, strict=True)
    for taps, stride, dilation, given in each:
        begin, end, more = _cropped(dilation * (taps - 1) + 1, stride, given, layer.padding == "same")
        begins.append(begin)
        ends.append(end)
        extra.append(more)
    op = ConvTranspose(
        filters=layer.filters,
        kernel=tuple(layer.kernel_size),
        stride=compact(layer.strides),
        pad=compact(begins) if begins == ends else (*begins, *ends),
        output_pad=compact(extra),
        dilation=compact(layer.dilation_rate),
        bias=layer.bias is not None,
    )
    weight = call.held(layer.kernel).turned(rank + 1, rank, *range(rank))
    found = call.weighted(op, x, weight=weight, bias=call.perhaps(layer.bias))
    return call.activated(layer.activation, trailed(layer, found))


def _cropped(reach: int, stride: int, output_padding: int | None, same: bool) -> tuple[int, int, int]:
    """The cells that a transposed convolution loses before and behind, and those that it gets behind.

    Keras says how many cells stand around the input: an odd one stands before, so that it is lost behind.
    """
    if same:
        around = reach - 2 + (stride if output_padding is None else reach % 2 + output_padding)
        before = min((around + 1) // 2, reach - 1)
    else:
        before = reach - 1
        around = 2 * before + (max(stride - reach, 0) if output_padding is None else output_padding)
    end = reach - 1 - (around - before)
    return reach - 1 - before, max(end, 0), max(-end, 0)


def pool(translate: Callable[[NodeContext], Value]) -> ToValue:
    def translated(call: LayerCall, layer: Any, inputs: Any) -> Value:
        found = call.says(
            translate,
            led(layer, value_of(inputs)),
            kernel_shape=list(layer.pool_size),
            strides=list(layer.strides),
            auto_pad="SAME_UPPER" if layer.padding == "same" else "VALID",
        )
        return trailed(layer, found)

    return translated


def global_pool(by: str) -> ToValue:
    along = reduction(by)

    def translated(call: LayerCall, layer: Any, inputs: Any) -> Value:
        x = led(layer, value_of(inputs))
        axes = list(range(2, call.rank(x)))
        found = call.says(along, x, axes=axes, keepdims=bool(layer.keepdims))
        return trailed(layer, found) if layer.keepdims else found

    return translated


def adaptive(mean: bool) -> ToValue:
    def translated(call: LayerCall, layer: Any, inputs: Any) -> Value:
        x = call.builder.straight(led(layer, value_of(inputs)))
        op = AdaptiveAvgPool if mean else AdaptiveMaxPool
        return trailed(layer, call.emit(op(size=compact(tuple(layer.output_size))), x))

    return translated


def dense(call: LayerCall, layer: Any, inputs: Any) -> Value:
    """Every vector along the last axis. Behind a map that was flattened, the weight has the language's order."""
    x = value_of(inputs)
    if layer.lora_enabled or getattr(layer, "quantization_mode", None):
        raise Refusal("its weights are quantised, or have a correction of low rank", "merge that before the import")
    weight, bias = call.held(layer.kernel).turned(1, 0), call.perhaps(layer.bias)
    if x.shape.is_vector:
        source = call.setting.flattened.get(x.name)
        if source is not None:
            units = weight.array.shape[0]
            there = weight.array.reshape(units, *source.dimensions)
            axes = (0, *(1 + np.argsort(source.order)))
            weight = weight._replace(array=np.ascontiguousarray(np.transpose(there, axes)).reshape(units, -1))
        found = call.weighted(Dense(units=layer.units, bias=bias is not None), x, weight=weight, bias=bias)
        return call.activated(layer.activation, found)
    x = call.builder.led_by(x, x.order[-1])
    rank = len(x.shape.spatial)
    if rank > 3:
        raise Refusal(f"its input {x.shape} has more than 3 spatial axes")
    weight = weight._replace(array=weight.array.reshape(*weight.array.shape, *(1,) * rank))
    op = Conv(filters=layer.units, kernel=(1,) * rank, bias=bias is not None)
    found = call.weighted(op, x.ordered(range(rank + 1)), weight=weight, bias=bias).ordered(x.order)
    return call.activated(layer.activation, found)


def embedding(call: LayerCall, layer: Any, inputs: Any) -> Value:
    words = value_of(inputs)
    if layer.mask_zero:
        raise Refusal("it masks word 0, and the language has no masks", "mask_zero=False")
    if not words.shape.is_vector:
        raise Refusal(f"it looks up words of {words.shape}, and the language's embedding a list")
    op = Embedding(vocabulary=layer.input_dim, size=layer.output_dim)
    return call.weighted(op, words, weight=call.held(layer.embeddings)).ordered((1, 0))


_RANKED: dict[str, ToValue] = {
    "Conv{}D": conv,
    "Conv{}DTranspose": conv_transpose,
    "DepthwiseConv{}D": depthwise,
    "SeparableConv{}D": separable,
    "MaxPooling{}D": pool(windows.maxpool),
    "AveragePooling{}D": pool(windows.avgpool),
    "GlobalMaxPooling{}D": global_pool("max"),
    "GlobalAveragePooling{}D": global_pool("mean"),
    "AdaptiveMaxPooling{}D": adaptive(mean=False),
    "AdaptiveAveragePooling{}D": adaptive(mean=True),
}
LAYERS: dict[str, ToValue] = {name.format(rank): found for name, found in _RANKED.items() for rank in (1, 2, 3)}
LAYERS |= {"Dense": dense, "Embedding": embedding}
