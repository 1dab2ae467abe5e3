"""Symbols: what they decide, how they are written again, and what is said where they may not stand."""

import ast
import keyword
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnndsl
from cnndsl.analysis.resized import resized
from cnndsl.errors import CnnError
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.lang.elaborate.naming import KEYWORDS
from cnndsl.lang.modules import Settings
from cnndsl.lang.style.format import format_text
from cnndsl.shapes import Shape


def graph(text: str) -> Graph:
    compiled = compile_text(text, "net.cnn")
    assert not [one for one in compiled.diagnostics if one.severity == "error"], compiled.diagnostics
    return compiled.networks[0]


def errors(text: str, **given: int) -> list[tuple[str, str]]:
    found = compile_text(text, "net.cnn", settings=Settings(params=given)).diagnostics
    return [(one.code, one.message) for one in found if one.severity == "error"]


class TestExtents:
    def test_expressions_are_kept(self) -> None:
        made = graph("symbol H = 64, W = 32\ninput 3@HxW\nlet h = H//2 + 1\nresize [2*h, W % 5 + 1]\ncrop (-1 + H//64)")
        assert made.inputs[0].extents == ("3", "H", "W")
        assert [node.symbolic for node in made.layers] == [
            {"size": ("2 * (H // 2 + 1)", "W % 5 + 1")},
            {"size": ("-1 + H // 64",)},
        ]
        assert made.layers[0].shape == Shape(3, (66, 3))
        assert [(one.name, one.default) for one in made.symbols] == [("H", 64), ("W", 32)]

    def test_sizes_joined_by_x(self) -> None:
        assert graph("symbol D, H, W\ninput 3@DxHxW\nrelu").inputs[0].extents == ("3", "D", "H", "W")
        assert graph("let HxW = 5\nsymbol H, W\ninput 3@HxW\nrelu").inputs[0].extents == ()
        assert errors("param H = 8\nparam W = 8\ninput 3@HxW\nrelu")[0][0] == "unknown-name"

    def test_default(self) -> None:
        assert graph("symbol L\ninput 3@[L]\nrelu").symbols[0].default == 224
        assert graph("param n = 8\nsymbol L = 4*n\ninput 3@[L]\nrelu").symbols[0].default == 32

    @pytest.mark.parametrize("size", [17, 32, 100, 255])
    def test_attributes_follow_the_layers(self, size: int) -> None:
        text = (
            "symbol H = 64\ninput 3@[H, 48] as x\nconv 4 3x3 stride=2 -> maxpool 2x2 as low\n"
            "from x -> resize [low.height, x.width]\noutput low"
        )
        at = resized(graph(text), {"H": size})
        plain = compile_text(text.replace("symbol H = 64\n", f"let H = {size}\n")).networks[0]
        assert [node.shape for node in at.layers] == [node.shape for node in plain.layers]

    def test_blocks_see_the_symbols_of_the_file(self) -> None:
        text = "symbol H = 64\nassume H % 4 == 0\nblock Half { crop (H//4) }\nnetwork A { input 3@[H, H]; Half }"
        made = graph(text)
        assert made.layers[0].symbolic == {"size": ("H // 4",)}
        assert [one.text for one in made.assumptions] == ["H % 4 == 0"]

    def test_a_graph_survives_its_json(self) -> None:
        made = graph("symbol H = 64\ninput 3@[H, H]\nassume H > 8\ncrop (H//4)\nexpect 3@[H - H//4*2, H - H//4*2]")
        assert Graph.model_validate_json(made.model_dump_json()) == made


class TestNumbersFromOutside:
    text = (
        "symbol H = 64, W = 64\ninput 3@HxW\nassume H % 32 == 0\n"
        "let half = H//2\nresize [half, W]\nif half > 3 { relu }"
    )

    def test_set(self) -> None:
        assert errors(self.text)[0][0] == "symbol-decides"
        found = compile_text(self.text, settings=Settings(params={"H": 96}))
        (network,) = found.networks
        assert [str(node.shape) for node in network.layers] == ["3@48x64", "3@48x64"]
        assert [one.name for one in network.symbols] == ["W"]
        assert errors(self.text, H=100) == [("assumption", "this does not hold: H is 100")]
        assert errors(self.text, H=0)[0][0] == "bad-setting"

    def test_input(self) -> None:
        found = compile_text(self.text, settings=Settings(inputs={None: Shape(3, (96, 40))}))
        assert found.networks[0].symbols == ()
        assert [str(node.shape) for node in found.networks[0].layers] == ["3@48x40", "3@48x40"]
        square = "symbol H\ninput 3@[H, H]\nrelu"
        found = compile_text(square, settings=Settings(inputs={None: Shape(3, (96, 40))}))
        assert [one.code for one in found.diagnostics] == ["bad-setting"]

    def test_input_and_the_symbols_of_a_file(self) -> None:
        text = "symbol H = 64, W = 64\nlet half = H//2\nblock Half { resize [half, W//2] }\n"
        text += "network A { input 3@HxW as image\nHalf\nexpect 3@[H//2, W//2] }\n"
        text += "network B { symbol L\ninput 3@[L]\nrelu }"
        found = compile_text(text, settings=Settings(inputs={"image": Shape(3, (96, 40))}))
        assert [[str(node.shape) for node in each.layers] for each in found.networks] == [["3@48x20"], ["3@224"]]
        assert not found.diagnostics and found.networks[0].symbols == ()

    def test_input_where_a_param_is_the_extent(self) -> None:
        found = compile_text("param n = 8\ninput 3@[n, n]\nrelu", settings=Settings(inputs={None: Shape(3, (9, 7))}))
        assert not found.diagnostics and str(found.networks[0].inputs[0].shape) == "3@9x7"


