"""What tools/fuzz.py feeds: texts, JSON values and bytes, changed at random but always the same for the same seed."""

import copy
import json
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from cnndsl import ops
from cnndsl.lang.expressions.functions import FUNCTIONS

TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|[A-Za-z_]\w*|\d[\w.]*|->|[*/<>=!]=?|\s+|.', re.DOTALL)

WORDS = (
    *re.split(" ", "block input output param let symbol repeat for in if else as from import expect true false"),
    *re.split(" ", 'and or not train while same valid causal -> @ ** // % == <= { } ( ) [ ] ; , . = " # -'),
    *re.split(" ", "in.channels in.shape in.height x params macs receptive_field peak_bytes"),
    *ops.NAMES,
    *FUNCTIONS,
    "\n",
)
NUMBERS = (
    *re.split(" ", "0 1 2 3 7 16 64 255 256 257 65536 2147483647 2147483648 4294967296 1e30 1e-30 1e31 0.1 0.5 1_000"),
    *re.split(" ", "62K 5M 1.8G 0x10 3x3 1x1x1 0x0 2147483647x2147483647 (-1) (1/3) 2**64 (10**76) (1/10**76)"),
    *("-0", "00", "9" * 20, "9" * 21, "2**10**9"),
)
ODD = (
    *"\ufeff\0\r\t\v\x7f\u2028\u202e\u200b\u0301\ud800\udfff\U0010ffffé×−“漢🙂\\",
    *("\uff12", "\u00b2", "\u0663", "\ufb01", "\u0131", "\u017f", "\r\n", "\x1b[31m", "\\u12", "\\q"),
)
NOTHING: tuple[Any, ...] = (None, True, False, "", [], [[]], {}, float("inf"), float("nan"))
LEAVES: tuple[Any, ...] = (
    *NOTHING,
    *(0, 1, -1, 2, 3, 65536, 2**31 - 1, 2**31, 2**63, 2**64, 10**30, -(10**30), 0.5, -0.0, 1e308),
    *("x", "same", "relu", "\ud800", "a" * 1000, [0], [1, 2], {"op": "conv"}),
)


# --- texts ------------------------------------------------------------------------------------------------------------
def value(random: Random, depth: int = 2) -> str:
    """An argument as it could be written."""
    kind = random.randrange(12 if depth else 5)
    if kind < 3:
        return str(random.randint(1, 9))
    if kind == 3:
        return random.choice(NUMBERS)
    if kind == 4:
        return random.choice(
            ("same", "valid", "true", "false", "linear", "nearest", "x", '"x"', "exact", "in.channels")
        )
    inner = [value(random, depth - 1) for _ in range(random.randint(0, 4))] or ["1"]
    if kind < 7:
        return f"[{', '.join(inner)}]"
    if kind == 7:
        return f"{random.randint(1, 5)}x{random.randint(1, 5)}"
    if kind == 8:
        return f"({random.choice(('+', '-', '*', '/', '//', '%', '**', '==', '<', ' and ')).join(inner)})"
    if kind == 9:
        return f"{random.choice(list(FUNCTIONS))}({', '.join(inner)})"
    return f"({inner[0]} if {inner[-1]} else 2)" if kind == 10 else f"{inner[0]}@{inner[-1]}"


def call(random: Random) -> str:
    """An operator with arguments, some of them its own."""
    name = random.choice(ops.NAMES)
    operator = ops.operator(name)
    words = [name, *(value(random) for _ in operator.positional if random.random() < 0.8)]
    words += [f"{field}={value(random)}" for field in operator.parameters() if random.random() < 0.15]
    words += [f"as {random.choice('xyz')}"] if random.random() < 0.2 else []
    return " ".join(words)


def statement(random: Random, depth: int = 2) -> str:
    kind = random.randrange(14 if depth else 8)
    if kind < 6:
        return call(random)
    if kind < 8:
        return " -> ".join(call(random) for _ in range(random.randint(1, 3)))
    body = "\n".join(statement(random, depth - 1) for _ in range(random.randint(0, 3)))
    if kind < 10:
        return f"{random.choice(sorted(ops.MERGES))} {{ identity\n{body} }}"
    if kind == 10:
        return f"repeat {value(random, 1)} as i {{ {body} }}"
    if kind == 11:
        return f"for {random.choice(('i', '[i, j]'))} in {value(random)} {{ {body} }}"
    if kind == 12:
        return f"if {value(random)} {{ {body} }} else {{ {statement(random, 0)} }}"
    return f"expect {value(random)} == {random.choice(('params', 'x.macs', 'receptive_field', 'in.shape'))}"


