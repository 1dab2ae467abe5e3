"""Which tensors of a file are parameters: those that it holds, whatever their values."""

from cnndsl.interop.onnx.importer.file import Model

KEPT_IN_NODES = frozenset({"Constant", "ConstantOfShape"})
WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def learnt_tensors(model: Model) -> set[str]:
    """The float initializers; where nodes make most of the weights of convolutions and dense layers, what they make.

    Of our own exports, those with names such as ``conv1.weight``: others are numbers that ONNX wants written down.
    """
    held = {name for name, array in model.constants.items() if array.dtype.kind == "f"}
    if model.producer == "cnndsl":
        return {name for name in held if "." in name.rpartition("/")[2]}
    made = {node.output[0] for node in model.nodes if node.op_type in KEPT_IN_NODES and node.output}
    weights = [node.input[1] for node in model.nodes if node.op_type in WEIGHTED and len(node.input) > 1]
    most = 2 * sum(name in made for name in weights) > len(weights)
    return held | made if most else held
