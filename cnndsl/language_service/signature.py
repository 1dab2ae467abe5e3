"""What the call around a position takes."""

from typing import NamedTuple

from cnndsl import ops
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.calls import call_at
from cnndsl.report.operators import default_of
from cnndsl.training_settings import Training


class Parameter(NamedTuple):
    """A parameter as it is written in the signature, and what it takes."""

    label: str
    words: str


class Signature(NamedTuple):
    """``label`` is the whole call; ``active`` is the number of the parameter at the position, None if it has none."""

    label: str
    words: str
    parameters: tuple[Parameter, ...]
    active: int | None


def signature(analysis: Analysis, offset: int) -> Signature | None:
    """The call of an operator, a block or a setting of ``train`` around an offset."""
    call = call_at(analysis, offset)
    if call is None:
        return None
    block = analysis.block(call.word)
    positional: tuple[str, ...]
    if call.around == "train" and call.word in Training.words():
        field = Training.words()[call.word]
        options = Training.options(field)
        names = tuple(options.model_fields) if options else (call.word,)
        positional = ("kind",) if options and "kind" in names else names[: 0 if options else 1]
        words = {name: options.expects(name) if options else Training.expects(field) for name in names}
        labels = {name: name if name in positional else f"{name}=" for name in names}
        summary = Training.meaning(field)
    elif block:
        positional = names = tuple(parameter.name for parameter in block.parameters)
        words = dict.fromkeys(names, "a parameter of the block")
        labels = {one.name: one.name if one.default is None else f"{one.name}=…" for one in block.parameters}
        summary = f"block {call.word}"
    elif call.word in ops.NAMES:
        cls = ops.operator(call.word)
        names, positional = cls.parameters(), cls.positional
        words = {name: cls.expects(name) for name in names}
        labels = {}
        for name in names:
            default = default_of(cls, name)
            labels[name] = name if default is None else f"{name}={default}"
        summary = cls.summary
    else:
        return None
    active = call.parameter or (positional[call.positional] if call.positional < len(positional) else None)
    found = tuple(Parameter(labels[name], words[name]) for name in names)
    number = names.index(active) if active in names else None
    return Signature(" ".join([call.word, *labels.values()]), summary, found, number)
