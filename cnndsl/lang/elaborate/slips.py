"""Arguments that say what is meant in another way: of another tool, without a ``=`` or an arrow, in another order.

Every function gives the fault to raise, with its fix, or None where nothing shows what was meant.
"""

from cnndsl import ops
from cnndsl.errors import Diagnostic, Fix, Span, listed, quoted
from cnndsl.lang.accepted import accepted, words
from cnndsl.lang.expressions.scope import Context, Scope
from cnndsl.lang.expressions.values import Fault, ListValue, Named, Value, fault, slip
from cnndsl.lang.synonyms import exact_operator, exact_parameter
from cnndsl.lang.text import syntax
from cnndsl.ops.base import Operator
from cnndsl.shapes import Shape

Written = syntax.Apply | syntax.Merge

_ACTIVATION = frozenset({"activation", "act", "act_fn", "activation_fn", "nonlinearity"})
_KNOWN_ANYWAY = {
    "in_channels": "the channels of what flows in are known",
    "in_features": "the features of what flows in are known",
    "inplace": "a network has values, not places in memory",
    "trainable": "a network says what is computed, not how it is trained",
}
_NOTHING = frozenset({"None", "none", "null"})
_TRUTHS = {"no": "false", "off": "false", "yes": "true", "on": "true"}
_OPPOSITES = {"pad": "crop", "crop": "pad"}


def positional(context: Context, cls: type[Operator], node: Written, argument: syntax.Argument) -> Fault | None:
    """A bare word by position: the name of a parameter without its ``=``, one of a parameter's words, or a layer."""
    value = argument.value
    if not isinstance(value, syntax.Name):
        return None
    span = context.span(value)
    parameter = value.name if value.name in cls.parameters() else None
    if not parameter and len(value.name) > 1 and argument not in node.arguments[: len(cls.positional)]:
        parameter = exact_parameter(value.name, cls.parameters())
    following = next((other for other in node.arguments if other.start > argument.start), None) if parameter else None
    if parameter and following and following.name is None:
        written = f"{parameter}={context.text(following.value)}"
        message = f"{cls.operator}: an argument that has its name with it is written with `=`"
        place = context.span(syntax.Name(argument.start, following.end, ""))
        return slip("too-many-arguments", message, span, f"write {quoted(written)}", written, place)
    takes = [name for name in cls.model_fields if value.name in words(cls.operator, name)]
    if len(takes) == 1:
        written = f"{takes[0]}={value.name}"
        message = f"{cls.operator}: {quoted(value.name)} stands here without the name of its parameter"
        return slip("too-many-arguments", message, span, f"write {quoted(written)}", written)
    operator = exact_operator(value.name, ops.NAMES)
    if operator is None:
        return None
    message = f"{quoted(value.name)} is a layer of its own, not an argument of {cls.operator}"
    return slip("too-many-arguments", message, span, f"put `->` before {quoted(value.name)}", f"-> {operator}")


def keyword(context: Context, cls: type[Operator], node: Written, argument: syntax.Argument) -> Fault | None:
    """A parameter that other tools have: an activation that is a layer here, or what needs no saying."""
    name = (argument.name or "").lower()
    message = f"{cls.operator} has no parameter {quoted(argument.name or '')}"
    span = context.span(syntax.Name(argument.start, argument.start + len(name), name))
    if name in _ACTIVATION and isinstance(argument.value, syntax.Name | syntax.String):
        word = argument.value.name if isinstance(argument.value, syntax.Name) else argument.value.value
        if word in ("linear", "identity", *_NOTHING):
            return _left_out(context, node, argument, message, span, "a layer without an activation says nothing")
        layer = exact_operator(word, ops.NAMES)
        if layer is None:
            return None
        before, after = _around(context, node, argument)
        advice = f"an activation is a layer of its own: `-> {layer}`"
        fix = Fix(f"write -> {layer}", before, f"{after} -> {layer}", safe=True)
        return Fault(Diagnostic("unknown-parameter", message, span, help=(advice,), fixes=(fix,)))
    if name in _KNOWN_ANYWAY:
        return _left_out(context, node, argument, message, span, f"{_KNOWN_ANYWAY[name]}: leave it out")
    return None


