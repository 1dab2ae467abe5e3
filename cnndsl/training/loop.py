"""Epochs and steps, from wherever a run is to its end."""

import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import NamedTuple

import numpy as np

from cnndsl import progress
from cnndsl.arrays import Array
from cnndsl.errors import CnnError, quoted
from cnndsl.training import chance
from cnndsl.training.data.split import Split
from cnndsl.training.history import Epoch, best
from cnndsl.training.model import Learner, Sums
from cnndsl.training.processes import Processes, launched
from cnndsl.training.run_folder import RunFolder, State
from cnndsl.training.schedules import factor, is_over
from cnndsl.training_settings import Training


class Progress(NamedTuple):
    """What whoever watches a run hears after every epoch."""

    epoch: Epoch
    epochs: int
    examples_per_second: float
    seconds_left: float
    is_best: bool
    weights: Mapping[str, Array]
    """Those after the epoch."""
    history: Sequence[Epoch]
    """All epochs so far."""

    @property
    def line(self) -> str:
        """It in words: ``epoch  9/20  loss 0.0135  accuracy  99.75%  870 examples/s  12 s left  best``."""
        epoch = self.epoch
        parts = [f"epoch {epoch.epoch:>{len(str(self.epochs))}}/{self.epochs}", f"loss {epoch.loss:.4f}"]
        if epoch.accuracy is not None:
            parts.append(f"accuracy {epoch.accuracy:7.2%}")
        if epoch.validation_loss is not None:
            parts.append(f"validation {epoch.validation_loss:.4f}")
        if epoch.validation_accuracy is not None:
            parts.append(f"{epoch.validation_accuracy:7.2%}")
        parts += [f"{self.examples_per_second:,.0f} examples/s", f"{self.seconds_left:,.0f} s left"]
        return "  ".join(parts) + ("  best" if self.is_best else "")


Report = Callable[[Progress], object]


