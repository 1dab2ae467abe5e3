"""Settings from outside the text: ``--set name=value``, ``--input 3@64x64`` and the keywords of the API."""

from fractions import Fraction

from cnndsl.errors import CnnError, Source, quoted
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Budget, Fault, ListValue, Unknowable, Value, make_list, simplified
from cnndsl.lang.modules import FileContext
from cnndsl.lang.text import syntax
from cnndsl.lang.text.parser import parse
from cnndsl.limits import DEFAULT_LIMITS
from cnndsl.shapes import Shape


def setting_value(name: str, value: object, depth: int = 0) -> Value:
    """A Python value, inside ``depth`` lists, as a value of the language. Raises CnnError for what has none."""
    if isinstance(value, bool | str | Shape):
        return value
    if isinstance(value, int | Fraction):
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        if bits > DEFAULT_LIMITS.integer_bits:
            raise CnnError.of("bad-setting", f"param {quoted(name)} is set to a number of {bits:,} bits")
        return simplified(value)
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return setting_value(name, Fraction(str(value)))
    if isinstance(value, ListValue):
        value = value.items  # from a command line, where it was written as in a text
    if isinstance(value, list | tuple):
        if depth >= DEFAULT_LIMITS.nesting:
            raise CnnError.of("bad-setting", f"param {quoted(name)} is set to lists nested more than {depth} deep")
        items: list[Value] = []
        elements = 0
        for item in value:
            made = setting_value(name, item, depth + 1)
            items.append(made)
            elements += max(made.elements, 1) if isinstance(made, ListValue) else 1
            if elements > DEFAULT_LIMITS.literal_elements:
                message = f"param {quoted(name)} is set to more than {DEFAULT_LIMITS.literal_elements:,} elements"
                raise CnnError.of("bad-setting", message)
        return make_list(tuple(items))
    raise CnnError.of("bad-setting", f"param {quoted(name)} cannot be set to {quoted(repr(value))}")


def parse_value(text: str) -> Value:
    """The value of an expression; a bare word is a string. Raises CnnError."""
    if text.isidentifier() and text not in ("true", "false"):
        return text
    prefix = "let value = "
    file = "<setting>"
    tree = parse(prefix + text, file)
    item = tree.items[0] if len(tree.items) == 1 else None
    if not isinstance(item, syntax.Let):
        raise CnnError.of("bad-setting", f"{quoted(text)} is not one value")
    context = FileContext(Source(file, tree.text), DEFAULT_LIMITS, Budget(DEFAULT_LIMITS.steps))
    try:
        return Evaluator(context, Scope(), None).value(item.value)
    except Fault as error:
        raise CnnError([error.diagnostic._replace(span=None)]) from None
    except Unknowable:
        raise CnnError.of("bad-setting", f"{quoted(text)} has no value here") from None


def parse_setting(text: str) -> tuple[str, Value]:
    """``name=value``. Raises CnnError."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise CnnError.of("bad-setting", f"{quoted(text)} is no setting", "write name=value, as in classes=100")
    return name.strip(), _without_place(value.strip())


def parse_input(text: str) -> tuple[str | None, Shape]:
    """``3@64x64`` for the first input, or ``name=3@64x64``. Raises CnnError."""
    name, equals, shape = text.rpartition("=")
    value = _without_place(shape.strip())
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        value = Shape(value)
    if not isinstance(value, Shape):
        raise CnnError.of("bad-setting", f"{quoted(shape)} is no shape", "write channels@size, as in 3@64x64")
    return (name.strip() if equals else None), value


def _without_place(text: str) -> Value:
    try:
        return parse_value(text)
    except CnnError as error:
        first = error.diagnostics[0]
        raise CnnError.of("bad-setting", f"{quoted(text)}: {first.message}", *first.help) from None
