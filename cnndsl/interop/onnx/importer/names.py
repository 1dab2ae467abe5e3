"""Names for layers from what exporters call nodes and tensors, and the modules around nodes."""

import re

from onnx import NodeProto

LONGEST = 120
_GENERATED = re.compile(r"(|onnx::\w+|[rnxy]?\d*|_?(output|input|tensor|node|val|Constant)[_.]?\d*)", re.IGNORECASE)
_WEIGHT = re.compile(r"(.+?)(?:[._](?:weight|w|W|kernel|scale|s)(?:_0)?)")
_MODULE_PARAMETER = re.compile(r"[A-Za-z_]\w*(\.\w+)*\.[A-Za-z_]\w*")

SCOPES = "pkg.torch.onnx.name_scopes"
CLASSES = "pkg.torch.onnx.class_hierarchy"
PYTORCH = "torch.nn."
_ENTRY = re.compile(r"'([^'\\]*)'")


def modules_of(node: NodeProto) -> list[tuple[str, str]]:
    """The modules in which a node stands by name and full class, outermost first: the network itself has no name.

    What is called there stands behind them in both lists; nothing is said where the two do not fit together.
    """
    said = {entry.key: _ENTRY.findall(entry.value) for entry in node.metadata_props if entry.key in (SCOPES, CLASSES)}
    names, classes = said.get(SCOPES, []), said.get(CLASSES, [])
    return [*zip(names, classes, strict=True)][:-1] if len(names) == len(classes) else []


def blocks_around(node: NodeProto) -> list[tuple[str, str]]:
    """The modules around a node by name and class, without those of PyTorch, which are layers or only hold others."""
    own = [(name, kind.rpartition(".")[2]) for name, kind in modules_of(node) if not kind.startswith(PYTORCH)]
    return [(printable(name), printable(title)) for name, title in own if name and title]


def layer_name(node: NodeProto, producer: str = "") -> str:
    """What the exporter called the layer: the module that has its weight, or that it is; otherwise the module around,
    whose layers are numbered. Without modules the node's own name; "" where that says nothing.
    """
    modules = modules_of(node)
    if not modules:
        return _node_name(node, producer)
    owner = _owner(node.input[1]) if len(node.input) > 1 else ""
    name, kind = modules[-1]
    return printable(owner or (name if kind.startswith(PYTORCH) or not name else f"{name}."))


def _node_name(node: NodeProto, producer: str = "") -> str:
    """What the exporter called a node; "" where that says nothing.

    PyTorch's ``/layer1/layer1.0/conv1/Conv`` is ``layer1.0.conv1``; caffe2's ``gpu_0/res2_0_branch2a_1`` is
    ``res2_0_branch2a``.
    """
    said = "" if _GENERATED.fullmatch(node.name) else node.name
    name = said or (node.output[0] if node.output else "")
    if producer == "cnndsl":
        return printable(name.rpartition("/")[0] or name)
    if name.startswith("/"):
        *path, last = name.strip("/").split("/")
        if not re.fullmatch(rf"{re.escape(node.op_type)}(_\d+)?", last):
            path.append(last)
        return printable(".".join(_nested(path)))
    if re.fullmatch(rf"{re.escape(node.op_type)}[_-]?\d*", name) or _GENERATED.fullmatch(name):
        weight = _WEIGHT.fullmatch(node.input[1]) if len(node.input) > 1 else None
        return printable(re.sub(r"^gpu_\d+/", "", weight.group(1))) if weight else ""
    name = re.sub(r"^gpu_\d+/", "", name)
    if not said:
        name = re.sub(r"_\d+$", "", name)
    return printable(name)


def tensor_name(tensor: str) -> str:
    """A name for a layer that has just this tensor; "" where the tensor's says nothing."""
    weight = _WEIGHT.fullmatch(tensor)
    name = weight.group(1) if weight else tensor
    return "" if _GENERATED.fullmatch(name) else printable(name)


def _owner(tensor: str) -> str:
    """The module that has a parameter called ``weight``; "" for other tensors."""
    owner, _, name = tensor.rpartition(".")
    return owner if name == "weight" else ""


def called_weight(tensor: str) -> bool:
    """Whether the name of a tensor says that it is learnt: as that of a module's parameter in PyTorch does."""
    return bool(_MODULE_PARAMETER.fullmatch(tensor)) or tensor.rpartition(".")[2] in ("weight", "bias", "gamma", "beta")


def called_mean(tensor: str) -> bool:
    """Whether the name of a tensor says that it is a mean, or says nothing."""
    return bool(_GENERATED.fullmatch(tensor)) or "mean" in tensor.lower()


def value_name(name: str) -> str:
    """An input's name for the network; "" where it says nothing."""
    name = re.sub(r"^gpu_\d+/", "", name)
    return "" if _GENERATED.fullmatch(name) or re.fullmatch(r"data(_\d+)?|input([._]\d+)?", name) else printable(name)


def network_name(name: str) -> str:
    """A model's name for the network; ``network`` where it is none."""
    text = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in name)[:60].strip("_")
    return text if text[:1].isalpha() else "network"


def _nested(path: list[str]) -> list[str]:
    """PyTorch repeats the outer name in ``layer1/layer1.0``."""
    found: list[str] = []
    for part in path:
        if found and part.startswith(found[-1] + "."):
            found[-1] = part
        else:
            found.append(part)
    return found


def printable(name: str) -> str:
    return "".join(c if c.isprintable() else "_" for c in name)[:LONGEST]