def nothing(context: Context, cls: type[Operator], node: Written, argument: syntax.Argument) -> Fault | None:
    """``None``, which Python has for what is not given, and ``no`` or ``off``."""
    value = argument.value
    if not isinstance(value, syntax.Name) or value.name not in (*_NOTHING, *_TRUTHS):
        return None
    span = context.span(value)
    message = f"nothing here is called {quoted(value.name)}"
    if value.name in _TRUTHS:
        here = _TRUTHS[value.name]
        takes = argument.name is not None and bool in accepted(cls.operator, argument.name)
        return slip("unknown-name", message, span, f"write {quoted(here)}", here) if takes else None
    if argument.name == "bias":
        return slip("unknown-name", message, span, "a layer without a bias has `bias=false`", "false")
    if argument.name is None:
        return None
    return _left_out(context, node, argument, message, span, "leave out what is not given", code="unknown-name")


def _left_out(
    context: Context,
    node: Written,
    argument: syntax.Argument,
    message: str,
    span: Span,
    advice: str,
    code: str = "unknown-parameter",
) -> Fault:
    place, after = _around(context, node, argument)
    fix = Fix("leave it out", place, after, safe=True)
    return Fault(Diagnostic(code, message, span, help=(advice,), fixes=(fix,)))


def _around(context: Context, node: Written, argument: syntax.Argument) -> tuple[Span, str]:
    """The text from the end of the argument before to the end of the last one, and what it is without ``argument``."""
    before = max((other.end for other in node.arguments if other.end <= argument.start), default=node.name_end)
    last = node.arguments[-1].end
    after = context.text(syntax.Name(argument.end, last, ""))
    return context.span(syntax.Name(before, last, "")), after


def surplus(
    context: Context, cls: type[Operator], node: Written, argument: syntax.Argument, scope: Scope, message: str
) -> Fault | None:
    """One argument too many: a value of the network, the channels that enter, or the stride of a pooling."""
    value, span = argument.value, context.span(argument.value)
    if isinstance(value, syntax.Name) and scope.has(value.name) and isinstance(scope.find(value.name), Named):
        read = f"from {value.name} -> {node.name}"
        return _advised("too-many-arguments", message, span, f"a layer reads what stands above, or {quoted(read)}")
    given = [other.value for other in node.arguments if other.name is None]
    names = {other.name for other in node.arguments}
    if not isinstance(value, syntax.Number | syntax.Size) or value is not given[-1]:
        return None
    if len(given) == 3 and cls.positional == ("filters", "kernel") and isinstance(given[1], syntax.Number):
        second, last = context.text(given[1]), context.text(value)
        if second == last:
            place = context.span(syntax.Name(given[1].start, value.end, ""))
            size = f"{second}x{last}"
            return slip("too-many-arguments", message, span, f"a size is written {quoted(size)}", size, place)
        written = f"{node.name} {second} {last}"
        advice = f"the channels of what flows in are known, and are not written: {quoted(written)}"
        return _advised("too-many-arguments", message, context.span(given[0]), advice)
    if len(given) == len(cls.positional) + 1 and "stride" in cls.model_fields and "stride" not in names:
        written = f"stride={context.text(value)}"
        return slip("too-many-arguments", message, span, f"a stride has its name with it: {quoted(written)}", written)
    return None


def _advised(code: str, message: str, span: Span, advice: str) -> Fault:
    return Fault(Diagnostic(code, message, span, help=(advice,)))


