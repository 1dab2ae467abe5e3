"""What stands under a position, as Markdown."""

from typing import NamedTuple

from cnndsl import ops
from cnndsl.analysis.arithmetic import arithmetic
from cnndsl.errors import CnnError, Span
from cnndsl.ir import Input
from cnndsl.lang.expressions.values import Named, Turns, shown
from cnndsl.lang.recording import Result
from cnndsl.lang.text import syntax
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.bindings import Bindings, Definition
from cnndsl.language_service.hints import formula, instances, totals
from cnndsl.language_service.words import ATTRIBUTES, FUNCTIONS, KEYWORDS, MEASURES
from cnndsl.report import explained
from cnndsl.report.operators import default_of
from cnndsl.training_settings import Training


class Hover(NamedTuple):
    """A text in Markdown about a stretch of the source."""

    span: Span
    text: str


def hover(analysis: Analysis, bindings: Bindings, offset: int) -> Hover | None:
    """What is known of the word at an offset; None where there is nothing to say."""
    word = analysis.word(offset)
    if word is None or _in_comment_or_string(analysis, offset):
        return None
    text = _about(analysis, bindings, word, offset)
    named = bindings.at(offset)
    # Of sizes such as HxW the symbol that is meant.
    place = named[0] if named and word[0] <= named[0][0] and named[0][1] <= word[1] else word
    return Hover(analysis.source.span(*place), text) if text else None


def _in_comment_or_string(analysis: Analysis, offset: int) -> bool:
    start = analysis.text.rfind("\n", 0, offset) + 1
    line = analysis.text[start:offset]
    outside = "".join(line.split('"')[::2])
    return "#" in outside or line.count('"') % 2 == 1


def _about(analysis: Analysis, bindings: Bindings, word: tuple[int, int], offset: int) -> str | None:
    name = analysis.text[slice(*word)]
    path = analysis.path(offset)
    for node in reversed(path):
        if isinstance(node, syntax.Apply | syntax.Merge) and node.start == word[0] and name == node.name:
            return _setting(name) if _in_train(path) else _stage(analysis, bindings, node)
        if isinstance(node, syntax.Argument) and node.name == name and node.start == word[0]:
            return _parameter(analysis, path, name)
        if isinstance(node, syntax.Attribute) and word[0] >= node.end - len(node.attribute) and node.base != name:
            return f"`{node.base}.{name}`: {ATTRIBUTES[name]}" if name in ATTRIBUTES else None
        if isinstance(node, syntax.Input) and node.start == word[0]:
            result = analysis.result(node)
            return f"**input** {KEYWORDS['input']}" + ("\n\n" + _gives(result) if result else "")
    found = bindings.at(offset)
    if found:
        return _definition(analysis, bindings, found[1], offset)
    if name in ops.NAMES and any(isinstance(node, syntax.Broken) for node in path):
        return _operator(name)
    for table, kind in ((KEYWORDS, ""), (MEASURES, "counted: "), (FUNCTIONS, "function: ")):
        if name in table:
            return f"**{name}** {kind}{table[name]}"
    return _word_of_parameter(analysis, path, name)


def _in_train(path: list[syntax.Spanned]) -> bool:
    return any(isinstance(node, syntax.Train) for node in path)


# --- stages ---
def _stage(analysis: Analysis, bindings: Bindings, stage: syntax.Apply | syntax.Merge) -> str | None:
    result = analysis.result(stage)
    block = analysis.block(stage.name)
    if block:
        definition = bindings.references.get((stage.start, stage.name_end))
        parts = [_gives(result), _block(analysis, block, definition)]
        return "\n\n".join(part for part in parts if part)
    if stage.name not in ops.NAMES:
        return None
    parts = [_gives(result), _arithmetic(result), _operator(stage.name)]
    return "\n\n".join(part for part in parts if part)


def _gives(result: Result | None) -> str:
    if result is None:
        return ""
    lines = [f"gives `{result.first.shape}`", f"`{formula(result)}`", instances(result)]
    return "  \n".join(line for line in lines if line.strip("`"))


def _arithmetic(result: Result | None) -> str:
    """The formulas with the numbers of the first instance, as ``cnndsl explain`` says it."""
    measured = result.network.measured if result else None
    if result is None or measured is None or result.first.name not in measured.layers:
        return ""
    try:
        return f"```text\n{explained.text(arithmetic(measured, result.first.name))}```"
    except CnnError:
        return ""


def _operator(name: str) -> str:
    """The page of an operator, in short."""
    cls = ops.operator(name)
    lines = [f"**{name}** {cls.summary}"]
    for parameter in cls.parameters():
        default = default_of(cls, parameter)
        place = ", by position" if parameter in cls.positional else ""
        said = "must be given" if default is None else f"default {default}"
        lines.append(f"- `{parameter}` {cls.expects(parameter)} ({said}{place})")
    return "\n".join([*lines, "", f"{cls.rule}", "", f"Source: {cls.source}"])


