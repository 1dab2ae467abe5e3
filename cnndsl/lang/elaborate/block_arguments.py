"""The arguments of a block: which belongs to which parameter, before anything is evaluated."""

from collections.abc import Collection

from cnndsl.errors import Source, listed, quoted, shortened
from cnndsl.lang.expressions.values import Fault, fault, misnamed, repeated
from cnndsl.lang.text import syntax
from cnndsl.suggest import suggest


def shared(stage: syntax.Apply, block: syntax.Block) -> syntax.Argument | None:
    """The argument ``share=``, if it is not a parameter of the block."""
    if any(parameter.name == "share" for parameter in block.parameters):
        return None
    return next((argument for argument in stage.arguments if argument.name == "share"), None)


def matched(stage: syntax.Apply, block: syntax.Block, source: Source) -> dict[str, syntax.Argument]:
    """The arguments by parameter, positional ones in the parameters' order. Raises Fault."""
    parameters = [parameter.name for parameter in block.parameters]
    share = shared(stage, block)
    found: dict[str, syntax.Argument] = {"share": share} if share else {}
    known = {*parameters, *found}
    for index, argument in enumerate(argument for argument in stage.arguments if argument is not share):
        span = source.span(argument.start, argument.end)
        name = argument.name
        if name is None:
            if index >= len(parameters):
                message = f"block {shortened(stage.name)} takes {signature(block)}; this argument is one too many"
                raise fault("too-many-arguments", message, span)
            name = parameters[index]
        if name not in known:
            message = f"block {shortened(stage.name)} has no parameter {quoted(name)}"
            word = source.span(argument.start, argument.start + len(name))
            near = suggest(name, [*parameters, "share"])
            raise misnamed("unknown-parameter", message, word, near, f"it takes {signature(block)}")
        if name in found:
            first = source.span(found[name].start, found[name].end)
            raise repeated(f"{quoted(name)} is given twice", first, span)
        found[name] = argument
    if share:
        del found["share"]
    return found


def missing_arguments(stage: syntax.Apply, block: syntax.Block, given: Collection[str], source: Source) -> Fault:
    """The error for parameters without a default that are not given."""
    *others, last = [quoted(p.name) for p in block.parameters if p.default is None and p.name not in given]
    message = f"block {shortened(stage.name)} needs {f'{listed(others)} and ' if others else ''}{last}"
    span = source.span(stage.start, stage.name_end)
    return fault("missing-argument", message, span, f"it takes {signature(block)}")


def signature(block: syntax.Block) -> str:
    return listed([parameter.name for parameter in block.parameters], most=20) or "no arguments"
