"""The body of a function: a line for each layer, a loop for those that repeat."""

from collections import Counter
from collections.abc import Mapping, Sequence

from cnndsl.interop.codegen.calls import Call, written
from cnndsl.interop.codegen.classes import Class, canonical
from cnndsl.interop.codegen.hierarchy import SHARED, Leaf, Module
from cnndsl.interop.codegen.layout import WIDTH, joined, split
from cnndsl.interop.codegen.runs import VARIABLE, Run
from cnndsl.interop.codegen.site import Modules
from cnndsl.interop.codegen.stages import INNER, Stages, with_stages
from cnndsl.interop.codegen.step import Step
from cnndsl.interop.keras.exporter.names import SEPARATOR, free, keras_name, snake_case
from cnndsl.ir import Graph

INDENT = " " * 4
_SHORT = ("x", "y", "z", "a", "b", "c", "d", "e")


class Functions:
    """What the functions of a file know of each other."""

    def __init__(self, graph: Graph, names: Mapping[str, str], given: Mapping[str, list[str]]) -> None:
        self.graph = graph
        self.names = names
        """Of the function of each class."""
        self.given = given
        """The layers that it gives beside its value."""
        self.said: set[str] = set()
        """Comments that the file has already."""

    def lines(self, one: Class) -> list[str]:
        return _Function(self, one).run()


