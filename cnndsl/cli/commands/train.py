"""``cnndsl train``: learns the weights of a network from data."""

import argparse
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.cli import inputs as given
from cnndsl.cli import terminal
from cnndsl.cli.options import add_file, add_source_arguments, positive
from cnndsl.cli.outputs import require_free, wrote
from cnndsl.cli.plotting import require_pictures
from cnndsl.cli.terminal import FINE, INTERRUPTED, WRONG, complain, exit_status, only_network, put, unwritable
from cnndsl.errors import CnnError, plural, visible
from cnndsl.report.plots.sheet import SUFFIXES
from cnndsl.training_settings import Training

if TYPE_CHECKING:
    from cnndsl.report.plots.strip import Strip
    from cnndsl.training.loop import Progress, Report

EXAMPLE = "cnndsl train digits.cnn --data digits --epochs 20"
SECONDS_TO_SPEAK = 3.0
WORK = "loading PyTorch"
SETTINGS = "settings of training"
"""The title in the help of what ``train { }`` can say too."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    add_file(command)
    out_help = "the folder of the run, which is new or empty (default: runs/1, runs/2 and so on)"
    command.add_argument("--out", metavar="RUN", help=out_help)
    resume_help = "goes on with the run in that folder, with its settings"
    command.add_argument("--resume", metavar="RUN", help=resume_help)
    weights_help = "weights to begin with, a .safetensors, .npz or .onnx file (default: initial weights)"
    command.add_argument("--weights", metavar="W", help=weights_help)
    skip_help = "leaves out images that cannot be read, instead of ending"
    command.add_argument("--skip-bad", action="store_true", help=skip_help)
    device_help = "what computes: cpu, cuda, cuda:1 or mps (default: an accelerator that is there, or cpu)"
    command.add_argument("--device", default="auto", metavar="D", help=device_help)
    command.add_argument("--compile", action="store_true", help="compiles the network first, by torch.compile")
    mixed_help = "computes in bfloat16 where that is safe; weights stay float32"
    command.add_argument("--mixed-precision", action="store_true", help=mixed_help)
    tensorboard_help = "writes events for TensorBoard into the folder of the run too"
    command.add_argument("--tensorboard", action="store_true", help=tensorboard_help)
    plot_help = f"draws the curves of the history, as {SUFFIXES}, beside history.png in the folder of the run"
    command.add_argument("--plot", metavar="F.png", help=plot_help)
    watch_help = "draws the filters of a layer, as they are after some epochs, as filters_LAYER.png in the folder"
    command.add_argument("--watch", metavar="LAYER", help=watch_help)
    every_help = "watches after every N epochs (default: about twelve times in all)"
    command.add_argument("--watch-every", type=positive, metavar="N", help=every_help)
    group = command.add_argument_group(SETTINGS)
    for word, name in Training.words().items():
        group.add_argument(f"--{word}", dest=f"setting_{word}", metavar=word.upper(), help=Training.meaning(name))
    given.add_reading(command)
    add_source_arguments(command)


def execute(options: argparse.Namespace) -> int:
    from cnndsl.training.processes import OwnTrouble, is_first

    try:
        return _train(options)
    except CnnError as error:
        if is_first() or isinstance(error, OwnTrouble):
            raise
        # What all processes find the first one says, which torchrun would end with those that end before it.
        time.sleep(SECONDS_TO_SPEAK)
        return exit_status(error)


def _train(options: argparse.Namespace) -> int:
    from cnndsl import api
    from cnndsl.training.processes import is_first, tells_the_end
    from cnndsl.training.run_folder import next_folder

    network = only_network(options.file, options)
    words = {word: getattr(options, f"setting_{word}") for word in Training.words()}
    settings = {word: value for word, value in words.items() if value is not None}
    if options.resume and options.out:
        raise CnnError.of("bad-setting", "--resume goes on in the folder of the run: leave --out out")
    if options.plot is not None:
        require_pictures(options.plot)
        require_free(options.plot, options, network)
    strip = _strip(network, options, settings) if options.watch else None
    folder = Path(options.resume or options.out or next_folder())
    try:
        result = api.train(
            network,
            out=None if options.resume else folder,
            resume=options.resume,
            weights=options.weights,
            skip_bad=options.skip_bad,
            device=options.device,
            compile=options.compile,
            mixed_precision=options.mixed_precision,
            tensorboard=options.tensorboard,
            preparation=given.preparation_of(options),
            channels_last=bool(options.channels_last),
            report=_shown(strip, folder),
            **settings,
        )
        if is_first():
            _conclude(result, folder, strip, options.plot)
    except ConnectionError as error:
        if tells_the_end():
            complain(f"{error}; go on with: --resume {folder}")
        return WRONG
    except OSError as error:
        raise unwritable(folder, error) from None
    return INTERRUPTED if result.interrupted else FINE


def _show(row: "Progress") -> None:
    """A line for an epoch."""
    put(f"{row.line}\n")
    terminal.flush()


def _shown(strip: "Strip | None", folder: Path) -> "Report":
    """What is done after every epoch."""
    if strip is None:
        return _show

    def show(row: "Progress") -> None:
        _show(row)
        strip.add(row.epoch.epoch, row.weights)
        strip.save(folder)

    return show


def _strip(network: Any, options: argparse.Namespace, settings: dict[str, str]) -> "Strip":
    """The strip of a layer, so far. Raises CnnError for a layer without filters."""
    from cnndsl.lang.training.options import with_options
    from cnndsl.report.plots.strip import Strip

    require_pictures("filters.png")
    training = with_options(network.graph.training, settings)
    strip = Strip(network, options.watch, options.watch_every, training.epochs)
    if options.resume:
        strip.go_on(Path(options.resume), options.watch_every)
    else:
        strip.add(0, network.weights_from(options.weights, training.seed))
    return strip


def _conclude(result: Any, folder: Path, strip: "Strip | None", plot: str | None) -> None:
    """What came of it, and what to do with it."""
    if result.left_out:
        complain(f"left out {plural(len(result.left_out), 'file')}: {visible(', '.join(result.left_out[:10]))}")
    if result.interrupted:
        complain(f"interrupted; go on with: --resume {folder}")
    elif result.stopped_early:
        complain(f"stopped early: the loss has not become smaller since epoch {result.best.epoch}")
    files = [folder / "best.safetensors", folder / "last.safetensors"]
    if find_spec("matplotlib") is None:
        complain('no history.png without matplotlib: pip install "cnndsl[plot]"')
    else:
        from cnndsl.report import plots
        from cnndsl.report.plots.history import training_curves

        files.append(folder / "history.png")
        curves = training_curves(result.history, result.network.name)
        files += [Path(plot)] if plot else []
        figures = [(curves, file) for file in files[2:]]
        if strip is not None and strip.frames:
            files.append(folder / f"filters_{strip.layer}.png")
            figures.append((strip.figure(result.network.name), files[-1]))
        for figure, file in figures:
            try:
                plots.save(figure, file)
            except OSError as error:
                raise unwritable(file, error) from None
    wrote(*files)
