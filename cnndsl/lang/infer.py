"""One walk that adds layers to a graph: every layer gets its shape, or a diagnostic."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from cnndsl.errors import CnnError, Diagnostic, Label, Span, quoted
from cnndsl.ir import Input, Network, Node
from cnndsl.lang.provenance import inside, shape_label, shape_labels, size_chain
from cnndsl.lang.values import Fault, Flow
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.ops.base import Operator
from cnndsl.shapes import Shape, ShapeError, extents


class Inferred(NamedTuple):
    """What an operator makes of shapes; ``unread`` are (axis, pixels, formula) of remainders that are never read."""

    shape: Shape
    unread: tuple[tuple[int, int, str], ...]


def infer(operator: Operator, shapes: Sequence[Shape], limits: Limits, exact: bool) -> Inferred:
    """The output shape. ``exact`` refuses divisions with a remainder. Raises ShapeError."""
    least, most = operator.arity
    if not least <= len(shapes) <= (len(shapes) if most is None else most):
        wanted = f"exactly {least}" if least == most else f"at least {least}"
        raise ShapeError("branch-count", f"{operator.operator} takes {wanted} branches, got {len(shapes)}")
    shape = operator.output(shapes)
    operator.weights(shapes)
    for size in shape.dimensions:
        if size > limits.dimension:
            raise ShapeError(
                "dimension-limit", f"{operator.operator}: a dimension of {size:,} is over {limits.dimension:,}"
            )
    if len(shapes) != 1 or operator.operator == "conv_transpose":
        return Inferred(shape, ())
    windows = operator.windows(shapes[0])
    if exact or getattr(operator, "fit", "floor") == "exact":
        for window in windows:
            if not window.exact:
                raise ShapeError(
                    "inexact-fit",
                    f"{operator.operator}: {window.formula()} is not a whole number",
                    "change the padding, the kernel or the stride; fit=floor drops the remainder",
                    argument="stride",
                )
    return Inferred(shape, tuple((axis, w.trailing, w.formula()) for axis, w in enumerate(windows) if w.trailing))


class GraphBuilder:
    """A graph under construction: layers in order, with fresh names."""

    def __init__(self, limits: Limits, strict: bool) -> None:
        self.limits = limits
        self.strict = strict
        self.inputs: list[Input] = []
        self.layers: list[Node] = []
        self.warnings: list[Diagnostic] = []
        self.values: dict[str, Node | Input] = {}
        """Every input and layer by name."""
        self._counters: dict[str, int] = {}
        self._taken: set[str] = set()
        self._inferred: dict[tuple[int, tuple[Shape, ...], bool], Inferred] = {}

    def fresh_name(self, prefix: str, base: str, alias: str | None, reserved: Collection[str] = ()) -> str:
        """``prefix.alias``, or ``prefix.base`` with the next number; never a name in use."""
        if alias is not None and (name := prefix + alias) not in self._taken:
            self._taken.add(name)
            return name
        stem = prefix + (alias or base)
        while True:
            number = self._counters.get(stem, 1 if alias else 0) + 1
            self._counters[stem] = number
            name = f"{stem}{number}"
            if name not in self._taken and (alias or f"{base}{number}" not in reserved):
                self._taken.add(name)
                return name

    def add_input(self, name: str, shape: Shape, dtype: str, span: Span) -> Flow:
        value = Input(name=name, shape=shape, dtype=dtype, span=span)  # type: ignore[arg-type]  # checked by Pydantic
        self.inputs.append(value)
        self.values[name] = value
        return Flow(name, shape, value.dtype, span)

    def add(
        self,
        operator: Operator,
        flows: Sequence[Flow],
        name: str,
        span: Span,
        path: tuple[str, ...],
        share: Node | None,
        arguments: Mapping[str, Span],
    ) -> Flow:
        """The layer's flow. Its shape is unknown if an input's is; raises Fault where the shapes do not fit.

        ``arguments`` are the places of the arguments by parameter, so that an error underlines the one to blame.
        """
        dtype = flows[0].dtype
        shapes = tuple(flow.shape for flow in flows if flow.shape is not None)
        if len(shapes) < len(flows):
            return Flow(name, None, dtype, span)
        if not operator.takes_integers:
            for flow in flows:
                if flow.dtype != "float32":
                    raise Fault(_dtype_error(operator, flow, span))
        if operator.operator == "embedding":
            dtype = "float32"
        exact = self.strict and "fit" not in arguments and "ceil_mode" not in arguments
        key = (id(operator), shapes, exact)
        inferred = self._inferred.get(key)
        if inferred is None:
            try:
                inferred = self._inferred[key] = infer(operator, shapes, self.limits, exact)
            except ShapeError as error:
                raise Fault(self._diagnostic(error, flows, span, arguments)) from None
        if share is not None:
            self._check_share(operator, shapes, share, span)
        for unread in inferred.unread[:1]:
            self.warnings.append(_unread(operator, inferred, shapes[0], unread, span, arguments))
        node = Node(
            name=name,
            op=operator,
            inputs=tuple(flow.name for flow in flows),
            shape=inferred.shape,
            dtype=dtype,
            span=span,
            path=path,
            share=None if share is None else share.share or share.name,
        )
        self.layers.append(node)
        self.values[name] = node
        return Flow(name, inferred.shape, dtype, span)

    def node(self, name: str) -> Node | None:
        """The layer of that name; None for an input or an unknown name."""
        value = self.values.get(name)
        return value if isinstance(value, Node) else None

    def shapes_into(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of a layer's inputs."""
        return tuple(self.values[name].shape for name in node.inputs)

    def _check_share(self, operator: Operator, shapes: Sequence[Shape], owner: Node, span: Span) -> None:
        mine = layouts(operator, shapes)
        theirs = layouts(owner.op, self.shapes_into(owner))
        if mine != theirs or type(operator) is not type(owner.op):
            both = " and ".join(
                ", ".join(f"{name} {extents(shape)}" for name, shape in weights.items()) for weights in (mine, theirs)
            )
            raise Fault(
                Diagnostic(
                    "share-mismatch",
                    f"{operator.operator} cannot use the weights of {quoted(owner.name)}: the layouts differ ({both})",
                    span,
                    help=("layers that share weights need equal operators, channels and kernels",),
                )
            )

    def _diagnostic(
        self, error: ShapeError, flows: Sequence[Flow], span: Span, arguments: Mapping[str, Span]
    ) -> Diagnostic:
        """A shape error with its places: the argument to blame, and the lines that gave each input its shape."""
        labels: list[Label] = []
        if len(flows) > 1:
            for index, flow in enumerate(flows[:8], 1):
                labels.append(Label(flow.span, f"branch {index}, {quoted(flow.name)}, gives {flow.shape}"))
                labels += [x for x in shape_label(self.values, flow.name) if not inside(x.span, flow.span)]
        elif error.code == "kernel-too-large":
            labels += size_chain(self.values, flows[0].name)
        else:
            labels += shape_labels(self.values, flows[0].name)
        place = arguments.get(error.argument or "", span)
        return Diagnostic(error.code, error.message, place, labels=tuple(dict.fromkeys(labels)), help=error.help)

    def network(self, name: str, outputs: tuple[str, ...]) -> Network:
        return Network(name=name, inputs=tuple(self.inputs), layers=tuple(self.layers), outputs=outputs)


