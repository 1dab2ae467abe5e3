"""The table from ONNX operator to the language: a function from a node to the value (or values) that it gives."""

from collections.abc import Callable
from typing import Any

from cnndsl.interop.onnx.importer.graph import NodeContext
from cnndsl.interop.onnx.importer.translations import resizing, shaping, windows
from cnndsl.interop.onnx.importer.translations.elements import ACTIVATIONS, ARITHMETIC
from cnndsl.interop.onnx.importer.translations.reductions import REDUCTIONS

TRANSLATIONS: dict[str, Callable[[NodeContext], Any]] = {
    "Conv": windows.conv,
    "ConvTranspose": windows.conv_transpose,
    "MaxPool": windows.maxpool,
    "AveragePool": windows.avgpool,
    "LpPool": windows.lppool,
    "GlobalAveragePool": windows.global_avgpool,
    "GlobalMaxPool": windows.global_maxpool,
    "GlobalLpPool": windows.global_lppool,
    "Gemm": windows.gemm,
    "MatMul": windows.matmul,
    "BatchNormalization": windows.batchnorm,
    "InstanceNormalization": windows.instancenorm,
    "GroupNormalization": windows.groupnorm,
    "LayerNormalization": windows.layernorm,
    "LRN": windows.lrn,
    "Identity": shaping.same,
    "Dropout": shaping.dropout,
    "Flatten": shaping.flatten,
    "Reshape": shaping.reshape,
    "Squeeze": shaping.squeeze,
    "Unsqueeze": shaping.unsqueeze,
    "Expand": resizing.expand,
    "Transpose": shaping.transpose,
    "Concat": shaping.concat,
    "Slice": shaping.cut,
    "Split": shaping.split,
    "SplitToSequence": shaping.split_to_sequence,
    "SequenceAt": shaping.sequence_at,
    "ScatterND": shaping.scatter,
    "Gather": shaping.gather,
    "Pad": shaping.pad,
    "Resize": resizing.resize,
    "Upsample": resizing.resize,
    "DepthToSpace": shaping.depth_to_space,
    "SpaceToDepth": shaping.space_to_depth,
    **ACTIVATIONS,
    **ARITHMETIC,
    **REDUCTIONS,
}

QUANTISED = frozenset(
    {
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "QLinearConv",
        "QLinearMatMul",
        "ConvInteger",
        "MatMulInteger",
    }
)
"""Operators of quantised networks."""
