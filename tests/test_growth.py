"""Work follows the size of what is given: twice as much of a construct takes at most 2**1.2 times the calls.

Calls of functions are counted, Python's and C's, not seconds: the same on any machine. Times are in
``benchmarks/growth.py``, which reads the same table.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

import cnndsl
from cnndsl.lang.review.fixes import mended
from cnndsl.limits import DEFAULT_LIMITS
from tests.work import calls

EXPONENT = 1.2
LARGE, MIDDLE, SMALL = 400, 250, 100
"""The first of three sizes, each twice the one before: of texts, of graphs that are computed, of pictures."""

WIDE_LIMITS = DEFAULT_LIMITS._replace(source_bytes=1 << 26, inputs=1 << 20, steps=1 << 30)


class Construct(NamedTuple):
    """What is written ``n`` times, and what is done with it; ``prepare`` gives the piece of work for a size."""

    prepare: Callable[[int], Callable[[], object]]
    least: int = LARGE


def lines(line: str, head: str = "input 8@16x16\n", end: str = "") -> Callable[[int], str]:
    """A text of ``n`` lines; ``~`` in a line is its number, from 0."""
    return lambda n: head + "".join(line.replace("~", str(index)) + "\n" for index in range(n)) + end


def joined(begin: str, item: str, between: str, end: str) -> Callable[[int], str]:
    """A text with ``n`` items on a line."""
    return lambda n: begin + between.join(item.replace("~", str(index)) for index in range(n)) + end


def check(text: Callable[[int], str], least: int = LARGE, **settings: object) -> Construct:
    def prepare(n: int) -> Callable[[], object]:
        written = text(n)
        return lambda: cnndsl.check(written, limits=WIDE_LIMITS, **settings)

    return Construct(prepare, least)


def of_network(work: Callable[[cnndsl.Network], object], text: Callable[[int], str], least: int) -> Construct:
    def prepare(n: int) -> Callable[[], object]:
        net = cnndsl.loads(text(n), limits=WIDE_LIMITS)
        return lambda: work(net)

    return Construct(prepare, least)


def formatted(text: Callable[[int], str]) -> Construct:
    def prepare(n: int) -> Callable[[], object]:
        written = text(n)
        return lambda: cnndsl.format(written)

    return Construct(prepare)


def fixed(text: Callable[[int], str]) -> Construct:
    def prepare(n: int) -> Callable[[], object]:
        written = text(n)

        every_mistake = WIDE_LIMITS._replace(diagnostics=1 << 20)

        def check_again(changed: str) -> tuple[cnndsl.Diagnostic, ...]:
            return cnndsl.check(changed, file="a.cnn", limits=every_mistake).diagnostics

        return lambda: mended(written, "a.cnn", check_again)

    return Construct(prepare)


def imported(text: Callable[[int], str], least: int = MIDDLE) -> Construct:
    def prepare(n: int) -> Callable[[], object]:
        model = cnndsl.loads(text(n), limits=WIDE_LIMITS).to_onnx()
        return lambda: cnndsl.from_onnx(model).decompiled()

    return Construct(prepare, least)


def with_imports(n: int) -> Callable[[], object]:
    files = {f"{index}.cnn": f"block B{index} {{ relu }}\n" for index in range(n)}
    text = "".join(f'import "{name}"\n' for name in files) + "input 8\n" + "".join(f"B{i}\n" for i in range(n))
    limits = WIDE_LIMITS._replace(import_files=n + 1)
    return lambda: cnndsl.check(text, resolver=files.__getitem__, limits=limits)


def run(net: cnndsl.Network) -> object:
    return net.run({name: np.zeros((1, *shape.dimensions), np.float32) for name, shape in net.inputs.items()})


def nested_skips(n: int) -> str:
    values = "".join(f"relu as a{index}\n" for index in range(n))
    return "input 8@4x4\n" + values + "".join(f"add {{ identity; from a{i} }}\n" for i in reversed(range(n)))


def mixed_chain(n: int) -> str:
    words = ("relu", "tanh", "conv 8 1x1", "conv 8 3x3 pad=1", "maxpool 3x3 stride=1 pad=1", "batchnorm", "elu")
    return "input 8@4x4\n" + "".join(words[index * index * 7919 % 104729 % len(words)] + "\n" for index in range(n))


def nested_blocks(n: int) -> str:
    blocks = "block B0 { relu }\n" + "".join(f"block B{i + 1} {{ relu; B{i} }}\n" for i in range(40))
    return f"{blocks}input 8\n" + "B40\n" * (n // 40)


CHAIN = lines("conv 8 1x1 -> relu", "input 8@4x4\n")
WIDE = joined("input 8@4x4\nconcat { ", "relu", "; ", " } as joined\nconv 4 1x1 as last")
WIDE_OF_CONVS = joined("input 8@4x4\nconcat { ", "conv 2 1x1", "; ", " } as joined")
SUM = joined("input 8@4x4\nadd { ", "relu", "; ", " }")
RESIDUAL = lines("add { conv 8 3x3 pad=1 -> relu; identity }", "input 8@4x4\n")
DENSE_NET = lines("concat { identity; conv 2 1x1 }", "input 8@4x4\n")
WARNINGS = lines("conv 8 1x1 -> batchnorm -> relu", "input 8@4x4\n")

CONSTRUCTS: dict[str, Construct] = {
    # what a text may be long in
    "layers": check(lines("relu")),
    "arrows": check(joined("input 8\n", "relu", " -> ", "")),
    "convolutions": check(lines("conv 8 3x3 pad=1")),
    "comments": check(lines("relu # comment ~")),
    "comment lines": check(lines("# comment\nrelu")),
    "blank lines": check(lines("relu\n\n")),
    "semicolons": check(joined("input 8\n", "relu", "; ", "")),
    "names": check(lines("relu as a~")),
    "names that are read": check(lines("relu as a~\nfrom a~")),
    "automatic names": check(lines("tanh")),
    "long skips": check(nested_skips),
    "params": check(lines("param p~ = ~", "", "input 8\nrelu")),
    "params that are used": check(lines("param p~ = 1\n", "", "input 8\n" + "relu")),
    "lets": check(lines("let p~ = ~", "", "input 8\nrelu")),
    "lets of lets": check(lambda n: "let a0 = 1\n" + "".join(f"let a{i + 1} = a{i}\n" for i in range(n)) + "input 8"),
    "expectations": check(lines("relu\nexpect 8@16x16")),
    "expectations of counts": check(lines("relu\nexpect params == 0", "input 8\n"), MIDDLE),
    "failed expectations": check(lines("relu\nexpect 9@16x16")),
    "wide sums": check(SUM),
    "wide concatenations": check(WIDE),
    "residuals": check(RESIDUAL),
    "growing concatenations": check(DENSE_NET),
    "blocks": check(lambda n: "".join(f"block B{i} {{ relu }}\n" for i in range(n)) + "input 8\nB0"),
    "blocks that are used": check(
        lambda n: (
            "".join(f"block B{i} {{ relu }}\n" for i in range(n)) + "input 8\n" + "".join(f"B{i}\n" for i in range(n))
        )
    ),
    "uses of a block": check(lines("B ~", "block B(k) { relu }\ninput 8\n")),
    "nested blocks": check(nested_blocks),
    "arguments of a block": check(
        lambda n: f"block B({', '.join(f'a{i}' for i in range(n))}) {{ relu }}\ninput 8\nB {'1 ' * n}"
    ),
    "named arguments of a block": check(
        lambda n: (
            f"block B({', '.join(f'a{i}' for i in range(n))}) {{ relu }}\ninput 8\nB "
            + " ".join(f"a{i}=1" for i in range(n))
        )
    ),
    "statements of a block": check(lambda n: "block B { " + "relu; " * n + "}\ninput 8\nB"),
    "repeat": check(lambda n: f"input 8\nrepeat {n} {{ relu }}"),
    "repeat of names": check(lambda n: f"input 8\nrepeat {n} {{ relu as a }}"),
    "for": check(lambda n: f"input 8\nfor i in range({n}) {{ dense (i + 1) }}"),
    "for over a table": check(joined("input 8\nfor [a, b] in [", "[~, 1]", ", ", "] { dense (a + b) }")),
    "conditions": check(lines("if 1 == 1 { relu } else { tanh }")),
    "arms of a condition": check(
        lambda n: (
            "param k = 0\ninput 8\nif k == 1 { relu }" + "".join(f" else if k == {i} {{ tanh }}" for i in range(n))
        )
    ),
    "inputs": check(lines("input 8 as i~", "")),
    "outputs": check(
        lambda n: (
            "input 8\n" + "".join(f"relu as a{i}\n" for i in range(n)) + "output " + " ".join(f"a{i}" for i in range(n))
        )
    ),
    "networks": check(lines("network N~ { input 8; relu }", "")),
    "imports": Construct(with_imports),
    "lists": check(joined("let a = [", "~", ", ", "]\ninput 8")),
    "long sums": check(joined("let a = ", "1", " + ", "\ninput 8"), 10),
    "shared weights": check(lines("dense 8 share=first", "input 8\ndense 8 as first\n")),
    "ignored warnings": check(lines("conv 8 1x1 -> batchnorm # cnn: ignore[bias-before-norm]")),
    "table of connections": check(joined("input 8@4x4\nconv 1 1x1 weight=[", "1", ", ", "]")),
    "tabs and spaces": check(lines("relu   \t  ")),
    "bent lines": check(lines("relu\n  -> tanh")),
    # what may be wrong in it
    "misspelt operators": check(lines("rleu")),
    "misspelt names": check(lines("from aa~")),
    "unknown parameters": check(lines("conv 8 1x1 k~=3")),
    "wrong types": check(lines("conv 8.5 1x1")),
    "too large kernels": check(lines("conv 8 99x99")),
    "mismatched merges": check(lines("add { conv 4 1x1; conv 8 1x1 }")),
    "duplicate names": check(lines("relu as a")),
    "syntax errors": check(lines("conv 8 1x1 -> -> relu")),
    "open brackets": check(lines("conv (8 1x1")),
    "stray brackets": check(lines("relu )")),
    "strange characters": check(lines("relu $")),
    "missing arguments": check(lines("conv")),
    "repeated arguments": check(lines("conv 8 1x1 stride=1 stride=1")),
    "unused values": check(lines("relu as a~\nfrom input")),
    "unused blocks": check(lambda n: "".join(f"block B{i} {{ relu }}\n" for i in range(n)) + "input 8\nrelu"),
    "warnings": check(WARNINGS),
    "errors in a block": check(lines("B", "block B { conv 8 99x99 }\ninput 8@16x16\n")),
    # other ways through a text
    "formatting layers": formatted(lines("conv  8 3x3   pad = 1->relu")),
    "formatting comments": formatted(lines("relu   # comment\n# another")),
    "formatting one line": formatted(joined("input 8\n", "relu", "; ", "")),
    "formatting tables": formatted(joined("let a = [\n", "[~, 1, 2]", ",\n", "\n]\ninput 8\n")),
    "fixing warnings": fixed(WARNINGS),
    "fixing misspellings": fixed(lines("convv 8 1x1")),
    # what a network is asked for
    "summary": of_network(lambda net: net.summary(), CHAIN, LARGE),
    "summary of blocks": of_network(lambda net: net.summary(0), lines("B", "block B { relu }\ninput 8\n"), LARGE),
    "JSON": of_network(lambda net: cnndsl.from_json(net.to_json()), CHAIN, LARGE),
    "expanded text": of_network(lambda net: net.to_cnn(), CHAIN, LARGE),
    "expanded text of skips": of_network(lambda net: net.to_cnn(), nested_skips, LARGE),
    "memory": of_network(lambda net: net.memory(), nested_skips, LARGE),
    "explaining a concatenation": of_network(lambda net: net.explain("joined"), WIDE, LARGE),
    "explaining behind a concatenation": of_network(lambda net: net.explain("last"), WIDE, LARGE),
    "explaining the end of a chain": of_network(
        lambda net: net.explain("last"), lines("conv 8 1x1", end="relu as last"), LARGE
    ),
    "decompiling a chain": of_network(lambda net: net.decompiled(), CHAIN, MIDDLE),
    "decompiling residuals": of_network(lambda net: net.decompiled(), RESIDUAL, MIDDLE),
    "decompiling skips": of_network(lambda net: net.decompiled(), nested_skips, MIDDLE),
    "ONNX of a chain": of_network(lambda net: net.to_onnx(), CHAIN, MIDDLE),
    "ONNX of a concatenation": of_network(lambda net: net.to_onnx(), WIDE, MIDDLE),
    "importing a chain": imported(CHAIN),
    "importing residuals": imported(RESIDUAL),
    "importing a concatenation": imported(WIDE),
    "importing a mixed chain": imported(mixed_chain, 2100),
    "running a chain": of_network(run, CHAIN, MIDDLE),
    "running skips": of_network(run, nested_skips, MIDDLE),
    "running a wide sum": of_network(run, SUM, MIDDLE),
    "running a concatenation": of_network(run, WIDE, MIDDLE),
    "running a concatenation of convolutions": of_network(run, WIDE_OF_CONVS, MIDDLE),
    "running growing concatenations": of_network(run, DENSE_NET, SMALL),
    "drawing a chain": of_network(lambda net: net.draw(), CHAIN, SMALL),
    "drawing residuals": of_network(lambda net: net.draw(), RESIDUAL, SMALL),
    "drawing a concatenation": of_network(lambda net: net.draw(), WIDE, LARGE),
    "drawing volumes": of_network(lambda net: net.draw(style="volumes"), CHAIN, SMALL),
    "report": of_network(lambda net: net.report(), CHAIN, SMALL),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_work_follows_size(name: str) -> None:
    construct = CONSTRUCTS[name]
    construct.prepare(construct.least)()  # what is loaded and remembered once
    one, two, four = (calls(construct.prepare(construct.least * factor)) for factor in (1, 2, 4))
    grown = math.log2(max(four - two, 1) / max(two - one, 1))
    assert grown <= EXPONENT or four < 2.2 * two, (one, two, four, round(grown, 2))


def test_the_table_is_large() -> None:
    assert len(CONSTRUCTS) >= 80
