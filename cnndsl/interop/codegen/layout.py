"""Lines that are no longer than ruff's, broken where ruff would break them."""

from collections.abc import Sequence

WIDTH = 88


def joined(head: str, parts: Sequence[str], tail: str) -> list[str]:
    """``head`` + parts + ``tail`` on one line; or the parts on the next; or one part a line, each with a comma."""
    line = head + ", ".join(parts) + tail
    if len(line) <= WIDTH or not parts:
        return [line]
    indent = " " * (len(head) - len(head.lstrip()))
    inner = indent + " " * 4 + ", ".join(parts)
    if len(inner) <= WIDTH:
        return [head, inner, indent + tail]
    lines = [line for part in parts for line in _broken(indent + " " * 4, part)]
    return [head, *lines, indent + tail]


def _broken(indent: str, part: str) -> list[str]:
    """One of several parts, with its comma; a list or a call that is too long is broken too."""
    if len(indent + part) < WIDTH or part[-1:] not in ("]", ")"):
        return [f"{indent}{part},"]
    begin = part.index("[" if part[-1] == "]" else "(") + 1
    return joined(f"{indent}{part[:begin]}", split(part[begin:-1]), f"{part[-1]},")


def split(text: str) -> list[str]:
    """What stands between the commas of a text that are in no brackets."""
    parts, depth, last = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[last:place].strip())
            last = place + 1
    return [*parts, text[last:].strip()]
