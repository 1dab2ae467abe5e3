"""What frameworks have no operator for, or have since lately."""

from cnndsl.analysis.lint.portability.difference import Difference
from cnndsl.analysis.lint.view import LintView
from cnndsl.ir import Node
from cnndsl.ops.conv import Conv
from cnndsl.ops.pool import LpPool
from cnndsl.shapes import extents, product

TFLITE_COMPOSED = ("celu", "selu", "mish", "softplus", "softsign", "hardsigmoid", "silu")
"""Activations that are no built-in operator of TensorFlow Lite."""
TFLITE_NORMS = ("layernorm", "groupnorm", "instancenorm")
OPSETS = {"hardswish": 14, "layernorm": 17, "mish": 18, "gelu": 20, "groupnorm": 21}
"""The first opset of ONNX that has an operator, where that is after 13."""


def missing(view: LintView, node: Node, target: str) -> str:
    return f"{target} has no operator for {node.op.operator}"


def no_depthwise_volumes(view: LintView, node: Node, target: str) -> str | None:
    return f"{target} has no depthwise convolution for 3 axes" if len(node.shape.spatial) == 3 else None


def connections_table(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, Conv)
    if node.op.connect is None:
        return None
    own = product([axis.kernel for axis in view.axes(node)]) * sum(map(len, node.op.connect))
    full = product([node.op.filters, view.shape_into(node).channels, *(axis.kernel for axis in view.axes(node))])
    return f"{target} has no table of connections: a full kernel has {full:,} weights where this has {own:,}"


def uneven_windows(view: LintView, node: Node, target: str) -> str | None:
    before, after = view.shape_into(node).spatial, node.shape.spatial
    if all(map(_slides, before, after)):
        return None
    return f"{target} has pools of equal windows only, and from {extents(before)} to {extents(after)} they are not"


def _slides(size: int, cells: int) -> bool:
    """Whether windows from floor(i*n/o) up to ceil((i + 1)*n/o) are equal ones at equal steps.

    With n = q*o + r the last begins at (o - 1)*q + floor((o - 1)*r/o), which is o - 1 steps of q only for r below 2.
    """
    return size % cells < 2


def late_opset(view: LintView, node: Node, target: str) -> str:
    return f"{target} has an operator for {node.op.operator} since opset {OPSETS[node.op.operator]}"


def pooled_volumes(view: LintView, node: Node, target: str) -> str | None:
    return f"{target} has no pools over 3 axes" if len(node.shape.spatial) == 3 else None


def no_cubic(view: LintView, node: Node, target: str) -> str | None:
    return f"{target} has no cubic interpolation" if getattr(node.op, "mode", "") == "cubic" else None


def norm_pools(view: LintView, node: Node, target: str) -> str | None:
    assert isinstance(node.op, LpPool)
    if node.op.p == 2 and len(node.shape.spatial) == 2:
        return None
    return f"{target} has norm pools for p=2 and images only"


DIFFERENCES = (
    Difference(
        "connections-table",
        ("torch", "keras", "onnx", "tflite"),
        ("conv",),
        connections_table,
        "no framework has LeNet-5's tables of connections: its C3 has 1,500 weights, a full kernel 2,400",
        "fill what is not connected with zeros, and keep it so while training",
    ),
    Difference(
        "adaptive-pools",
        ("onnx",),
        ("adaptive_avgpool", "adaptive_maxpool"),
        uneven_windows,
        "there are no adaptive pools: only where their windows are equal ones at equal steps, as from 6 to 3 and from "
        "7 to 3, is a common pool the same",
        "use such a size, or a pool for each window, as `cnndsl export` does",
    ),
    Difference(
        "onnx-opset",
        ("onnx",),
        tuple(OPSETS),
        late_opset,
        "Gelu is there since opset 20, Mish since 18, LayerNormalization since 17, HardSwish since 14, "
        "GroupNormalization with a scale for each channel since 21",
        "ask for that opset, or compose it of older operators",
    ),
    Difference(
        "depthwise-volumes",
        ("keras",),
        ("depthwise",),
        no_depthwise_volumes,
        "there is no `DepthwiseConv3D`",
        "use Conv3D with groups",
    ),
    Difference(
        "keras-missing",
        ("keras",),
        ("lrn", "lppool", "global_lppool", "subsample", "rbf", "instancenorm", "channel_shuffle"),
        missing,
        "there are no layers for local response normalisation, norm pools, instance normalisation, channel shuffle, "
        "and LeNet-5's subsampling and radial basis functions",
        "compose it in a layer of your own; instance normalisation is `GroupNormalization(groups=-1)`",
    ),
    Difference(
        "torch-missing",
        ("torch",),
        ("subsample", "rbf", "global_lppool"),
        missing,
        "there are no modules for LeNet-5's subsampling and radial basis functions, nor for a norm over a whole map",
        "compose it in a module of your own",
    ),
    Difference(
        "tflite-activations",
        ("tflite",),
        TFLITE_COMPOSED,
        missing,
        "celu, selu, mish, softplus, softsign, hardsigmoid and silu are no built-in operators",
        "compose it of the operators that there are, or use relu, elu, gelu, leaky_relu or hardswish",
    ),
    Difference(
        "tflite-norms",
        ("tflite",),
        TFLITE_NORMS,
        missing,
        "layer, group and instance normalisation are no built-in operators; batchnorm goes into the layer before it",
        "compose it of means and differences",
    ),
    Difference(
        "tflite-volumes",
        ("tflite",),
        ("maxpool", "avgpool", "lppool"),
        pooled_volumes,
        "there is `CONV_3D`, but no pool over 3 axes",
        "use a convolution with a stride, or pool by axes: two of them, then the third",
    ),
    Difference(
        "tflite-cubic",
        ("tflite",),
        ("upsample", "resize"),
        no_cubic,
        "there is no cubic interpolation: resizing is bilinear or by the nearest pixel",
        "use mode=linear",
    ),
    Difference(
        "tflite-norm-pools",
        ("tflite",),
        ("lppool",),
        norm_pools,
        "of norm pools there is `L2_POOL_2D` alone",
        "compose it of powers and a mean",
    ),
)
