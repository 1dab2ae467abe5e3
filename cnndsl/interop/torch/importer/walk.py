"""One walk over the calls of a module: each is translated by the table of its function.

What depends on no input of the network is computed by PyTorch. Everything that the language cannot say is reported at
once, by the modules' names and the places in their code.
"""

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from pydantic import ValidationError

from cnndsl.errors import CnnError, Diagnostic, Span, quoted, said_by, stopped
from cnndsl.interop.calls import Call, Translation
from cnndsl.interop.onnx.importer.graph import LOWEST, Builder, Refusal, Value, reason
from cnndsl.interop.onnx.importer.names import printable
from cnndsl.interop.onnx.importer.writable import unwritable_number
from cnndsl.interop.torch.importer.call import Held
from cnndsl.interop.torch.importer.functions.table import FUNCTIONS, plain_name
from cnndsl.interop.torch.importer.gains import gain_of
from cnndsl.interop.torch.importer.modules import arguments_of, call_of
from cnndsl.interop.torch.importer.names import layer_label, modules_around
from cnndsl.interop.torch.importer.ways import Calls
from cnndsl.ir import Dtype
from cnndsl.limits import Limits
from cnndsl.ops.base import Operator
from cnndsl.ops.norm import Dropout, SpatialDropout
from cnndsl.ops.resize import Crop, Pad, Slice
from cnndsl.ops.shape import Flatten, Identity, Permute, Reshape
from cnndsl.shapes import MAX_RANK, ShapeError

FAILED = object()
"""What a call gives that was reported, or that depends on one."""

SAME = (Dropout, SpatialDropout)
"""Operators whose value is their input itself in eval mode."""

VIEWS = (*SAME, Crop, Flatten, Permute, Reshape, Slice)
"""Operators whose value is a view of their input's memory in PyTorch."""

ASKED = frozenset({"size", "shape", "getattr", "dim", "ndimension", "numel"})
"""What is asked about a value and gives none."""

ASSERTED = frozenset({"_assert", "_assert_tensor_metadata", "_assert_scalar"})
"""What only checks."""