def _dtype_error(operator: Operator, flow: Flow, span: Span) -> Diagnostic:
    return Diagnostic(
        "wrong-dtype",
        f"{operator.operator} computes with float32, but {quoted(flow.name)} is {flow.dtype}",
        span,
        labels=(Label(flow.span, f"{flow.dtype} from here"),),
        help=("word numbers go through `embedding VOCABULARY SIZE` first",),
    )


def _unread(
    operator: Operator,
    inferred: Inferred,
    shape: Shape,
    unread: tuple[int, int, str],
    span: Span,
    arguments: Mapping[str, Span],
) -> Diagnostic:
    """The warning for real pixels behind the last window, with the sums over all axes."""
    names = {1: ("position",), 2: ("row", "column"), 3: ("slice", "row", "column")}[len(shape.spatial)]
    lost = " and ".join(f"{count} {names[axis]}{'s' if count > 1 else ''}" for axis, count, _ in inferred.unread)
    verb = "is" if len(inferred.unread) == 1 and unread[1] == 1 else "are"
    return Diagnostic(
        "unread-pixels",
        f"{operator.operator}: {lost} of the input {shape} {verb} never read: {unread[2]}",
        arguments.get("stride", span),
        "warning",
        help=("choose padding, kernel and stride so that the division is exact, or crop on purpose",),
    )


def verified(text: str) -> Network:
    """The graph in a JSON text, if its names resolve and its shapes are what its operators give. Raises CnnError."""
    from pydantic import ValidationError

    try:
        network = Network.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CnnError.of(
            "bad-json", f"this is no network: {first['msg']}" + (f" at {where}" if where else "")
        ) from None
    known = {value.name: value.shape for value in network.inputs}
    owners: dict[str, Node] = {}
    for node in network.layers:
        missing = [name for name in (*node.inputs, *([node.share] if node.share else [])) if name not in known]
        if missing or node.name in known:
            what = f"reads {quoted(missing[0])}, which is not above it" if missing else "stands there twice"
            raise CnnError.of("bad-json", f"layer {quoted(node.name)} {what}")
        shapes = tuple(known[name] for name in node.inputs)
        try:
            shape = infer(node.op, shapes, DEFAULT_LIMITS, exact=False).shape
        except ShapeError as error:
            raise CnnError.of("bad-json", f"layer {quoted(node.name)}: {error.message}") from None
        if shape != node.shape:
            raise CnnError.of("bad-json", f"layer {quoted(node.name)} gives {shape}, but {node.shape} is written")
        if node.share:
            owner = owners.get(node.share)
            if owner is None or layouts(node.op, shapes) != layouts(owner.op, tuple(known[n] for n in owner.inputs)):
                raise CnnError.of("bad-json", f"layer {quoted(node.name)} cannot share {quoted(node.share)}'s weights")
        known[node.name] = shape
        owners[node.name] = node
    unknown = [name for name in network.outputs if name not in known]
    if unknown or not network.inputs:
        raise CnnError.of("bad-json", f"there is no output {quoted(unknown[0])}" if unknown else "there is no input")
    return network


def layouts(operator: Operator, shapes: Sequence[Shape]) -> dict[str, tuple[int, ...]]:
    """The shapes of an operator's tensors."""
    return {name: weight.shape for name, weight in operator.weights(shapes).items()}
