"""What is asked for: settings from the text, from options and from a run that goes on, as one job."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, require_path
from cnndsl.ir import Graph
from cnndsl.lang.training.options import with_options
from cnndsl.runtime.data.preparation import Preparation
from cnndsl.training.run import Job
from cnndsl.training.run_folder import RunFolder
from cnndsl.training_settings import Training


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
        settings = with_options(_from_text(graph.training, beside), options)
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


def _from_text(training: Training | None, beside: str | None) -> Training | None:
    if training is None or training.data is None or beside is None or not os.path.isfile(beside):
        return training
    return training.model_copy(update={"data": os.path.join(os.path.dirname(beside), training.data)})


def _preparation(facts: Mapping[str, Any]) -> Preparation:
    """What ``_asdict`` became in JSON."""
    return Preparation._make(tuple(value) if isinstance(value, list) else value for value in facts.values())