class Walk:
    """The walk over one graph of calls, with a batch of that extent; ``symbolic`` says that it stands for any.

    ``named`` are the module's parameters and buffers by their keys, ``places`` finds where a call stands in the code.
    """

    def __init__(
        self,
        calls: Calls,
        examples: Sequence[Any],
        named: Mapping[str, Held],
        place: Callable[[Any], Span | None],
        batch: int,
        symbolic: bool,
        limits: Limits,
    ) -> None:
        self.nodes = list(calls.graph.nodes)
        self.order = {node: index for index, node in enumerate(self.nodes)}
        self.root = calls.root
        self.functions = calls.functions
        self.name_of = calls.name_of
        self.examples = list(examples)
        self.named = named
        self.names = {id(held.tensor): key for key, held in named.items()}
        self.place = place
        self.builder = Builder(batch, symbolic, limits)
        self.builder.gain_of = lambda name, axis: gain_of(self.known, self._again, name, axis)
        self.reads_batch = False
        self.known: dict[Any, Any] = {}
        self.uses: Counter[str] = Counter()
        self.problems: list[Diagnostic] = []
        self.results: list[Value] = []

    def run(self) -> None:
        """Fills ``builder`` and ``results``. Raises CnnError with everything that cannot be said."""
        for node in self.nodes:
            before = len(self.builder.layers)
            self.builder.path = tuple(name for name, _ in self._around(node))
            self.builder.classes.update(self._around(node))
            self.known[node] = self._given(node)
            self._checked(node, before)
        if self.problems:
            most = self.builder.limits.diagnostics
            more = [stopped(most)] if len(self.problems) > most else []
            raise CnnError([*self.problems[:most], *more])

    def _around(self, node: Any) -> Iterator[tuple[str, str]]:
        leaf = str(node.target) if node.op == "call_module" else None
        return modules_around(node, leaf)

    def _given(self, node: Any) -> Any:
        """What a node gives: a value, a constant, or FAILED."""
        if node.op == "placeholder":
            return self._input(node)
        if node.op == "get_attr":
            return self._attribute(str(node.target))
        arguments = self._resolved(node.args)
        keywords = self._resolved(node.kwargs)
        if any(one is FAILED for one in _flat((arguments, keywords))):
            if node.op != "output":
                self._silent(node)
            return FAILED
        if node.op == "output":
            self.results = list(self._outputs(arguments[0]))
            return None
        try:
            return self._called(node, arguments, keywords)
        except Refusal as refusal:
            self._report(node, refusal.message, *refusal.help)
        except (ShapeError, ValidationError) as error:
            self._report(node, reason(error))
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError, RuntimeError) as error:
            self._report(node, f"its arguments are not understood: {said_by(error)}")
        return FAILED

    def _resolved(self, given: Any) -> Any:
        """Arguments with what their nodes gave."""
        from torch.fx.node import Node

        if isinstance(given, Node):
            return self.known[given]
        if isinstance(given, tuple | list):
            parts = [self._resolved(one) for one in given]
            return tuple(parts) if isinstance(given, tuple) else parts
        if isinstance(given, dict):
            return {key: self._resolved(one) for key, one in given.items()}
        if isinstance(given, slice):
            return slice(*map(self._resolved, (given.start, given.stop, given.step)))
        return given

    # --- inputs and constants ---
    def _input(self, node: Any) -> Any:
        if not self.examples:
            return self._resolved(node.args[0]) if node.args else None
        example = self.examples.pop(0)
        sizes = tuple(example.shape)
        dtype: Dtype = "float32" if example.is_floating_point() else "int64"
        if len(sizes) < 2 or len(sizes) - 2 > MAX_RANK or max(sizes[1:]) > self.builder.limits.dimension:
            raise CnnError.of(
                "bad-setting",
                f"the example {quoted(str(node.target))} has the extents {'x'.join(map(str, sizes)) or 'none'}: it "
                f"must have a batch, up to {MAX_RANK + 1} other axes, and none over {self.builder.limits.dimension:,}",
            )
        label = printable(str(node.target))
        value = self.builder.add_input("input" if label in ("x", "input") else label, sizes[1:], dtype, False)
        self.uses[value.name] = len(node.users)
        return value

    def _attribute(self, target: str) -> Any:
        found = self.root
        for part in target.split("."):
            found = getattr(found, part)
        return self._held(found, target) if hasattr(found, "numel") else found

    def _held(self, tensor: Any, name: str) -> Held:
        """A tensor by the name of the module's that it is, whatever the way to it."""
        key = self.names.get(id(tensor), name)
        return self.named.get(key) or Held(key, tensor, bool(getattr(tensor, "requires_grad", False)))

    def _without_inputs(self, node: Any, name: str, arguments: Any, keywords: Any) -> Any:
        """What a call on constants gives. Raises Refusal where PyTorch cannot compute it."""
        if name == "setitem" and isinstance(arguments[0], Held) and arguments[0].name in self.named:
            raise Refusal("it writes into a tensor of the module")
        try:
            return self._computed(node, arguments, keywords)
        except Exception as error:  # whatever PyTorch has against another batch than the example's
            raise Refusal(f"it cannot be computed for a batch of any extent: {said_by(error)}") from None

    def _computed(self, node: Any, arguments: Any, keywords: Any) -> Any:
        """What a call on constants gives, by PyTorch itself; tensors of the module are not changed."""
        held = [one for one in _flat((arguments, keywords)) if isinstance(one, Held)]
        _, in_place = plain_name(self.name_of(node))
        plain = _tensors(arguments, in_place), _tensors(keywords, in_place)
        if node.op == "call_method":
            first, *rest = plain[0]
            found = getattr(first, node.target)(*rest, **plain[1])
        else:
            call = self.root.get_submodule(node.target) if node.op == "call_module" else node.target
            found = call(*plain[0], **plain[1])
        learnt = any(one.learnt for one in held)
        return _held_again(found, node.name, learnt)

    def _again(self, nodes: Iterable[Any], changed: Mapping[Any, Held]) -> Mapping[Any, Any]:
        """What nodes on constants would give if others had given something else."""
        known = self.known
        self.known = {**known, **changed}
        try:
            for node in nodes:
                self.known[node] = self._computed(node, self._resolved(node.args), self._resolved(node.kwargs))
            return self.known
        finally:
            self.known = known

    # --- calls ---
    def _called(self, node: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        values = [one for one in _flat((arguments, keywords)) if isinstance(one, Value)]
        name, in_place = plain_name(self.name_of(node))
        if not values and name not in ("getitem", "expand"):
            return self._without_inputs(node, name, arguments, keywords)
        if name in ASSERTED:
            return None
        if name == "getattr" and arguments[1] == "mT":
            name, arguments = "transpose", (arguments[0], -2, -1)
        if name in ASKED:
            return self._asked(name, arguments, keywords)
        if node.op == "call_module":
            return self._module(node, arguments, keywords)
        translate = self._function(name)
        tensors = [one.name for one in _flat((arguments, keywords)) if isinstance(one, Held) and one.learnt]
        call = Call(self.builder, layer_label(node, tensors), self.uses)
        settings = {key: value for key, value in keywords.items() if key not in ("inplace", "out")}
        in_place |= bool(keywords.get("inplace"))
        found = translate(call, *arguments, **settings)
        return self._written(node, values[0], found) if in_place and values else found

    def _function(self, name: str) -> Translation:
        translate = self.functions.get(name)
        if translate is None:
            raise Refusal(f"the language has nothing for the function {quoted(name)}")
        return translate

    def _module(self, node: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        module, path = self.root.get_submodule(node.target), str(node.target)
        said = call_of(module)
        if said is None:
            raise Refusal(f"the language has nothing for {quoted(_class_name(module))}")
        if _hooked(module):
            raise Refusal("it has a hook, which may change what it gives", "remove the hook before the import")
        given = {
            name: self._held(value, f"{path}.{name}") if hasattr(value, "numel") else value
            for name, value in arguments_of(said, module).items()
        }
        learnt = [held.name for held in given.values() if isinstance(held, Held) and held.learnt]
        label = printable(path)
        if learnt and all(name.rpartition(".")[0] != path for name in learnt):
            label = layer_label(node, learnt)  # the weights of another module
        call = Call(self.builder, label, self.uses)
        found = FUNCTIONS[said.function](call, *arguments, **keywords, **given)
        values = [one for one in arguments if isinstance(one, Value)]
        return self._written(node, values[0], found) if getattr(module, "inplace", False) and values else found

    def _asked(self, name: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        """What is asked about a value: its extents, their number, its type."""
        value, *rest = arguments
        sizes = (*self.builder.leading, *value.dimensions)
        what = rest[0] if name == "getattr" else name
        if what in ("dim", "ndim", "ndimension"):
            return len(sizes)
        if what in ("dtype", "device", "requires_grad", "is_cuda"):
            import torch

            about = torch.empty(0, dtype=torch.float32 if value.dtype == "float32" else torch.int64)
            return getattr(about, what)
        if what not in ("shape", "size", "numel"):
            raise Refusal(f"the language has nothing for what {quoted(str(what))} gives")
        self.reads_batch |= self.builder.symbolic
        if what == "numel":
            return self.builder.leading[0] * value.shape.elements
        axis = rest[0] if rest and name != "getattr" else keywords.get("dim")
        return sizes if axis is None else sizes[axis]

    def _written(self, node: Any, old: Value, found: Any) -> Any:
        """A result in place: whoever reads the old value later reads this one."""
        if not isinstance(found, Value) or found.name == old.name:
            return found
        here = self.order[node]
        for other, value in self.known.items():
            later = sum(self.order[user] > here for user in other.users)
            if not isinstance(value, Value) or not later:
                continue
            if self._source(value, SAME) == self._source(old, SAME):
                self.known[other] = found.ordered(value.order)
                self.uses[found.name] += later
            elif self._source(value, VIEWS) == self._source(old, VIEWS):
                raise Refusal("it changes in place what is read later in another shape", "give it inplace=False")
        return found

    def _source(self, value: Value, operators: tuple[type[Operator], ...]) -> str:
        """The value that this one is but for such operators."""
        layer = self.builder.layers.get(value.name)
        while layer is not None and isinstance(layer.op, operators):
            value = layer.inputs[0]
            layer = self.builder.layers.get(value.name)
        return value.name

    # --- results ---
    def _checked(self, node: Any, before: int) -> None:
        """Counts the readers of a value, and compares its extents with PyTorch's."""
        found = self.known[node]
        made = list(islice(self.builder.layers.values(), before, None))
        for layer in made:
            wrong = unwritable_number(layer.op, self.builder.limits)
            if wrong is not None and not self._pads_a_maximum(node, layer.op):
                self._report(node, f"the language does not write numbers such as {wrong}")
                self.known[node] = FAILED
                return
        if not isinstance(found, Value):
            return
        read = [self.known[source] for source in node.all_input_nodes]
        new = any(layer.output.name == found.name for layer in made)
        aliased = not new and any(isinstance(value, Value) and value.name == found.name for value in read)
        self.uses[found.name] += len(node.users) - aliased
        meta = node.meta.get("tensor_meta")
        sizes = getattr(meta, "shape", None)
        if node.op != "placeholder" and sizes is not None and tuple(sizes[1:]) != found.dimensions:
            theirs = "x".join(map(str, sizes[1:]))
            self._report(node, f"PyTorch gives {theirs} for an example, and the language {found.shape}")
            self.known[node] = FAILED

    def _pads_a_maximum(self, node: Any, op: Operator) -> bool:
        """Whether it is padding with minus infinity that a pool without any takes for its own."""
        readers = [function.partition("d")[0][:-1] for function in map(self.name_of, node.users)]
        return isinstance(op, Pad) and op.value == LOWEST and readers == ["max_pool"]

    def _outputs(self, given: Any) -> Iterator[Value]:
        values = [one for one in _flat(given) if one is not None]
        if not values or not all(isinstance(value, Value) for value in values):
            raise CnnError.of(
                "import-unsupported", "the module gives something else than tensors that depend on its inputs"
            )
        seen: set[str] = set()
        for value in values:
            plain = self.builder.straight(value)
            if plain.name in seen:
                plain = self.builder.emit("", Identity(), [plain])
            seen.add(plain.name)
            yield plain

    def _silent(self, node: Any) -> None:
        """What depends on a reported call is not reported, but for what the language has nothing for."""
        if node.op == "call_module":
            module = self.root.get_submodule(node.target)
            if call_of(module) is None:
                self._report(node, f"the language has nothing for {quoted(_class_name(module))}")
            return
        name, _ = plain_name(self.name_of(node))
        if name not in self.functions and name not in ASKED | ASSERTED and not hasattr(operator, name):
            self._report(node, f"the language has nothing for the function {quoted(name)}")

    def _report(self, node: Any, message: str, *advice: str) -> None:
        """By the module's name, or the function's and that of the module that calls it."""
        around = [name for name, _ in self._around(node)]
        called = str(node.target) if node.op == "call_module" else ": ".join([*around[-1:], self.name_of(node)])
        found = Diagnostic("import-unsupported", f"{quoted(called)}: {message}", self.place(node), help=advice)
        self.problems.append(found)


def _flat(given: Any) -> Iterator[Any]:
    """What is in arguments, however nested."""
    if isinstance(given, Value | Held):
        yield given
    elif isinstance(given, dict):
        for one in given.values():
            yield from _flat(one)
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _flat(one)
    elif isinstance(given, slice):
        yield from (given.start, given.stop, given.step)
    else:
        yield given


def _tensors(given: Any, copied: bool) -> Any:
    """Arguments with tensors as PyTorch has them."""
    if isinstance(given, Held):
        return given.tensor.clone() if copied else given.tensor
    if isinstance(given, tuple | list):
        return type(given)(_tensors(one, copied) for one in given)
    if isinstance(given, dict):
        return {key: _tensors(one, copied) for key, one in given.items()}
    return given


def _held_again(found: Any, name: str, learnt: bool) -> Any:
    if hasattr(found, "numel"):
        return Held(name, found, learnt and bool(found.is_floating_point()))
    if isinstance(found, tuple | list) and any(hasattr(one, "numel") for one in found):
        return tuple(_held_again(one, f"{name}.{index}", learnt) for index, one in enumerate(found))
    return found


def _class_name(module: Any) -> str:
    kind = type(module)
    home = kind.__module__.partition(".modules")[0]
    return f"{home}.{kind.__name__}"


def _hooked(module: Any) -> bool:
    """Whether hooks could change what a module gives; those that compute its weights do not."""
    before = [hook for hook in module._forward_pre_hooks.values() if not hasattr(hook, "compute_weight")]
    return bool(before or module._forward_hooks)
