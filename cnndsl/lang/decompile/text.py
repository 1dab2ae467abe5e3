"""Stages as lines of the language."""

from collections.abc import Iterator, Mapping, Sequence

from cnndsl import ops
from cnndsl.lang.decompile.generalise import SETTINGS
from cnndsl.lang.decompile.rerolling import BlockDefinition
from cnndsl.lang.decompile.stages import (
    AS_KERNEL,
    Argument,
    For,
    Formula,
    From,
    Hole,
    LayerStage,
    Parallel,
    Repeat,
    Stage,
    Use,
    Value,
    Word,
)
from cnndsl.ops.fields import written

WIDTH = 100


class Writer:
    """Writes stages; ``blocks`` are those that may be used, by name."""

    def __init__(self, blocks: Mapping[str, BlockDefinition]) -> None:
        self.blocks = blocks

    def block(self, block: BlockDefinition) -> list[str]:
        """The definition of a block."""
        parameters = ", ".join(
            p.name if p.default is None else f"{p.name}={number(p.default)}" for p in block.parameters
        )
        head = f"block {block.name}({parameters}) {{" if parameters else f"block {block.name} {{"
        return [head, *_indented(self.lines(block.body)), "}"]

    def lines(self, stages: Sequence[Stage]) -> list[str]:
        """A body, one statement after another."""
        return [line for statement in self.statements(stages) for line in statement]

    def statements(self, stages: Sequence[Stage]) -> list[list[str]]:
        """The lines of every statement; what goes with a layer stands behind it."""
        found: list[list[str]] = []
        started = False  # whether the last statement can go on with an arrow
        begun = False  # whether it is a `from` that must
        for stage in stages:
            text = self.stage(stage)
            if found and (begun or (started and _joins(stage) and len(text) == 1)):
                last = found[-1]
                if len(last[-1]) + len(text[0]) + 4 <= WIDTH:
                    last[-1] += f" -> {text[0]}"
                    last += text[1:]
                else:
                    last += [f"  -> {text[0]}", *_indented(text[1:])]
            else:
                found.append(text)
            begun = isinstance(stage, From)
            started = isinstance(stage, LayerStage | Use | From)
        return found

    def stage(self, stage: Stage) -> list[str]:
        if isinstance(stage, From):
            return [f"from {stage.value.text}"]
        if isinstance(stage, Parallel):
            return _loop(stage.loop, self.branch(stage.loop.body))
        alias = f" as {stage.alias}" if stage.alias else ""
        if isinstance(stage, Repeat | For):
            *lines, last = _loop(stage, self.lines(stage.body))
            return [*lines, last + alias]
        if isinstance(stage, Use):
            return [self.use(stage) + alias]
        call = " ".join([stage.operator, *_arguments(stage)])
        if stage.share:
            call += f" share={stage.share}"
        if stage.branches is None:
            return [call + alias]
        branches = [self.branch(branch) for branch in stage.branches]
        short = f"{call} {{ {'; '.join(lines[0] for lines in branches)} }}{alias}"
        if all(len(lines) == 1 for lines in branches) and len(short) <= WIDTH * 2 // 3:
            return [short]
        return [f"{call} {{", *(f"  {line}" for lines in branches for line in lines), f"}}{alias}"]

    def branch(self, stages: Sequence[Stage]) -> list[str]:
        """One branch: a pipeline over several lines, or statements in braces."""
        if not stages:
            return ["identity"]
        statements = self.statements(stages)
        lines = [line for statement in statements for line in statement]
        if isinstance(stages[0], Parallel):
            return lines
        if len(stages) == 1 and isinstance(stages[0], Repeat | For):  # its turns would be branches
            return [f"{{ {lines[0]} }}"] if len(lines) == 1 else ["{", *_indented(lines), "}"]
        if len(statements) == 1:
            return lines
        if all(isinstance(stage, LayerStage | Use | From) and len(self.stage(stage)) == 1 for stage in stages):
            joined = " -> ".join(self.stage(stage)[0] for stage in stages)
            if len(joined) <= WIDTH - 4:
                return [joined]
            first, *rest = lines
            return [first, *(f"  {line if line.lstrip().startswith('->') else f'-> {line}'}" for line in rest)]
        return ["{", *_indented(lines), "}"]

    def use(self, stage: Use) -> str:
        block = self.blocks.get(stage.block)
        if block is None:  # not defined yet: its lines are only counted
            return " ".join([stage.block, *(number(value, positional=True) for value in stage.arguments)])
        parts = [stage.block]
        for parameter, value in zip(block.parameters, stage.arguments, strict=True):
            if parameter.default is None and parameter.name not in SETTINGS:
                parts.append(number(value, positional=True))
            elif value != parameter.default:
                parts.append(f"{parameter.name}={number(value)}")
        return " ".join(parts)


def _loop(stage: Repeat | For, body: Sequence[str]) -> list[str]:
    """A loop around the lines of its body."""
    if isinstance(stage, Repeat):
        return _braced(f"repeat {number(stage.times, positional=True)}", body)
    head = _table(stage)
    return _braced(head[0], body) if len(head) == 1 else [*head[:-1], f"{head[-1]} {{", *_indented(body), "}"]


def _table(stage: For) -> list[str]:
    """The head of a loop over rows; a table of one column is a list."""
    single = len(stage.variables) == 1
    target = stage.variables[0] if single else f"[{', '.join(stage.variables)}]"
    if single and [row[0] for row in stage.rows] == list(range(len(stage.rows))):
        return [f"for {target} in range({len(stage.rows)})"]
    rows = [number(row[0]) if single else f"[{', '.join(map(number, row))}]" for row in stage.rows]
    head = f"for {target} in ["
    lines, indent = [head], " " * len(head)
    for index, row in enumerate(rows):
        piece = row + ("," if index + 1 < len(rows) else "]")
        gap = "" if index == 0 or lines[-1] == indent else " "
        if len(lines[-1]) + len(piece) + 3 > WIDTH and index:
            lines.append(indent)
            gap = ""
        lines[-1] += gap + piece
    return lines


def _joins(stage: Stage) -> bool:
    """Whether a stage stands on the line of the one before."""
    if not isinstance(stage, LayerStage):
        return False
    op = ops.operator(stage.operator)
    return op.follows or op.transparent or stage.operator == "channel_shuffle"


def _arguments(stage: LayerStage) -> Iterator[str]:
    given = {argument.name: argument for argument in stage.arguments}
    for argument in stage.arguments:
        if argument.positional:
            yield number(argument.value, positional=True)
        elif not _omitted(argument, given):
            yield f"{argument.name}={number(argument.value)}"


def _omitted(argument: Argument, given: Mapping[str, Argument]) -> bool:
    """Whether the argument says what holds anyway. A pool's stride is its kernel."""
    if argument.default == AS_KERNEL:
        return bool(argument.value == given[AS_KERNEL].value)
    return not isinstance(argument.value, Formula | Word) and bool(argument.value == argument.default)


def number(value: Hole | Word, positional: bool = False) -> str:
    """A value as it is written."""
    if isinstance(value, Word):
        return value.text
    if isinstance(value, Formula):
        return f"({value.text})" if positional and not value.text.isidentifier() else value.text
    if isinstance(value, Value):
        return value.text
    return written(value, positional)


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _braced(head: str, lines: Sequence[str]) -> list[str]:
    if len(lines) == 1 and len(lines[0]) + len(head) <= WIDTH:
        return [f"{head} {{ {lines[0]} }}"]
    return [f"{head} {{", *_indented(lines), "}"]