@pytest.mark.parametrize("name", [*(word for word in keyword.kwlist if word not in KEYWORDS), "x", "max", "same"])
def test_words_of_python_and_of_operators_are_symbols_like_others(name: str) -> None:
    text = f"symbol {name} = 32\nassume {name} % 4 == 0\ninput 3@[{name}, {name}]\nmaxpool 2\nconv 8 3x3 pad=same"
    made = graph(text)
    assert [one.name for one in made.symbols] == [name]
    assert resized(made, {name: 64}).layers[-1].shape == Shape(8, (32, 32))
    with pytest.raises(CnnError):
        resized(made, {name: 66})


class TestOldFiles:
    def test_assume_is_a_word_where_no_symbol_stands(self) -> None:
        text = "block assume(w=1) { conv w 3x3 }\ninput 3@9x9\nassume 4\nconv 2 1x1 as assume -> relu"
        text += "\nexpect assume.channels == 2"
        assert [str(node.shape) for node in graph(text).layers] == ["4@7x7", "2@7x7", "2@7x7"]

    def test_assume_is_a_name_behind_a_symbol(self) -> None:
        text = "symbol H\nlet assume = 4\ninput 3@[H, 8]\nassume (H > assume) and H < 1_000\nconv assume 1x1"
        assert [one.text for one in graph(text).assumptions] == ["H > 4 and H < 1000"]
        assert graph("symbol H\ninput 3@[H, 8]\nassume(H > 4)\nrelu").assumptions[0].text == "H > 4"


class TestProofs:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("assume H >= 16\nadd { identity; maxpool 2x2 -> upsample 2 }", "H = 17: add: the branches have different"),
            ("assume H >= 4\nresize [H//8, 4]", "H = 4: resize: size must be a positive whole number"),
            (
                "assume H >= 16 and W > 8\ncrop (3 - H//16)",
                "H = 64: crop: size must be a whole number, one per axis, or",
            ),
            ("assume H >= 4\nconv 8 7x7", "H = 4: conv: the 7x7 kernel is larger than its input 3@4x32"),
            (
                "conv 8 3x3 stride=2 pad=1\nexpect 8@[H//2, W//2]",
                "H = 1: expected 8@0x16, but the value here is 8@1x16",
            ),
            ("assume H > 3\nadd { identity; permute [0, 2, 1] }", "H = 4: add: the branches have different shapes"),
            ("assume H != 32\nrelu", "the default H = 32 does not meet `H != 32`"),
            ("assume H < 100 and H > 100\nrelu", "no H meets `H < 100 and H > 100`"),
            ("assume W < 40\nassume W % 41 == 0\nrelu", "no W meets `W % 41 == 0` beside `W < 40`"),
        ],
    )
    def test_smallest_size(self, text: str, message: str) -> None:
        ((_, found),) = errors(f"symbol H = 32, W = 32\ninput 3@HxW\n{text}")
        assert found.startswith(message)

    @pytest.mark.parametrize(
        "text",
        [
            "add { identity; permute [0, 2, 1] }",
            "assume H == W and H > 3\nadd { identity; permute [0, 2, 1] }",
            "assume H % 2 == 0\nconv 8 3x3 stride=2 pad=1\nexpect 8@[H//2, -(-W//2)]",
            "conv 8 3x3 stride=2 pad=1\nexpect 8@16x16\nexpect macs == 16*16*8*27",
            "conv 8 3x3\nexpect in.height == 30 and in.shape == (8@30x30)\nif in.height == 7 { expect params == 1 }",
            "conv 8 3x3\nadaptive_avgpool 4x4 -> flatten -> dense 3",
        ],
    )
    def test_nothing_to_say(self, text: str) -> None:
        assert errors(f"symbol H = 32, W = 32\ninput 3@HxW\n{text}") == []

    @settings(max_examples=20, deadline=None)
    @given(
        st.lists(
            st.tuples(st.sampled_from(["conv 2", "maxpool"]), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2)),
            min_size=1,
            max_size=4,
        ),
        st.integers(1, 6),
    )
    def test_refused_sizes_are_the_smallest(self, layers: Sequence[tuple[str, int, int, int]], least: int) -> None:
        """The message names the smallest size from ``least`` on that an expansion with numbers refuses."""
        lines = [f"{name} {kernel} stride={stride} pad={min(pad, kernel // 2)}" for name, kernel, stride, pad in layers]
        body = "\n".join(lines)
        if errors(f"input 1@[60]\n{body}"):
            return  # the default is refused like any number
        refused = [n for n in range(least, 60) if errors(f"input 1@[{n}]\n{body}")]
        found = errors(f"symbol L = 60\ninput 1@[L]\nassume L >= {least}\n{body}")
        assert [message.partition(":")[0] for _, message in found] == [f"L = {n}" for n in refused[:1]]


