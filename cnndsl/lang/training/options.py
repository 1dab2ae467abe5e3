"""Settings of training from outside the text: ``--optimizer "sgd lr=0.1"`` and the keywords of the API."""

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

from pydantic import ValidationError

from cnndsl.errors import CnnError, Source, listed, quoted
from cnndsl.lang.expressions.evaluate import Evaluator
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Budget, Fault, Unknowable
from cnndsl.lang.modules import FileContext
from cnndsl.lang.text import syntax
from cnndsl.lang.text.parser import parse
from cnndsl.lang.training.reading import read_setting
from cnndsl.limits import DEFAULT_LIMITS
from cnndsl.suggest import nearest
from cnndsl.training_settings import Training


def with_options(training: Training | None, options: Mapping[str, object]) -> Training:
    """The settings of a network, or the defaults, with those that are given by their words instead.

    A value is what stands behind the word in a text, as in ``{"optimizer": "sgd lr=0.1", "epochs": 3}``. Raises
    CnnError.
    """
    words = Training.words()
    changes = {}
    for word, value in options.items():
        if word not in words:
            suggestion = nearest(word, words)
            advice = (
                f"did you mean {quoted(suggestion)}?" if suggestion else f"there are {listed(list(words), most=20)}"
            )
            raise CnnError.of("unknown-train-setting", f"training has no setting {quoted(word)}", advice)
        changes[words[word]] = option_value(word, value)
    return (training or Training()).model_copy(update=changes)


def option_value(word: str, value: object) -> Any:
    """The value of the field that ``word`` stands for. Raises CnnError."""
    field = Training.words()[word]
    if word == "data" and isinstance(value, str | PathLike):
        if not fspath(value):
            raise CnnError.of("bad-setting", "data is the name of a file or folder, not an empty one")
        return fspath(value)
    if isinstance(value, str):
        return _read(word, value)
    try:
        return getattr(Training.model_validate({field: value}), field)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, found["loc"]))
        advice = f"it is written as in {quoted(Training.example(field))}"
        raise CnnError.of("bad-setting", f"{quoted(place)}: {found['msg'].lower()}", advice) from None


def _read(word: str, text: str) -> Any:
    """What stands behind the word in a text."""
    context, line = _line(word, text)
    try:
        return read_setting(line, Evaluator(context, Scope(), None))[1]
    except Fault as error:
        if error.diagnostic.code == "unknown-name":  # outside of a text there are none
            field = Training.words()[word]
            expected = "" if Training.options(field) else f": it must be {Training.expects(field)}"
            advice = f"it is written as in {quoted(Training.example(field))}"
            raise CnnError.of("bad-argument", f"{word} cannot be {quoted(text)}{expected}", advice) from None
        raise CnnError([error.diagnostic._replace(span=None, labels=(), fixes=())]) from None
    except Unknowable:
        raise CnnError.of("bad-setting", f"{word}: {quoted(text)} has no value here") from None


def _line(word: str, text: str) -> tuple[FileContext, syntax.Apply]:
    file = "<option>"
    one_value = Training.options(Training.words()[word]) is None and text.strip()
    try:
        tree = parse(f"train {{ {word} {f'({text})' if one_value else text}\n}}", file)
    except CnnError as error:
        first = error.diagnostics[0]
        raise CnnError.of("bad-setting", f"{word} {quoted(text)}: {first.message}", *first.help) from None
    block = tree.items[0]
    setting = block.settings[0] if isinstance(block, syntax.Train) and len(block.settings) == 1 else None
    if len(tree.items) > 1 or not isinstance(setting, syntax.Apply):
        raise CnnError.of("bad-setting", f"{word}: {quoted(text)} is more than one setting")
    context = FileContext(Source(file, tree.text), DEFAULT_LIMITS, Budget(DEFAULT_LIMITS.steps))
    return context, setting
