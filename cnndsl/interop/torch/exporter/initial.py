"""``__init__`` of a class: what makes its modules, in loops where they repeat."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from cnndsl.interop.codegen.calls import Call, Code, Literal, written
from cnndsl.interop.codegen.classes import Class
from cnndsl.interop.codegen.hierarchy import Module
from cnndsl.interop.codegen.layout import joined
from cnndsl.interop.codegen.runs import Run, with_runs
from cnndsl.interop.codegen.stages import Stages, with_stages
from cnndsl.interop.codegen.step import Step
from cnndsl.interop.torch.exporter.names import attribute
from cnndsl.ir import Graph

INDENT = " " * 8
MORE = " " * 4


def used_once(found: Sequence[Class]) -> dict[str, Class]:
    """What needs no class of its own: layers in a row, in one place only, are a plain ``nn.Sequential`` there."""
    uses: Counter[str] = Counter()
    for one in found:
        for step in with_runs(one):
            for call in step.calls() if isinstance(step, Run) else step.calls:
                uses[call.function] += 2 if isinstance(step, Run) or step.condition or step.is_counted else 1
    plain = [one for one in found[:-1] if one.is_sequential and not one.is_counted and not one.locals]
    once = {one.name: one for one in plain if uses[one.name] == 1}
    return {
        name: one
        for name, one in once.items()
        if not any(call.function in once for step in one.steps for call in step.calls)
    }


def body_lines(one: Class, graph: Graph, inside: Mapping[str, Class]) -> list[str]:
    """The lines behind ``super().__init__()``; ``inside`` are the classes that are written in place."""
    lines = [f"{INDENT}{name} = {text}" for name, text in one.locals]
    lines += [f"{INDENT}self.{step.switch} = {step.condition}" for step in one.steps if step.switch]
    return lines + _Body(one, graph, inside, "self", {}).lines()


class _Body:
    def __init__(
        self, one: Class, graph: Graph, inside: Mapping[str, Class], owner: str, names: dict[str, str]
    ) -> None:
        self.one = one
        self.graph = graph
        self.inside = inside
        self.owner = owner
        self.names = names
        """Of modules that have one before they are added: what made each."""
        self.has_else = not (one.is_sequential or one.is_counted)

    def lines(self) -> list[str]:
        found: list[str] = []
        for condition, group in groupby(with_stages(self.one), _condition):
            if condition is None:
                for part in group:
                    found += self._part(part)
                continue
            several = [part for part in group if isinstance(part, Step)]
            found.append(f"{INDENT}if {condition}:")
            for step in several:
                found += self._step(step, INDENT + MORE, ": nn.Module" if self.has_else else "")
            if self.has_else:
                names = [attribute(name, store=True, owner=self.owner) for step in several for name in step.names]
                found += [f"{INDENT}else:", *(f"{INDENT}{MORE}{name} = nn.Identity()" for name in names)]
        return found

    def _part(self, part: Step | Run | Stages) -> list[str]:
        if isinstance(part, Run):
            return self._run(part)
        if isinstance(part, Stages):
            return part.lines(INDENT, self._added, self._added)
        (call,) = part.calls if len(part.calls) == 1 else (None,)
        if call is not None and call.function in self.inside:
            (name,) = part.names
            owner = attribute(name, owner=self.owner)
            inner = _placed(self.inside[call.function], call, self.one)
            own = _Body(inner, self.graph, self.inside, owner, self.names)
            return [f"{INDENT}{attribute(name, store=True, owner=self.owner)} = nn.Sequential()", *own.lines()]
        return self._step(part, INDENT)

    def _step(self, step: Step, indent: str, typed: str = "") -> list[str]:
        lines = []
        for name, call in zip(step.names, step.calls, strict=True):
            if step.is_counted:
                lines += self._added(f'f"{name}"', call, indent)
            else:
                target = attribute(name, store=True, owner=self.owner)
                lines += joined(f"{indent}{target}{typed} = {call.function}(", call.parts(), ")")
        return lines + _literals(step, self.graph, self.owner)

    def _added(self, name: str, call: Call, indent: str) -> list[str]:
        """A module whose name is worked out; in two lines where one is too short."""
        lines = joined(f"{indent}{self.owner}.add_module(", [name, call.text()], ")")
        plain = next(
            (word for word in ("layer", "module") if self.names.get(word, call.function) == call.function), None
        )
        if len(lines) == 1 or plain is None:
            return lines
        self.names[plain] = call.function
        made = joined(f"{indent}{plain} = {call.function}(", call.parts(), ")")
        return [*made, *joined(f"{indent}{self.owner}.add_module(", [name, plain], ")")]

    def _run(self, run: Run) -> list[str]:
        lines = run.list_lines(INDENT) + run.head(INDENT)
        lines += [f"{INDENT}{MORE}{name} = {text}" for name, text in run.choices]
        for name, call in zip(run.numbered(), run.calls(), strict=True):
            lines += self._added(name, call, INDENT + MORE)
        return lines


def _condition(part: Step | Run | Stages) -> str | None:
    return part.condition if isinstance(part, Step) and part.calls else None


def _placed(one: Class, call: Call, around: Class) -> Class:
    """A class with the values of its arguments in their place, to be written inside of another one."""
    values = {name: value for (name, _), value in zip(one.arguments, call.arguments, strict=True)}
    steps = tuple(step._replace(calls=tuple(_with(inner, values) for inner in step.calls)) for step in one.steps)
    return one._replace(arguments=around.arguments, locals=around.locals, steps=steps)


def _with(call: Call, values: Mapping[str, Literal]) -> Call:
    def placed(value: Literal) -> Literal:
        if isinstance(value, Code):
            return Code(re.sub(r"[a-zA-Z_]\w*", lambda match: _inner(match[0], values), value.text))
        return tuple(map(placed, value)) if isinstance(value, tuple) else value

    keywords = tuple(keyword._replace(value=placed(keyword.value)) for keyword in call.keywords)
    return call._replace(arguments=tuple(map(placed, call.arguments)), keywords=keywords)


def _inner(name: str, values: Mapping[str, Literal]) -> str:
    text = written(values[name]) if name in values else name
    return f"({text})" if " " in text else text


def _literals(step: Step, graph: Graph, owner: str) -> list[str]:
    """The lines that set weights whose values stand in the text."""
    if isinstance(step.part, Module) or step.part.node.share:
        return []
    node, lines = step.part.node, []
    for name, weight in node.op.weights(graph.input_shapes(node)).items():
        if weight.literal is not None:
            numbers = [written(float(number)) for number in weight.literal.elements]
            shape = ", ".join(map(str, weight.literal.shape))
            lines += joined(f"{INDENT}values = [", numbers, "]")
            lines.append(f"{INDENT}tensor = torch.tensor(values).reshape({shape})")
            lines.append(f"{INDENT}{attribute(step.part.name, owner=owner)}.{name} = nn.Parameter(tensor)")
    return lines
