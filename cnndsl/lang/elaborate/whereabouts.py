"""Where a name that is not visible is given: further down, inside braces, in a block or where the block is used."""

from collections.abc import Iterable, Sequence

from cnndsl.errors import quoted, shortened
from cnndsl.lang.elaborate.naming import Body, FirstNamed
from cnndsl.lang.text import syntax


def advice(
    found: dict[int, dict[str, FirstNamed]],
    name: str,
    offset: int,
    here: Body,
    around: Sequence[Body],
    blocks: Iterable[Body],
) -> str | None:
    """Where the name of an unknown value is given, and how to reach it; None where nothing has that name.

    ``around`` are the bodies that use the block whose body is ``here``. ``found`` keeps what was read of each body, so
    that none is read twice.
    """

    def named_in(body: Body) -> dict[str, FirstNamed]:
        key = id(body.statements)
        if key not in found:
            found[key] = _named_in(body.statements)
        return found[key]

    place = named_in(here).get(name)
    if place:
        line = here.source.span(place.start, place.start).line
        if place.start > offset:
            return f"{quoted(name)} is named further down, in line {line}; a name is visible from there on"
        stays = f"{quoted(name)} is named inside braces, in line {line}, and stays inside"
        return f"{stays}; `{{ ... }} as name` names what the braces give"
    if here.block and any(name in named_in(body) for body in around):
        given = f"as in {quoted(f'block {here.block}({name})')}"
        return f"{quoted(name)} is named where the block is used, and a block sees its arguments only, {given}"
    holder = next((body.block for body in blocks if name in named_in(body)), None)
    return f"{quoted(name)} is named inside block {shortened(holder)}, and stays inside" if holder else None


def _named_in(statements: Sequence[syntax.Statement]) -> dict[str, FirstNamed]:
    found: dict[str, FirstNamed] = {}
    pending: list[tuple[object, bool]] = [(node, False) for node in statements]
    while pending:
        node, in_braces = pending.pop()
        if isinstance(node, syntax.Alias):
            if node.name not in found or node.start < found[node.name].start:
                found[node.name] = FirstNamed(node.start, in_braces)
        elif isinstance(node, tuple) and not isinstance(node, syntax.Output | syntax.Symbol):
            in_braces = in_braces or isinstance(node, syntax.Body)
            pending.extend((part, in_braces) for part in node if isinstance(part, tuple))
    return found
