"""A run from its data to its end: everything together."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnndsl import progress
from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library, plural, quoted
from cnndsl.interop.origin import network_digest
from cnndsl.ir import Graph
from cnndsl.lang.decompile.printer import print_network
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.training import augment, processes
from cnndsl.training.data.examples import Examples, only_input
from cnndsl.training.data.load import load_examples
from cnndsl.training.data.split import split
from cnndsl.training.history import Epoch
from cnndsl.training.loop import Loop, Progress, Report
from cnndsl.training.model import Learner, Switches, chosen_device, require_torch
from cnndsl.training.run_folder import RunFolder
from cnndsl.training_settings import Training
from cnndsl.version import VERSION

CHANGEABLE = frozenset({"data", "epochs", "stop"})
"""Settings that may be others when a run goes on."""


class Job(NamedTuple):
    """What is to be trained, and how."""

    graph: Graph
    weights: Callable[[int], Mapping[str, Array]]
    """Those to begin with, by the seed."""
    settings: Training
    data: object = None
    """A folder, a file or a pair of arrays; None for that of the settings."""
    preparation: Preparation = Preparation()
    channels_last: bool = False
    """Whether arrays have their channels in the last axis."""
    skip_bad: bool = False
    """Whether images that cannot be read are left out."""
    switches: Switches = Switches()
    folder: Path | None = None
    """Where the run is kept; None for nowhere."""
    resume: bool = False
    """Whether it goes on there."""
    tensorboard: bool = False


class Outcome(NamedTuple):
    """What came of it."""

    history: tuple[Epoch, ...]
    weights: dict[str, Array]
    """Those of the best epoch."""
    class_names: tuple[str, ...]
    left_out: tuple[str, ...]
    """Files that could not be read."""
    interrupted: bool
    stopped_early: bool


def train(job: Job, report: Report | None = None) -> Outcome:
    """Trains a network. Raises CnnError, and OSError where the folder cannot be written."""
    require_torch()
    import torch

    settings = job.settings
    chosen_device(job.switches)
    augment.require_pictures(settings.augment, only_input(job.graph))
    watchers = [report] if report and processes.is_first() else []
    if job.tensorboard and processes.is_first():
        watchers.append(_events(job.folder))
    folder = RunFolder(job.folder) if job.folder else None
    if folder and not job.resume and processes.is_first():
        folder.require_new()
    cuda = job.switches.device in ("auto", "cuda") and torch.cuda.is_available()
    with processes.joined(cuda) as together:
        with together.alone():
            examples = _examples(job, together)
        parts = split(examples.y, settings.validation, settings.seed)
        if len(parts.training) < 2 * together.size:
            count = plural(len(parts.training), "example")
            message = f"{count} to train on: each process needs two in a step, and there are {together.size}"
            raise CnnError.of("train-data", message)
        facts = _facts(job, examples, together.size)
        if folder and job.resume:
            _require_same(folder, facts)
        state = folder.state() if folder and job.resume else None
        weights = state.weights if state else job.weights(settings.seed)
        progress.begin("loading PyTorch")
        with together.alone():
            learner = Learner(job.graph, weights, settings, examples, parts.training, job.switches, together)
        loop = Loop(learner, settings, parts, folder, together)
        if folder and state:
            loop.go_on(state, folder.best())
        if folder and together.is_first:
            folder.class_names = examples.class_names
            folder.describe(print_network(job.graph.model_copy(update={"training": settings})), facts)
        together.wait()
        with torch.random.fork_rng(devices=[]):  # the generator of the process stays as it is
            interrupted = loop.run((lambda row: [watcher(row) for watcher in watchers]) if watchers else None)
        together.wait()
    return Outcome(
        tuple(loop.history), loop.best_weights, examples.class_names, examples.left_out, interrupted, loop.is_over()
    )


def _examples(job: Job, together: processes.Processes) -> Examples:
    """The data; the first process decodes images, the others read what it has kept."""
    data = job.settings.data if job.data is None else job.data
    if data is None:
        advice = "name a folder or a file: --data D, or `data` in train { }"
        raise CnnError.of("train-data", "there is nothing to train on: no data is given", advice)
    if not together.is_first:
        together.wait()
    found = load_examples(data, job.graph, job.settings.loss, job.preparation, job.channels_last, job.skip_bad)
    if together.is_first:
        together.wait()
    return found


def _facts(job: Job, examples: Examples, size: int) -> dict[str, Any]:
    import torch

    data = job.settings.data if job.data is None else job.data
    return {
        "version": 1,
        "network": {"name": job.graph.name, "digest": network_digest(job.graph)},
        "data": {
            "source": os.path.abspath(data) if isinstance(data, str | os.PathLike) else None,
            "digest": examples.digest(),
            "examples": len(examples.x),
            "classes": list(examples.class_names),
            "left_out": list(examples.left_out),
        },
        "preparation": job.preparation._asdict(),
        "channels_last": job.channels_last,
        "skip_bad": job.skip_bad,
        "settings": job.settings.model_dump(mode="json"),
        "switches": job.switches._asdict(),
        "processes": size,
        "versions": {
            "cnndsl": VERSION,
            "python": ".".join(map(str, sys.version_info[:3])),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }


def _require_same(folder: RunFolder, facts: Mapping[str, Any]) -> None:
    """Raises CnnError where a run would go on with another network, data or setting than it began with."""
    began, shown = folder.settings(), quoted(str(folder.path))
    if began["network"]["digest"] != facts["network"]["digest"]:
        advice = f"it is in {quoted(str(folder.path / 'network.cnn'))}"
        raise CnnError.of("train-run", f"the run in {shown} is of another network", advice)
    if began["data"]["digest"] != facts["data"]["digest"]:
        advice = f"it began with {began['data']['examples']:,} examples of {began['data']['source']}"
        raise CnnError.of("train-run", f"the run in {shown} began with other data", advice)
    now = facts["settings"]
    other = [name for name, value in began["settings"].items() if name not in CHANGEABLE and now.get(name) != value]
    if other:
        advice = f"only {', '.join(sorted(CHANGEABLE))} may change"
        raise CnnError.of("train-run", f"the run in {shown} began with other settings of {', '.join(other)}", advice)


def _events(folder: Path | None) -> Report:
    """Writes the epochs for TensorBoard. Raises CnnError where that is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise missing_library("TensorBoard", "tensorboard", error) from None
    made: list[SummaryWriter] = []

    def report(row: Progress) -> None:
        if not made:  # not before the folder of the run is there
            made.append(SummaryWriter(str(folder / "events" if folder else "events")))
        for name, value in row.epoch._asdict().items():
            if value is not None and name not in ("epoch", "seconds"):
                made[0].add_scalar(name, value, row.epoch.epoch)
        made[0].flush()

    return report
