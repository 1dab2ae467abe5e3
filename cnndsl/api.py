"""The facade: load, check, parse and format texts. What a network can do is in :mod:`cnndsl.network`."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.analysis.lint import RuleSelection, enabled, findings, members
from cnndsl.analysis.measured import Layer as Layer
from cnndsl.errors import CnnError, Diagnostic, quoted, require_names, require_path, require_text, require_whole
from cnndsl.files import is_onnx as is_onnx
from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.folders import folder_resolver as folder_resolver
from cnndsl.lang.modules import Resolver, Settings
from cnndsl.lang.review.stages import WrittenStages
from cnndsl.lang.settings import setting_value
from cnndsl.lang.text.parser import decode
from cnndsl.lang.text.parser import parse as parse
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.network import Network as Network
from cnndsl.shapes import Shape
from cnndsl.suggest import nearest

if TYPE_CHECKING:
    from cnndsl.arrays import Array
    from cnndsl.network import Backend
    from cnndsl.runtime.data.preparation import Preparation
    from cnndsl.training.evaluation import Evaluation
    from cnndsl.training.history import Epoch
    from cnndsl.training.loop import Report


class CheckResult(NamedTuple):
    """What checking a text gave: its sound networks and every diagnostic."""

    networks: tuple[Network, ...]
    """Those without errors, in the order of the text."""
    diagnostics: tuple[Diagnostic, ...]
    """Errors, warnings and notes, in the order in which they are to be read."""
    sources: Mapping[str, str]
    """The texts that spans refer to, by file name."""

    @property
    def network(self) -> Network | None:
        """The only network, or None where there are errors, none, or several."""
        return self.networks[0] if len(self.networks) == 1 and self.ok else None

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings do not matter."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)

    def _repr_html_(self) -> str:
        """The diagnostics, and each network's table and diagram, for notebooks."""
        from cnndsl.report.notebook import result_html

        return result_html(*self)


def check(
    text: str,
    *,
    file: str = "<text>",
    network: str | None = None,
    resolver: Resolver | None = None,
    inputs: Mapping[str | None, Shape] | None = None,
    strict: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    params: Mapping[str, object] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    **more: object,
) -> CheckResult:
    """Checks a text and never raises on what it says. Keywords beyond these set the network's params.

    ``network`` picks one by name; ``inputs`` replaces shapes of inputs by name (None: the first); ``resolver`` reads
    imported files, without it imports are errors; ``strict`` makes divisions with a remainder errors. ``select`` adds
    codes or groups of warnings to the default ones, ``ignore`` takes them away (docs/cli.md).
    """
    require_text(text)
    _require_settings(file, network, resolver, inputs, limits, params)
    require_names(select, "select")
    require_names(ignore, "ignore")
    given = {**(params or {}), **more}
    settings = Settings({name: setting_value(name, value) for name, value in given.items()}, inputs or {}, strict)
    warnings = enabled(RuleSelection(select, ignore))
    result = _result(compile_text(text, file, resolver, settings, limits, network, warnings))
    if result.ok or "\n" in text or not text.endswith((".cnn", ".onnx")):
        return result
    first, *others = result.diagnostics
    advice = "this is the name of a file, which `load` and `check_file` read"
    return result._replace(diagnostics=(first._replace(help=(advice, *first.help)), *others))


def _require_settings(
    file: object, network: object, resolver: object, inputs: object, limits: object, params: object
) -> None:
    """Raises CnnError for keywords of other types."""
    right = {
        "file must be a str": isinstance(file, str),
        "network must be a name": isinstance(network, str | None),
        "resolver must be a function": resolver is None or callable(resolver),
        "limits must be a Limits": isinstance(limits, Limits),
        "params must be a mapping from names": params is None
        or (isinstance(params, Mapping) and all(isinstance(name, str) for name in params)),
        "inputs must be a mapping from names to Shapes": inputs is None
        or (isinstance(inputs, Mapping) and all(isinstance(shape, Shape) for shape in inputs.values())),
    }
    if wrong := [words for words, holds in right.items() if not holds]:
        raise CnnError.of("bad-setting", wrong[0])


def _result(compiled: Compiled) -> CheckResult:
    networks = tuple(Network(graph, sources=compiled.sources) for graph in compiled.networks)
    return CheckResult(networks, compiled.diagnostics, compiled.sources)


def check_file(path: str | PathLike[str], **options: Any) -> CheckResult:
    """Checks a file like :func:`check`; its imports are read from its folder. Raises CnnError if it cannot be read.

    An ``.onnx`` file is read as a model; it has one network and no params, and may be given the keyword ``keep_layout``
    (:func:`from_onnx`). Of warnings it gets those of the group ``portability`` alone.
    """
    require_path(path, "the file")
    limits: Limits = options.get("limits", DEFAULT_LIMITS)
    if is_onnx(path):
        return _check_model(path, limits, options)
    text = read_text(Path(path), limits)
    return check(text, **{"file": str(path), "resolver": folder_resolver(Path(path).parent, limits), **options})


