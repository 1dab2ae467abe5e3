"""What is asked for: settings from the text, from options and from a run that goes on, as one job."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, require_path
from cnndsl.ir import Graph
from cnndsl.lang.training.options import with_options
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.runtime.data.weights import class_names
from cnndsl.training.data.examples import Examples, wrong
from cnndsl.training.data.load import load_examples
from cnndsl.training.data.split import split
from cnndsl.training.run import Job
from cnndsl.training.run_folder import RunFolder
from cnndsl.training_settings import Loss, Training


def requested(
    graph: Graph,
    weights: Callable[[int], Mapping[str, Array]],
    options: Mapping[str, object],
    *,
    beside: str | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
) -> Job:
    """The job of a network with the settings of its text, changed by ``options``; or that of a run that goes on.

    ``beside`` is the file of the text, in whose folder the data lies that the text names. Raises CnnError.
    """
    if resume is None:
        if out is not None:
            require_path(out, "out")
        settings = with_options(from_text(graph.training, beside), options)
        return Job(graph, weights, settings, folder=None if out is None else Path(out))
    require_path(resume, "resume")
    if out is not None:
        raise CnnError.of("bad-setting", "a run that goes on stays in its folder: give resume or out, not both")
    began = RunFolder(resume).settings()
    settings = Training.model_validate(began["settings"]).model_copy(update={"data": began["data"]["source"]})
    return Job(
        graph,
        weights,
        with_options(settings, options),
        preparation=_preparation(began["preparation"]),
        channels_last=bool(began["channels_last"]),
        skip_bad=bool(began["skip_bad"]),
        folder=Path(resume),
        resume=True,
    )


def from_text(training: Training | None, beside: str | None) -> Training | None:
    """The settings of a text, with its data as it is found from here."""
    if training is None or training.data is None or beside is None or not os.path.isfile(beside):
        return training
    return training.model_copy(update={"data": os.path.join(os.path.dirname(beside), training.data)})


def _preparation(facts: Mapping[str, Any]) -> Preparation:
    """What ``_asdict`` became in JSON."""
    return Preparation._make(tuple(value) if isinstance(value, list) else value for value in facts.values())


class ToJudge(NamedTuple):
    """What a network is to be judged by."""

    examples: Examples
    loss: Loss
    rows: NDArray[np.int64] | None
    """Some of the examples; None for all."""
    learned: tuple[str, ...]
    """The names of the classes that its weights were trained for."""


def to_judge(
    graph: Graph,
    options: Mapping[str, object],
    data: object,
    weights: str | os.PathLike[str] | None,
    beside: str | None,
    held_out: bool,
    preparation: Preparation | None,
    *,
    channels_last: bool,
    skip_bad: bool,
) -> ToJudge:
    """The examples of ``data``, or of the settings; all, or those that training holds out. Raises CnnError."""
    settings = with_options(from_text(graph.training, beside), options)
    data = settings.data if data is None else data
    if data is None:
        raise wrong("there is nothing to judge by: no data is given", "name a folder or a file: --data D")
    learned = () if weights is None else class_names(weights)
    examples = load_examples(data, graph, settings.loss, preparation, channels_last, skip_bad, learned)
    rows = split(examples.y, settings.validation, settings.seed).validation if held_out else None
    if rows is not None and not len(rows):
        raise wrong("no example is held out", "`validate` says what share is: --validate 0.15")
    return ToJudge(examples, settings.loss, rows, learned)
