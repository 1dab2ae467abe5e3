"""One walk that adds layers to a graph: every layer gets its shape, or a diagnostic."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from cnndsl.errors import CnnError, Diagnostic, Label, Span, quoted
from cnndsl.ir import Dtype, Graph, Input, Instance, Node
from cnndsl.lang.expressions.values import Fault, Flow
from cnndsl.lang.resumable import Resumable
from cnndsl.limits import DEFAULT_LIMITS, Limits
from cnndsl.ops.base import Operator, Windowed
from cnndsl.shapes import MAX_RANK, Axis, Shape, ShapeError, extents

MAX_PAD = 64
"""The largest padding that is tried for an advice."""


class Inferred(NamedTuple):
    """What an operator makes of shapes; ``unread`` holds the windows of all axes if they leave pixels behind them."""

    shape: Shape
    unread: tuple[Axis, ...] = ()


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
    if not isinstance(operator, Windowed):
        return Inferred(shape)
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
    return Inferred(shape, windows if any(window.trailing for window in windows) else ())


class GraphBuilder(Resumable):
    """A graph under construction: layers in order, with fresh names."""

    CHANGING = ("inputs", "layers", "warnings", "values", "instances", "_counters", "_taken")

    def __init__(self, limits: Limits, strict: bool) -> None:
        self.limits = limits
        self.strict = strict
        self.inputs: list[Input] = []
        self.layers: list[Node] = []
        self.warnings: list[Diagnostic] = []
        self.values: dict[str, Node | Input] = {}
        """Every input and layer by name."""
        self.instances: dict[tuple[str, ...], Instance] = {}
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

    def add_input(self, name: str, shape: Shape, dtype: Dtype, span: Span, extents: tuple[str, ...] = ()) -> Flow:
        value = Input(name=name, shape=shape, dtype=dtype, span=span, extents=extents)
        self.inputs.append(value)
        self.values[name] = value
        return Flow(name, shape, value.dtype, span)

    def add(
        self,
        operator: Operator,
        flows: Sequence[Flow],
        name: str,
        span: Span,
        around: tuple[Instance, ...],
        share: Node | None,
        arguments: Mapping[str, Span],
    ) -> Flow:
        """The layer's flow. Its shape is unknown if an input's is; raises Fault where the shapes do not fit.

        ``around`` are the block instances that it lies in, outermost first. ``arguments`` are the places of the
        arguments by parameter, so that an error underlines the one to blame.
        """
        dtype = flows[0].dtype
        shapes = tuple(flow.shape for flow in flows if flow.shape is not None)
        if len(shapes) < len(flows):
            return Flow(name, None, dtype, span)
        after = dtype_after(operator, [flow.dtype for flow in flows])
        if after is None:
            raise Fault(_dtype_error(operator, flows, span))
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
        if inferred.unread:
            self.warnings.append(_unread(operator, shapes[0], inferred.unread, arguments.get("stride", span)))
        node = Node(
            name=name,
            op=operator,
            inputs=tuple(flow.name for flow in flows),
            shape=inferred.shape,
            dtype=after,
            span=span,
            path=around[-1].path if around else (),
            share=None if share is None else share.share or share.name,
        )
        for instance in around:
            self.instances.setdefault(instance.path, instance)
        self.layers.append(node)
        self.values[name] = node
        return Flow(name, inferred.shape, after, span)

    def replace(self, node: Node) -> None:
        """Another layer in the place of the last one."""
        self.layers[-1] = self.values[node.name] = node

    def node(self, name: str) -> Node | None:
        """The layer of that name; None for an input or an unknown name."""
        value = self.values.get(name)
        return value if isinstance(value, Node) else None

    def shapes_into(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of a layer's inputs."""
        return tuple(self.values[name].shape for name in node.inputs)

    def _check_share(self, operator: Operator, shapes: Sequence[Shape], owner: Node, span: Span) -> None:
        theirs = self.shapes_into(owner)
        if not can_share(operator, shapes, owner.op, theirs):
            both = " and ".join(layout_text(op, seen) for op, seen in ((operator, shapes), (owner.op, theirs)))
            raise Fault(
                Diagnostic(
                    "share-mismatch",
                    f"{operator.operator} cannot use the weights of {quoted(owner.name)}: {both}",
                    span,
                    help=("layers that share weights need equal operators, channels, kernels and links",),
                )
            )

    def _diagnostic(
        self, error: ShapeError, flows: Sequence[Flow], span: Span, arguments: Mapping[str, Span]
    ) -> Diagnostic:
        """A shape error with its places: the argument to blame, and the lines that gave each input its shape."""
        from cnndsl.lang.elaborate import provenance
        from cnndsl.lang.elaborate.provenance import inside, shape_label, shape_labels, size_chain

        labels: list[Label] = []
        if len(flows) > 1:
            for index, flow in enumerate(flows[:8], 1):
                labels.append(Label(flow.span, f"branch {index}, {quoted(flow.name)}, gives {flow.shape}"))
                labels += [x for x in shape_label(self.values, flow.name) if not inside(x.span, flow.span)]
        elif error.code == "kernel-too-large":
            labels += size_chain(self.values, flows[0].name)
        else:
            labels += shape_labels(self.values, flows[0].name)
        advice = error.help
        if error.code == "merge-mismatch" and error.branch is not None:
            names = [flows[0].name, flows[error.branch].name]
            better = provenance.fitting_parameter(self.values, names) or provenance.keeping_size(self.values, names)
            advice = (better,) if better else advice
        place = arguments.get(error.argument or "", span)
        return Diagnostic(error.code, error.message, place, labels=tuple(dict.fromkeys(labels)), help=advice)

    def so_far(self, name: str) -> Graph | None:
        """The graph of the layers so far; its output is the last value. None if there is no value at all."""
        values = self.layers or self.inputs
        return self.network(name, (values[-1].name,)) if values else None

    def network(self, name: str, outputs: tuple[str, ...], **symbolic: Any) -> Graph:
        return Graph(
            name=name,
            inputs=tuple(self.inputs),
            layers=tuple(self.layers),
            outputs=outputs,
            instances=tuple(self.instances.values()),
            **symbolic,
        )


