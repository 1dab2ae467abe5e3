"""Modules that are built alike become one class; the numbers in which they differ become its arguments."""

import builtins
import re
from collections.abc import Collection, Mapping, Sequence
from keyword import iskeyword
from typing import NamedTuple

from cnndsl.interop.codegen.calls import Call, Keyword, Literal
from cnndsl.interop.codegen.hierarchy import SHARED, Leaf, Module
from cnndsl.interop.codegen.site import Expression, Modules
from cnndsl.interop.codegen.step import Step
from cnndsl.interop.codegen.unify import Numbers, Unified, aligned, fresh, unified

_USED = frozenset(
    {*dir(builtins), "begin", "end", "i", "inputs", "j", "layer", "module", "n", "name", "self", "tensor", "values"}
    | {"widths", "x"}
)
"""What the bodies of classes and functions use themselves."""

_TAKES_OVERWRITING = ("nn.Conv", "nn.BatchNorm", "nn.Linear", "nn.GroupNorm")
"""What can do its backward pass without the values that it gave."""


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
        gives = canonical(self.module).get(self.module.gives[0], self.module.gives[0]) if self.module.gives else None
        return (
            bool(self.steps) and chain(self.module, self.steps) == len(self.steps) and self.steps[-1].gives == (gives,)
        )

    @property
    def is_counted(self) -> bool:
        """Whether some names have a number that is worked out: steps in a row, and expressions of what they give."""
        return any(step.is_counted for step in self.steps)


def chain(module: Module, steps: Sequence[Step]) -> int:
    """How many of the first steps are modules, each on what the one before it gave."""
    if len(module.reads) != 1 or len(module.gives) != 1:
        return 0
    value = module.reads[0]
    for place, step in enumerate(steps):
        if not step.calls or step.reads != (value,) or len(step.gives) != 1:
            return place
        value = step.gives[0]
    return len(steps)


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


CHANNELS = "channels"
"""What the channels of the first value that a module reads are called, where steps depend on them."""


def classes(
    roots: Sequence[Module],
    taken: Sequence[str],
    params: Mapping[str, Numbers],
    conditions: bool = False,
    asks_channels: bool = False,
) -> list[Class] | None:
    """The classes of a network, each behind those that it uses; the last is the network's.

    ``params`` are arguments of the network's class with their values; every root is the network with one row of them,
    the first one with the defaults. With ``conditions``, steps that only some modules of a block have get one, where it
    follows from the arguments; otherwise such modules are classes of their own. With ``asks_channels``, a class knows
    the channels of its value: they are no argument, but the first of its locals, without a text. None where the
    networks differ in more than numbers that follow from ``params``.
    """
    heights = _heights(roots)
    own = {id(module): place for place, module in enumerate(roots[0].walk())}
    names: set[str] = set(taken)
    calls: dict[int, Call] = {}
    made: list[Class] = []
    for height in sorted(heights):
        groups: dict[object, list[Module]] = {}
        for module in heights[height]:
            if module.twin is None and not (module.path and _is_identity(module)):
                groups.setdefault(_signature(module, calls), []).append(module)
        known = params if roots[0] in heights[height] else {}
        together = _together([*groups.values()], calls, known, conditions, asks_channels, names)
        for group, found in sorted(together, key=lambda one: min(own.get(id(module), len(own)) for module in one[0])):
            if id(group[0]) not in own:
                return None
            if asks_channels and found.bases.get(CHANNELS) == tuple(module.channels for module in group):
                others = {label: row for label, row in found.bases.items() if label != CHANNELS}
                found = found._replace(bases=others, locals=((CHANNELS, ""), *found.locals))
            name = fresh(names, class_name(group[0].block))
            names.add(name)
            if group[0] is roots[0] and (len(group) < len(roots) or any(label not in params for label in found.bases)):
                return None
            made.append(
                Class(name, _arguments(found, {} if group[0].path else params), found.locals, found.steps, group[0])
            )
            labels = tuple(found.bases)
            for place, module in enumerate(group):
                row: tuple[Literal, ...] = tuple(numbers[place] for numbers in found.bases.values())
                calls[id(module)] = Call(name, row, labels)
    return _ordered(made[-1], {one.name: one for one in made})


def _ordered(one: Class, made: dict[str, Class]) -> list[Class]:
    """A class behind those that it uses, which are taken from ``made``."""
    found = []
    for step in one.steps:
        for call in step.calls:
            if call.function in made:
                found += _ordered(made.pop(call.function), made)
    return [*found, one]


def _arguments(found: Unified, params: Mapping[str, Numbers]) -> tuple[tuple[str, str], ...]:
    kinds = ["float" if any(isinstance(number, float) for number in row) else "int" for row in found.bases.values()]
    defaults = [f" = {row[0]}" if label in params else "" for label, row in found.bases.items()]
    return tuple((label, kind + default) for label, kind, default in zip(found.bases, kinds, defaults, strict=True))


