"""Whether settings of training fit the network and each other: its outputs and the loss, its input and augmentation."""

from collections.abc import Iterator
from typing import NamedTuple

from cnndsl.errors import Diagnostic, Label, quoted
from cnndsl.ir import Graph, Node
from cnndsl.shapes import Shape
from cnndsl.training_settings import Augment, Training

_OF_PICTURES = ("rotate", "scale", "crop", "erase")
"""What turns, enlarges or covers: it needs rows and columns."""
_LOGITS = {"softmax": "cross_entropy", "log_softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}
"""Layers at the end whose values the loss does without: it takes what stands before them."""


class Misfit(NamedTuple):
    """What does not fit, without a place, and the field of :class:`Training` that it is about; empty for none."""

    field: str
    diagnostic: Diagnostic


def misfits(network: Graph, training: Training) -> Iterator[Misfit]:
    """Everything about the settings that does not fit the network, as errors; what is good to know, as notes."""
    for what, values in (("input", network.inputs), ("output", network.outputs)):
        if len(values) != 1:
            message = f"training takes a network with one {what}; {quoted(network.name)} has {len(values)}"
            yield _misfit("", message)
    if not any(not weight.buffer and weight.literal is None for _, _, weight in network.all_weights()):
        yield _misfit("", f"{quoted(network.name)} has no weights that could be learned")
    if len(network.outputs) == 1:
        yield from _loss(network, training)
    if len(network.inputs) == 1:
        yield from _augmentation(network, training.augment)
    if training.optimizer.kind == "sgd" and training.optimizer.nesterov and not training.optimizer.momentum:
        yield _misfit("optimizer", "nesterov changes how momentum is used, and momentum is 0", "as in `momentum=0.9`")


def _loss(network: Graph, training: Training) -> Iterator[Misfit]:
    (name,) = network.outputs
    node = next((node for node in network.layers if node.name == name), None)
    shape, end = network.shapes[name], node.op.operator if node else ""
    loss = training.loss
    if loss.kind == "cross_entropy":
        if end == "sigmoid":
            advice = "leave the sigmoid out, or write `loss binary_cross_entropy`"
            yield _misfit("loss", "cross_entropy is of classes of which one holds; sigmoid tells each alone", advice)
        elif shape.channels == 1:
            advice = "give it an output for each class, or write `loss binary_cross_entropy`, `mse` or `l1`"
            yield _misfit(
                "loss", f"cross_entropy needs an output for each class, and {_described(name, shape)}", advice
            )
    elif loss.kind == "binary_cross_entropy" and end != "sigmoid" and (end in _LOGITS or shape.channels > 1):
        ends = f"ends in {end}" if end in _LOGITS else f"has {shape.channels} outputs"
        message = f"binary_cross_entropy is of yes and no, and {quoted(network.name)} {ends}"
        yield _misfit("loss", message, "end it with `sigmoid` or with one output, or write `loss cross_entropy`")
    if node and _LOGITS.get(end) == loss.kind:
        yield Misfit("loss", _from_logits(node, loss.kind))
    weights = loss.class_weights
    classes = shape.channels if loss.kind == "cross_entropy" else max(shape.channels, 2)
    if not isinstance(weights, str) and len(weights) != classes:
        yield _misfit("loss", f"class_weights has {len(weights)} numbers for {classes} classes")


def _from_logits(node: Node, loss: str) -> Diagnostic:
    message = f"{loss} is computed from the values before {quoted(node.name)}, where it is exact"
    labels = (Label(node.span, "what this makes of them is for those who use the network"),) if node.span else ()
    return Diagnostic("loss-from-logits", message, severity="note", labels=labels)


def _augmentation(network: Graph, augment: Augment) -> Iterator[Misfit]:
    (value,) = network.inputs
    rank = len(value.shape.spatial)
    given = [name for name, setting in augment if setting != getattr(Augment(), name)]
    for name in given:
        if value.dtype != "float32":
            yield _misfit("augment", f"{name} changes numbers, and {quoted(value.name)} holds words by their numbers")
        elif name in _OF_PICTURES and rank != 2:
            yield _misfit("augment", f"{name} is for pictures, and {_described(value.name, value.shape)}")
        elif name in ("shift", "flip") and rank == 0:
            yield _misfit("augment", f"{name} needs a spatial axis, and {_described(value.name, value.shape)}")
    if rank and augment.shift >= min(value.shape.spatial):
        message = (
            f"shift moves by up to {augment.shift}, and {_described(value.name, value.shape)}: nothing would be left"
        )
        yield _misfit("augment", message)


def _described(name: str, shape: Shape) -> str:
    return f"{quoted(name)} is {shape}"


def _misfit(field: str, message: str, *help: str) -> Misfit:
    return Misfit(field, Diagnostic("train-mismatch", message, help=help))
