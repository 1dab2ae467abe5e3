"""The facade: load, check and parse texts; look at, run and export networks."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.analysis.measured import Layer as Layer
from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError, Diagnostic, quoted
from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.modules import Resolver, Settings
from cnndsl.lang.parser import decode
from cnndsl.lang.parser import parse as parse
from cnndsl.lang.settings import setting_value
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.shapes import Shape
from cnndsl.suggest import nearest

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Arrays = Mapping[str, NDArray[Any]]


class Network(Measured):
    """A checked network: its layers, counts, execution and translation. Safe to use from several threads."""

    def __repr__(self) -> str:
        return f"<Network {self.name}: {len(self.graph.layers)} layers, {self.params:,} parameters>"

    def summary(self, depth: int | None = None, batch: int = 1) -> str:
        """The layer table and the totals as text; blocks deeper than ``depth`` are folded into one line."""
        from cnndsl.report.table import table

        return table(self, depth, batch)

    def weights(self, seed: int = 0) -> dict[str, "NDArray[Any]"]:
        """The initial weights by key ``<layer>.<weight>``, the same for the same seed on any machine."""
        from cnndsl.runtime.initial import initial_weights

        return dict(initial_weights(self.graph, seed))

    def run(
        self,
        x: "ArrayLike | Mapping[str, ArrayLike]",
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        keep: Sequence[str] = (),
    ) -> Any:
        """Executes the network on ``x``, (N, C, spatial...) float32, or a mapping from input names to such arrays.

        ``weights`` is a .safetensors or .npz file or a mapping of arrays; without it the initial weights of ``seed``
        are used. Gives the output, a dict by name if there are several; with ``keep``, a pair of that and a dict of the
        kept layers' values. Raises CnnError for inputs or weights that do not fit.
        """
        outputs = self.runner(weights=weights, seed=seed, keep=keep)(x)
        results = {name: outputs[name] for name in self.graph.outputs}
        result = results if len(results) > 1 else next(iter(results.values()))
        return (result, {name: outputs[name] for name in keep}) if keep else result

    def runner(
        self,
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        keep: Sequence[str] = (),
    ) -> "Callable[[ArrayLike | Mapping[str, ArrayLike]], dict[str, NDArray[Any]]]":
        """Plans once for many calls: a function from inputs to the outputs' and kept layers' values by name."""
        from cnndsl.runtime.interpreter import checked_inputs, execute
        from cnndsl.runtime.plan import make_plan

        known = self.graph.shapes
        for name in keep:
            if name not in known:
                raise _unknown_layer(name, known)
        plan = make_plan(self.graph, self._weights(weights, seed), keep)
        return lambda x: execute(plan, checked_inputs(self.graph, x))

    def _weights(self, weights: "str | PathLike[str] | Arrays | None", seed: int) -> "dict[str, NDArray[Any]]":
        from cnndsl.runtime.weights import given_weights, load_weights

        if weights is None:
            return self.weights(seed)
        if isinstance(weights, Mapping):
            return dict(given_weights(self.graph, weights))
        return dict(load_weights(self.graph, weights))

    def to_onnx(
        self,
        path: str | PathLike[str] | None = None,
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        opset: int | None = None,
    ) -> Any:
        """Writes the network as ONNX to ``path``; without one, gives it as an ``onnx.ModelProto``. Raises CnnError."""
        from cnndsl.interop import onnx_export

        chosen = onnx_export.DEFAULT_OPSET if opset is None else opset
        arrays = self._weights(weights, seed)
        if path is None:
            return onnx_export.export(self.graph, arrays, opset=chosen)
        onnx_export.write(self.graph, arrays, path, opset=chosen)
        return None

    def to_json(self) -> str:
        """The graph as JSON (docs/network.schema.json)."""
        return self.graph.model_dump_json(indent=1) + "\n"

    def to_cnn(self) -> str:
        """The graph as expanded .cnn text."""
        from cnndsl.lang.printer import print_network

        return print_network(self.graph)


class CheckResult(NamedTuple):
    """What checking a text gave: its sound networks and every diagnostic."""

    networks: tuple[Network, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def network(self) -> Network | None:
        """The only network, or None where there are errors, none, or several."""
        return self.networks[0] if len(self.networks) == 1 and self.ok else None

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings do not matter."""
        return all(diagnostic.severity != "error" for diagnostic in self.diagnostics)


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
    **more: object,
) -> CheckResult:
    """Checks a text and never raises on what it says. Keywords beyond these set the network's params.

    ``network`` picks one by name; ``inputs`` replaces shapes of inputs by name (None: the first); ``resolver`` reads
    imported files, without it imports are errors; ``strict`` makes divisions with a remainder errors.
    """
    given = {**(params or {}), **more}
    settings = Settings({name: setting_value(name, value) for name, value in given.items()}, inputs or {}, strict)
    return _result(compile_text(text, file, resolver, settings, limits, network))


def _result(compiled: Compiled) -> CheckResult:
    return CheckResult(tuple(map(Network, compiled.networks)), compiled.diagnostics, compiled.sources)


def check_file(path: str | PathLike[str], **options: Any) -> CheckResult:
    """Checks a file like :func:`check`; its imports are read from its folder. Raises CnnError if it cannot be read."""
    limits: Limits = options.get("limits", DEFAULT_LIMITS)
    text = read_text(Path(path), limits)
    return check(text, **{"file": str(path), "resolver": folder_resolver(Path(path).parent, limits), **options})


def load(path: str | PathLike[str], **options: Any) -> Network:
    """The network of a file; keywords as for :func:`check`. Raises CnnError with all diagnostics."""
    return only(check_file(path, **options))


def loads(text: str, **options: Any) -> Network:
    """The network of a text; keywords as for :func:`check`. Raises CnnError with all diagnostics."""
    return only(check(text, **options))


def only(result: CheckResult) -> Network:
    """The one network of a result. Raises CnnError with all errors, or where there are none or several."""
    if not result.ok:
        errors = [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]
        raise CnnError(errors, result.sources)
    if not result.networks:
        raise CnnError.of("no-network", "the file defines no network", "begin one with `input 3@32x32`")
    if len(result.networks) > 1:
        names = ", ".join(network.name for network in result.networks)
        raise CnnError.of("several-networks", f"the file holds several networks: {names}", "pick one: network=NAME")
    return result.networks[0]


def from_json(text: str) -> Network:
    """The network that :meth:`Network.to_json` wrote. Raises CnnError for text that is none."""
    from cnndsl.lang.infer import verified

    return Network(verified(text))


def read_text(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """A source file's text. Raises CnnError where it cannot be read, is too large or no UTF-8."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.source_bytes + 1)
    except OSError as error:
        raise CnnError.of("file-unreadable", f"cannot read `{path}`: {error.strerror or error}") from None
    return decode(data, str(path))


def folder_resolver(folder: Path, limits: Limits = DEFAULT_LIMITS) -> Resolver:
    """Reads imported files inside a folder; links that lead out of it are refused."""

    def resolve(path: str) -> str:
        root = folder.resolve()
        target = (root / path).resolve()
        if not target.is_relative_to(root):
            raise PermissionError
        with target.open("rb") as stream:
            return decode(stream.read(limits.source_bytes + 1), path)

    return resolve


def _unknown_layer(name: str, known: Mapping[str, Shape]) -> CnnError:
    suggestion = nearest(name, known)
    advice = f"did you mean {quoted(suggestion)}?" if suggestion else "`cnndsl check` lists the layers"
    return CnnError.of("unknown-layer", f"the network has no layer {quoted(name)}", advice)
