"""Which tensors of a file are parameters: those that it holds, whatever their values."""

from cnndsl.interop.onnx.importer.file import Model

KEPT_IN_NODES = frozenset({"Constant", "ConstantOfShape"})
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization"})


def learnt_tensors(model: Model) -> set[str]:
    """The float initializers; of a file without any, the constant nodes that hold the weights of its layers.

    Of our own exports, those with names such as ``conv1.weight``: others are numbers that ONNX wants written down.
    """
    held = {name for name, array in model.constants.items() if array.dtype.kind == "f"}
    if model.producer == "cnndsl":
        return {name for name in held if "." in name.rpartition("/")[2]}
    if any(model.constants[name].ndim for name in held):
        return held
    read = {name for node in model.nodes if node.op_type in WEIGHTED for name in node.input[1:]}
    makers = [node for node in model.nodes if node.op_type in KEPT_IN_NODES]
    if not any(node.output[0] in read for node in makers):
        return held
    return held | {node.output[0] for node in makers}
