"""Modules that are built alike become one class; the numbers in which they differ become its arguments."""

import re
from collections.abc import Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import NamedTuple

from cnndsl.interop.codegen.calls import Call, Code, Keyword, Literal
from cnndsl.interop.codegen.hierarchy import Leaf, Module
from cnndsl.interop.codegen.site import Expression, Modules

Numbers = tuple[int | float, ...]
"""One number for each of the modules of a class."""

_TAKES_OVERWRITING = ("nn.Conv", "nn.BatchNorm", "nn.Linear", "nn.GroupNorm")
"""What can do its backward pass without the values that it gave."""


class Step(NamedTuple):
    """A part of a module with the values that it reads and gives, identities left out.

    ``calls`` make its modules; ``names`` are theirs. A part without calls is ``expression``, or another module again,
    ``twin``.
    """

    part: Leaf | Module
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    names: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    expression: Expression | None = None
    twin: str | None = None


class Class(NamedTuple):
    """A class of the file. ``steps`` are those of the first of its modules, with arguments for numbers that differ."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    """Names and types."""
    locals: tuple[tuple[str, str], ...]
    """Names inside of ``__init__`` for what is worked out from the arguments more than twice."""
    steps: tuple[Step, ...]
    module: Module
    """The first."""

    @property
    def is_sequential(self) -> bool:
        """Whether every part reads what the one before it gave."""
        module = self.module
        if len(module.reads) != 1 or len(module.gives) != 1 or not self.steps:
            return False
        value = module.reads[0]
        for step in self.steps:
            if not step.calls or step.reads != (value,) or len(step.gives) != 1:
                return False
            value = step.gives[0]
        return value == canonical(module).get(module.gives[0], module.gives[0])


def canonical(module: Module) -> dict[str, str]:
    """The value that stands for each one that an identity, or a module of nothing else, hands on as it came."""
    same: dict[str, str] = {}
    for part in module.parts:
        if isinstance(part, Leaf) and _is_identity(part):
            same[part.node.name] = same.get(part.reads[0], part.reads[0])
        elif isinstance(part, Module) and _is_identity(part):
            inside = canonical(part)
            same.update((name, same.get(inside[name], inside[name])) for name in part.gives)
    return same


def classes(roots: Sequence[Module], taken: Sequence[str], params: Mapping[str, Numbers]) -> list[Class] | None:
    """The classes of a network, each behind those that it uses; the last is the network's.

    ``params`` are arguments of the network's class with their values; every root is the network with one row of them,
    the first one with the defaults. None where the networks differ in more than numbers that follow from ``params``.
    """
    heights: dict[int, list[Module]] = {}
    for root in roots:
        for module in root.walk():
            heights.setdefault(_height(module), []).append(module)
    own = {id(module): place for place, module in enumerate(roots[0].walk())}
    names = _Names(taken)
    calls: dict[int, Call] = {}
    made: list[Class] = []
    for height in sorted(heights):
        groups: dict[object, list[Module]] = {}
        for module in heights[height]:
            if module.twin is None and not (module.path and _is_identity(module)):
                groups.setdefault(_signature(module, calls), []).append(module)
        for group in groups.values():
            if id(group[0]) not in own:
                return None
            name = names.fresh(class_name(group[0].block))
            known = params if group[0] is roots[0] else {}
            if known and len(group) < len(roots):
                return None
            found, values = _unified(name, [_steps(module, calls) for module in group], group, known)
            if group[0] is roots[0] and any(label not in params for label, _ in found.arguments):
                return None
            made.append(found)
            labels = tuple(argument for argument, _ in found.arguments)
            for module, row in zip(group, values, strict=True):
                calls[id(module)] = Call(name, row, labels)
    return sorted(made, key=lambda one: own[id(one.module)])


def class_name(block: str) -> str:
    """``residual_unit`` as ``ResidualUnit``."""
    name = "".join(word[:1].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", block))
    return name if name.isidentifier() and not iskeyword(name) else f"Block{name}"


class _Names:
    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)

    def fresh(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self._taken:
            number += 1
            candidate = f"{name}{number}"
        self._taken.add(candidate)
        return candidate


def _height(module: Module) -> int:
    return 1 + max((_height(part) for part in module.parts if isinstance(part, Module)), default=0)


def _steps(module: Module, calls: dict[int, Call]) -> list[Step]:
    same = canonical(module)
    reads = [same.get(name, name) for part in module.parts if not _is_identity(part) for name in part.reads]
    single = {name for name in reads if reads.count(name) == 1} - {same.get(name, name) for name in module.gives}
    makers: dict[str, str] = {}
    steps = []
    for part in module.parts:
        if _is_identity(part):
            continue
        values = tuple(same.get(name, name) for name in part.reads)
        step = Step(part, values, tuple(part.gives))
        if isinstance(part, Module):
            if part.twin is not None:
                step = step._replace(twin=part.twin)
            else:
                step = step._replace(names=(part.name,), calls=(calls[id(part)],))
        elif isinstance(part.translation, Expression):
            step = step._replace(expression=part.translation)
        else:
            made = part.translation
            overwrites = made.may_overwrite and values[0] in single and values[0] in makers
            if overwrites and makers[values[0]].startswith(_TAKES_OVERWRITING):
                made = made._replace(calls=(made.calls[0]._replace(keywords=(Keyword("inplace", True),)),))
            own = [*zip(_names(part, made), made.calls, strict=True)]
            if part.node.share is not None:
                del own[made.owner]
            step = step._replace(names=tuple(name for name, _ in own), calls=tuple(call for _, call in own))
            makers[part.node.name] = made.calls[-1].function
        steps.append(step)
    return steps


def _is_identity(part: Leaf | Module) -> bool:
    if isinstance(part, Leaf):
        return part.translation == Expression("{0}")
    return all(map(_is_identity, part.parts))


def _names(leaf: Leaf, made: Modules) -> tuple[str, ...]:
    """The module with the weights is called as the layer is; another has its kind behind that."""
    return tuple(
        leaf.name if index == made.owner else f"{leaf.name}_{'crop' if index > made.owner else 'pad'}"
        for index in range(len(made.calls))
    )


def _signature(module: Module, calls: dict[int, Call]) -> object:
    """Equal for modules whose steps differ in numbers only."""
    places: dict[str, tuple[object, ...]] = {name: ("read", index) for index, name in enumerate(module.reads)}
    found: list[object] = [module.block, len(module.reads)]
    for number, step in enumerate(_steps(module, calls)):
        reads = tuple(places.get(name, ("module", name)) for name in step.reads)
        patterns = tuple(call.pattern() for call in step.calls)
        own: object = None
        if isinstance(step.part, Leaf):
            op = step.part.node.op
            own = step.part.node.share is not None, getattr(op, "weight", None), getattr(op, "bias", None)
        found.append((step.names, patterns, step.expression, step.twin, own, reads, step.part.name))
        places.update((name, ("step", number, index)) for index, name in enumerate(step.gives))
    same = canonical(module)
    found.append(tuple(places.get(same.get(name, name), ("module", name)) for name in module.gives))
    return tuple(found)


def _unified(
    name: str, instances: Sequence[list[Step]], group: Sequence[Module], params: Mapping[str, Numbers]
) -> tuple[Class, list[tuple[Literal, ...]]]:
    """The class of some modules, and the arguments of each; ``params`` are known, and default to their first value."""
    columns = zip(*([*_numbers(steps)] for steps in instances), strict=True)
    bases: dict[str, Numbers] = dict(params)
    filled: list[Literal] = []
    labels: dict[str, str] = {}
    for column in columns:
        label = column[0][0]
        numbers = tuple(number for _, number in column)
        if len(set(numbers)) == 1 and len({type(number) for number in numbers}) == 1:
            filled.append(numbers[0])
            continue
        known = relation(numbers, bases)
        if known is None:
            known = _Names([*bases]).fresh(label)
            bases[known] = numbers
        filled.append(Code(known))
        labels.setdefault(known, label)
    inner: dict[str, str] = {}
    for text, label in labels.items():
        if " " in text and filled.count(Code(text)) > 2:
            inner[text] = _Names([*bases, *inner.values()]).fresh(label)
    values = iter([Code(inner.get(value.text, value.text)) if isinstance(value, Code) else value for value in filled])
    steps = tuple(step._replace(calls=tuple(call.filled(values) for call in step.calls)) for step in instances[0])
    read = {word for value in filled if isinstance(value, Code) for word in re.findall(r"\w+", value.text)}
    bases = {label: row for label, row in bases.items() if label in read}
    kinds = ["float" if any(isinstance(number, float) for number in row) else "int" for row in bases.values()]
    defaults = [f" = {row[0]}" if label in params else "" for label, row in bases.items()]
    arguments = tuple((label, kind + default) for label, kind, default in zip(bases, kinds, defaults, strict=True))
    rows: list[tuple[Literal, ...]] = [tuple(row[index] for row in bases.values()) for index in range(len(group))]
    return Class(name, arguments, tuple((label, text) for text, label in inner.items()), steps, group[0]), rows


def _numbers(steps: list[Step]) -> Iterator[tuple[str, int | float]]:
    for step in steps:
        for call in step.calls:
            yield from call.numbers()


def relation(numbers: Numbers, bases: dict[str, Numbers]) -> str | None:
    """How numbers follow from those that have names already: the same, a multiple, a part, or a sum."""
    for name, base in bases.items():
        if base == numbers:
            return name
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        return None
    whole = {name: base for name, base in bases.items() if all(isinstance(n, int) and n > 0 for n in base)}
    for name, base in whole.items():
        factor = numbers[0] // base[0]
        if factor > 1 and all(number == factor * n for number, n in zip(numbers, base, strict=True)):
            return f"{factor} * {name}"
        divisor = base[0] // numbers[0]
        if divisor > 1 and all(number == n // divisor for number, n in zip(numbers, base, strict=True)):
            return f"{name} // {divisor}"
    for first, left in whole.items():
        for second, right in whole.items():
            if first < second and all(number == a + b for number, a, b in zip(numbers, left, right, strict=True)):
                return f"{first} + {second}"
    return None