def load(path: str | PathLike[str], **options: Any) -> Network:
    """The network of a file; keywords as for :func:`check`. Raises CnnError with all diagnostics."""
    return only(check_file(path, **{"ignore": ("all",), **options}))


def loads(text: str, **options: Any) -> Network:
    """The network of a text; keywords as for :func:`check`. Raises CnnError with all diagnostics."""
    return only(check(text, **{"ignore": ("all",), **options}))


def only(result: CheckResult) -> Network:
    """The one network of a result. Raises CnnError with all errors, or where there are none or several."""
    if not result.ok:
        errors = [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]
        raise CnnError(errors, result.sources)
    if not result.networks:
        raise CnnError.of("no-network", "the file defines no network", "begin one with `input 3@32x32`")
    if len(result.networks) > 1:
        names = ", ".join(network.name for network in result.networks)
        advice = "pick one: network=NAME, on the command line --network NAME"
        raise CnnError.of("several-networks", f"the file holds several networks: {names}", advice)
    return result.networks[0]


def _check_model(path: str | PathLike[str], limits: Limits, options: Mapping[str, Any]) -> CheckResult:
    from cnndsl.interop.onnx.importer.model import from_onnx as read

    if options.get("params"):
        advice = "`cnndsl import` makes a .cnn file of it"
        raise CnnError.of("bad-setting", f"{quoted(str(path))} is a model: it has no settings to change", advice)
    try:
        keep_layout = bool(options.get("keep_layout"))
        found = read(path, limits=limits, keep_layout=keep_layout, inputs=options.get("inputs"))
    except CnnError as error:
        if any(one.code != "import-unsupported" for one in error.diagnostics):
            raise
        return CheckResult((), tuple(error.diagnostics), {})
    network = Network(found.network, found.weights, model=path, layout=found.layout)
    wanted = options.get("network")
    if wanted not in (None, network.name):
        raise CnnError.of("unknown-network", f"there is no network {quoted(wanted)}", f"there is {network.name}")
    chosen = enabled(RuleSelection(options.get("select", ()), options.get("ignore", ())))
    differences = findings([found.network], WrittenStages({}), chosen & members("portability"))
    return CheckResult((network,), (*found.notes, *differences), {})


def from_json(text: str) -> Network:
    """The network that :meth:`Network.to_json` wrote. Raises CnnError for text that is none."""
    from cnndsl.lang.elaborate.infer import verified

    require_text(text)
    return Network(verified(text))


def format(text: str, *, file: str = "<text>", limits: Limits = DEFAULT_LIMITS) -> str:
    """A text in the one style of the language: the same syntax tree, the same comments. Raises CnnError."""
    from cnndsl.lang.style.format import format_text

    require_text(text)
    return format_text(text, file, limits)


