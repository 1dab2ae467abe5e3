"""What is made small: the loss of a batch as a sum and the weight that divides it, so that parts of a batch add up."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnndsl.errors import CnnError
from cnndsl.ir import Graph
from cnndsl.training.data.examples import CLASSIFYING, only_output
from cnndsl.training_settings import Loss

BEFORE = {"cross_entropy": ("softmax", "log_softmax"), "binary_cross_entropy": ("sigmoid",)}
"""What a loss does itself, from the values before it, which is exact where probabilities round to 0."""


def learning_graph(graph: Graph, loss: Loss) -> Graph:
    """The network up to what the loss takes: without the last layer where the loss does that itself."""
    (output,) = graph.outputs
    node = next((node for node in graph.layers if node.name == output), None)
    if node is None or node.op.operator not in BEFORE.get(loss.kind, ()):
        return graph
    if any(output in other.inputs for other in graph.layers):
        return graph.model_copy(update={"outputs": node.inputs})
    layers = tuple(other for other in graph.layers if other is not node)
    paths = {other.path[:depth] for other in layers for depth in range(1, len(other.path) + 1)}
    instances = tuple(one for one in graph.instances if one.path in paths)
    return graph.model_copy(update={"layers": layers, "outputs": node.inputs, "instances": instances})


class Objective:
    """The loss of a network, with the weights of the classes as the training examples have them."""

    def __init__(self, loss: Loss, graph: Graph, labels: NDArray[Any], device: Any) -> None:
        import torch

        self.loss = loss
        self.classifies = loss.kind in CLASSIFYING
        count = only_output(graph).channels if loss.kind == "cross_entropy" else 2
        weights = class_weights(loss, labels, count)
        self.class_weights = None if weights is None else torch.from_numpy(weights).to(device)

    def sum(self, outputs: Any, labels: Any) -> Any:
        """The loss of some examples, not yet divided."""
        from torch.nn import functional

        if self.loss.kind == "cross_entropy":
            smoothing, weights = self.loss.label_smoothing, self.class_weights
            return functional.cross_entropy(outputs, labels, weight=weights, reduction="sum", label_smoothing=smoothing)
        wanted = labels.reshape(outputs.shape).to(outputs.dtype)
        if self.loss.kind == "binary_cross_entropy":
            weights = None if self.class_weights is None else self.class_weights[wanted.long()]
            return functional.binary_cross_entropy_with_logits(outputs, wanted, weight=weights, reduction="sum")
        distance = functional.mse_loss if self.loss.kind == "mse" else functional.l1_loss
        return distance(outputs, wanted, reduction="sum")

    def weight(self, labels: Any) -> Any:
        """What the sum over examples with those labels is divided by."""
        return labels.numel() if self.class_weights is None else self.class_weights[labels.long()].sum()

    def right(self, outputs: Any, labels: Any) -> Any:
        """How many answers are right."""
        if self.loss.kind == "cross_entropy":
            return (outputs.argmax(dim=1) == labels).sum()
        return ((outputs > 0) == (labels.reshape(outputs.shape) > 0.5)).sum()


def class_weights(loss: Loss, labels: NDArray[Any], count: int) -> NDArray[np.float32] | None:
    """A factor for each class; ``balanced``: such that every class has as much to say. Raises CnnError."""
    if loss.class_weights == "none":
        return None
    if loss.class_weights == "balanced":
        found = np.bincount(labels.reshape(-1).astype(np.int64), minlength=count)
        return (labels.size / (count * np.maximum(found, 1))).astype(np.float32)
    if len(loss.class_weights) != count:
        message = f"class_weights has {len(loss.class_weights)} numbers, but there are {count} classes"
        raise CnnError.of("train-classes", message, "give one for each class, in the order of the outputs")
    return np.array(loss.class_weights, np.float32)
