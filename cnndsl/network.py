"""A network as people use it: look at it, run it, translate it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import index
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack, get_args

from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError, names_of, plural, quoted, require_names, require_path, require_whole
from cnndsl.ir import Graph
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.suggest import unknown_layer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnndsl.draw import Picture, Style
    from cnndsl.draw.canvas.theme import ThemeName
    from cnndsl.draw.page import PageSettings
    from cnndsl.interop.onnx.importer.layout import Layout
    from cnndsl.interop.verify import Verification
    from cnndsl.report.table import LayerTable
    from cnndsl.runtime.plan.planner import BatchPlan
    from cnndsl.runtime.profile import Profile

    Arrays = Mapping[str, NDArray[Any]]

Backend: TypeAlias = Literal["numpy", "onnxruntime", "reference"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)
"""What can compute; the first is the default."""


class Network(Measured):
    """A checked network: its layers, counts, execution and translation. Safe to use from several threads.

    A network from an ONNX model has the model's weights; they are used where no others are given. ``sources`` are the
    texts that it was made of, by file name; ``model`` is the ONNX file that it was read from, and ``layout`` says where
    that has its channels last. ``module_names`` are the names in a PyTorch module of the layers with weights, and the
    keys of weights that are called otherwise there; ``imported_by`` is the way that it came, as ``torch.fx``.
    """

    def __init__(
        self,
        graph: Graph,
        weights: "Arrays | None" = None,
        sources: Mapping[str, str] | None = None,
        model: str | PathLike[str] | None = None,
        layout: "Layout | None" = None,
        module_names: Mapping[str, str] | None = None,
        imported_by: str | None = None,
    ) -> None:
        super().__init__(graph)
        self.module_names: Mapping[str, str] = module_names or {}
        self.imported_by = imported_by
        self.sources: Mapping[str, str] = sources or {}
        self._own_weights = weights
        self._model = model
        self._layout = layout
        self._last_runner: tuple[tuple[object, ...], Callable[..., dict[str, NDArray[Any]]]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last_runner": None}

    def __repr__(self) -> str:
        return f"<Network {self.name}: {plural(len(self.graph.layers), 'layer')}, {plural(self.params, 'parameter')}>"

    def _repr_html_(self) -> str:
        """The table and the diagram, for notebooks."""
        from cnndsl.report.notebook import network_html

        return network_html(self)

    @property
    def channels_last(self) -> tuple[str, ...]:
        """The inputs and outputs whose channels, first here, are last in the ONNX model that the network is from."""
        return self._layout.names(self.graph) if self._layout else ()

    def summary(self, depth: int | None = None, batch: int = 1) -> str:
        """The layer table and the totals as text; blocks deeper than ``depth`` are folded into one line."""
        from cnndsl.report.table import table

        require_whole("batch", batch, 1)
        if depth is not None:
            require_whole("depth", depth, 0)
        return table(self, depth, batch)

    @cached_property
    def layers(self) -> "LayerTable":
        """The layers with their numbers, in order: ``layers["conv1"]``, ``layers[0]``, ``layers[2:5]``."""
        from cnndsl.report.table import LayerTable

        return LayerTable(super().layers.values())

    def explain(
        self,
        layer: str,
        *,
        at: Sequence[int] | None = None,
        x: "ArrayLike | Mapping[str, ArrayLike] | None" = None,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
    ) -> str:
        """How every number of a layer comes about, as text.

        With ``at``, how one value of its output does: of a channel and a place on each axis, counted from 0, for the
        one example in ``x``. Raises CnnError ``unknown-layer``, and others for what does not fit.
        """
        from cnndsl.report import explained

        if not isinstance(layer, str):
            raise CnnError.of("bad-setting", f"the layer must be a name, not {quoted(repr(layer))}")
        if (at is None) != (x is None):
            raise CnnError.of("bad-setting", "a value is worked out at a place of one example: give both at= and x=")
        if at is None or x is None:
            from cnndsl.analysis.arithmetic import arithmetic

            return explained.text(arithmetic(self, layer))
        from cnndsl.report import trace
        from cnndsl.runtime.any_size import graph_for
        from cnndsl.runtime.interpreter import checked_inputs
        from cnndsl.runtime.trace import require_position, trace_value

        try:
            position = tuple(map(index, at))
        except TypeError:
            message = f"at is a position such as (0, 2, 3), not {quoted(repr(at))}"
            raise CnnError.of("bad-setting", message) from None
        graph = graph_for(self.graph, x)
        require_position(graph, layer, position)  # before weights are made, which may take long
        inputs = checked_inputs(graph, x)
        return trace.text(trace_value(graph, layer, position, inputs, self.weights_from(weights, seed)))

    def draw(
        self,
        path: str | PathLike[str] | None = None,
        *,
        style: "Style" = "graph",
        depth: int | None = None,
        theme: "ThemeName" = "auto",
        **page: "Unpack[PageSettings]",
    ) -> "Picture | None":
        """Writes a picture of the network to ``path``, by its suffix: .svg, .png, .pdf, .mmd (Mermaid) or .dot.

        Without a path, gives the SVG text, which notebooks show as the picture. Blocks nested deeper than ``depth`` are
        one box; without it they are opened until the picture tells something. ``width`` (``"16cm"``), ``rows``,
        ``columns`` and ``orientation`` say what page it fits. Raises CnnError, and OSError for a file.
        """
        from cnndsl import draw
        from cnndsl.draw.page import page_of
        from cnndsl.files import require_output

        fit = page_of(**page)
        if path is None:
            return draw.Picture(draw.render(self, "svg", style, depth, theme, fit).decode())
        require_path(path)
        require_output(path, self.sources)
        draw.write(self, path, style, depth, theme, page=fit)
        return None

    def report(self, path: str | PathLike[str] | None = None, *, batch: int = 1) -> str | None:
        """All about the network as one HTML page, as text or written to ``path``; its memory is for ``batch`` examples.

        Raises OSError where the file cannot be written."""
        from cnndsl.files import require_output, write_text
        from cnndsl.language_service.tips import tips
        from cnndsl.report.page import page

        require_whole("batch", batch, 1)
        text = page(self, self.sources, batch=batch, tips=tips)
        if path is None:
            return text
        require_path(path)
        require_output(path, self.sources)
        write_text(path, text)
        return None

    def weights(self, seed: int = 0) -> dict[str, "NDArray[Any]"]:
        """The initial weights by key ``<layer>.<weight>``, the same for the same seed on any machine.

        For a network from an ONNX model, the model's weights.
        """
        if self._own_weights is not None:
            return dict(self._own_weights)
        from cnndsl.runtime.data.initial_weights import initial_weights

        require_whole("seed", seed, 0)
        return dict(initial_weights(self.graph, seed))

    def run(
        self,
        x: "ArrayLike | Mapping[str, ArrayLike]",
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        keep: str | Sequence[str] = (),
        threads: int | None = None,
    ) -> Any:
        """Executes the network on ``x``, (N, C, spatial...) float32, or a mapping from input names to such arrays.

        ``weights`` is a .safetensors, .npz or .onnx file or a mapping of arrays; without it the initial weights of
        ``seed`` are used. Gives the output, a dict by name if there are several; with ``keep``, the names of layers or
        one name, a pair of that and a dict of the kept layers' values. ``threads`` compute, by default one for each
        core; results do not depend on their number. Raises CnnError for inputs or weights that do not fit.
        """
        kept = names_of(keep, "keep")
        outputs = self._runner(weights, seed, kept, threads)(x)
        results = {name: outputs[name] for name in self.graph.outputs}
        result = results if len(results) > 1 else next(iter(results.values()))
        return (result, {name: outputs[name] for name in kept}) if kept else result

    def runner(
        self,
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        keep: str | Sequence[str] = (),
        limits: Limits = DEFAULT_LIMITS,
        backend: Backend = "numpy",
        threads: int | None = None,
        profile: "Profile | None" = None,
    ) -> "Callable[[ArrayLike | Mapping[str, ArrayLike]], dict[str, NDArray[Any]]]":
        """Plans once for many calls: a function from inputs to the outputs' and kept layers' values by name.

        ``backend="onnxruntime"`` computes with ONNX Runtime, the extra of that name; ``"reference"`` slowly, by the
        interpreter's plain kernels, in float64, which its values are too. ``threads`` and ``profile``, which adds up
        the time of every step (cnndsl.runtime.profile), are for the default. The function may be called from several
        threads at once.

        Raises CnnError ``memory-limit``, here and at each call, before more memory is taken than ``limits`` allow.
        """
        from cnndsl.runtime.interpreter import checked_inputs, execute
        from cnndsl.runtime.memory_limit import require_memory
        from cnndsl.runtime.plan.planner import make_plan

        kept = self._layers_named(keep)
        if backend not in BACKENDS:
            advice = f"it is one of {', '.join(BACKENDS)}"
            raise CnnError.of("bad-setting", f"the backend {quoted(str(backend))} is unknown", advice)
        if threads is not None:
            require_whole("threads", threads, 1)
        if self.graph.symbols:
            from cnndsl.runtime.any_size import AnySize

            options: dict[str, Any] = {"keep": kept, "limits": limits, "backend": backend, "threads": threads}
            given = self.weights_from(weights, seed)
            return AnySize(self.graph, lambda one: Network(one).runner(weights=given, profile=profile, **options))
        if backend == "reference":
            return self._reference(weights, seed, kept, limits)
        require_memory(self.graph, 1, limits.run_bytes)
        arrays = self.weights_from(weights, seed)
        if backend == "onnxruntime":
            from cnndsl.interop.onnx.runtime import make_runner

            running = make_runner(self.graph, arrays, kept)
            return lambda x: running(checked_inputs(self.graph, x))
        plan = make_plan(self.graph, arrays, kept)
        largest = 0  # batch that was found to fit

        def run(x: "ArrayLike | Mapping[str, ArrayLike]") -> "dict[str, NDArray[Any]]":
            nonlocal largest
            inputs = checked_inputs(self.graph, x)
            batch = len(next(iter(inputs.values())))
            if batch > largest:
                require_memory(self.graph, batch, limits.run_bytes)
                largest = batch
            return execute(plan, inputs, threads, profile.add if profile else None)

        return run

    def _reference(
        self, weights: "str | PathLike[str] | Arrays | None", seed: int, keep: Sequence[str], limits: Limits
    ) -> "Callable[[ArrayLike | Mapping[str, ArrayLike]], dict[str, NDArray[Any]]]":
        from cnndsl.runtime.interpreter import checked_inputs
        from cnndsl.runtime.memory_limit import reference_run_bytes, require_memory
        from cnndsl.runtime.reference import Reference

        require_memory(self.graph, 1, limits.run_bytes, reference_run_bytes)
        reference = Reference(self.graph, self.weights_from(weights, seed), keep)

        def run(x: "ArrayLike | Mapping[str, ArrayLike]") -> "dict[str, NDArray[Any]]":
            inputs = checked_inputs(self.graph, x)
            require_memory(self.graph, len(next(iter(inputs.values()))), limits.run_bytes, reference_run_bytes)
            return reference.run(inputs)

        return run

    def _runner(
        self, weights: "str | PathLike[str] | Arrays | None", seed: int, keep: tuple[str, ...], threads: int | None
    ) -> "Callable[[ArrayLike | Mapping[str, ArrayLike]], dict[str, NDArray[Any]]]":
        """The runner of the last call if this one asks for the same; weights given from outside may have changed."""
        if weights is not None:
            return self.runner(weights=weights, seed=seed, keep=keep, threads=threads)
        asked = (seed, keep, threads)
        known = self._last_runner
        if known is None or known[0] != asked:
            self._last_runner = known = (asked, self.runner(seed=seed, keep=keep, threads=threads))
        return known[1]

    def plan(
        self,
        batch: int = 1,
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        keep: str | Sequence[str] = (),
    ) -> "BatchPlan":
        """How a batch of that size is computed: ``explain()`` is the text, ``peak_bytes()`` the memory it takes."""
        from cnndsl.runtime.plan.planner import make_plan

        kept = self._layers_named(keep)
        return make_plan(self.graph, self.weights_from(weights, seed), kept).at(batch)

    def _layers_named(self, keep: str | Sequence[str]) -> tuple[str, ...]:
        known = self.graph.shapes
        names = names_of(keep, "keep")
        for name in names:
            if name not in known:
                raise unknown_layer(name, known)
        return names

    def weights_from(self, weights: "str | PathLike[str] | Arrays | None", seed: int) -> "dict[str, NDArray[Any]]":
        """The weights of a file or mapping, checked, or without one the initial ones. Raises CnnError."""
        from cnndsl.files import is_onnx
        from cnndsl.interop.origin import require_pair
        from cnndsl.runtime.data.weights import given_weights, load_weights

        require_whole("seed", seed, 0)
        if weights is None:
            return self.weights(seed)
        if isinstance(weights, Mapping):
            require_names([*weights], "weights")
            return dict(given_weights(self.graph, weights))
        require_path(weights, "weights")
        if is_onnx(weights):
            from cnndsl.interop.onnx.importer.beside import weights_from

            return dict(given_weights(self.graph, weights_from(self.graph, weights)))
        loaded = load_weights(self.graph, weights)
        require_pair(self.sources, Path(weights))
        return dict(loaded)

    def at(self, sizes: Mapping[str, int] | None = None, **more: int) -> "Network":
        """The network at other input sizes: of its symbols, or of ``H`` and ``W`` (``L``, ``D``) of a fixed one.

        Its weights stay. Raises CnnError where a layer does not take a size, or would have other weights.
        """
        from cnndsl.analysis.resized import at_sizes

        graph = at_sizes(self.graph, {**(sizes or {}), **more})
        weights, names = self._own_weights, self.module_names
        return Network(graph, weights, self.sources, None, self._layout, names, self.imported_by)

    def to_onnx(
        self,
        path: str | PathLike[str] | None = None,
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        opset: int | None = None,
    ) -> Any:
        """Writes the network as ONNX to ``path``; without one, gives it as an ``onnx.ModelProto``. Raises CnnError."""
        from cnndsl.files import require_output
        from cnndsl.interop.onnx.exporter.model import DEFAULT_OPSET, export, write

        chosen = DEFAULT_OPSET if opset is None else opset
        if path is not None:
            require_path(path)
            require_output(path, [*self.sources, self._model, weights])
        arrays = self.weights_from(weights, seed)
        if path is None:
            return export(self.graph, arrays, opset=chosen)
        write(self.graph, arrays, path, opset=chosen)
        return None

    def to_torch(self, *, weights: "str | PathLike[str] | Arrays | None" = None, seed: int = 0) -> Any:
        """The network as a ``torch.nn.Module`` with its weights, in training mode; in eval mode it computes the same.

        Modules are nested and called as the layers are. Raises CnnError, also where PyTorch, an extra, is missing.
        """
        from cnndsl.interop.torch.exporter.module import make_module

        return make_module(self.graph, self.weights_from(weights, seed))

    def to_keras(self, *, weights: "str | PathLike[str] | Arrays | None" = None, seed: int = 0) -> Any:
        """The network as a ``keras.Model`` with its weights; its inputs and outputs have their channels last.

        Layers are called as ours, with - for dots. Raises CnnError, also where Keras, an extra, is missing.
        """
        from cnndsl.interop.keras.exporter.model import make_model

        return make_model(self.graph, self.weights_from(weights, seed))

    def verify(
        self,
        *,
        weights: "str | PathLike[str] | Arrays | None" = None,
        seed: int = 0,
        batch: int = 1,
        tolerance: float | None = None,
        model: str | PathLike[str] | None = None,
    ) -> "Verification":
        """Compares the interpreter with ONNX Runtime, an extra, on random inputs of ``seed``.

        ``model`` is the ONNX file that the network was read from: its own outputs are compared then, transposed where
        its channels are last. ONNX Runtime runs without its optimiser; ``optimised`` says how far it is from itself
        with it. Where the two sides differ by more than ``tolerance``, ``judged`` says how far each is from float64. A
        network with symbols is compared at its default size, its smallest and an odd one. Raises CnnError.
        """
        from cnndsl.interop.verify import verified

        require_whole("batch", batch, 1)
        if tolerance is not None and not isinstance(tolerance, int | float):
            raise CnnError.of("bad-setting", f"tolerance is a number, not {quoted(repr(tolerance))}")
        if model is not None:
            require_path(model, "the model")
        arrays = self.weights_from(weights, seed)
        return verified(
            self.graph,
            arrays,
            self.runner(weights=arrays, keep=tuple(self.layers)),
            lambda inputs: self.runner(weights=arrays, backend="reference")(inputs),
            (batch, seed),
            tolerance,
            None if model is None else (model, self._layout),
        )

    def to_json(self) -> str:
        """The graph as JSON (docs/network.schema.json)."""
        return self.graph.model_dump_json(indent=1) + "\n"

    def to_cnn(self) -> str:
        """The graph as expanded .cnn text."""
        from cnndsl.lang.decompile.printer import print_network

        return print_network(self.graph)

    def decompiled(self, folded: bool = True) -> "tuple[str, Network]":
        """The graph as text that a person would have written, with blocks and loops, and the network of that text.

        Its layers have the names that the text gives them, and sums of sums are one; its weights are this network's, if
        it has its own. Without ``folded`` the text has one line a layer.
        """
        from cnndsl.lang.decompile.decompiler import decompile

        found = decompile(self.graph, folded)
        weights = None if self._own_weights is None else found.renamed(self._own_weights)
        modules = found.renamed_modules(self.module_names)
        return found.text, Network(found.network, weights, None, None, self._layout, modules, self.imported_by)