SYMBOLS = st.sampled_from(["H", "W"])


def sums(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    number = st.integers(1, 9).map(str)
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-"]), st.one_of(inner, number)).map(lambda p: f"({' '.join(p)})"),
        st.tuples(inner, st.sampled_from(["*", "//", "%"]), number).map(lambda p: f"({' '.join(p)})"),
        inner.map(lambda text: f"(-{text})"),
    )


EXPRESSIONS = st.recursive(SYMBOLS, sums, max_leaves=6)


class TestWrittenAgain:
    @given(EXPRESSIONS)
    def test_expressions_mean_what_was_written(self, text: str) -> None:
        numbers = {"H": 100, "W": 60}
        size = f"({text}) % 50 + 1"  # positive, whatever the text gives
        made = graph(f"symbol H = 100, W = 60\ninput 3@HxW\nresize [{size}, 5]")
        (kept, _) = made.layers[0].symbolic["size"]
        for values in (numbers, {"H": 7, "W": 31}, {"H": 32, "W": 1}):
            assert eval(kept, {}, values) == eval(size, {}, values)

    @given(EXPRESSIONS, st.sampled_from(["{} > 3", "not {} == 4", "{} % 7 != 6 or {} < 20 and {} >= 2"]))
    def test_print_and_parse(self, text: str, condition: str) -> None:
        """Text, graph, text, graph: the same graph, and the same text."""
        size = f"({text}) % 50 + 1"
        text = "symbol H = 100, W = 60\ninput 3@HxW\nresize [{0}, W//2 + 1] as r\nexpect 3@[{0}, W//2 + 1]\nrelu\n"
        text += f"assume {condition.replace('{}', 'H')} or H > 0 and W > 3\n"
        made_graph = compile_text(text.format(size), "net.cnn").networks
        if not made_graph:  # an expectation, or the assumption, is wrong for some size
            return
        (first,) = made_graph
        for written in (cnndsl.Network(first).to_cnn(), cnndsl.Network(first).decompiled()[0]):
            second = graph(written)
            assert second.inputs[0].extents == first.inputs[0].extents
            assert [node.symbolic for node in second.layers] == [node.symbolic for node in first.layers]
            assert [one.text for one in second.assumptions] == [one.text for one in first.assumptions]
        again = cnndsl.Network(graph(cnndsl.Network(first).to_cnn())).to_cnn()
        assert again == cnndsl.Network(first).to_cnn()
        assert format_text(format_text(again)) == format_text(again)
        assert ast.dump(ast.parse(first.assumptions[0].text))


def test_a_run_of_another_size_is_refused_by_its_layer() -> None:
    made = graph("symbol H = 188\ninput 1@[H, 188]\nadd { identity; maxpool 2x2 -> upsample 2 }")
    with pytest.raises(CnnError, match="H = 189: add: the branches have different shapes"):
        resized(made, {"H": 189})


@pytest.mark.parametrize(
    ("text", "code", "advice"),
    [
        ("input 3@HxW\nrelu", "unknown-name", "stand above the inputs: `symbol H = 224, W = 224`"),
        ("input 3@DxHxW\nrelu", "unknown-name", "`symbol D = 224, H = 224, W = 224`"),
        ("symbol H = 9\ninput 3@[H]\nassume H + 1\nrelu", "wrong-type", "compare it: `(H + 1) % 32 == 0`"),
        ("symbol H = 9\ninput 3@[H]\nassume H\nrelu", "wrong-type", "compare it: `H % 32 == 0`"),
    ],
)
def test_advice(text: str, code: str, advice: str) -> None:
    (found,) = cnndsl.check(text).diagnostics
    assert found.code == code and any(advice in line for line in found.help)


@pytest.mark.parametrize(("default", "given"), [("10**13", {}), ("0", {}), ("8", {"H": 0}), ("8", {"H": "x"})])
def test_a_size_that_is_none_is_told_once(default: str, given: dict[str, object]) -> None:
    """What is written with the symbol is not told beside it."""
    (found,) = cnndsl.check(f"symbol H = {default}, W = 8\ninput 3@HxW\nrelu", **given).diagnostics
    assert found.code in ("dimension-limit", "wrong-type", "bad-setting")