def shape(random: Random) -> str:
    sizes = [str(random.choice((1, 2, 3, 4, 7, 8, 12, 16, 32, 65, 2**31 - 1))) for _ in range(random.randint(0, 3))]
    return f"{random.randint(1, 16)}" + (f"@{'x'.join(sizes)}" if sizes else "")


def network(random: Random) -> str:
    """A whole text of random statements."""
    lines = [
        f"input {shape(random)}{random.choice(('', ' as x', ' dtype=int64'))}" for _ in range(random.choice((1, 1, 2)))
    ]
    return "\n".join([*lines, *(statement(random) for _ in range(random.randint(1, 8)))])


def _tokens(random: Random, text: str, other: str) -> str:
    """Some tokens deleted, doubled, exchanged, or replaced by others."""
    tokens = TOKEN.findall(text) or [""]
    spare = TOKEN.findall(other) or [""]
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(tokens))
        change = random.randrange(7)
        if change == 0:
            tokens[at] = ""
        elif change == 1:
            tokens[at] *= 2
        elif change == 2:
            with_ = random.randrange(len(tokens))
            tokens[at], tokens[with_] = tokens[with_], tokens[at]
        elif change == 3:
            tokens[at] = random.choice(spare)
        elif change == 4:
            tokens[at] += random.choice(WORDS)
        elif change == 5:
            tokens[at] = random.choice(WORDS)
        else:
            tokens[at] = value(random)
    return "".join(tokens)


def _numbers(random: Random, text: str, other: str) -> str:
    places = [match.span() for match in re.finditer(r"\b\d[\w.]*", text)]
    for start, end in sorted(random.sample(places, min(len(places), random.randint(1, 3))), reverse=True):
        text = text[:start] + random.choice(NUMBERS) + text[end:]
    return text


def _lines(random: Random, text: str, other: str) -> str:
    lines = text.split("\n")
    first = random.randrange(len(lines))
    last = min(len(lines), first + random.choice((1, 1, 2, 5, 20)))
    change = random.randrange(5)
    if change == 0:
        lines[first:last] = []
    elif change == 1:
        lines[first:last] *= random.choice((2, 3, 10, 100))
    elif change == 2:
        lines[first:first] = random.sample(other.split("\n"), 1)
    elif change == 3:
        lines[first:first] = [statement(random)]
    else:
        lines[first:last] = [f"{random.choice(('add', 'repeat 3', 'if true', ''))} {{", *lines[first:last], "}"]
    return "\n".join(lines)


def _spliced(random: Random, text: str, other: str) -> str:
    return text[: random.randint(0, len(text))] + other[random.randint(0, len(other)) :]


def _characters(random: Random, text: str, other: str) -> str:
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(text))
        inserted = random.choice((random.choice(ODD), random.choice(ODD), chr(random.randrange(32, 127)), ""))
        text = text[:at] + inserted + text[at + random.choice((0, 0, 1, 3, 40)) :]
    return text


def _nested(random: Random, text: str, other: str) -> str:
    """A token inside many brackets, or the whole inside many bodies."""
    depth = random.choice((2, 10, 30, 60, 63, 64, 65, 200, 3000))
    before, after = random.choice(
        (("(", ")"), ("[", "]"), ("-", ""), ("{", "}"), ("add { identity; ", "}"), ("not ", ""))
    )
    tokens = TOKEN.findall(text) or [""]
    at = random.randrange(len(tokens))
    tokens[at] = before * depth + tokens[at] + after * depth
    return "".join(tokens)


def _swollen(random: Random, text: str, other: str) -> str:
    """A token that is very long, or very often there."""
    tokens = TOKEN.findall(text) or [""]
    at = random.randrange(len(tokens))
    tokens[at] = (tokens[at] + random.choice(("", " ", ", ", "\n", "+"))) * random.choice((50, 1000, 20_000))
    return "".join(tokens)[: 1 << 20]


