"""What the epochs gave."""

import csv
from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple


class Epoch(NamedTuple):
    """One epoch; None for what does not exist: accuracy where nothing is told apart, validation without examples."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Of the training examples, as they were changed, while it went on."""
    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    """Of its last step."""
    seconds: float

    @property
    def judged(self) -> float:
        """The loss by which it is better or worse than others."""
        return self.loss if self.validation_loss is None else self.validation_loss


def best(history: Sequence[Epoch]) -> Epoch | None:
    """The epoch with the smallest loss, the first of equal ones."""
    return min(history, key=lambda epoch: epoch.judged, default=None)


def to_csv(history: Sequence[Epoch]) -> str:
    """A row an epoch; numbers as they are, nothing for None."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Epoch._fields)
    writer.writerows(["" if value is None else value for value in epoch] for epoch in history)
    return stream.getvalue()


def from_csv(text: str) -> tuple[Epoch, ...]:
    """What ``to_csv`` wrote. Raises ValueError for anything else."""
    heading, *rows = csv.reader(StringIO(text))
    if tuple(heading) != Epoch._fields:
        raise ValueError("it is no history of a training")
    return tuple(Epoch(int(row[0]), *(float(value) if value else None for value in row[1:])) for row in rows)  # type: ignore[arg-type]  # a row has all of them
