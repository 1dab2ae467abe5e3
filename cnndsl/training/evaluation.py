"""What a network gives for examples whose answers are known: loss, accuracy, and which class it takes for which."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl import progress
from cnndsl.ir import Graph
from cnndsl.training.data.examples import CLASSIFYING, Examples, only_output
from cnndsl.training.losses import class_weights, learning_graph
from cnndsl.training_settings import Loss

BATCH = 64
"""Examples at a time."""
TOP = 5

Run = Callable[[NDArray[Any]], NDArray[Any]]
Floats = NDArray[np.float64]


class ClassScore(NamedTuple):
    """How a network does on one class; None where there is nothing to divide by."""

    name: str
    examples: int
    """Those that are of the class."""
    given: int
    """Those that the network takes for it."""
    right: int
    """Those that are both."""

    @property
    def recall(self) -> float | None:
        """The share of its examples that the network takes for it."""
        return self.right / self.examples if self.examples else None

    @property
    def precision(self) -> float | None:
        """The share of what the network takes for it that is."""
        return self.right / self.given if self.given else None


class Mistake(NamedTuple):
    """An example that is taken for another class."""

    example: int
    """Its place in the data."""
    true: int
    given: int
    probability: float
    """That the network gives to the class that it is taken for."""
    x: NDArray[Any]
    """The example as it lies in the data."""


class Evaluation(NamedTuple):
    """What a network gave for examples. None and empty: what does not exist where no classes are told apart."""

    loss: float
    """The mean, as in training."""
    accuracy: float | None
    """The share of right answers."""
    top5: float | None
    """The share of answers whose class is among the five of the largest outputs; None for five classes and fewer."""
    examples: int
    classes: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]
    """How many answers of a class (row) are taken for one (column)."""
    mistakes: tuple[Mistake, ...]
    """Those of the largest probability first; none where an example has several answers."""


def what_the_loss_takes(graph: Graph, loss: Loss) -> str:
    """The name of the value that the loss is computed from."""
    return learning_graph(graph, loss).outputs[0]


def evaluate(
    run: Run,
    graph: Graph,
    examples: Examples,
    loss: Loss,
    rows: NDArray[np.int64] | None = None,
    class_names: Sequence[str] = (),
    batch: int = BATCH,
) -> Evaluation:
    """Judges by ``run``, which gives for a batch the value that the loss takes; ``rows`` are the examples, all by
    default."""
    rows = np.arange(len(examples.x), dtype=np.int64) if rows is None else rows
    levels = examples.x.dtype == np.uint8 and graph.inputs[0].dtype != "int64"
    count = only_output(graph).channels if loss.kind == "cross_entropy" else 2
    judge = Judge(examples, loss, count, class_weights(loss, examples.y[rows], count))
    progress.begin("evaluating", len(rows), "examples")
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        x = np.asarray(examples.x[part])
        outputs = run(x.astype(np.float32) / np.float32(255) if levels else x)
        judge.add(part, np.asarray(outputs, np.float64))
        progress.advance(len(part))
    return judge.result(len(rows), class_names or examples.class_names)


class Judge:
    """Adds up what batches give."""

    def __init__(self, examples: Examples, loss: Loss, count: int, weights: NDArray[np.float32] | None) -> None:
        self.examples = examples
        self.loss = loss
        self.count = count
        self.class_weights = None if weights is None else weights.astype(np.float64)
        self.sum = self.weight = 0.0
        self.among = 0
        self.confusion = np.zeros((count, count), np.int64)
        self.scores = np.zeros((0, 3), np.int64)
        """Of every output that says yes or no: how often that is so, is given, and both."""
        self.mistakes: list[Mistake] = []

    def add(self, rows: NDArray[np.int64], outputs: Floats) -> None:
        """One batch: its places in the data, and what the loss takes."""
        labels = self.examples.y[rows]
        if self.loss.kind == "cross_entropy":
            self._classes(rows, outputs, labels)
        elif self.loss.kind == "binary_cross_entropy":
            self._yes_or_no(rows, outputs, labels.reshape(outputs.shape))
        else:
            distance = outputs - labels.reshape(outputs.shape)
            self.sum += float((np.square(distance) if self.loss.kind == "mse" else np.abs(distance)).sum())
            self.weight += distance.size

    def _classes(self, rows: NDArray[np.int64], outputs: Floats, labels: NDArray[Any]) -> None:
        logits = np.moveaxis(outputs, 1, -1).reshape(-1, self.count)
        y = labels.reshape(-1)
        logarithms = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        weights = np.ones(self.count) if self.class_weights is None else self.class_weights
        smoothing, of_y = self.loss.label_smoothing, logarithms[np.arange(len(y)), y]
        self.sum -= float(((1 - smoothing) * weights[y] * of_y).sum())
        self.sum -= float(smoothing / self.count * (logarithms @ weights).sum())
        self.weight += float(weights[y].sum())
        given = logits.argmax(axis=1)
        np.add.at(self.confusion, (y, given), 1)
        above = (logits > logits[np.arange(len(y)), y][:, None]).sum(axis=1)
        self.among += int((above < TOP).sum())
        if len(y) == len(rows):
            self._note(rows, y, given, np.exp(logarithms.max(axis=1)))

    def _yes_or_no(self, rows: NDArray[np.int64], outputs: Floats, labels: NDArray[Any]) -> None:
        y, given = labels.astype(np.int64), (outputs > 0).astype(np.int64)
        weights = np.ones(2) if self.class_weights is None else self.class_weights
        losses = np.logaddexp(0, outputs) - outputs * y
        self.sum += float((weights[y] * losses).sum())
        self.weight += float(y.size if self.class_weights is None else weights[y].sum())
        np.add.at(self.confusion, (y.reshape(-1), given.reshape(-1)), 1)
        if y[:1].size == 1:
            sure = np.exp(-np.logaddexp(0, -np.abs(outputs)))
            self._note(rows, y.reshape(-1), given.reshape(-1), sure.reshape(-1))
            return
        axes = (0, *range(2, y.ndim))
        found = np.stack([y.sum(axis=axes), given.sum(axis=axes), (y * given).sum(axis=axes)], axis=1)
        self.scores = found + self.scores if len(self.scores) else found

    def _note(self, rows: NDArray[np.int64], y: NDArray[Any], given: NDArray[Any], probabilities: Floats) -> None:
        for index in np.flatnonzero(y != given).tolist():
            answer = int(y[index]), int(given[index]), float(probabilities[index])
            self.mistakes.append(Mistake(int(rows[index]), *answer, self.examples.x[rows[index]]))

    def result(self, examples: int, class_names: Sequence[str]) -> Evaluation:
        """What the batches gave together."""
        mean = self.sum / self.weight
        none = np.zeros((0, 0), np.int64)
        if self.loss.kind not in CLASSIFYING:
            return Evaluation(mean, None, None, examples, (), none, ())
        answers, right = int(self.confusion.sum()), int(self.confusion.trace())
        several = len(self.scores) > 0
        scores = self.scores if several else _scores(self.confusion)
        names = class_names if len(class_names) == len(scores) else [str(index) for index in range(len(scores))]
        classes = tuple(ClassScore(name, *row) for name, row in zip(names, scores.tolist(), strict=True))
        top5 = self.among / answers if self.loss.kind == "cross_entropy" and self.count > TOP else None
        mistakes = tuple(sorted(self.mistakes, key=lambda one: (-one.probability, one.example)))
        return Evaluation(mean, right / answers, top5, examples, classes, none if several else self.confusion, mistakes)


def _scores(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack([confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()], axis=1)