TextChange = Callable[[Random, str, str], str]
CHANGES: Sequence[TextChange] = (
    *[_numbers] * 5,
    *[_lines] * 5,
    *[_tokens] * 3,
    *(_spliced, _characters, _nested, _swollen),
)


def text(random: Random, corpus: Sequence[str]) -> str:
    """A text of the corpus, changed a few times, or one made up."""
    made = network(random) if random.random() < 0.25 else random.choice(corpus)
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 2, 3, 6))):
        made = random.choice(CHANGES)(random, made, random.choice(corpus))
    return made


# --- JSON -------------------------------------------------------------------------------------------------------------
def json_text(random: Random, corpus: Sequence[str]) -> str:
    """A text of JSON with some values exchanged; seldom with broken syntax."""
    chosen = random.choice(corpus)
    if random.random() < 0.15:
        return _characters(random, chosen, chosen)
    tree = json.loads(chosen)
    for _ in range(random.randint(1, 3)):
        _change_inside(random, tree)
    if random.random() < 0.02:
        tree["layers"] = json.loads("[" * 500 + "]" * 500)
    return json.dumps(tree, ensure_ascii=random.random() < 0.5)


def _change_inside(random: Random, tree: Any) -> None:
    """Walks down at random and changes what it ends at."""
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = random.choice(keys)
        inner = tree[key]
        if isinstance(inner, dict | list) and inner and random.random() < 0.85:
            tree = inner
            continue
        change = random.randrange(6)
        if change == 0:
            del tree[key]
        elif change == 1 and isinstance(tree, list):
            tree.insert(key, copy.deepcopy(inner))
        elif change == 2:
            tree[key] = copy.deepcopy(tree[random.choice(keys)])
        elif change == 3 and isinstance(tree, dict):
            tree[random.choice(("op", "name", "share", "extra", "spatial", "features"))] = copy.deepcopy(
                random.choice(LEAVES)
            )
        else:
            tree[key] = copy.deepcopy(random.choice(LEAVES))
        return


# --- bytes ------------------------------------------------------------------------------------------------------------
def data(random: Random, corpus: Sequence[bytes]) -> bytes:
    """Bytes of the corpus with some exchanged; checksums of PNG are mended, lengths of safetensors now and then."""
    made = bytearray(random.choice(corpus))
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        size = min(len(made), random.choice((64, 600, len(made))))  # headers stand at the ends
        at = random.randrange(max(size, 1)) if random.random() < 0.7 else len(made) - 1 - random.randrange(max(size, 1))
        change = random.randrange(7)
        if change == 0:
            made[at : at + 1] = bytes([random.randrange(256)])
        elif change == 1:
            made[at : at + 4] = struct.pack(
                random.choice("<>") + "I", random.choice((0, 1, 2**31 - 1, 2**32 - 1, 65536))
            )
        elif change == 2:
            made[at : at + 8] = struct.pack("<Q", random.choice((0, 2**63 - 1, 2**64 - 1, 2**40, 100)))
        elif change == 3:
            del made[at : at + random.choice((1, 2, 8, 1000))]
        elif change == 4:
            made[at:at] = made[at : at + random.choice((1, 4, 32, 500))]
        elif change == 5:
            other = random.choice(corpus)
            made[at:] = other[random.randrange(max(len(other), 1)) :]
        else:
            digits = [i for i, byte in enumerate(made[:600]) if 48 <= byte <= 57]
            for place in random.sample(digits, min(len(digits), 2)):
                made[place : place + 1] = random.choice((b"0", b"9", b"99999999", b"-1", b"None", b"1e9", b""))
    if made[:4] == b"\x89PNG" and random.random() < 0.9:
        return _png_with_checksums(bytes(made))
    if made[8:9] == b"{" and random.random() < 0.7:
        end = made.find(b"}}") + 2
        return struct.pack("<Q", max(end - 8, 0)) + bytes(made[8:])
    return bytes(made)


def _png_with_checksums(made: bytes) -> bytes:
    result, at = made[:8], 8
    while at + 8 <= len(made):
        length = int.from_bytes(made[at : at + 4], "big")
        body = made[at + 4 : at + 8 + length]
        result += made[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return result