def _dtype_error(operator: Operator, flows: Sequence[Flow], span: Span) -> Diagnostic:
    flow = next((flow for flow in flows if flow.dtype != "float32"), flows[0])
    takes, advice = "computes with float32", "word numbers go through `embedding VOCABULARY SIZE` first"
    if flow.dtype == "float32":
        takes, advice = "reads word numbers", "give the input `dtype=int64`"
    return Diagnostic(
        "wrong-dtype",
        f"{operator.operator} {takes}, but {quoted(flow.name)} is {flow.dtype}",
        span,
        labels=(Label(flow.span, f"{flow.dtype} from here"),),
        help=(advice,),
    )


def _unread(operator: Operator, shape: Shape, windows: Sequence[Axis], span: Span) -> Diagnostic:
    """The warning for real pixels behind the last window, with the padding that would have them read."""
    names = {1: ("position",), 2: ("row", "column"), 3: ("slice", "row", "column")}[len(windows)]
    behind = [(axis.trailing, name) for axis, name in zip(windows, names, strict=True) if axis.trailing]
    lost = " and ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in behind)
    verb = "is" if len(behind) == 1 and behind[0][0] == 1 else "are"
    formula = next(axis.formula() for axis in windows if axis.trailing)
    message = f"{operator.operator}: {lost} of the input {shape} {verb} never read: {formula}"
    advice = "choose padding, kernel and stride so that the division is exact, or crop on purpose"
    for pad in range(1, min(max(axis.reach for axis in windows) // 2, MAX_PAD) + 1):
        padded = [axis._replace(begin=pad, end=pad) for axis in windows]
        if not any(axis.trailing for axis in padded):
            size = extents([axis.output for axis in padded])
            advice = f"pad={pad} has every pixel read and gives {size}; or crop on purpose"
            break
    return Diagnostic("unread-pixels", message, span, "warning", help=(advice,))


def verified(text: str) -> Graph:
    """The graph in a JSON text, if its names resolve and its shapes are what its operators give. Raises CnnError."""
    from pydantic import ValidationError

    try:
        network = Graph.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise CnnError.of(
            "bad-json", f"this is no network: {first['msg']}" + (f" at {where}" if where else "")
        ) from None
    known: dict[str, Shape] = {}
    dtypes: dict[str, Dtype] = {}
    for value in network.inputs:
        sizes = value.shape.dimensions
        if (
            value.name in known
            or len(sizes) > MAX_RANK + 1
            or not all(0 < size <= DEFAULT_LIMITS.dimension for size in sizes)
        ):
            raise CnnError.of("bad-json", f"input {quoted(value.name)} stands there twice or has an impossible shape")
        known[value.name], dtypes[value.name] = value.shape, value.dtype
    owners: dict[str, Node] = {}
    for node in network.layers:
        read = (*node.inputs, *(() if node.share is None else (node.share,)))
        missing = [name for name in read if name not in known]
        if missing or node.name in known:
            what = f"reads {quoted(missing[0])}, which is not above it" if missing else "stands there twice"
            raise CnnError.of("bad-json", f"layer {quoted(node.name)} {what}")
        shapes = tuple(known[name] for name in node.inputs)
        try:
            shape = infer(node.op, shapes, DEFAULT_LIMITS, exact=False).shape
        except ShapeError as error:
            raise CnnError.of("bad-json", f"layer {quoted(node.name)}: {error.message}") from None
        if shape != node.shape:
            raise CnnError.of("bad-json", f"layer {quoted(node.name)} gives {shape}, but another shape is written")
        dtype = dtype_after(node.op, [dtypes[name] for name in node.inputs])
        if dtype != node.dtype:
            raise CnnError.of("bad-json", f"layer {quoted(node.name)} cannot take or give the dtypes written")
        dtypes[node.name] = dtype
        if node.share is not None:
            owner = owners.get(node.share) if node.share else None
            if owner is None or owner.share or not can_share(node.op, shapes, owner.op, network.input_shapes(owner)):
                raise CnnError.of("bad-json", f"layer {quoted(node.name)} cannot share {quoted(node.share)}'s weights")
        known[node.name] = shape
        owners[node.name] = node
    unknown = [name for name in network.outputs if name not in known]
    if unknown or not network.inputs:
        raise CnnError.of("bad-json", f"there is no output {quoted(unknown[0])}" if unknown else "there is no input")
    if len(set(network.outputs)) < len(network.outputs):
        raise CnnError.of("bad-json", "an output is named twice")
    if network.symbols or network.assumptions or network.expectations or any(v.extents for v in network.inputs):
        from cnndsl.analysis.resized import require_consistent

        require_consistent(network)
    elif any(node.symbolic for node in network.layers):
        raise CnnError.of("bad-json", "a size follows from symbols, but there is none")
    return network


def dtype_after(operator: Operator, dtypes: Sequence[Dtype]) -> Dtype | None:
    """The dtype that an operator makes of those of its inputs; None if it does not take them."""
    if operator.looks_up:
        return "float32" if dtypes[0] == "int64" else None
    if not operator.takes_integers and "int64" in dtypes:
        return None
    return dtypes[0]


def can_share(operator: Operator, shapes: Sequence[Shape], owner: Operator, owner_shapes: Sequence[Shape]) -> bool:
    """Whether an operator can use the tensors of another: equal layouts, equal links, and no other literal values."""
    mine, theirs = operator.weights(shapes), owner.weights(owner_shapes)
    return (
        type(operator) is type(owner)
        and mine.keys() == theirs.keys()
        and all(
            (weight.shape, weight.links) == (theirs[name].shape, theirs[name].links)
            and weight.literal in (None, theirs[name].literal)
            for name, weight in mine.items()
        )
    )


def layout_text(operator: Operator, shapes: Sequence[Shape]) -> str:
    """An operator's tensors in words: ``conv has weight 8x3x3x3, bias 8``."""
    tensors = (
        f"{name} {extents(weight.shape)}{' by a table of links' if weight.links else ''}"
        for name, weight in operator.weights(shapes).items()
    )
    return f"{operator.operator} has {', '.join(tensors)}"
