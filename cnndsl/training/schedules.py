"""The learning rate, as a factor of that of the optimizer, and the ends of training: of steps and losses alone."""

import math
from collections.abc import Sequence

from cnndsl.training_settings import Schedule, Stop

RISE = 0.3
"""The share of the steps in which ``one_cycle`` goes up; from 1/25, and down to 1/250,000 (as PyTorch has it)."""
FIRST, LAST = 1 / 25, 1 / 25e4


def factor(schedule: Schedule, step: int, steps: int, epochs: int, losses: Sequence[float] = ()) -> float:
    """What the learning rate is multiplied by in a step, counted from 0; an epoch has ``steps`` of them.

    ``losses`` are those of the epochs so far by which the network is judged.
    """
    rising = schedule.warmup * steps
    if step < rising:
        return (step + 1) / math.ceil(rising)
    past, whole = step - math.ceil(rising), max(1, epochs * steps - math.ceil(rising))
    if schedule.kind == "cosine":
        return _between(1, 0, past / whole)
    if schedule.kind == "one_cycle":
        top = max(RISE * whole - 1, 0)
        if past <= top and top:
            return _between(FIRST, 1, past / top)
        return _between(1, LAST, min(1, (past - top) / max(1, whole - 1 - top)))
    if schedule.kind == "step":
        return float(schedule.factor ** (step // steps // schedule.every))
    if schedule.kind == "plateau":
        return float(schedule.factor ** stalls(losses, schedule.patience))
    return 1.0


def _between(first: float, last: float, share: float) -> float:
    """From one number to the other along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def stalls(losses: Sequence[float], patience: int) -> int:
    """How often a loss did not become smaller for more than ``patience`` epochs."""
    best, waited, found = math.inf, 0, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited > patience:
            found, waited = found + 1, 0
    return found


def is_over(losses: Sequence[float], stop: Stop) -> bool:
    """Whether the loss has not become smaller, by enough, for as many epochs as training waits."""
    best, waited = math.inf, 0
    for loss in losses:
        if loss < best - stop.min_delta:
            best, waited = loss, 0
        else:
            waited += 1
    return stop.patience > 0 and waited >= stop.patience