def _together(
    groups: list[list[Module]],
    calls: dict[int, Call],
    params: Mapping[str, Numbers],
    conditions: bool,
    asks_channels: bool,
    taken: Collection[str],
) -> list[tuple[list[Module], Unified]]:
    """The groups of modules that become one class each: those of a block that differ in steps which some lack are one.

    The first module of each has all steps.
    """
    made: list[tuple[list[Module], Unified]] = []
    while groups:
        whole = max(groups, key=lambda group: (group[0].block == groups[0][0].block, len(_steps(group[0], calls))))
        groups.remove(whole)
        steps: list[list[Step | None]] = [[*_steps(module, calls)] for module in whole]
        found = unified(steps, {} if whole[0].path else params, own=_own_names(whole, taken))
        assert found is not None
        if asks_channels and whole[0].path and found.bases:
            channels = tuple(module.channels for module in whole)
            parts = all(n <= many for row in found.bases.values() for n, many in zip(row, channels, strict=True))
            by_channels = unified(steps, {}, channels) if parts else None
            if by_channels and by_channels.bases.keys() <= {CHANNELS}:
                found = by_channels
        for group in [group for group in groups if conditions and group[0].block == whole[0].block]:
            places = _places(group[0], whole[0], calls)
            if places is None:
                continue
            rows = [
                *steps,
                *(
                    [*map(dict(zip(places, _steps(module, calls), strict=True)).get, range(len(steps[0])))]
                    for module in group
                ),
            ]
            every = (*whole, *group)
            channels, own = tuple(module.channels for module in every), _own_names(every, taken)
            written = {name: numbers for numbers, name in own.items()}
            both = unified(rows, {}, channels, own)
            if both is None or "expansion" in both.bases.keys() - written:
                both = unified(rows, written, channels, own) or both
            if both is not None and _can_count(whole[0], both, in_a_row=not asks_channels):
                steps, found = rows, both
                whole = [*whole, *group]
                groups.remove(group)
        made.append((whole, found))
    return made


def _own_names(modules: Sequence[Module], taken: Collection[str]) -> dict[Numbers, str]:
    """What the text calls the numbers in which modules of a block differ, where source may call them so."""
    found: dict[Numbers, str] = {}
    for name in modules[0].arguments:
        row = [module.arguments.get(name) for module in modules]
        numbers = tuple(number for number in row if number is not None)
        if len(numbers) == len(row) and name.islower() and not iskeyword(name) and name not in (*taken, *_USED):
            found.setdefault(numbers, name)
    return found


def _can_count(module: Module, found: Unified, in_a_row: bool) -> bool:
    """Whether names may be worked out; in PyTorch those of steps in a row, with nothing but expressions behind it."""
    if not any(step.is_counted for step in found.steps):
        return True
    behind = found.steps[chain(module, found.steps) :] if in_a_row else ()
    return not any(step.calls for step in behind) and not any(step.twin for step in found.steps)


def _places(module: Module, longest: Module, calls: dict[int, Call]) -> list[int] | None:
    """Where the steps of a module stand among those of another one of its block."""
    names = (*module.reads, *longest.reads, *module.gives, *longest.gives)
    if not module.path or len(module.reads) != len(longest.reads) or any(name.startswith(SHARED) for name in names):
        return None
    ends = [[canonical(one).get(name, name) for name in one.gives] for one in (module, longest)]
    return aligned((_steps(module, calls), module.reads, ends[0]), (_steps(longest, calls), longest.reads, ends[1]))


def class_name(block: str) -> str:
    """``residual_unit`` as ``ResidualUnit``."""
    name = "".join(word[:1].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", block))
    return name if name.isidentifier() and not iskeyword(name) else f"Block{name}"


def _heights(roots: Sequence[Module]) -> dict[int, list[Module]]:
    """The modules by the order in which their classes can be made: those of a block together, if they can be."""
    every = [module for root in roots for module in root.walk()]
    own = {id(module): _height(module) for module in every}
    heights = dict(own)
    for _ in range(len({module.block for module in every}) + 1):
        before, tallest = dict(heights), dict[str, int]()
        for module in every:
            inside = [heights[id(part)] for part in module.parts if isinstance(part, Module)]
            heights[id(module)] = max(heights[id(module)], 1 + max(inside, default=0))
            tallest[module.block] = max(tallest.get(module.block, 0), heights[id(module)])
        heights = {id(module): tallest[module.block] for module in every}
        if heights == before:
            break
    else:
        heights = own
    found: dict[int, list[Module]] = {}
    for module in every:
        found.setdefault(heights[id(module)], []).append(module)
    return found


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
