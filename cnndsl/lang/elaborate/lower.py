"""Lowering: the statements of one network become a graph, and its expectations are checked on the way."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from cnndsl.analysis.costs import Cost, Costs
from cnndsl.analysis.memory import BYTES, peak, size_of
from cnndsl.analysis.receptive import ReceptiveFields
from cnndsl.errors import Diagnostic, Fix, Label, Span, quoted, shortened
from cnndsl.ir import Dtype, Graph
from cnndsl.lang.elaborate.bind import numeric
from cnndsl.lang.elaborate.expand import Expander
from cnndsl.lang.elaborate.expansion import Context
from cnndsl.lang.elaborate.naming import Body
from cnndsl.lang.expressions.assumptions import assumed
from cnndsl.lang.expressions.definitions import define, define_symbols, define_value, sizes_given, symbols_in
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.names import written
from cnndsl.lang.expressions.symbols import symbolic_part
from cnndsl.lang.expressions.values import (
    Fault,
    Flow,
    ListValue,
    Named,
    Unknowable,
    Value,
    fault,
    kind,
    repeated,
    shown,
)
from cnndsl.lang.modules import Collector, Module, Settings
from cnndsl.lang.resumable import State
from cnndsl.lang.text import syntax
from cnndsl.ops.base import Windowed
from cnndsl.shapes import MAX_RANK, Shape

if TYPE_CHECKING:
    from cnndsl.training_settings import Training


Run = Callable[["NetworkLowering", Sequence[syntax.Statement], Context], "Flow | None"]


class NetworkLowering(Expander):
    """Lowers one network. ``used`` gathers the settings from outside that were used."""

    CHANGING = ("_outputs",)

    def __init__(self, module: Module, collector: Collector, settings: Settings, used: set[str]) -> None:
        super().__init__(module, collector, settings.strict)
        self._settings = settings
        self.used = used
        self._outputs: dict[str, None] = {}
        self._costs = Costs()
        self._sums = [Cost()]
        self._fields = ReceptiveFields()
        self._known_inputs = 0
        self._from_inputs: Mapping[str, int] = {}
        self._trains: syntax.Train | None = None
        self._training: Training | None = None
        self._settings_at: dict[str, Span] = {}

    def lower(
        self, name: str, statements: Sequence[syntax.Statement], place: Context, run: "Run | None" = None
    ) -> Graph | None:
        """The graph; None where errors left no whole one. ``run`` is a short cut for :meth:`run`."""
        self._bodies.append(Body(statements, self.module.source))
        self._from_inputs = sizes_given(symbols_in(statements), statements, self._settings.inputs)
        end = run(self, statements, place) if run else self.run(statements, place, None)
        if self.sound and end is None:
            advice = "begin the network with an input, as in `input 3@32x32`"
            where = self.span(statements[0]) if statements else None
            self.report(Diagnostic("no-input", f"network {quoted(name)} has no input", where, help=(advice,)))
        if end is None or not self.sound:
            return None
        unbound = self.symbols.unbound()
        if unbound:
            self.report(unbound)
            return None
        symbolic = self.symbols.fields(self.module.assumptions)
        graph = self.graph.network(name, tuple(self._outputs) or (end.name,), **symbolic)
        return self._trained(graph, self._training, self._trains) if self._training and self._trains else graph

    def state(self) -> State:
        return {**super().state(), "graph": self.graph.state(), "symbols": self.symbols.state()}

    def go_back(self, state: State) -> None:
        """Brings back a state in which nothing was wrong."""
        self.graph.go_back(state["graph"])
        self.symbols.go_back(state["symbols"])
        super().go_back({name: state[name] for name in self.CHANGING})

    def _trained(self, graph: Graph, training: "Training", node: syntax.Train) -> Graph | None:
        """The graph with its settings of training, unless they do not fit it."""
        from cnndsl.analysis.training import misfits

        word = self._word(node)
        for field, diagnostic in misfits(graph, training):
            self.report(diagnostic._replace(span=self._settings_at.get(field, word)))
        return graph.model_copy(update={"training": training}) if self.sound else None

    def _word(self, node: syntax.Train) -> Span:
        return self.module.source.span(node.start, node.start + len("train"))

    def statement(self, node: syntax.Statement, place: Context, flow: Flow | None) -> Flow | None:
        return _STATEMENTS[type(node)](self, node, place, flow)

    # --- counting, for expect ---
    def measure(self, name: str, layers: Named | None) -> Value:
        if not self.known:
            raise Unknowable
        self._count()
        first, last = (layers.first, layers.last) if layers else (0, len(self.graph.layers))
        if name == "layers":
            return last - first
        if name in ("params", "buffers", "macs", "connections"):
            return cast(int, getattr(self._sums[last], name) - getattr(self._sums[first], name))
        if name == "weight_bytes":
            before, after = self._sums[first], self._sums[last]
            return (after.params + after.buffers - before.params - before.buffers) * BYTES["float32"]
        if name == "activation_bytes":
            self.step(last - first)
            return sum(map(size_of, self.graph.layers[first:last]))
        if name == "peak_bytes":
            self.step(last)
            return peak(self.graph.inputs, self.graph.layers[:last], [])
        if not self.graph.inputs:
            return 1
        value = layers.flow.name if layers else (self.graph.layers or self.graph.inputs)[-1].name
        field = self._fields.of(value)
        numbers = [axis.size if name == "receptive_field" else axis.stride for axis in field]
        whole = [number.numerator if number.denominator == 1 else number for number in numbers]
        return whole[0] if len(set(whole)) == 1 else ListValue(tuple(whole), len(whole))

    def _count(self) -> None:
        """Brings the running sums and fields up to the last layer."""
        for value in self.graph.inputs[self._known_inputs :]:
            self._fields.add_input(value)
        self._known_inputs = len(self.graph.inputs)
        for node in self.graph.layers[len(self._sums) - 1 :]:
            shapes = self.graph.shapes_into(node)
            self._sums.append(self._sums[-1].plus(self._costs.of(node, shapes)))
            self._fields.add(node, shapes)

    # --- statements ---
    def _let(self, node: syntax.Let, place: Context, flow: Flow | None) -> Flow | None:
        define_value(place.scope, node, self.evaluator(place, flow), self.module.source)
        return flow

    def _param(self, node: syntax.Param, place: Context, flow: Flow | None) -> Flow | None:
        if place.depth > 1:
            place.scope.names.setdefault(node.name, None)
            advice = "use let here, or give the block an argument"
            raise fault("misplaced", "a param belongs at the top of a network or a file", self.span(node), advice)
        span = self.module.source.span(node.name_start, node.name_end)
        self.used.add(node.name)
        if node.name in self._settings.params:
            define(place.scope, node.name, self._settings.params[node.name], span)
        else:
            define_value(place.scope, node, self.evaluator(place, flow), self.module.source)
        return flow

    def _symbol(self, node: syntax.Symbol, place: Context, flow: Flow | None) -> Flow | None:
        if place.depth > 1:
            place.scope.names.update(dict.fromkeys((one.name for one in node.symbols), None))
            advice = "give the block an argument"
            raise fault("misplaced", "a symbol belongs at the top of a network or a file", self.span(node), advice)
        given = {**self._settings.params, **self._from_inputs}
        define_symbols(node, place.scope, self.evaluator(place, flow), given, self.used)
        return flow

    def _assume(self, node: syntax.Assume, place: Context, flow: Flow | None) -> Flow | None:
        if place.depth > 1:
            raise fault("misplaced", "assume belongs at the top of a network or a file", self.span(node))
        found = assumed(node.condition, self.evaluator(place, flow))
        if found:
            self.symbols.assume(found)
        return flow

    def symbolic(self, flow: Flow, attribute: str, span: Span) -> Shape | None:
        if flow.shape is None or not self.symbols.declared:
            return flow.shape
        self.step(len(self.graph.layers))
        return self.symbols.shape(self.graph, self.module.assumptions, flow, attribute, span)

    def unknown_size(self) -> str | None:
        return next(iter(self.symbols.declared), None)

    def _input(self, node: syntax.Input, place: Context, flow: Flow | None) -> Flow:
        try:
            return self._declared(node, place, flow)
        except (Fault, Unknowable):
            if node.alias:
                place.scope.lose(node.alias.name)
            raise

    def _declared(self, node: syntax.Input, place: Context, flow: Flow | None) -> Flow:
        span = self.span(node)
        if place.around:
            raise fault("misplaced", "an input belongs to a network, not to a block", span)
        if len(self.graph.inputs) >= self.limits.inputs:
            raise fault("input-limit", f"the network has more than {self.limits.inputs} inputs", span)
        dtype = self._dtype(node)
        if node.alias:
            name = self.graph.fresh_name("", "input", node.alias.name)
        else:
            name = self.graph.fresh_name("", "input", "input")
        settings = self._settings.inputs
        self.used.add(f"input {name}")
        shape = settings.get(name, None if self.graph.inputs else settings.get(None))
        if shape is None:
            shape = self._shape(self.evaluator(place, flow), node.shape)
        elif len(shape.spatial) > MAX_RANK or not all(0 < size <= self.limits.dimension for size in shape.dimensions):
            message = f"{quoted(name)} cannot have the shape {quoted(str(shape))}"
            advice = f"1 to {MAX_RANK} spatial axes, and sizes from 1 to {self.limits.dimension:,}"
            raise fault("bad-setting", message, span, advice)
        extents = self.symbols.input(name, shape, self.span(node.shape))
        made = self.graph.add_input(name, cast(Shape, numeric(shape)), dtype, span, extents)
        if self.recording:
            self.recording.value(span, made, range(0))
        if node.alias:
            count = len(self.graph.layers)
            define(place.scope, node.alias.name, Named(made, count, count), self.span(node.alias))
        return made

    def _dtype(self, node: syntax.Input) -> Dtype:
        dtype: Dtype = "float32"
        for argument in node.arguments:
            if argument.name != "dtype":
                raise fault("unknown-parameter", "input takes a shape and dtype=", self.span(argument))
            value = argument.value
            word = value.name if isinstance(value, syntax.Name) else getattr(value, "value", None)
            if word not in ("float32", "int64"):
                raise fault("bad-argument", "dtype must be float32 or int64", self.span(value))
            dtype = cast(Dtype, word)
        return dtype

    def _shape(self, evaluator: Evaluator, node: syntax.Expression) -> Shape:
        value = evaluator.value(node)
        if isinstance(value, Shape):
            return value
        if isinstance(value, ListValue) and len(value.items) > 1:
            raise Fault(self._size_as_shape(node, value))
        if isinstance(value, ListValue | str | bool):
            message = f"a shape such as 3@32x32 or 120 is needed here, got {shown(value)}"
            advice = ("it stands without quotes",) if isinstance(value, str) else ()
            raise fault("wrong-type", message, self.span(node), *advice)
        return Shape(evaluator.dimension(value, node))

    def _size_as_shape(self, node: syntax.Expression, value: ListValue) -> Diagnostic:
        from cnndsl.lang.text.rewrites import shape_of

        numbers = [str(item) for item in value.items]
        size, span = "x".join(numbers), self.span(node)
        message = f"{quoted(size)} is a size, not a shape: channels stand before an @"
        if not all(map(str.isdecimal, numbers)):
            return Diagnostic("size-as-shape", message, span)
        written = shape_of(numbers)
        channels, _, spatial = written.partition("@")
        counted = f"{channels} channel{'s' if channels != '1' else ''} of {spatial}"
        return Diagnostic(
            "size-as-shape",
            message,
            span,
            help=(f"write {quoted(written)} for {counted}",),
            fixes=(Fix(f"write {shortened(written)}", span, written, safe=True),),
        )

    def _output(self, node: syntax.Output, place: Context, flow: Flow | None) -> Flow | None:
        if place.depth > 1:
            raise fault("misplaced", "output belongs at the top of a network", self.span(node))
        for value in node.values:
            name = self.evaluator(place, flow).stage(value, self.span(value)).flow.name
            if name in self._outputs:
                raise fault("repeated-argument", f"{quoted(written(value))} is an output already", self.span(value))
            self._outputs[name] = None
        return flow

    def _train(self, node: syntax.Train, place: Context, flow: Flow | None) -> Flow | None:
        span = self._word(node)
        if place.depth > 1:
            raise fault("misplaced", "train belongs at the top of a network, at its end", span)
        if self._trains:
            raise repeated("a network has one train", self.span(self._trains), self.span(node))
        self._trains = node
        behind = next((one for one in self._bodies[0].statements if one.start > node.start), None)
        if behind and not isinstance(behind, syntax.Train):
            label = Label(self.span(behind), "this stands behind it")
            advice = "put it behind the last line of the network"
            message = "train belongs at the end of a network"
            raise Fault(Diagnostic("misplaced", message, span, labels=(label,), help=(advice,)))
        from cnndsl.lang.training.reading import read_training

        read = read_training(node, self.evaluator(place, None), self.report)
        if read:
            self._training, self._settings_at = read
        return flow

    # --- expectations ---
    def _expect(self, node: syntax.Expect, place: Context, flow: Flow | None) -> Flow | None:
        if flow is not None and flow.shape is None:
            return flow
        value = self.evaluator(place, flow, counting=True).value(node.condition)
        if isinstance(value, bool):
            if not value:
                raise self._failed(node, self._facts(node, place, flow))
            return flow
        if isinstance(value, int):
            value = Shape(value)
        if not isinstance(value, Shape):
            raise fault("wrong-type", f"expect takes a condition or a shape, got {kind(value)}", self.span(node))
        if flow is None or flow.shape is None:
            raise fault("no-input", "there is no value yet whose shape could be expected", self.span(node))
        if symbolic_part(value) is not None:
            self.symbols.expect(flow.name, value, self.span(node))
        if value != flow.shape:
            raise self._failed(node, f"expected {value}, but the value here is {flow.shape}", flow)
        return flow

    def _failed(self, node: syntax.Expect, message: str, flow: Flow | None = None) -> Fault:
        """A failed expectation; for a shape, with the rule that gave it."""
        labels: tuple[Label, ...] = ()
        advice: tuple[str, ...] = ()
        maker = self.graph.node(flow.name) if flow else None
        if flow and maker:
            from cnndsl.lang.elaborate.provenance import shape_labels

            labels = tuple(shape_labels(self.graph.values, maker.name))
            if isinstance(maker.op, Windowed):
                windows = maker.op.windows(self.graph.shapes_into(maker)[0])
                formulas = dict.fromkeys(window.formula() for window in windows)
                advice = tuple(f"the window rule of {maker.name}: {formula}" for formula in formulas)
        return Fault(Diagnostic("expect-failed", message, self.span(node), labels=labels, help=advice))

    def _facts(self, node: syntax.Expect, place: Context, flow: Flow | None) -> str:
        """What the sides of a failed condition's comparisons are."""
        evaluator = self.evaluator(place, flow, counting=True)
        parts: Sequence[syntax.Expression] = [node.condition]
        if isinstance(node.condition, syntax.Chain) and node.condition.operators[0] == "and":
            parts = [next(part for part in node.condition.operands if evaluator.value(part) is False)]
        facts = []
        for part in parts:
            sides = part.operands if isinstance(part, syntax.Chain) and len(part.operands) == 2 else ()
            for side in sides:
                if isinstance(side, syntax.Number | syntax.ShapeLiteral):
                    continue
                value = evaluator.value(side)
                number = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else shown(value)
                facts.append(f"{quoted(self.module.source.text[side.start : side.end])} is {number}")
        return "this does not hold" + (f": {', '.join(facts)}" if facts else "")


_STATEMENTS = cast(
    "dict[type[syntax.Statement], Callable[[NetworkLowering, syntax.Statement, Context, Flow | None], Flow | None]]",
    {
        syntax.Pipeline: NetworkLowering.pipeline,
        syntax.Let: NetworkLowering._let,
        syntax.Param: NetworkLowering._param,
        syntax.Symbol: NetworkLowering._symbol,
        syntax.Assume: NetworkLowering._assume,
        syntax.Input: NetworkLowering._input,
        syntax.Output: NetworkLowering._output,
        syntax.Expect: NetworkLowering._expect,
        syntax.Train: NetworkLowering._train,
        syntax.Broken: NetworkLowering.broken,
    },
)
