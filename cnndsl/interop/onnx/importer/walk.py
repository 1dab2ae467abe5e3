"""ONNX models as networks: one walk over the nodes, each translated by the table of its operator.

What is computed from constants alone is computed here; groups of nodes that mean one layer are found first. Everything
that the language cannot say is reported at once, by the names of the nodes.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from onnx import NodeProto, ValueInfoProto
from pydantic import ValidationError

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, Diagnostic, quoted
from cnndsl.interop.onnx.importer import constant_layers
from cnndsl.interop.onnx.importer.attributes import attributes_of, held_constant
from cnndsl.interop.onnx.importer.batch import batch_extents, same_network
from cnndsl.interop.onnx.importer.constant_folding import Folding, Unfoldable
from cnndsl.interop.onnx.importer.file import DOMAINS, Model, broken, describe, tensor_array
from cnndsl.interop.onnx.importer.gains import Gains, learnt_tensors
from cnndsl.interop.onnx.importer.graph import Builder, Known, NeedsConstant, NodeContext, Parts, Refusal, Value, reason
from cnndsl.interop.onnx.importer.groups import GROUPS, NodeGroup
from cnndsl.interop.onnx.importer.layout import Layout, turned_inputs
from cnndsl.interop.onnx.importer.names import network_name, printable, value_name
from cnndsl.interop.onnx.importer.patterns import Finder, Match
from cnndsl.interop.onnx.importer.simplify import tidy
from cnndsl.interop.onnx.importer.translations.operators import QUANTISED, TRANSLATIONS
from cnndsl.interop.onnx.importer.translations.windows import OF_VALUES
from cnndsl.interop.onnx.importer.writable import unwritable_number
from cnndsl.ir import Dtype, Graph
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.ops.shape import Identity
from cnndsl.shapes import MAX_RANK, ShapeError

FLOATS = (1, 10, 11, 16)
INTEGERS = (6, 7)
"""ONNX's element types."""

LONGEST_MESSAGE = 400


class Imported(NamedTuple):
    """A network, its tensors by key, what is to be said of it, and where its layout is not the model's.

    With ``partial``, the notes say what was left out.
    """

    network: Graph
    weights: dict[str, Array]
    notes: tuple[Diagnostic, ...]
    layout: Layout


def import_model(
    model: Model,
    *,
    partial: bool = False,
    keep_layout: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    batched: bool | None = None,
    given: Mapping[str, Array] | None = None,
) -> Imported:
    """The network of a model whose extents are all known. ``batched`` False takes the first axis for data.

    ``given`` fixes inputs as constants; with it, an input that should be one raises NeedsConstant.
    """
    attributes = {id(node): attributes_of(node) for node in model.nodes}
    few, many = batch_extents(model, attributes)
    refused: dict[int, str] = {}
    while True:
        importer = Importer(model, attributes, limits, batched, given, few, refused, keep_layout)
        imported = importer.run(partial)
        unwritable = importer.unwritable()
        if not unwritable:
            break
        refused |= unwritable
    if importer.reads_batch:
        other = Importer(model, attributes, limits, batched, given, many, refused, keep_layout).run(partial)
        if not same_network(imported[:2], other[:2]):
            raise CnnError([_problem("what the network computes depends on the number of examples in a batch")])
    return imported


