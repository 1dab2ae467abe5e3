"""First words of stages that nothing is called: what was meant by them."""

from collections.abc import Iterable

from cnndsl import ops
from cnndsl.errors import Diagnostic, Fix, Source, quoted
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Fault, Named, Unknowable, fault, misnamed, slip
from cnndsl.lang.synonyms import exact_operator, keyword_meant, operator_meant
from cnndsl.lang.text import syntax
from cnndsl.suggest import Suggestion, suggest

_STATEMENTS = ("input", "output", "expect", "from")
_WITH_BODIES = ("network", "block", "repeat", "for", "if")
_SEVERAL = {
    **dict.fromkeys(
        ("separable_conv", "separableconv2d", "sepconv", "separable", "dsconv", "depthwise_separable_conv"),
        "depthwise 3x3 -> conv 16 1x1",
    ),
    **dict.fromkeys(("pointwise", "pointwise_conv", "conv1x1"), "conv 16 1x1"),
}
_RESIDUAL = frozenset({"residual", "skip", "shortcut", "residual_block", "skip_connection"})


def unknown_operator(stage: syntax.Apply | syntax.Merge, blocks: Iterable[str], scope: Scope, source: Source) -> Fault:
    """The error for the first word of a stage that is neither an operator nor a block. Raises Unknowable."""
    span = source.span(stage.start, stage.name_end)
    word = stage.name.lower()
    message = f"there is no operator or block {quoted(stage.name)}"
    if isinstance(stage, syntax.Apply) and not stage.arguments and scope.has(stage.name):
        known = scope.find(stage.name)
        if known is None:
            raise Unknowable
        if isinstance(known, Named):
            message = f"{quoted(stage.name)} is a value of the network, not a layer"
            value = f"from {stage.name}"
            return slip("unknown-operator", message, span, f"a value is read by `from`: {quoted(value)}", value)
    if word in KEYWORDS:
        return slip("unknown-operator", message, span, f"{quoted(word)} is written small", word)
    if word in _RESIDUAL and stage.name not in blocks:
        return _residual(stage, message, source)
    if word in _SEVERAL:
        return fault("unknown-operator", message, span, f"it is written as {quoted(_SEVERAL[word])}")
    found = _keyword(stage) or _operator(stage, blocks) or _misspelt_keyword(stage)
    advice = "`cnndsl explain unknown-operator` lists the operators; `block Name { ... }` defines a block"
    return misnamed("unknown-operator", message, span, found, advice)


def _keyword(stage: syntax.Apply | syntax.Merge) -> Suggestion | None:
    """The keyword of a statement that other languages begin with this word: ``const c = 3``, ``def B { }``."""
    meant = keyword_meant(stage.name)
    given = [argument.name for argument in stage.arguments]
    if isinstance(stage, syntax.Apply):
        if len(given) != 1 or given[0] is None:
            return None
        return Suggestion(meant, True) if meant == "let" else suggest(stage.name, ("let", "param"))
    return Suggestion(meant, True) if meant in ("block", "network", "repeat", "for") else None


def _operator(stage: syntax.Apply | syntax.Merge, blocks: Iterable[str]) -> Suggestion | None:
    """What the word means elsewhere, with branches a merge; or the operator or block that it is nearest to."""
    fitting = [name for name in ops.NAMES if (name in ops.MERGES) == isinstance(stage, syntax.Merge)]
    exact = exact_operator(stage.name, [*fitting, *blocks])
    return Suggestion(exact, True) if exact else operator_meant(stage.name, [*ops.NAMES, *blocks])


def _misspelt_keyword(stage: syntax.Apply | syntax.Merge) -> Suggestion | None:
    """The keyword that a word is nearest to; capitals begin the names of blocks."""
    if not stage.name.islower() or not stage.arguments:
        return None
    return suggest(stage.name, _WITH_BODIES if isinstance(stage, syntax.Merge) else _STATEMENTS)


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