def _block(analysis: Analysis, block: syntax.Block, definition: Definition | None) -> str:
    parameters = []
    file = definition.place.file if definition else analysis.file
    text = analysis.trees[file].text if file in analysis.trees else analysis.text
    for parameter in block.parameters:
        default = f"={text[parameter.default.start : parameter.default.end]}" if parameter.default else ""
        parameters.append(f"{parameter.name}{default}")
    lines = [f"**block** `{block.name}({', '.join(parameters)})`"]
    if file != analysis.file:
        lines.append(f"from `{file.rpartition('/')[2]}`")
    for expanded in analysis.networks:
        measured = expanded.measured
        paths = [one.path for one in measured.graph.instances if one.block == block.name] if measured else []
        if measured and paths:
            inside = [node.name for node in measured.graph.layers if node.path[: len(paths[0])] == paths[0]]
            costs = [measured.layers[name] for name in inside]
            total = totals(sum(one.params for one in costs), sum(one.macs for one in costs), len(inside))
            lines.append(f"the first of {len(paths):,}: {total}" if len(paths) > 1 else total)
            break
    return "  \n".join(lines)


# --- parameters and words ---
def _parameter(analysis: Analysis, path: list[syntax.Spanned], name: str) -> str | None:
    stage = next((node for node in reversed(path) if isinstance(node, syntax.Apply | syntax.Merge)), None)
    if stage is None:
        return None
    if _in_train(path):
        return _option(stage.name, name)
    block = analysis.block(stage.name)
    if block:
        return f"a parameter of block `{stage.name}`"
    cls = analysis.operator(stage)
    if cls is None or name not in cls.model_fields:
        return "uses the weights of a layer above that has a name" if name == "share" else None
    default = default_of(cls, name)
    said = "must be given" if default is None else f"default {default}"
    return f"**{name}** of `{stage.name}`: {cls.expects(name)}  \n{said}"


def _word_of_parameter(analysis: Analysis, path: list[syntax.Spanned], name: str) -> str | None:
    """A word such as ``same``: what the parameter takes that it is given to."""
    argument = next((node for node in reversed(path) if isinstance(node, syntax.Argument)), None)
    if argument is None:
        return None
    if argument.name is None and _in_train(path):
        return _parameter(analysis, path, name) or _parameter(analysis, path, "kind")
    return _parameter(analysis, path, argument.name) if argument.name else None


def _setting(word: str) -> str | None:
    field = Training.words().get(word)
    return f"**{word}** {Training.meaning(field)}  \n{Training.expects(field)}" if field else None


def _option(word: str, name: str) -> str | None:
    field = Training.words().get(word)
    options = Training.options(field) if field else None
    if options is None or name not in options.model_fields:
        return None
    return f"**{name}** of `{word}`: {options.meaning(name)}  \n{options.expects(name)}"


# --- names ---
def _definition(analysis: Analysis, bindings: Bindings, definition: Definition, offset: int) -> str | None:
    name, node = definition.name, definition.node
    if definition.kind == "block" and isinstance(node, syntax.Block):
        return _block(analysis, node, definition)
    if definition.kind == "network":
        return f"**network** `{name}`"
    kinds = {
        "param": "param",
        "let": "let",
        "symbol": "symbol",
        "parameter": "parameter of the block",
        "value": "a value of the network",
        "loop": "counts the turns of the loop",
    }
    lines = [f"**{name}** {kinds[definition.kind]}"]
    text = analysis.trees[definition.place.file].text if definition.place.file in analysis.trees else analysis.text
    if isinstance(node, syntax.Let | syntax.Param):
        lines.append(f"`{text[node.start : node.end]}`")
    value = _value(analysis, name, offset)
    if value:
        lines.append(value)
    if definition.kind == "value" and not value:
        result = analysis.result(node, definition.place.file)
        lines += [_gives(result)] if result else []
    line = text.count("\n", 0, definition.place.start) + 1
    where = f" of `{definition.place.file.rpartition('/')[2]}`" if definition.place.file != analysis.file else ""
    return "  \n".join([*lines, f"defined in line {line}{where}"])


def _value(analysis: Analysis, name: str, offset: int) -> str | None:
    """What a name stands for where an offset is, the first time."""
    here = analysis.source.span(offset, offset)[1:3]
    around = [
        (span, scope)
        for span, (scope, _) in analysis.recording.before.items()
        if span.file == analysis.file and span[1:3] <= here <= span[3:]
    ]
    # Of statements inside each other the inner one begins last.
    scope = (
        max(around, key=lambda one: one[0][1:3])[1] if around else analysis.module.scope if analysis.module else None
    )
    if scope is None:
        return None
    try:
        found = scope.find(name)
    except KeyError:
        return None
    if isinstance(found, Named):
        return f"`{found.flow.shape}`" if found.flow.shape is not None else None
    return None if found is None or isinstance(found, Turns | Input) else f"is `{shown(found)}` here"
