"""First words of stages that nothing is called: what was meant by them."""

from collections.abc import Iterable

from cnndsl import ops
from cnndsl.errors import Diagnostic, Fix, Source, quoted
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.lang.expressions.values import Fault, misnamed, slip
from cnndsl.lang.synonyms import operator_meant
from cnndsl.lang.text import syntax

_RESIDUAL = frozenset({"residual", "skip", "shortcut", "residual_block", "skip_connection"})


def unknown_operator(stage: syntax.Apply | syntax.Merge, blocks: Iterable[str], source: Source) -> Fault:
    """The error for the first word of a stage that is neither an operator nor a block."""
    span = source.span(stage.start, stage.name_end)
    word = stage.name.lower()
    message = f"there is no operator or block {quoted(stage.name)}"
    if word in KEYWORDS:
        return slip("unknown-operator", message, span, f"{quoted(word)} is written small", word)
    if word in _RESIDUAL and stage.name not in blocks:
        return _residual(stage, message, source)
    found = operator_meant(stage.name, [*ops.NAMES, *blocks])
    advice = "`cnndsl explain unknown-operator` lists the operators; `block Name { ... }` defines a block"
    return misnamed("unknown-operator", message, span, found, advice)


def _residual(stage: syntax.Apply | syntax.Merge, message: str, source: Source) -> Fault:
    """A word for the residual connection: with a body it is an ``add``, alone the value that enters one."""
    span = source.span(stage.start, stage.name_end)
    advice = "a residual connection is `add { ...; identity }`: its branches, and what flows in"
    if isinstance(stage, syntax.Apply):
        fix = Fix("replace by identity", span, "identity", safe=not stage.arguments)
        return Fault(Diagnostic("unknown-operator", message, span, help=(advice,), fixes=(fix,)))
    body = stage.body
    text = source.text[body.start : body.end]
    several = len(body.statements) > 1 or "\n" in text
    written = f"add {{ {text}; identity }}" if several else f"add {{ {text[1:-1].strip()}; identity }}"
    place = source.span(stage.start, body.end)
    fix = Fix("write add { ...; identity }", place, written, safe=not stage.arguments and bool(body.statements))
    return Fault(Diagnostic("unknown-operator", message, span, help=(advice,), fixes=(fix,)))