def read_text(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """A source file's text. Raises CnnError where it cannot be read, is too large or no UTF-8."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.source_bytes + 1)
    except OSError as error:
        near = _neighbour(path) if isinstance(error, FileNotFoundError) else None
        advice = [f"did you mean `{near}`?"] if near else []
        raise CnnError.of("file-unreadable", f"cannot read `{path}`: {error.strerror or error}", *advice) from None
    return decode(data, str(path))


def _neighbour(path: Path) -> str | None:
    """The network beside a missing file whose name is nearest: without its suffix, or misspelt."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, 1_000) if entry.name.endswith((".cnn", ".onnx"))]
    except (OSError, ValueError):
        return None
    name = f"{path.name}.cnn" if f"{path.name}.cnn" in names else nearest(path.name, names)
    return str(path.with_name(name)) if name else None


def from_torch(module: Any, example: Any, *, limits: Limits = DEFAULT_LIMITS) -> Network:
    """The network of a ``torch.nn.Module``, with its weights, as it is in eval mode; the module stays as it was.

    ``example`` is what the module is called with, a tensor or a tuple of tensors, whose first axis is the batch.
    Raises CnnError with one diagnostic for every call that the language cannot express.
    """
    from cnndsl.interop.torch.importer.model import from_torch

    found = from_torch(module, example, limits)
    return Network(found.network, found.weights, module_names=found.module_names, imported_by=found.imported_by)


def from_keras(model: Any, *, limits: Limits = DEFAULT_LIMITS) -> Network:
    """The network of a ``keras.Model``, with its weights, as it is at inference; the model stays as it was.

    Raises CnnError with one diagnostic for every layer that the language cannot express.
    """
    from cnndsl.interop.keras.importer.model import from_keras

    graph, weights, names, layout, way = from_keras(model, limits)
    return Network(graph, weights, layout=layout, module_names=names, imported_by=way)


def from_onnx(
    model: Any, *, partial: bool = False, keep_layout: bool = False, limits: Limits = DEFAULT_LIMITS
) -> Network:
    """The network of an ONNX file, or of an ``onnx.ModelProto``, with its weights.

    Inputs whose channels are last, as Keras has them, are (N, C, spatial...) here, and so are the outputs then:
    ``channels_last`` names them. With ``keep_layout`` they are as in the model. Raises CnnError with one diagnostic for
    every node that the language cannot express; ``partial`` keeps the rest.
    """
    from cnndsl.interop.onnx.importer.model import from_onnx

    found = from_onnx(model, partial=partial, keep_layout=keep_layout, limits=limits)
    path = model if isinstance(model, str | PathLike) else None
    return Network(found.network, found.weights, None, path, found.layout)


class TrainingResult(NamedTuple):
    """What training gave."""

    history: "tuple[Epoch, ...]"
    """A row an epoch: loss and accuracy of training and validation, learning rate, seconds."""
    weights: "dict[str, Array]"
    """Those of the best epoch."""
    network: Network
    """The network with these weights."""
    class_names: tuple[str, ...]
    """In the order of the outputs; empty where the data does not say them."""
    folder: Path | None
    """Where the run is kept."""
    left_out: tuple[str, ...]
    """Files of the data that could not be read."""
    interrupted: bool
    """Whether Ctrl-C ended it; it can be resumed."""
    stopped_early: bool
    """Whether it ended since the loss became no smaller."""

    @property
    def best(self) -> "Epoch | None":
        """The epoch whose weights these are."""
        from cnndsl.training.history import best

        return best(self.history)


def train(
    net: Network,
    data: Any = None,
    *,
    out: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
    weights: "str | PathLike[str] | Mapping[str, Array] | None" = None,
    skip_bad: bool = False,
    device: str = "auto",
    compile: bool = False,
    mixed_precision: bool = False,
    tensorboard: bool = False,
    preparation: "Preparation | None" = None,
    channels_last: bool = False,
    report: "Report | None" = None,
    **settings: Any,
) -> TrainingResult:
    """Learns the weights of a network from data, by PyTorch, an extra.

    ``data`` is a folder with a folder of images for each class, a file (.npz, .csv, MNIST's, CIFAR's), or a pair of
    arrays; without it, what ``train { }`` names. Further keywords are its settings (``epochs=3``,
    ``optimizer="sgd lr=0.1"``). ``out`` is a new folder for the run, ``resume`` that of one to go on with; without
    them nothing is written. ``weights`` are those to begin with. ``report`` is called after every epoch; without it a
    notebook shows the curves as they grow, and a terminal a line for each epoch. Raises CnnError, and OSError where a
    file cannot be written.
    """
    from cnndsl.report.live import live
    from cnndsl.runtime.data.preparation import Preparation
    from cnndsl.training.model import Switches
    from cnndsl.training.request import requested
    from cnndsl.training.run import train as learn

    if isinstance(data, str | PathLike):
        settings["data"], data = os.fspath(data), None
    file = next(iter(net.sources), None)
    job = requested(net.graph, partial(net.weights_from, weights), settings, beside=file, out=out, resume=resume)
    job = job._replace(data=data, tensorboard=tensorboard, switches=Switches(device, compile, mixed_precision))
    if resume is None:
        job = job._replace(preparation=preparation or Preparation(), channels_last=channels_last, skip_bad=skip_bad)
    found = learn(job, report or live(net.name))
    trained = Network(net.graph, found.weights, net.sources)
    return TrainingResult(**found._asdict(), network=trained, folder=job.folder)


def evaluate(
    net: Network,
    data: Any = None,
    weights: "str | PathLike[str] | Mapping[str, Array] | None" = None,
    *,
    held_out: bool = False,
    backend: "Backend" = "numpy",
    batch: int = 64,
    skip_bad: bool = False,
    preparation: "Preparation | None" = None,
    channels_last: bool = False,
    **settings: Any,
) -> "Evaluation":
    """Judges a network by examples: loss, accuracy, top-5, and which class it takes for which. Needs no PyTorch.

    ``data`` is as for :func:`train`; ``held_out`` takes those of it alone that training with the same ``validate`` and
    ``seed`` holds out. ``weights`` are the network's own without any. Further keywords are settings of training:
    ``loss="mse"``. Raises CnnError.
    """
    from cnndsl.training.evaluation import evaluate, what_the_loss_takes
    from cnndsl.training.request import to_judge

    require_whole("batch", batch, 1)
    if isinstance(data, str | PathLike):
        settings["data"], data = os.fspath(data), None
    file = next(iter(net.sources), None)
    path = weights if isinstance(weights, str | PathLike) else None
    asked = to_judge(
        net.graph, settings, data, path, file, held_out, preparation, channels_last=channels_last, skip_bad=skip_bad
    )
    value = what_the_loss_takes(net.graph, asked.loss)
    run = net.runner(weights=weights, keep=() if value in net.outputs else value, backend=backend)
    return evaluate(lambda x: run(x)[value], net.graph, asked.examples, asked.loss, asked.rows, asked.learned, batch)
