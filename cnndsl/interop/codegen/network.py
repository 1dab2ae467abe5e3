"""The classes of a whole network, with those of its params as arguments that can be."""

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.interop.codegen.classes import Class, classes
from cnndsl.interop.codegen.hierarchy import Leaf, Module
from cnndsl.interop.codegen.site import Modules


def network_classes(
    root: Module,
    params: Mapping[str, tuple[int, int, Module]],
    taken: Sequence[str],
    conditions: bool = True,
    asks_channels: bool = False,
) -> list[Class]:
    """The classes of a network, the last of which is its own; ``conditions`` and ``asks_channels`` as of
    :func:`classes`.

    ``params`` are the value of each, another one, and the network with that.
    """
    usable = {
        name: (value, other, module)
        for name, (value, other, module) in params.items()
        if classes([root, module], taken, {name: (value, other)}, conditions, asks_channels)
    }
    roots = [root, *(module for *_, module in usable.values())]
    rows = {
        name: (value, *(other if name == changed else value for changed in usable))
        for name, (value, other, _) in usable.items()
    }
    found = classes(roots, taken, rows, conditions, asks_channels) or classes(
        [root], taken, {}, conditions, asks_channels
    )
    assert found is not None
    return found


def leaves(module: Module) -> Iterator[Leaf]:
    """The layers inside, in order."""
    for part in module.parts:
        if isinstance(part, Leaf):
            yield part
        else:
            yield from leaves(part)


def helpers(root: Module) -> list[str]:
    """The classes that the file must define, in the order of their first layers."""
    made = (leaf.translation for leaf in leaves(root))
    return list(dict.fromkeys(name for one in made if isinstance(one, Modules) for name in one.helpers))