class Importer:
    """The walk over one model. ``symbolic_batch`` stands for a batch of any extent; nodes in ``refused`` say why."""

    def __init__(
        self,
        model: Model,
        attributes: dict[int, dict[str, Any]],
        limits: Limits,
        batched: bool | None,
        given: Mapping[str, Array] | None,
        symbolic_batch: int,
        refused: Mapping[int, str],
        keep_layout: bool,
    ) -> None:
        self.model = model
        self.attributes = attributes
        self.asks = given is not None
        self.symbolic_batch = symbolic_batch
        self.refused = refused
        self.reads_batch = False
        """Whether a constant was worked out from the extent of a symbolic batch."""
        self.sizes: set[str] = set()
        """Extents of values that are unknown."""
        given = given or {}
        self.known: dict[str, Known] = {**model.constants, **given}
        self.inputs = [value for value in model.graph.input if value.name not in self.known]
        self.uses = Counter(name for node in model.nodes for name in node.input)
        self.uses.update(value.name for value in model.graph.output)
        self.problems: list[Diagnostic] = []
        read = [value for value in self.inputs if self.uses[value.name]]
        vectors = any(len(_extents(value) or (1, 1)) == 1 for value in read)
        self.batched = not vectors if batched is None else batched
        self.unequal: list[int] = []
        batch = self._batch(read) if self.batched else None
        self.builder = Builder(batch, batch == symbolic_batch, limits)
        self.builder.learnt = learnt_tensors(model) | set(given)
        self.places = {id(node): place for place, node in enumerate(model.nodes)}
        self.folding = Folding(sum(array.nbytes for array in model.constants.values()))
        self.builder.gain_of = Gains(model, attributes, self.known, self.builder.learnt, self.folding).of
        self.outputs: list[Value] = []
        self.limits = limits
        self.keep_layout = keep_layout or model.producer == "cnndsl" or not self.batched
        self.layout = Layout()

    def _batch(self, inputs: Sequence[ValueInfoProto]) -> int:
        """The extent of the first axis: one that the file does not know where it may be anything."""
        extents = {_extents(value)[0] for value in inputs if _extents(value)}
        known = sorted(size for size in extents if size > 0)
        self.unequal = known[:2] if len(known) > 1 else []
        return known[0] if known else self.symbolic_batch

    def run(self, partial: bool) -> Imported:
        """The network. Raises CnnError."""
        self._fold_constants()
        self._add_inputs()
        arrays = {name: value for name, value in self.known.items() if isinstance(value, np.ndarray)}
        finder = Finder(self.model.nodes, arrays, self.uses, self.attributes)
        matches = finder.matches()
        absorbed = {id(node) for match in matches.values() for node in match.inner.values()}
        for node in self.model.nodes:
            if id(node) not in absorbed and (not node.output or node.output[0] not in self.known):
                self._step(node, matches.get(id(node)))
        if self.unequal and not self.problems:
            first, second = self.unequal
            self.problems.append(_problem(f"the inputs have batches of {first} and {second} examples"))
        notes = tuple(self.problems[: self.limits.diagnostics])
        if more := len(self.problems) - len(notes):
            notes = (*notes[:-1], _problem(f"there are {more + 1:,} more such problems"))
        if notes and not partial:
            raise CnnError(notes)
        self.outputs = self._in_layout(self._outputs(partial))
        tidy(self.builder, self.model.producer == "cnndsl")
        network = self.builder.network(network_name(self.model.name), self.outputs)
        left_out = (note._replace(severity="note") for note in notes)
        return Imported(network, self.builder.weights(), (*self.layout.note(network), *left_out), self.layout)

    def unwritable(self) -> dict[int, str]:
        """The nodes whose layers hold what the language cannot write, and why."""
        needed = self.builder.needed(self.outputs)
        found = {}
        for key, layer in self.builder.layers.items():
            number = unwritable_number(layer.op, self.limits) if key in needed else None
            if layer.incomplete and key in needed:
                found[id(layer.origin)] = "its weight stands without a bias, and the language's layernorm has both"
            if number is not None:
                found[id(layer.origin)] = f"the language does not write numbers such as {number}"
        return found

    def _turned_inputs(self) -> set[str]:
        """Those whose channels, last in the model, are first in the network."""
        if self.keep_layout:
            return set()
        sizes = {value.name: _extents(value)[1:] for value in self.inputs}
        outputs = [value.name for value in self.model.graph.output]
        return turned_inputs(self.model.nodes, self.attributes, sizes, outputs, self.known)

    def _add_inputs(self) -> None:
        turned = self._turned_inputs()
        for value in self.inputs:
            element = value.type.tensor_type.elem_type
            extents = _extents(value)
            data = extents[1:] if self.batched and extents else extents
            if not data or any(size < 1 for size in data):
                if self.uses[value.name]:
                    shown = "x".join(str(size) if size > 0 else "?" for size in extents or ()) or "unknown"
                    self.problems.append(
                        _problem(
                            f"the input {quoted(value.name)} has the extents {shown}, but all after the batch must be "
                            "fixed",
                            "export the model with the size of its input fixed",
                        )
                    )
                    self.known[value.name] = None
                continue
            if max(data) > self.limits.dimension:
                raise broken(self.model.name, f"an extent of {max(data):,} is over {self.limits.dimension:,}")
            if len(data) > MAX_RANK + 1:
                raise broken(
                    self.model.name, f"the input {quoted(value.name)} has {len(data) - 1} spatial axes, over {MAX_RANK}"
                )
            if element not in (*FLOATS, *INTEGERS):
                if self.uses[value.name]:
                    self.problems.append(_problem(f"the input {quoted(value.name)} holds neither floats nor integers"))
                    self.known[value.name] = None
                continue
            dtype: Dtype = "float32" if element in FLOATS else "int64"
            label = printable(value.name) if self.model.producer == "cnndsl" else value_name(value.name)
            base = label or ("input" if len(self.inputs) == 1 else "")
            self.known[value.name] = self.builder.add_input(base, data, dtype, value.name in turned)

    def _fold_constants(self) -> None:
        """Nodes whose inputs are all constants, before anything has a shape."""
        for node in self.model.nodes:
            if node.op_type == "Constant" or all(
                isinstance(self.known.get(name), np.ndarray) for name in node.input if name
            ):
                self._fold(node, [self.known.get(name) for name in node.input], early=True)

    def _fold(self, node: NodeProto, inputs: Sequence[Known], early: bool = False) -> bool:
        """Whether the node is a constant. Values that are known to be too large are left to the walk."""
        attributes = self.attributes[id(node)]
        if node.domain not in DOMAINS or not node.output:
            return False
        if node.op_type == "Constant":
            held = held_constant(attributes)
            if held is not None:
                self.known[node.output[0]] = held
            return held is not None
        known: list[Any] = list(inputs)
        if node.op_type in ("Shape", "Size") and inputs and isinstance(inputs[0], Value):
            sizes = (*self.builder.leading, *inputs[0].dimensions)
            self.reads_batch |= self.builder.symbolic
            known = [np.broadcast_to(np.int8(0), sizes)]
        elif (
            node.op_type == "CastLike"
            and len(inputs) == 2
            and isinstance(inputs[0], np.ndarray)
            and isinstance(inputs[-1], Value)
        ):
            known = [inputs[0], np.empty(0, inputs[-1].dtype)]
        elif any(isinstance(value, Value | Parts) for value in inputs) or all(value is None for value in inputs):
            return False
        try:
            found = self.folding.values(node, attributes, known, self.model.opset)
        except Unfoldable as error:
            if not early:
                raise Refusal(str(error)) from None
            return False
        if found is None:
            return False
        learnt = any(name in self.builder.learnt for name in node.input)
        for name, array in zip(node.output, found, strict=False):
            self.known[name] = array
            if learnt and array.dtype.kind == "f":
                self.builder.learnt.add(name)
        return True

    def _step(self, node: NodeProto, match: Match | None, around: NodeProto | None = None) -> None:
        """Translates one node, or reports it. ``around`` is the If whose branch has it."""
        names = [match.names["x"]] if match else list(node.input)
        inputs = [self.known.get(name) if name else None for name in names]
        unknown = [name for name, value in zip(names, inputs, strict=True) if name and value is None]
        if unknown:
            self._skip(node, unknown, match is not None)
            return
        self.builder.enter(around or node)
        try:
            if id(node) in self.refused:
                raise Refusal(self.refused[id(node)])
            if match is None and self._fold(node, inputs):
                return
            results = self._chosen(node, inputs) if node.op_type == "If" else self._translated(node, match, inputs)
        except Refusal as refusal:
            if self.asks and isinstance(refusal, NeedsConstant):
                raise
            if match is not None and id(node) not in self.refused:
                self._apart(node, match)
                return
            self._report(node, refusal.message, *refusal.help)
            results = []
        except (ShapeError, ValidationError) as error:
            self._report(node, reason(error))
            results = []
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            self._report(
                node, f"its attributes make no sense ({str(error).splitlines()[0][:80] if str(error) else ''})"
            )
            results = []
        self.known.update(dict.fromkeys(filter(None, node.output)))
        self.known.update(zip(node.output, results, strict=False))

    def _skip(self, node: NodeProto, unknown: Sequence[str], matched: bool) -> None:
        """What depends on a reported node is silent, but for operators that the language has nothing for."""
        self.known.update(dict.fromkeys(filter(None, node.output)))
        if node.op_type in ("Shape", "Size") or all(name in self.sizes for name in unknown):
            self.sizes.update(node.output)
        elif not matched and node.op_type != "If":
            if node.op_type == "MatMul" and not any(
                isinstance(self.known.get(name), np.ndarray) for name in node.input
            ):
                self._report(node, OF_VALUES)
            try:
                self._translation(node)
            except Refusal as refusal:
                self._report(node, refusal.message, *refusal.help)

    def _apart(self, node: NodeProto, match: Match) -> None:
        """The nodes of a formula that is something else after all, each by itself."""
        inner = {id(other): other for other in match.inner.values()}
        for other in sorted(inner.values(), key=lambda other: self.places[id(other)]):
            if other.output[0] not in self.known:
                self._step(other, None)
        self._step(node, None)

    def _chosen(self, node: NodeProto, inputs: Sequence[Known]) -> list[Known]:
        """The results of the branch of an If that is always taken."""
        if not isinstance(inputs[0], np.ndarray) or inputs[0].size != 1:
            raise Refusal("which branch is taken depends on the network's inputs")
        name = "then_branch" if inputs[0].reshape(()) else "else_branch"
        graph = next((attribute.g for attribute in node.attribute if attribute.name == name), None)
        if graph is None:
            raise Refusal(f"it has no {name}")
        self.known.update((tensor.name, tensor_array(tensor, self.model.name)) for tensor in graph.initializer)
        self.builder.learnt.update(tensor.name for tensor in graph.initializer)
        nodes = list(graph.node)  # held, as attributes are found by their identities
        for inner in nodes:
            self.attributes[id(inner)] = attributes_of(inner)
            self.uses.update(inner.input)
        for inner in nodes:
            self._step(inner, None, around=self.builder.origin or node)
        return [self.known.get(output.name) for output in graph.output]

    def _translated(self, node: NodeProto, match: Match | None, inputs: Sequence[Known]) -> Sequence[Known]:
        attributes = self._resolved(node) if match else self.attributes[id(node)]
        site = NodeContext(self.builder, node, attributes, inputs, self.model.opset, self.uses, self.model.producer)
        if match is not None:
            return [GROUPS[match.meaning](self._group(site, match))]
        translate = self._translation(node)
        if not any(isinstance(value, Value | Parts) for value in inputs):
            arrays = [None if isinstance(value, Value | Parts) else value for value in inputs]
            found = constant_layers.computed(import_model, node, arrays, self.model.opset, self.folding.take)
            self.builder.learnt.update(node.output if self.builder.learnt.intersection(node.input) else ())
            return list(found)
        result = translate(site)
        return result if isinstance(result, list) else [result]

    def _translation(self, node: NodeProto) -> Callable[[NodeContext], Any]:
        if node.op_type in QUANTISED:
            raise Refusal("it belongs to a quantised network", "export the network before it was quantised")
        translate = TRANSLATIONS.get(node.op_type) if node.domain in DOMAINS else None
        if translate is None:
            domain = f" of {node.domain}" if node.domain not in DOMAINS else ""
            raise Refusal(f"the language has nothing for this operator{domain}")
        return translate

    def _group(self, site: NodeContext, match: Match) -> NodeGroup:
        constants = {}
        for name, tensor in match.names.items():
            value = self.known.get(tensor)
            if name != "x":
                if not isinstance(value, np.ndarray):
                    raise Refusal("its shape depends on the batch")
                constants[name] = value
        inner = {id(node): node for node in match.inner.values()}.values()
        return NodeGroup(site, constants, match.names, tuple((node, self._resolved(node)) for node in inner))

    def _resolved(self, node: NodeProto) -> Mapping[str, Any]:
        """The attributes, with axes that are an input put in."""
        attributes = dict(self.attributes[id(node)])
        if node.op_type.startswith(("Reduce", "Unsqueeze")) and len(node.input) > 1:
            axes = self.known.get(node.input[1])
            if isinstance(axes, np.ndarray):
                attributes["axes"] = [int(axis) for axis in axes]
        return attributes

    def _report(self, node: NodeProto, message: str, *advice: str) -> None:
        self.problems.append(_problem(f"{describe(node)}: {message}", *advice))

    def _outputs(self, partial: bool) -> list[Value]:
        """The results; with ``partial``, the values that are read by nothing that is understood."""
        wanted = [self.known.get(value.name) for value in self.model.graph.output]
        values: list[Value] = []
        for value, info in zip(wanted, self.model.graph.output, strict=True):
            if isinstance(value, Value):
                values.append(value)
            elif not partial:
                raise broken(self.model.name, f"the output {quoted(info.name)} is a constant")
        if partial and not values:
            read = self.builder.readers
            values = [layer.output for key, layer in self.builder.layers.items() if not read[key]]
            values = values or self.builder.inputs[-1:]
        if not values:
            raise CnnError(self.problems or [_problem("nothing of the model is understood")])
        return values

    def _in_layout(self, outputs: Sequence[Value]) -> list[Value]:
        """The outputs with their axes in the model's order, or in the language's where that is the inputs' too."""
        inputs = self.builder.inputs
        turned = tuple(value.turned for value in inputs)
        turns = not self.keep_layout and (any(turned) or all(value.shape.is_vector for value in inputs))
        self.layout = Layout(turned, tuple(turns and value.turned for value in outputs))
        found: dict[str, Value] = {}
        for value, last in zip(outputs, self.layout.outputs, strict=True):
            plain = value.ordered(range(len(value.order))) if last else self.builder.straight(value)
            if plain.name in found:
                plain = self.builder.emit("", Identity(), [plain])
            found[plain.name] = plain
        return list(found.values())


def _problem(message: str, *advice: str) -> Diagnostic:
    """Shapes of files may have any number of extents."""
    message = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"
    return Diagnostic("import-unsupported", message, help=advice)


def _extents(value: ValueInfoProto) -> tuple[int, ...]:
    """The extents of an input; 0 where one may be anything."""
    return tuple(max(int(axis.dim_value), 0) for axis in value.type.tensor_type.shape.dim)