class _Function:
    def __init__(self, file: Functions, one: Class) -> None:
        self.file = file
        self.one = one
        self.module = one.module
        self.is_network = not one.module.path
        self.same = canonical(one.module)
        self.gives = [self.same.get(name, name) for name in one.module.gives]
        self.left = Counter(name for step in one.steps for name in step.reads)
        self.left.update(self.gives)
        self.twins = {step.twin for step in one.steps if step.twin}
        self.prefix = self.module.path[-1] + "." if self.module.path else ""
        self.own_given = file.given.get(one.name, [])
        self.variables: dict[str, str] = {}
        """Of values, and of layers that are used again: their names behind ``SHARED``."""
        self.fixed: set[str] = {name for name, _ in (*one.arguments, *one.locals)}
        """Names that stay what they are."""
        self.body: list[str] = []
        self.indent = INDENT
        self.target: str | None = None
        """The variable that the step at hand must give."""
        self.condition: tuple[str, int] | None = None
        """Of the last ``if``, and the lines up to its end: what follows at once under the same one joins it."""

    def run(self) -> list[str]:
        one = self.one
        self.fixed |= {*self.file.names.values(), "name", VARIABLE, "layers", "keras", "ops", "np", "math"}
        parts = [*one.steps] if self.twins else [*with_stages(one)]
        for part in parts:
            if isinstance(part, Stages):
                self.fixed |= {INNER, "begin", "end", *([part.running.name] if part.running else [])}
            if not isinstance(part, Step):
                run = part.run if isinstance(part, Stages) else part
                self.fixed |= {name for name, _ in (*run.rows, *run.lists, *run.choices)}
        head = self._network_head() if self.is_network else self._head()
        channels = f"{self._of(self.module.reads[0])}.shape[-1]"
        self.body += [f"{INDENT}{name} = {text or channels}" for name, text in self.one.locals]
        for part in parts:
            if isinstance(part, Step):
                self._step(part)
            else:
                self._loop(part)
        return [*head, *self.body, self._return()]

    # --- the first lines ---
    def _head(self) -> list[str]:
        values = [name for name in self.module.reads if not name.startswith(SHARED)]
        parameters = []
        for name in self.module.reads:
            plain = name.removeprefix(SHARED).rpartition(".")[2]
            variable = self._fresh("x" if len(values) == 1 and name == values[0] else plain)
            self.variables[name] = variable
            if name.startswith(SHARED):
                self.fixed.add(variable)
            parameters.append(f"{variable}: {'layers.Layer' if name.startswith(SHARED) else 'KerasTensor'}")
        parameters += [f"{label}: {kind}" for label, kind in self.one.arguments]
        kinds = ["KerasTensor"] * len(self.gives) + ["layers.Layer"] * len(self.own_given)
        result = kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"
        return joined(f"def {self.file.names[self.one.name]}(", [*parameters, "name: str"], f") -> {result}:")

    def _network_head(self) -> list[str]:
        parameters = [f"{label}: {kind}" for label, kind in self.one.arguments]
        for value in self.file.graph.inputs:
            variable = "inputs" if len(self.module.reads) == 1 else self._fresh(value.name)
            self.variables[value.name] = variable
            self.fixed.add(variable)
            shape = written((*value.shape.spatial, value.shape.channels))
            options = [shape, *(['dtype="int64"'] if value.dtype == "int64" else []), f"name={written(value.name)}"]
            self.body += joined(f"{INDENT}{variable} = keras.Input(", options, ")")
        self.inputs = [self.variables[value.name] for value in self.file.graph.inputs]
        return joined(f"def {self.file.names[self.one.name]}(", parameters, ") -> keras.Model:")

    def _return(self) -> str:
        values = [self.variables[name] for name in self.gives]
        if not self.is_network:
            layers = [self.variables[f"{SHARED}{self.prefix}{name}"] for name in self.own_given]
            return f"{INDENT}return {', '.join([*values, *layers])}"
        inputs = self.inputs[0] if len(self.inputs) == 1 else f"[{', '.join(self.inputs)}]"
        outputs = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        name = written(self.one.name)
        return "\n".join(joined(f"{INDENT}return keras.Model(", [inputs, outputs, f"name={name}"], ")"))

    # --- steps ---
    def _step(self, step: Step) -> None:
        if step.condition is None:
            self._plain_step(step)
            return
        target = self._carried(step)
        if self.condition != (step.condition, len(self.body)):
            self.body.append(f"{INDENT}if {step.condition}:")
        self.indent = INDENT * 2
        self._plain_step(step, target)
        self.indent = INDENT
        self.condition = step.condition, len(self.body)

    def _carried(self, step: Step) -> str:
        """The variable that a step may change or leave: it has the step's first value before."""
        source, name = self._of(step.reads[0]), step.reads[0]
        if source not in self.fixed and self.left[name] == step.reads.count(name):
            return source
        target = self._short(step.gives[0])
        self.body += assignment(target, source, INDENT)
        return target

    def _plain_step(self, step: Step, target: str | None = None) -> None:
        self.target = target
        values = [name for name in step.reads if not name.startswith(SHARED)]
        variables = [self._of(name) for name in values]
        part = step.part
        self._comment(step)
        if step.expression is not None:
            targets = self._targets(step, values)
            self.body += assignment(targets, step.expression.template.format(*variables), self.indent)
        elif isinstance(part, Module):
            self._block(step, values)
        elif part.node.share is not None:
            owner = next(name for name in step.reads if name.startswith(SHARED))
            self._chain(step, values, shared=self._of(owner))
        else:
            self._chain(step, values)

    def _chain(self, step: Step, values: Sequence[str], shared: str = "") -> None:
        """The layers of one of ours, one behind the other; one that is shared is already made."""
        assert isinstance(step.part, Leaf) and isinstance(step.part.translation, Modules)
        text = self._arguments(values)
        targets = self._targets(step, values)
        made = [self._made(call, self._name(call, name)) for name, call in zip(step.names, step.calls, strict=True)]
        owner = step.part.translation.owner
        if shared:
            made.insert(owner, shared)
        elif self._is_used_again(step.part):
            variable = self._fresh(step.part.name)
            self.fixed.add(variable)
            self.variables[SHARED + step.part.node.name] = variable
            self.body += assignment(variable, made[owner], self.indent)
            made[owner] = variable
        for called in made:
            self.body += assignment(targets, f"{called}({text})", self.indent)
            text = targets

    def _block(self, step: Step, values: Sequence[str]) -> None:
        if step.twin is not None:
            called = self.variables[SHARED + self.prefix + step.twin]
            text = self._arguments(values)
            self.body += assignment(self._targets(step, values), f"{called}({text})", self.indent)
            return
        (call,), (name,) = step.calls, step.names
        function = call._replace(function=self.file.names[call.function])
        quoted = self._quoted(name)
        if step.part.name in self.twins:
            self._model(step, values, function, quoted)
            return
        reads = [self._of(read) for read in step.reads]
        text = f"{function.function}({', '.join([*reads, *function.parts(), f'name={quoted}'])})"
        given = self.file.given.get(call.function, [])
        layers = []
        for inside in given:
            key = f"{SHARED}{self.prefix}{step.part.name}.{inside}"
            wanted = self._reads_layer(key)
            self.variables[key] = self._fresh(inside.replace(".", "_")) if wanted else "_"
            self.fixed.add(self.variables[key])
            layers.append(self.variables[key])
        self.body += assignment(", ".join([self._targets(step, values), *layers]), text, self.indent)

    def _model(self, step: Step, values: Sequence[str], function: Call, quoted: str) -> None:
        """A block that is used again is a model of its own."""
        model = self._fresh(step.part.name)
        self.fixed.add(model)
        self.variables[SHARED + self.prefix + step.part.name] = model
        fresh = []
        for name in values:
            variable = self._fresh(f"{model}_input" if len(values) == 1 else f"{model}_{self._of(name)}")
            fresh.append(variable)
            is_whole = self._dtype(name) == "int64"
            options = [f"{self._of(name)}.shape[1:]", *(['dtype="int64"'] if is_whole else [])]
            self.body += joined(f"{self.indent}{variable} = keras.Input(", options, ")")
        given = iter(fresh)
        reads = [self._of(name) if name.startswith(SHARED) else next(given) for name in step.reads]
        text = f"{function.function}({', '.join([*reads, *function.parts(), f'name={quoted}'])})"
        result = self._fresh(f"{model}_output")
        others = ["_"] * len(self.file.given.get(step.calls[0].function, []))
        self.body += assignment(", ".join([result, *others]), text, self.indent)
        inputs = fresh[0] if len(fresh) == 1 else f"[{', '.join(fresh)}]"
        self.body += joined(f"{self.indent}{model} = keras.Model(", [inputs, result, f"name={quoted}"], ")")
        arguments = self._arguments(values)
        self.body += assignment(self._targets(step, values), f"{model}({arguments})", self.indent)

    def _loop(self, part: Run | Stages) -> None:
        """A loop, or a loop of loops, that goes on with one variable."""
        run = part.run if isinstance(part, Stages) else part
        source = self._of(run.reads)
        self.left[run.reads] -= 1
        target = source
        if source in self.fixed or self.left[run.reads]:
            target = self._short(part.gives)
            self.body += assignment(target, source, INDENT)
        for step in (*run.steps, *(part.ends if isinstance(part, Stages) else ())):
            self._comment(step)
        self.variables[part.gives] = target
        prefix = "" if self.is_network else "{name}" + SEPARATOR

        def turn(name: str, call: Call, indent: str) -> list[str]:
            called = self._made(call, f'f"{prefix}{self._name(call, name[2:-1])}"', target)
            text = called if call.function in self.file.names else f"{called}({target})"
            return assignment(target, text, indent)

        if isinstance(part, Stages):
            self.body += part.lines(INDENT, turn, turn)
            return
        self.body += run.list_lines(INDENT) + run.head(INDENT)
        self.body += [f"{INDENT * 2}{name} = {text}" for name, text in run.choices]
        for name, call in zip(run.numbered(), run.calls(), strict=True):
            self.body += turn(name, call, INDENT * 2)

    def _comment(self, step: Step) -> None:
        made = step.part.translation if isinstance(step.part, Leaf) else None
        text = made.comment if isinstance(made, Modules) and step.calls else ""
        if text and text not in self.file.said:
            self.file.said.add(text)
            self.body.append(f"{self.indent}# {text}")

    # --- text ---
    def _made(self, call: Call, name: str, first: str = "") -> str:
        """The call that makes a layer; or a block's function, whose first argument is its value."""
        function = self.file.names.get(call.function, call.function)
        before = [first] if call.function in self.file.names else []
        given = name if name.startswith('f"') else self._quoted(name)
        return f"{function}({', '.join([*before, *call.parts(), f'name={given}'])})"

    @staticmethod
    def _name(call: Call, name: str) -> str:
        """What moves axes in front of a layer or behind it pads and crops nothing."""
        if call.function == "layers.Permute":
            return name.replace("_pad", "_first").replace("_crop", "_last")
        return name

    def _quoted(self, name: str) -> str:
        if self.is_network:
            return f'{"f" if "{" in name else ""}"{keras_name(name)}"'
        return f'f"{{name}}{SEPARATOR}{keras_name(name)}"'

    def _arguments(self, values: Sequence[str]) -> str:
        variables = [self._of(name) for name in values]
        return variables[0] if len(variables) == 1 else f"[{', '.join(variables)}]"

    def _of(self, name: str) -> str:
        return self.variables[name]

    def _dtype(self, name: str) -> str:
        graph = self.file.graph
        kinds = {value.name: value.dtype for value in graph.inputs} | {node.name: node.dtype for node in graph.layers}
        return kinds[name]

    def _is_used_again(self, leaf: Leaf) -> bool:
        inside = leaf.node.name.removeprefix(self.prefix)
        return self._reads_layer(SHARED + leaf.node.name) or inside in self.own_given

    def _reads_layer(self, key: str) -> bool:
        inside = key.removeprefix(SHARED + self.prefix)
        return inside in self.own_given or any(key in step.reads for step in self.one.steps)

    # --- variables ---
    def _targets(self, step: Step, values: Sequence[str]) -> str:
        """The variables of what a step gives, once what it reads has been read."""
        for name in step.reads:
            self.left[name] -= 1
        targets = []
        for name in step.gives:
            self.variables[name] = self._target(name, step)
            targets.append(self.variables[name])
        return ", ".join(targets)

    def _target(self, name: str, step: Step) -> str:
        if self.target is not None:
            return self.target
        own, alive = step.part.name, self._alive()
        is_automatic = isinstance(step.part, Leaf) and own.rstrip("0123456789") == step.part.node.op.operator
        if isinstance(step.part, Module):
            is_automatic = own.rstrip("0123456789").replace("_", "") == step.part.block.lower().replace("_", "")
        if self.left[name] > 1 and not is_automatic and own.islower() and own not in alive | self.fixed:
            return free(own, ())
        return self._short(name)

    def _short(self, name: str) -> str:
        alive = self._alive() | self.fixed
        return next((short for short in _SHORT if short not in alive), None) or self._fresh(
            snake_case(name.rpartition(".")[2])
        )

    def _alive(self) -> set[str]:
        return {variable for name, variable in self.variables.items() if self.left[name] > 0}

    def _fresh(self, wanted: str) -> str:
        return free(wanted, {*self.variables.values(), *self.fixed})


def assignment(target: str, text: str, indent: str) -> list[str]:
    """``target = text``; a call that is too long is broken where ruff would."""
    line = f"{indent}{target} = {text}"
    if len(line) <= WIDTH or not text.endswith(")"):
        return [line]
    last = _matching(text, len(text) - 1)
    inside, begin = text[last + 1 : -1], text.index("(") + 1
    head = f"{indent}{target} = {text[: last + 1]}"
    if last < begin or len(head) <= WIDTH:
        return joined(head, split(inside), ")")
    return joined(f"{indent}{target} = {text[:begin]}", split(text[begin : last - 1]), f")({inside})")


def _matching(text: str, end: int) -> int:
    """Where the bracket opens that closes at ``end``."""
    depth = 0
    for place in range(end, -1, -1):
        depth += (text[place] in ")]}") - (text[place] in "([{")
        if depth == 0:
            return place
    raise ValueError(text)
