"""One walk over the calls of a model: each is translated by the table of its class.

Models in the model are blocks, and so are layers that somebody wrote: these are called with symbolic tensors, and what
they call is walked over. Everything that the language cannot say is reported at once, by the names of the layers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from pydantic import ValidationError

from cnndsl.errors import CnnError, Diagnostic, quoted, said_by, stopped
from cnndsl.interop.keras.importer.call import Held, LayerCall, Setting, array_of
from cnndsl.interop.keras.importer.layers.elements import ACTIVATIONS
from cnndsl.interop.keras.importer.layers.table import ANY_ORDER, AUGMENTATIONS, LAYERS, OPERATIONS
from cnndsl.interop.keras.importer.traced import Calls, calls_of, traced
from cnndsl.interop.onnx.importer.graph import Builder, Refusal, Value, reason
from cnndsl.interop.onnx.importer.names import printable, value_name
from cnndsl.interop.onnx.importer.writable import unwritable_number
from cnndsl.ir import Dtype
from cnndsl.limits import Limits
from cnndsl.ops.shape import Flatten
from cnndsl.shapes import MAX_RANK, ShapeError

GENERIC = frozenset({"Functional", "Sequential", "Model"})
"""Classes that say nothing of a model."""

FAILED = object()
"""What a call gives that was reported, or that depends on one."""

BATCH = 101
"""An extent that stands for any."""


class Walk:
    """The walk over one model, whose variables have these names."""

    def __init__(self, variables: dict[int, str], limits: Limits) -> None:
        self.builder = Builder(BATCH, True, limits)
        self.setting = Setting(variables, {}, self._applied, lambda name: self.called[name] == 1)
        self.problems: list[Diagnostic] = []
        self.called: Counter[str] = Counter()
        """How often the model itself calls each of its layers."""
        self.turns: Counter[str] = Counter()
        self.models: set[str] = set()
        """The models in the model that are of no class of their own."""
        self.around: tuple[str, ...] = ()
        """The names of the models and layers in which the walk is."""

    def run(self, calls: Calls, channels_first: bool) -> list[Value]:
        """Fills ``builder`` and gives the outputs. Raises CnnError with everything that cannot be said."""
        values = [self._input(tensor, channels_first, len(calls.inputs)) for tensor in calls.inputs]
        self.called.update(printable(node.operation.name) for node in calls.nodes)
        found = self._walked(calls, values)
        if self.problems:
            most = self.builder.limits.diagnostics
            more = [stopped(most)] if len(self.problems) > most else []
            raise CnnError([*self.problems[:most], *more])
        self._forget_lone_models()
        return [self._settled(value) for value in _flat(found)]

    def _forget_lone_models(self) -> None:
        """A model that stands in the model once is no block: parts of it would be called as the whole."""
        counts = Counter(self.builder.classes.values())
        classes = self.builder.classes
        lone = {name for name in self.models if not classes[name] or counts[classes[name]] == 1}
        for layer in self.builder.layers.values():
            layer.path = tuple(name for name in layer.path if name not in lone)

    def _input(self, tensor: Any, channels_first: bool, count: int) -> Any:
        sizes = tuple(tensor.shape[1:])
        shown = "x".join("?" if size is None else str(size) for size in sizes) or "none"
        if not sizes or None in sizes:
            self._report(
                tensor.name,
                "Input",
                f"it has the extents {shown}, but all after the batch must be fixed",
                "call it with an input of fixed size: x = keras.Input((64, 64, 3)); keras.Model(x, model(x))",
            )
            return FAILED
        if len(sizes) - 1 > MAX_RANK or max(sizes) > self.builder.limits.dimension or min(sizes) < 1:
            self._report(tensor.name, "Input", f"it has the extents {shown}, beyond the language's limits")
            return FAILED
        if tensor.dtype not in ("float32", "float16", "bfloat16", "float64", "int32", "int64"):
            self._report(tensor.name, "Input", f"it holds {tensor.dtype}, neither floats nor integers")
            return FAILED
        dtype: Dtype = "int64" if tensor.dtype.startswith("int") else "float32"
        name = value_name(tensor.name.removeprefix("input_layer") and tensor.name)
        label = "" if name.startswith(("input_layer", "keras_tensor")) else name
        turned = not channels_first and len(sizes) > 1
        return self.builder.add_input(label or ("input" if count == 1 else ""), sizes, dtype, turned)

    # --- graphs ---
    def _walked(self, calls: Calls, values: Sequence[Any]) -> Any:
        """What a graph gives for values: in the structure of its outputs."""
        from keras import tree

        known = dict(zip(map(id, calls.inputs), values, strict=True))
        for node in calls.nodes:
            found = self._called(node, known)
            for tensor, value in zip(node.outputs, self._checked(node, found), strict=True):
                known[id(tensor)] = value
        return tree.map_structure(lambda tensor: self._resolved(tensor, known), calls.outputs)

    def _resolved(self, given: Any, known: dict[int, Any]) -> Any:
        """An argument: a value for a symbolic tensor, a tensor for a variable, and everything else as it is."""
        import keras

        if isinstance(given, keras.KerasTensor):
            return known.get(id(given), FAILED)
        if isinstance(given, keras.Variable):
            return LayerCall(self.builder, "", self.setting).held(given)
        if isinstance(given, tuple | list):
            return type(given)(self._resolved(one, known) for one in given)
        if isinstance(given, dict):
            return {key: self._resolved(one, known) for key, one in given.items()}
        if hasattr(given, "shape") and hasattr(given, "dtype"):
            return Held("", array_of(given), False)
        return given

    def _called(self, node: Any, known: dict[int, Any]) -> Any:
        """What a node gives: a value, several, or FAILED."""
        operation = node.operation
        arguments = self._resolved(tuple(node.arguments.args), known)
        keywords = self._resolved(dict(node.arguments.kwargs), known)
        if any(one is FAILED for one in _flat((arguments, keywords))):
            self._silent(operation)
            return FAILED
        before = len(self.builder.layers)
        kind = type(operation).__name__
        problem: tuple[str, ...] = ()
        try:
            found = self._translated(operation, arguments, keywords)
            wrong = self._unwritable(before)
            if wrong is None:
                return found
            problem = (f"the language does not write numbers such as {wrong}",)
        except Refusal as refusal:
            problem = (refusal.message, *refusal.help)
        except (ShapeError, ValidationError) as error:
            problem = (reason(error),)
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError) as error:
            problem = (f"its arguments are not understood: {said_by(error)}",)
        self._report(operation.name, kind, *problem)
        return FAILED

    def _unwritable(self, before: int) -> float | None:
        """A number in the newest layers that texts cannot have."""
        for layer in islice(self.builder.layers.values(), before, None):
            wrong = unwritable_number(layer.op, self.builder.limits)
            if wrong is not None:
                return wrong
        return None

    def _checked(self, node: Any, found: Any) -> Iterator[Any]:
        """What a node gives, for each of its tensors; its extents are compared with Keras's."""
        values = [FAILED] * len(node.outputs) if found is FAILED else list(_flat(found))
        for tensor, value in zip(node.outputs, values, strict=True):
            sizes = tuple(tensor.shape[1:])
            if isinstance(value, Value) and None not in sizes and sizes != value.dimensions:
                theirs, ours = ("x".join(map(str, one)) for one in (sizes, value.dimensions))
                kind = type(node.operation).__name__
                self._report(node.operation.name, kind, f"Keras gives {theirs} for an example, and the language {ours}")
                yield FAILED
            else:
                yield value

    # --- calls ---
    def _translated(self, operation: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        import keras

        kind = type(operation).__name__
        name = printable(operation.name)
        is_layer = isinstance(operation, keras.Layer)
        keywords = {key: value for key, value in keywords.items() if key != "training" or not is_layer}
        inner = inner_function(operation)
        if inner is not None:
            return self._model(operation, inner, arguments)
        if is_layer and _has_own_call(operation):
            return self._own(operation, arguments, keywords)
        label = ".".join((*self._prefix(), name)) if is_layer else "".join(f"{part}." for part in self._prefix())
        call = LayerCall(self.builder, label, self.setting)
        kind = _kind(operation) if is_layer else kind
        if kind in AUGMENTATIONS:
            return arguments[0]
        translate = (LAYERS if is_layer else OPERATIONS).get(kind)
        if translate is None:
            library = "keras.layers" if is_layer else "keras.ops"
            raise Refusal(f"the language has nothing for {quoted(f'{library}.{kind}')}")
        if kind not in ANY_ORDER:
            arguments, keywords = (self._all_settled(one) for one in (arguments, keywords))
        keywords = {key: value for key, value in keywords.items() if value is not None}
        first = arguments[0] if arguments else None
        source = self.setting.flattened.get(first.name) if isinstance(first, Value) and kind != "Dense" else None
        found = translate(call, operation, *arguments, **keywords)
        if source is not None and kind in ANY_ORDER:
            self.setting.flattened[found.name] = source
        return found

    def _prefix(self) -> tuple[str, ...]:
        return self.around[-1:]

    def _model(self, model: Any, inner: Any, arguments: tuple[Any, ...]) -> Any:
        """A model in the model: a block."""
        values = list(_flat(self._all_settled(arguments[0])))
        kind = type(model).__name__
        title = kind if kind not in GENERIC else block_name(printable(model.name))
        calls = calls_of(inner.inputs, inner._outputs_struct)
        return self._inside(model.name, title, calls, values, generic=kind in GENERIC)

    def _own(self, layer: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """A layer that somebody wrote: a block of what it calls."""
        import keras

        tensors: list[Any] = []
        values: list[Value] = []

        def symbolic(given: Any) -> Any:
            if isinstance(given, Value):
                values.append(self._settled(given))
                tensors.append(keras.KerasTensor((None, *given.dimensions), given.dtype))
                return tensors[-1]
            if isinstance(given, tuple | list) and not isinstance(given, Held):
                return type(given)(map(symbolic, given))
            return given

        given, named = symbolic(arguments), {key: symbolic(one) for key, one in keywords.items()}
        try:
            calls = traced(layer, layer.call, given, named, tensors)
        except Exception as error:  # whatever the layer's code has against symbolic tensors
            raise Refusal(f"it is somebody's own layer, whose code Keras cannot follow: {said_by(error)}") from error
        return self._inside(layer.name, type(layer).__name__, calls, values)

    def _inside(self, name: str, title: str, calls: Calls, values: Sequence[Any], generic: bool = False) -> Any:
        """What a graph in the graph gives; its layers are called after it."""
        before = self.around, self.builder.path
        path = ".".join((*self._prefix(), printable(name)))
        self.turns[path] += 1
        instance = path if self.turns[path] == 1 else f"{path}@{self.turns[path]}"
        self.around, self.builder.path = (*self.around, path), (*self.builder.path, instance)
        self.builder.classes[instance] = title
        if generic:
            self.models.add(instance)
        try:
            return self._walked(calls, values)
        finally:
            self.around, self.builder.path = before

    def _applied(self, call: LayerCall, function: Any, x: Value) -> Value:
        """A function of one value: an activation by its name, a layer, or a function that somebody wrote."""
        import keras

        if isinstance(function, keras.Operation):
            found: Value = self._translated(function, (x,), {})
            return found
        name = getattr(function, "__name__", type(function).__name__)
        if getattr(keras.activations, name, None) is function and name in ACTIVATIONS:
            return ACTIVATIONS[name](call, x)
        tensor = keras.KerasTensor((None, *x.dimensions), x.dtype)
        try:
            calls = traced(None, function, (tensor,), {}, [tensor])
        except Exception as error:  # whatever the function's code has against symbolic tensors
            raise Refusal(f"its activation is a function that Keras cannot follow: {said_by(error)}") from error
        found = self._walked(calls, [self._settled(x)])
        if found is FAILED:
            raise Refusal(f"its activation {quoted(name)} is not understood")
        return found

    # --- vectors that were maps ---
    def _settled(self, value: Value) -> Value:
        """The value with the elements of a flattened map in Keras's order."""
        source = self.setting.flattened.get(value.name) if isinstance(value, Value) else None
        if source is None:
            return value
        call = LayerCall(self.builder, "", self.setting)
        layer = self.builder.layers[value.name]
        whole = source if isinstance(layer.op, Flatten) else call.reshape(value, source.shape.dimensions)
        return call.reshape(whole.ordered(source.order), [source.shape.elements])

    def _all_settled(self, given: Any) -> Any:
        if isinstance(given, Value):
            return self._settled(given)
        if isinstance(given, tuple | list) and not isinstance(given, Held):
            return type(given)(map(self._all_settled, given))
        if isinstance(given, dict):
            return {key: self._all_settled(one) for key, one in given.items()}
        return given

    # --- problems ---
    def _silent(self, operation: Any) -> None:
        """What depends on a reported call is not reported, but for what the language has nothing for."""
        import keras

        is_layer = isinstance(operation, keras.Layer)
        if inner_function(operation) is not None or (is_layer and _has_own_call(operation)):
            return
        kind = _kind(operation) if is_layer else type(operation).__name__
        if kind not in (LAYERS if is_layer else OPERATIONS) and kind not in AUGMENTATIONS:
            library = "keras.layers" if is_layer else "keras.ops"
            self._report(operation.name, kind, f"the language has nothing for {quoted(f'{library}.{kind}')}")

    def _report(self, name: str, kind: str, message: str, *advice: str) -> None:
        """By the layer's name and class."""
        called = ".".join((*self._prefix(), name))
        found = Diagnostic("import-unsupported", f"{quoted(called)} ({kind}): {message}", help=advice)
        if found not in self.problems:
            self.problems.append(found)

    def outputs(self, values: Sequence[Value]) -> tuple[list[Value], tuple[bool, ...]]:
        """The outputs with their axes in the language's order, and for which of them that is not Keras's."""
        from cnndsl.ops.shape import Identity

        turned = any(value.turned for value in self.builder.inputs)
        turns = turned or all(value.shape.is_vector for value in self.builder.inputs)
        last = tuple(turns and value.turned for value in values)
        found: dict[str, Value] = {}
        for value, moved in zip(values, last, strict=True):
            plain = value.ordered(range(len(value.order))) if moved else self.builder.straight(value)
            if plain.name in found or plain.name in {one.name for one in self.builder.inputs}:
                plain = self.builder.emit("", Identity(), [plain])
            found[plain.name] = plain
        return list(found.values()), last


def block_name(model: str) -> str:
    """What models that are called by their numbers are: ``tower`` of ``tower_2``; "" where Keras chose the name."""
    plain = model.rstrip("0123456789").rstrip("_") or model
    return "" if plain in ("functional", "sequential", "model") else plain


def inner_function(operation: Any) -> Any:
    """The graph of a model that has one."""
    import keras
    from keras.src.models.functional import Functional

    if isinstance(operation, keras.Sequential):
        return operation._functional
    plain = isinstance(operation, Functional) and type(operation).call is Functional.call
    return operation if plain else None


def _kind(layer: Any) -> str:
    """The class of a layer, or the one of Keras that it is made from."""
    return next(cls.__name__ for cls in type(layer).__mro__ if cls.__module__.startswith("keras.src.layers."))


def _has_own_call(layer: Any) -> bool:
    """Whether what the layer computes is somebody's own code, none of keras.layers'; a ``Lambda`` holds such."""
    home = next(cls for cls in type(layer).__mro__ if "call" in vars(cls))
    return home.__name__ == "Lambda" or not home.__module__.startswith("keras.src.layers.")


def _flat(given: Any) -> Iterator[Any]:
    """What is in a structure, in Keras's order; values are tuples themselves."""
    if isinstance(given, Value | Held):
        yield given
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _flat(one)
    elif isinstance(given, dict):
        yield from _flat([given[key] for key in sorted(given)])
    else:
        yield given