def size_for_number(context: Context, cls: type[Operator], node: Written) -> Fault | None:
    """A size where the number of filters belongs: ``conv 3x3`` or ``conv 3x3 16``, or a shape: ``conv 16@3x3``."""
    given = [argument.value for argument in node.arguments if argument.name is None]
    first, others = (given[0] if given else None), given[1:]
    if isinstance(first, syntax.ShapeLiteral) and not others and len(cls.positional) > 1:
        apart = context.text(first).replace("@", " ")
        message = f"{cls.operator}: {quoted(context.text(first))} is a shape, not {listed(cls.positional)}"
        return slip("missing-argument", message, context.span(first), f"write {quoted(f'{node.name} {apart}')}", apart)
    if len(cls.positional) < 2 or not isinstance(first, syntax.Size):
        return None
    if tuple in accepted(cls.operator, cls.positional[0]):
        return None
    size, wanted = context.text(first), cls.positional[0]
    message = f"{cls.operator}: {quoted(size)} stands where {quoted(wanted)} belongs"
    if not others:
        advice = f"{wanted} first, then the {cls.positional[1]}: {quoted(f'{cls.operator} 16 {size}')}"
        return Fault(Diagnostic("missing-argument", message, context.span(first), help=(advice,)))
    second = others[0]
    if not isinstance(second, syntax.Number | syntax.Name):
        return None
    swapped = f"{context.text(second)} {size}"
    place = context.span(syntax.Name(first.start, second.end, ""))
    advice = f"{wanted} first: {quoted(f'{cls.operator} {swapped}')}"
    return slip("bad-argument", message, context.span(first), advice, swapped, place)


def missing_branches(context: Context, node: syntax.Apply) -> Fault:
    """A merge without a body; the names that follow it may be meant as its branches: ``add a b``, ``add skip``."""
    message, span = f"{node.name} joins branches", context.span(node)
    named = [argument.value for argument in node.arguments if argument.name is None]
    if not named or len(named) < len(node.arguments) or not all(isinstance(one, syntax.Name) for one in named):
        return fault("missing-branches", message, span, f"as in `{node.name} {{ conv 8 3x3 pad=1; identity }}`")
    branches = [*(["identity"] if len(named) == 1 else []), *(f"from {context.text(one)}" for one in named)]
    written = f"{node.name} {{ {'; '.join(branches)} }}"
    place = context.span(syntax.Name(node.start, named[-1].end, ""))
    return slip("missing-branches", message, span, f"write {quoted(written)}", written, place)


def value(
    context: Context, cls: type[Operator], name: str, argument: syntax.Argument, given: Value, message: str
) -> Fault | None:
    """A value that its parameter cannot have, where it is plain what was to be had by it."""
    node = argument.value
    if isinstance(node, syntax.ListLiteral) and len(node.items) == 1 and isinstance(node.items[0], syntax.Size):
        size = context.text(node.items[0])
        return slip("bad-argument", message, context.span(node), f"a size is a list already: {quoted(size)}", size)
    numbers = given.items if isinstance(given, ListValue) else (given,)
    whole = [number for number in numbers if isinstance(number, int)]
    advice = ""
    if name == "pad" and min(whole, default=0) < 0:
        advice = f"to take cells away, put a layer before this one: `crop {-min(whole)} -> {cls.operator} ...`"
    elif name == "size" and cls.operator in _OPPOSITES and min(whole, default=0) < 0:
        opposite = f"{_OPPOSITES[cls.operator]} {-min(whole)}"
        advice = f"the other way round it is {quoted(opposite)}"
    elif name == "stride" and 0 in whole:
        advice = "a stride of 1, the smallest, looks at every place; it need not be written"
    elif name == "kernel" and 0 in whole:
        advice = "the smallest kernel, 1x1, looks at one place at a time"
    elif isinstance(node, syntax.Size) and Shape in accepted(cls.operator, name):
        channels, _, size = context.text(node).partition("x")
        advice = f"a shape begins with its channels, then `@`: {quoted(f'{channels}@{size}')}"
    elif bool in accepted(cls.operator, name) and whole in ([0], [1]):
        advice = f"write {quoted('true' if whole[0] else 'false')}"
    return _advised("bad-argument", message, context.span(node), advice) if advice else None
