"""``load_weights`` of a generated file: what of it the network needs."""

from collections.abc import Mapping, Sequence

from cnndsl.interop.codegen.layout import joined
from cnndsl.interop.keras.exporter.names import SEPARATOR
from cnndsl.ir import Graph

_AFFINE = {"gamma": "weight", "beta": "bias"}
_MOVING = {"moving_mean": "running_mean", "moving_variance": "running_var"}
_FILTERS = {"kernel": "weight"}
_RENAMED: Mapping[str, Mapping[str, str]] = {
    "conv": _FILTERS,
    "depthwise": _FILTERS,
    "conv_transpose": _FILTERS,
    "dense": _FILTERS,
    "embedding": {"embeddings": "weight"},
    "prelu": {"alpha": "weight"},
    "batchnorm": _AFFINE | _MOVING,
    "layernorm": _AFFINE,
    "groupnorm": _AFFINE,
    "instancenorm": _AFFINE,
}
"""What Keras calls the weights of operators."""

_LOAD = """\
# path: a .safetensors file with these weights and no others, their axes as in PyTorch
def load_weights(model: keras.Model, path: str) -> None:
{OWN}
    variables = {}
    for variable in model.weights:
        layer, _, name = variable.path.rpartition("/")
        key = f"{layer.replace('{SEPARATOR}', '.')}.{own.get(name, name)}"
        variables[key] = variable
{READ}    if variables.keys() != arrays.keys():
        names = sorted(variables.keys() ^ arrays.keys())
        raise ValueError(f"missing or unexpected weights: {names}")
    for key, variable in variables.items():
        array = arrays[key]
{MOVES}        variable.assign(array)
"""
_ALL = "    arrays = load_file(path)\n"
_MOST = """\
    # Nothing reads what these give, so that no Keras model has them.
{UNREAD}
    arrays = load_file(path)
    arrays = {k: a for k, a in arrays.items() if k.rpartition(".")[0] not in unread}
"""
_KERNEL = """\
        if variable.name == "kernel":
            array = array.transpose(*range(2, array.ndim), 1, 0)
"""
_DEPTHWISE = """\
            if array.shape[-2] == 1:  # depthwise: filters for each channel
                array = array.reshape(*array.shape[:-2], *variable.shape[-2:])
"""
_POSITIONS = """\
        if variable.name in ("gamma", "beta", "weight"):
            array = np.moveaxis(array, 0, -1)
"""
_ALPHA = """\
        if variable.name == "alpha":
            array = array.reshape(variable.shape)
"""


def load_text(graph: Graph, unread: Sequence[str]) -> str:
    """The function, as ruff would format it; ``unread``: layers whose weights files have and the model has not."""
    kernels, own = False, dict[str, str]()
    depthwise = positions = alpha = False
    for node in graph.layers:
        weights, operator = graph.weights(node), node.op.operator
        names = _RENAMED.get(operator, {})
        own |= {theirs: ours for theirs, ours in names.items() if ours in weights}
        if names is _FILTERS and weights:
            kernels = True
            by_channel = operator == "depthwise" or getattr(node.op, "groups", 1) > 1
            depthwise |= by_channel and weights["weight"].shape[1] == 1
        elif operator in ("layernorm", "parameter") and weights:
            positions |= len(weights["weight"].shape) > 1
        alpha |= operator == "prelu" and bool(weights) and len(node.shape.dimensions) > 1
    pairs = [f'"{theirs}": "{ours}"' for theirs, ours in own.items()]
    lines = "\n".join(joined(f"    own{'' if pairs else ': dict[str, str]'} = {{", pairs, "}"))
    wanted = ((kernels, _KERNEL), (depthwise, _DEPTHWISE), (positions, _POSITIONS), (alpha, _ALPHA))
    moves = "".join(text for is_needed, text in wanted if is_needed)
    left_out = "\n".join(joined("    unread = {", [f'"{name}"' for name in unread], "}"))
    read = _MOST.replace("{UNREAD}", left_out) if unread else _ALL
    parts = {"{READ}": read, "{OWN}": lines, "{SEPARATOR}": SEPARATOR, "{MOVES}": moves}
    text = _LOAD
    for place, part in parts.items():
        text = text.replace(place, part)
    return text
