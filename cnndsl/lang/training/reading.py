"""The lines of ``train { }`` become settings; options of a command, which are written alike, too."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from cnndsl.errors import Diagnostic, Span, listed, quoted
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.names import PYTHON_WORDS
from cnndsl.lang.expressions.values import Fault, Unknowable, Value, fault, misnamed, plain, repeated, shown, slip
from cnndsl.lang.synonyms import exact_parameter, parameter_meant, setting_meant
from cnndsl.lang.text import syntax
from cnndsl.ops.fields import leaves
from cnndsl.suggest import suggest
from cnndsl.training_settings import Options, Table, Training

T = TypeVar("T", bound=Table)


def read_training(
    node: syntax.Train, evaluator: Evaluator, report: Callable[[Diagnostic], None]
) -> tuple[Training, dict[str, Span]] | None:
    """The settings of a ``train { }`` and the places of those given; None after an error, which is reported.

    Raises Unknowable where a value depends on something unknown.
    """
    values: dict[str, Any] = {}
    places: dict[str, Span] = {}
    sound = known = True
    for line in node.settings:
        if isinstance(line, syntax.Broken):
            known = False
            continue
        span = evaluator.context.span(line)
        try:
            field, value = read_setting(line, evaluator)
            if field in places:
                raise repeated(f"{quoted(line.name)} is given twice", places[field], span)
        except Fault as error:
            report(error.diagnostic)
            sound = False
        except Unknowable:
            known = False
        else:
            values[field], places[field] = value, span
    if not known:
        raise Unknowable
    return (Training.model_validate(values), places) if sound else None


def read_setting(line: syntax.Apply, evaluator: Evaluator) -> tuple[str, Any]:
    """The field of a line such as ``optimizer sgd lr=0.1`` and its value. Raises Fault, or Unknowable."""
    field = Training.words().get(line.name)
    if field is None:
        raise _unknown_word(line, evaluator)
    options = Training.options(field)
    if options:
        return field, _Arguments(line, options, evaluator).value()
    if len(line.arguments) != 1 or line.arguments[0].name is not None:
        message = f"{line.name} takes one value: {Training.expects(field)}"
        surplus = line.arguments[1:] or line.arguments
        if not surplus:
            advice = f"as in {quoted(Training.example(field))}"
            raise fault("missing-argument", message, _word(line, evaluator), advice)
        raise fault("too-many-arguments", message, evaluator.context.span(surplus[0]))
    argument = line.arguments[0]
    node = argument.value
    if isinstance(node, syntax.Name) and str in leaves(Training, field) and not evaluator.scope.has(node.name):
        written = f'"{node.name}"'
        message = f"{line.name} must be {Training.expects(field)}"
        raise slip("bad-argument", message, evaluator.context.span(node), f"write {quoted(written)}", written)
    value = evaluator.value(node)
    return field, getattr(_checked(Training, {field: value}, line.name, {field: argument}, evaluator), field)


class _Arguments:
    """The arguments of one line, for the fields of its setting."""

    def __init__(self, line: syntax.Apply, options: type[Options], evaluator: Evaluator) -> None:
        self._line = line
        self._options = options
        self._evaluator = evaluator
        self._given: dict[str, syntax.Argument] = {}

    def value(self) -> Options:
        values: dict[str, Value] = {}
        for argument in self._line.arguments:
            field, value = self._positional(argument) if argument.name is None else self._keyword(argument)
            if field in self._given:
                first, second = map(self._evaluator.context.span, (self._given[field], argument))
                raise repeated(f"{self._line.name}: {quoted(field)} is given twice", first, second)
            self._given[field], values[field] = argument, value
        found = _checked(self._options, values, self._line.name, self._given, self._evaluator)
        self._check_kind(getattr(found, "kind", ""))
        return found

    def _positional(self, argument: syntax.Argument) -> tuple[str, Value]:
        """The kind, or a flag that is to be true."""
        options, node = self._options, argument.value
        fields = options.model_fields
        name = node.name if isinstance(node, syntax.Name) else ""
        if name in fields and leaves(options, name) == {bool}:
            return name, True
        if "kind" in fields and "kind" not in self._given and name not in fields:
            return "kind", self._evaluated("kind", node)
        span = self._evaluator.context.span(node)
        if name in fields:
            message = f"{self._line.name}: {name} takes {options.expects(name)}"
            raise fault("missing-argument", message, span, f"it is written with `=`, as in {quoted(f'{name}=...')}")
        keywords = [field for field in fields if field != "kind"]
        message, advice = f"{self._line.name}: this argument is one too many", listed(keywords, most=20)
        found = parameter_meant(name, keywords) if name else None
        raise misnamed("too-many-arguments", message, span, found, f"by keyword it takes {advice}")

    def _keyword(self, argument: syntax.Argument) -> tuple[str, Value]:
        fields = [field for field in self._options.model_fields if field != "kind"]
        name = argument.name or ""
        if name in fields:
            return name, self._evaluated(name, argument.value)
        span = self._evaluator.context.span(syntax.Name(argument.start, argument.start + len(name), name))
        message = f"{self._line.name} has no parameter {quoted(name)}"
        takes = f"it takes {listed(fields, most=20)}"
        raise misnamed("unknown-parameter", message, span, parameter_meant(name, fields), takes)

    def _evaluated(self, field: str, node: syntax.Expression) -> Value:
        """The value of an argument; a word that the field takes stands for itself."""
        evaluator = self._evaluator
        if not isinstance(node, syntax.Name):
            return evaluator.value(node)
        words = sorted(item for item in leaves(self._options, field) if isinstance(item, str))
        if node.name in words:
            return node.name
        if not words or evaluator.scope.has(node.name) or node.name in PYTHON_WORDS:
            return evaluator.value(node)
        word = self._line.name if field == "kind" else f"{self._line.name}: {field}"
        message = f"{word} must be {self._options.expects(field)}, got {quoted(node.name)}"
        span = evaluator.context.span(node)
        raise misnamed("bad-argument", message, span, suggest(node.name, words), f"the words are {', '.join(words)}")

    def _check_kind(self, kind: str) -> None:
        """Raises Fault for a keyword that belongs to other kinds."""
        for field, argument in self._given.items():
            kinds = self._options.kinds_of(field)
            if kinds and kind not in kinds:
                span = self._evaluator.context.span(argument)
                message = f"{self._line.name} {kind} has no parameter {quoted(field)}"
                owners = " and ".join(kinds)
                raise fault("unknown-parameter", message, span, f"{owners} {'has' if len(kinds) == 1 else 'have'} it")


def _checked(
    table: type[T],
    values: Mapping[str, Value],
    word: str,
    arguments: Mapping[str, syntax.Argument],
    evaluator: Evaluator,
) -> T:
    """The values as a table. Raises Fault for the first that does not fit."""
    try:
        return table.model_validate({name: plain(value) for name, value in values.items()})
    except ValidationError as error:
        place = str(error.errors(include_url=False, include_context=False)[0]["loc"][0])
        name = next(name for name in values if place in (name, table.model_fields[name].alias))
    what = word if table is Training or name == "kind" else f"{word}: {name}"
    message = f"{what} must be {table.expects(name)}, got {shown(values[name])}"
    raise fault("bad-argument", message, evaluator.context.span(arguments[name].value))


def _unknown_word(line: syntax.Apply, evaluator: Evaluator) -> Fault:
    """The fault for a line whose first word is no setting: it may be a kind or a keyword of one, or misspelt."""
    span, words = _word(line, evaluator), Training.words()
    message = f"training has no setting {quoted(line.name)}"
    groups = [(word, options) for word, field in words.items() if (options := Training.options(field))]
    for word, options in groups:
        if "kind" in options.model_fields and line.name in leaves(options, "kind"):
            written = f"{word} {line.name}"
            return slip("unknown-train-setting", message, span, f"write {quoted(written)}", written)
    found = setting_meant(line.name, words)
    for word, options in groups:
        part = exact_parameter(line.name, options.model_fields)
        if part and part != "kind" and not (found and found.sure):
            value = line.arguments[0].value if line.arguments else None
            said = f"{part}={evaluator.context.text(value) if value else '...'}"
            written = " ".join(filter(None, (word, _kind_with(options, part), said)))
            advice = f"{quoted(part)} is a part of {word}, as in {quoted(written)}"
            return fault("unknown-train-setting", message, span, advice)
    return misnamed("unknown-train-setting", message, span, found, f"there are {', '.join(words)}")


def _kind_with(options: type[Options], part: str) -> str:
    """A kind that has the keyword: the default one if it has; empty for settings without kinds."""
    usual = getattr(options(), "kind", "")
    kinds = options.kinds_of(part)
    return usual if not kinds or usual in kinds else kinds[0]


def _word(line: syntax.Apply, evaluator: Evaluator) -> Span:
    return evaluator.context.span(syntax.Name(line.start, line.name_end, line.name))