def batches(count: int, size: int, processes: int) -> list[tuple[int, int]]:
    """Where the steps of an epoch begin and end. What is left over is a step of its own if every process has two
    examples of it, since there is no batch norm of one; else it joins the last one."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] < 2 * processes:
        starts.pop()
    return list(zip(starts, [*starts[1:], count], strict=True))


class Interrupts:
    """Whether somebody asked for the end; the second time it is at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Where signals can be heard, those of interrupts are, and no exceptions."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
            yield
            return

        def hear(number: int, frame: FrameType | None) -> None:
            if self.asked and not launched():  # torchrun passes on what the terminal has sent already
                raise KeyboardInterrupt
            self.asked = True

        signal.signal(signal.SIGINT, hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


class Loop:
    """A run: what it has learned, and what it is to learn still."""

    def __init__(
        self, learner: Learner, settings: Training, split: Split, folder: RunFolder | None, processes: Processes
    ) -> None:
        self.learner, self.settings, self.split, self.processes = learner, settings, split, processes
        self.folder = folder if processes.is_first else None
        self.steps = batches(len(split.training), settings.batch, processes.size)
        self.history: list[Epoch] = []
        self.best_weights: dict[str, Array] = learner.weights()
        self.next = State(0, 0, Sums(), 0.0, (), {}, {})

    def go_on(self, state: State, best_weights: dict[str, Array]) -> None:
        """Takes up a run where it was left."""
        self.history, self.best_weights, self.next = list(state.history), best_weights, state
        self.learner.load(state.weights)
        self.learner.load_optimizer(state.optimizer)

    def run(self, report: Report | None = None) -> bool:
        """Trains to the end, and tells after each epoch; whether it was interrupted, after a step and safely.

        Raises CnnError ``train-diverged``, and OSError where the folder cannot be written.
        """
        if not self.next.history and not self.next.step:
            self._save(0, 0, Sums(), 0.0, True)
        interrupts, begun, before = Interrupts(), monotonic(), len(self.history)
        with interrupts.heard():
            while len(self.history) < self.settings.epochs and not self.is_over():
                if self._epoch(interrupts):
                    return True
                if report:
                    done = len(self.history) - before
                    left = (monotonic() - begun) / done * (self.settings.epochs - len(self.history))
                    row = self.history[-1]
                    speed = len(self.split.training) / max(row.seconds, 1e-9)
                    is_best = row == best(self.history)
                    weights = self.learner.weights()
                    report(Progress(row, self.settings.epochs, speed, left, is_best, weights, tuple(self.history)))
        return False

    def is_over(self) -> bool:
        """Whether training ends early."""
        return is_over([epoch.judged for epoch in self.history], self.settings.stop)

    def _epoch(self, interrupts: Interrupts) -> bool:
        """One epoch, or the rest of one; whether it was interrupted."""
        epoch, first, sums, past = len(self.history), self.next.step, self.next.sums, self.next.seconds
        begun = monotonic()
        rows = self.split.training[chance.order(len(self.split.training), self.settings.seed, epoch)]
        progress.begin(f"epoch {epoch + 1} of {self.settings.epochs}", len(rows), "examples")
        progress.advance(self.steps[first][0])
        for step in range(first, len(self.steps)):
            start, end = self.steps[step]
            found = self.learner.step(rows[start:end], epoch, step, self.rate(epoch, step))
            if not math.isfinite(found.loss):
                raise self._diverged(f"the loss of step {step + 1} of epoch {epoch + 1} is {_words(found.loss)}")
            sums = sums.plus(found)
            progress.advance(end - start)
            if self._asked(interrupts) and step + 1 < len(self.steps):
                self._save(epoch, step + 1, sums, past + monotonic() - begun, False)
                return True
        seconds = past + monotonic() - begun
        self._conclude(epoch, sums, seconds)
        return self._asked(interrupts)

    def rate(self, epoch: int, step: int) -> float:
        """What the learning rate is multiplied by."""
        steps, settings = len(self.steps), self.settings
        losses = [row.judged for row in self.history]
        return factor(settings.schedule, epoch * steps + step, steps, settings.epochs, losses)

    def _conclude(self, epoch: int, sums: Sums, seconds: float) -> None:
        judged = self.learner.judge(self.split.validation) if len(self.split.validation) else None
        weights = self.learner.weights()
        if not all(np.isfinite(value).all() for value in weights.values()) or (
            judged is not None and not math.isfinite(judged.mean_loss)
        ):
            raise self._diverged(f"after step {len(self.steps)} of epoch {epoch + 1} weights are no finite numbers")
        loss, accuracy = (judged.mean_loss, judged.accuracy) if judged else (None, None)
        rate = self.settings.optimizer.lr * self.rate(epoch, len(self.steps) - 1)
        row = Epoch(epoch + 1, sums.mean_loss, sums.accuracy, loss, accuracy, rate, seconds)
        self.history.append(row)
        is_best = row == best(self.history)
        if is_best:
            self.best_weights = weights
        self._save(epoch + 1, 0, Sums(), 0.0, is_best)

    def _save(self, epoch: int, step: int, sums: Sums, seconds: float, is_best: bool) -> None:
        self.next = State(epoch, step, sums, seconds, tuple(self.history), {}, {})
        if self.folder:
            weights, optimizer = self.learner.weights(), self.learner.optimizer_state()
            self.folder.save(self.next._replace(weights=weights, optimizer=optimizer), is_best=is_best)

    def _asked(self, interrupts: Interrupts) -> bool:
        """Whether any process was asked to end."""
        return bool(self.processes.total(float(interrupts.asked))[0])

    def _diverged(self, message: str) -> CnnError:
        advice = ['take a smaller learning rate, as in --optimizer "adamw lr=1e-4", or bound the gradient: --clip 1']
        if self.folder:
            advice.append(f"the last good weights are in {quoted(str(self.folder.path / 'last.safetensors'))}")
        return CnnError.of("train-diverged", message, *advice)


def _words(number: float) -> str:
    return "not a number (NaN)" if math.isnan(number) else "infinite"
