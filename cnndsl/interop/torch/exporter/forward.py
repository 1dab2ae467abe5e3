"""``forward`` of a class: every step as an expression of the values before it, named where they are needed again."""

import re
from collections import Counter
from collections.abc import Sequence
from keyword import iskeyword

from cnndsl.interop.codegen.classes import Class, canonical, chain
from cnndsl.interop.codegen.hierarchy import SHARED, Module
from cnndsl.interop.codegen.layout import WIDTH, joined, split
from cnndsl.interop.codegen.runs import VARIABLE, Run
from cnndsl.interop.codegen.step import Step
from cnndsl.interop.torch.exporter.names import attribute

INDENT = " " * 8
_LONGEST_INSIDE = 52
_LONGEST = WIDTH - len(INDENT) - len("code: Tensor = ")
_TAKEN = ("torch", "nn", "F", "self", "Tensor")
_SHORT = ("x", "y", "z", "a", "b", "c", "d", "e")


class _Value:
    """A value: the text that gives it, whether that is a name, and whether it is a sum or product."""

    def __init__(self, text: str, is_name: bool, is_operator: bool = False, is_any: bool = False) -> None:
        self.text = text
        self.is_name = is_name
        self.is_operator = is_operator
        self.is_any = is_any


class _Forward:
    def __init__(self, one: Class, steps: Sequence[Step | Run]) -> None:
        self.one = one
        self.module = one.module
        self.same = canonical(one.module)
        self.gives = [self.same.get(name, name) for name in one.module.gives]
        self.steps = steps
        self.left = Counter(name for step in one.steps for name in step.reads)
        self.left.update(self.gives)
        self.values: dict[str, _Value] = {}
        self.lines: list[str] = []
        self.parameters: list[str] = []

    def run(self) -> list[str]:
        for index, name in enumerate(self.module.reads):
            self.values[name] = _Value(self._parameter(name, index), True)
        steps = self.steps
        if self.one.is_counted:
            steps = steps[self._in_a_row() :]
        for step in steps:
            if isinstance(step, Run):
                self._run(step)
            else:
                self._step(step)
        self._return()
        kinds = [
            f"{self.values_at_start[index]}: {'nn.Module' if name.startswith(SHARED) else 'Tensor'}"
            for index, name in enumerate(self.module.reads)
        ]
        result = "Tensor" if len(self.gives) == 1 else f"tuple[{', '.join(['Tensor'] * len(self.gives))}]"
        return [*joined("    def forward(", ["self", *kinds], f") -> {result}:"), *self.lines]

    @property
    def values_at_start(self) -> list[str]:
        return self.parameters

    def _parameter(self, name: str, index: int) -> str:
        plain = name.removeprefix(SHARED).rpartition(".")[2]
        values = [read for read in self.module.reads if not read.startswith(SHARED)]
        if len(values) == 1 and name == values[0]:
            plain = "x"
        text = self._fresh(plain)
        self.parameters.append(text)
        return text

    def _fresh(self, wanted: str) -> str:
        used = {value.text for value in self.values.values() if value.is_name} | set(self.parameters)
        wanted = f"{wanted}_" if iskeyword(wanted) or wanted in _TAKEN else wanted
        number, candidate = 1, wanted
        while candidate in used:
            number += 1
            candidate = f"{wanted}{number}"
        return candidate

    # --- steps ---
    def _in_a_row(self) -> int:
        """The modules that stand in a row, whatever they are called; returns how many there are."""
        count = chain(self.module, self.one.steps)
        row = self.one.steps[:count]
        for step in row:
            self.left[step.reads[0]] -= 1
        name = row[-1].gives[0]
        source = self.values[row[0].reads[0]].text
        target = source if not self.left[row[0].reads[0]] else self._target(name, None)
        self.lines += [] if target == source else [f"{INDENT}{target} = {source}"]
        self.lines += [f"{INDENT}for layer in self:", f"{INDENT}    {target} = layer({target})"]
        self.values[name] = _Value(target, True)
        return count

    def _step(self, step: Step) -> None:
        if step.switch:
            for name in step.reads:
                if not self._of(name).is_name:
                    self._name(name)
        text = self._text(step)
        if len(text) > _LONGEST:
            for name in sorted(step.reads, key=lambda name: -len(self._of(name).text)):
                if not self._of(name).is_name:
                    self._name(name)
                    text = self._text(step)
                    if len(text) <= _LONGEST:
                        break
        for name in step.reads:
            self.left[name] -= 1
        is_any = step.expression is None or not step.expression.template.startswith("torch.")
        operator = step.expression is not None and step.expression.kind == "operator"
        if len(step.gives) > 1:
            names = []
            for name in step.gives:
                target = self._target(name, step)
                self.values[name] = _Value(target, True)
                names.append(target)
            self.lines.append(f"{INDENT}{', '.join(names)} = {text}")
            return
        if not step.gives:
            return
        (name,) = step.gives
        self.values[name] = _Value(text, False, operator, is_any and not step.switch)
        if step.switch and name in self.gives and self.one.is_counted:
            return
        if step.switch or self.left[name] != 1 or len(text) > _LONGEST_INSIDE or text.count("(") > 4:
            self._name(name, step)

    def _run(self, run: Run) -> None:
        """A loop that goes on with one name."""
        value = self._of(run.reads)
        self.left[run.reads] -= 1
        target = value.text
        if not value.is_name or self.left[run.reads]:
            target = self._target(run.gives, None)
            self.lines += _assignment(target, value.text)
        self.lines.append(f"{INDENT}for {VARIABLE} in range({run.first}, {run.first + run.turns}):")
        self.lines += [f"{INDENT}    {target} = self.get_submodule({name})({target})" for name in run.numbered()]
        self.values[run.gives] = _Value(target, True)

    def _text(self, step: Step) -> str:
        arguments = [self._of(name) for name in step.reads]
        part = step.part
        if step.expression is not None:
            texts = [self._inside(value, step.expression.template, step.expression.kind) for value in arguments]
            text = step.expression.template.format(*texts)
            return f"{text} if self.{step.switch} else {arguments[0].text}" if step.switch else text
        if isinstance(part, Module):
            called = attribute(step.twin or step.names[0])
            return f"{called}({', '.join(value.text for value in arguments)})"
        if part.node.share is not None:
            return self._shared(step, arguments)
        text = arguments[0].text
        for name in step.names:
            text = f"{attribute(name)}({text})"
        return text

    def _shared(self, step: Step, arguments: list[_Value]) -> str:
        """The module with the weights is another layer's; what pads in front of it or crops behind it is its own."""
        value, shared = arguments
        padding = [name for name in step.names if name.endswith("_pad")]
        cropping = [name for name in step.names if name.endswith("_crop")]
        text = value.text
        for called in (*map(attribute, padding), shared.text, *map(attribute, cropping)):
            text = f"{called}({text})"
        return text

    @staticmethod
    def _inside(value: _Value, template: str, kind: str) -> str:
        needs = value.is_operator and (kind == "operator" or template.startswith("{0}"))
        return f"({value.text})" if needs else value.text

    def _of(self, name: str) -> _Value:
        found = self.values.get(name)
        if found is None and name.startswith(SHARED):
            path = name.removeprefix(SHARED).split(".")[len(self.module.path) :]
            return _Value(".".join([attribute(path[0]), *path[1:]]), True)
        assert found is not None, name
        return found

    def _name(self, name: str, step: Step | None = None) -> None:
        """Gives a value a name, in a line of its own."""
        value = self.values[name]
        target = self._target(name, step)
        self.lines += _assignment(target, value.text)
        self.values[name] = _Value(target, True)

    def _target(self, name: str, step: Step | None) -> str:
        """A name that is free: of a value that is dead, or a new one."""
        waiting = [
            value.text for key, value in self.values.items() if not value.is_name and key != name and self.left[key]
        ]
        alive = {value.text for key, value in self.values.items() if value.is_name and self.left[key] > 0}
        alive |= {word for text in waiting for word in re.findall(r"\w+", text)}
        part = step.part if step else None
        own = part.name if part is not None else ""
        if self.left[name] > 1 and re.fullmatch(r"[a-z_]\w*", own) and own not in alive and own not in _SHORT:
            return self._fresh(own) if own in (*self.parameters, *_TAKEN) or iskeyword(own) else own
        return next((short for short in _SHORT if short not in alive), None) or self._fresh("x")

    def _return(self) -> None:
        texts = []
        for name in self.gives:
            value = self._of(name)
            if value.is_any and not value.is_name:
                self._name(name)
            texts.append(self._of(name).text)
        if len(texts) == 1:
            self._declare(texts[0])
        self.lines.append(f"{INDENT}return {', '.join(texts)}")

    def _declare(self, name: str) -> None:
        """Says the type of a name that is returned where it first stands: what modules give has none."""
        first = f"{INDENT}{name} = "
        for number, line in enumerate(self.lines):
            if line.startswith(first) and name not in self.parameters:
                self.lines[number] = line.replace(first, f"{INDENT}{name}: Tensor = ", 1)
                return


def _assignment(target: str, text: str) -> list[str]:
    line = f"{INDENT}{target} = {text}"
    if len(line) <= WIDTH:
        return [line]
    head, parts, tail = _call_parts(text)
    return joined(f"{INDENT}{target} = {head}", parts, tail)


def _call_parts(text: str) -> tuple[str, list[str], str]:
    """The outermost call of an expression in its arguments."""
    start, end = text.index("(") + 1, text.rindex(")")
    return text[:start], split(text[start:end]), text[end:]


def forward_lines(one: Class, steps: Sequence[Step | Run]) -> list[str]:
    """The method, of a class that is no ``nn.Sequential``."""
    return _Forward(one, steps).run()
