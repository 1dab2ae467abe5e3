"""The parser: trees, offsets, limits, and what it says about texts that are not in the language."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark.exceptions import UnexpectedToken

from cnndsl.errors import CnnError, Diagnostic
from cnndsl.lang.text import grammar, lalr_machine, lexer, parser_tables, syntax
from cnndsl.lang.text.parser import decode, parse
from cnndsl.lang.text.syntax_errors import MISTAKES, Mistake
from cnndsl.lang.text.tree_builder import TreeBuilder
from cnndsl.limits import DEFAULT_LIMITS, Limits
from tools import make_tables

EXAMPLES = {
    "lenet": """\
# lenet.cnn: the modern LeNet-5
input 1@28x28
conv 6 5x5 pad=2 -> tanh
avgpool 2x2
conv 16 5x5 -> tanh
avgpool 2x2
flatten
dense 120 -> tanh
dense 84 -> tanh
dense 10 -> softmax
expect params == 61_706
""",
    "training": """\
network Digits {
  param rate = 2e-3
  input 1@8x8
  flatten -> dense 10
  train {
    data "digits"; validate 0.15
    augment flip shift=1  # each time anew
    loss cross_entropy class_weights=[1, 2] + [3]
    optimizer sgd lr=rate/2 nesterov=true
  }
}
""",
    "handcrafted": """\
network VerticalLine {
  let vertical = [[0, 1, 0], [0, 1, 0], [0, 1, 0]]
  input 1@8x8
  conv 1 3x3 weight=vertical bias=[0]
}
""",
    "resnet50": """\
block Bottleneck(width, stride=1) {
  add {
    conv width 1x1 bias=false -> batchnorm -> relu
      -> conv width 3x3 stride=stride pad=1 bias=false -> batchnorm -> relu
      -> conv (4*width) 1x1 bias=false -> batchnorm
    if stride != 1 or in.channels != 4*width {
      conv (4*width) 1x1 stride=stride bias=false -> batchnorm
    } else { identity }
  }
  relu
}

network ResNet50 {
  param classes = 1000
  input 3@224x224
  conv 64 7x7 stride=2 pad=3 bias=false as stem -> batchnorm -> relu
  maxpool 3x3 stride=2 pad=1
  for [width, depth, stride] in [[64, 3, 1], [128, 4, 2], [256, 6, 2], [512, 3, 2]] {
    Bottleneck width stride=stride
    repeat depth - 1 { Bottleneck width }
  }
  expect 2048@7x7
  global_avgpool -> flatten
  dense classes
  expect params == 25_557_032
}
""",
    "inception": """\
block Inception(c1, r3, c3, r5, c5, pp) {
  concat {
    conv c1 1x1 -> relu
    conv r3 1x1 -> relu -> conv c3 3x3 pad=1 -> relu
    conv r5 1x1 -> relu -> conv c5 5x5 pad=2 -> relu
    maxpool 3x3 stride=1 pad=1 -> conv pp 1x1 -> relu
  }
}
""",
    "squeeze_excite": """\
block SqueezeExcite(ratio=16) {
  let c = in.channels
  mul {
    identity
    global_avgpool -> conv (c // ratio) 1x1 -> relu -> conv c 1x1 -> sigmoid
  }
}
""",
    "lenet5": """\
# LeNet-5 as published in 1998; the paper's table is asserted
network LeNet5 {
  let table = [[0,1,2],[1,2,3],[2,3,4],[3,4,5],[4,5,0],[5,0,1],[0,1,2,3],[1,2,3,4],[2,3,4,5],
               [3,4,5,0],[4,5,0,1],[5,0,1,2],[0,1,3,4],[1,2,4,5],[0,2,3,5],[0,1,2,3,4,5]]
  input 1@32x32
  conv 6 5x5 as C1 -> tanh
  subsample 2x2 as S2 -> tanh
  conv 16 5x5 connect=table as C3 -> tanh
  subsample 2x2 as S4 -> tanh
  conv 120 5x5 as C5 -> tanh
  flatten
  dense 84 as F6 -> tanh
  rbf 10
  expect C1.params == 156 and C1.connections == 122_304
  expect S2.params == 12 and S2.connections == 5_880
  expect C3.params == 1_516 and C3.connections == 151_600
  expect S4.params == 32 and S4.connections == 2_000
  expect C5.params == 48_120 and F6.params == 10_164
  expect params == 60_000 and connections == 340_908
}
""",
    "unet": """\
# U-Net's skip connections: name a value, come back to it with `from`
block Double(w) { repeat 2 { conv w 3x3 pad=1 -> relu } }
network TinyUNet {
  input 1@64x64
  Double 16 as d1 -> maxpool 2x2
  Double 32 as d2 -> maxpool 2x2
  Double 64
  conv_transpose 32 2x2 stride=2
  concat { from d2; identity }
  Double 32
  conv_transpose 16 2x2 stride=2
  concat { from d1; identity }
  Double 16 -> conv 2 1x1
  expect 2@64x64
}
""",
}


def expression(text: str) -> Any:
    """The expression ``text``, read where any expression may stand."""
    [let] = parse(f"let x = {text}").items
    assert isinstance(let, syntax.Let)
    return let.value


def stage(text: str) -> Any:
    """The only stage of the pipeline ``text``."""
    [pipeline] = parse(text).items
    assert isinstance(pipeline, syntax.Pipeline)
    [only] = pipeline.stages
    return only


def failures(text: str, limits: Limits = DEFAULT_LIMITS) -> list[Diagnostic]:
    """The diagnostics of a text that must not parse."""
    with pytest.raises(CnnError) as caught:
        parse(text, limits=limits)
    assert caught.value.sources.keys() <= {"<text>"}
    return list(caught.value.diagnostics)


def failure(text: str, limits: Limits = DEFAULT_LIMITS) -> Diagnostic:
    """The one diagnostic of a text that must not parse."""
    [diagnostic] = failures(text, limits)
    return diagnostic


def place(diagnostic: Diagnostic) -> tuple[int, int, int, int]:
    """Line, column, end line and end column of a diagnostic."""
    assert diagnostic.span is not None
    return diagnostic.span[1:]


def nodes(tree: object) -> Iterator[Any]:
    """Every node of a tree."""
    if isinstance(tree, tuple):
        if hasattr(tree, "start"):
            yield tree
        for part in tree:
            yield from nodes(part)


def words(tree: Any) -> Any:
    """A tree as plain tuples without offsets and ``depth``: parenthesised operators show their grouping."""
    match tree:
        case syntax.Number():
            return tree.value
        case syntax.Name():
            return tree.name
        case syntax.Chain():
            return (*sum(zip(map(words, tree.operands), tree.operators, strict=False), ()), words(tree.operands[-1]))
        case syntax.Unary():
            return (tree.operator, words(tree.operand))
        case syntax.IfElse():
            return (words(tree.value), "if", words(tree.condition), "else", words(tree.otherwise))
        case syntax.ShapeLiteral():
            return (words(tree.channels), "@", words(tree.spatial))
        case syntax.Index():
            return (words(tree.base), "[", words(tree.index), "]")
        case syntax.Size():
            return "x".join(map(str, tree.extents))
        case syntax.ListLiteral():
            return [words(item) for item in tree.items]
        case syntax.Call():
            return (tree.function, *map(words, tree.arguments))
        case syntax.Attribute():
            return f"{tree.base}.{tree.attribute}"
        case syntax.ElementAttribute():
            return (words(tree.base), ".", tree.attribute)
        case syntax.Bool() | syntax.String():
            return tree.value
    raise TypeError(tree)


# --- the language by example ------------------------------------------------------------------------------------------
def test_files_hold_what_is_written_in_them() -> None:
    kinds = {name: [type(item).__name__ for item in parse(text).items] for name, text in EXAMPLES.items()}
    assert kinds == {
        "lenet": ["Input", *["Pipeline"] * 8, "Expect"],
        "handcrafted": ["Network"],
        "training": ["Network"],
        "resnet50": ["Block", "Network"],
        "inception": ["Block"],
        "squeeze_excite": ["Block"],
        "lenet5": ["Network"],
        "unet": ["Block", "Network"],
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_text_of_a_node_reads_as_the_node(name: str) -> None:
    text = EXAMPLES[name]
    frames = {"Argument": "conv {}", "Body": "add {}", "Alias": "relu as {}", "BlockParameter": "block B({}) {{ }}"}
    checked = 0
    for node in nodes(parse(text).items):
        kind = type(node).__name__
        written = text[node.start : node.end]
        assert written == written.strip()
        is_expression = isinstance(node, syntax.Expression)
        alone = parse(frames.get(kind, "let x = {}" if is_expression else "{}").format(written))
        same = [other for other in nodes(alone.items) if type(other) is type(node)]
        assert any(strip_offsets(other) == strip_offsets(node) for other in same), written
        checked += 1
    assert checked > 15


def strip_offsets(tree: Any) -> Any:
    """A tree as (kind, fields) without offsets."""
    if not isinstance(tree, tuple):
        return tree
    if not hasattr(tree, "_asdict"):
        return tuple(map(strip_offsets, tree))
    fields = tree._asdict().items()
    offsets = ("start", "end", "name_start", "name_end")
    return type(tree).__name__, tuple((key, strip_offsets(value)) for key, value in fields if key not in offsets)


def test_offsets_of_every_kind_of_part() -> None:
    text = "network Net {\n  conv (4*w) 3x3 pad=1 as c1 -> relu\n  for [a, b] in [[1, 2]] { dense a }  # last\n}\n"
    slices = {
        (type(node).__name__, text[node.start : node.end])
        for node in nodes(parse(text).items)
        if not isinstance(node, syntax.Network | syntax.Body)
    }
    assert slices >= {
        ("Argument", "(4*w)"),
        ("Chain", "(4*w)"),
        ("Name", "w"),
        ("Argument", "3x3"),
        ("Argument", "pad=1"),
        ("Number", "1"),
        ("Alias", "c1"),
        ("Apply", "conv (4*w) 3x3 pad=1 as c1"),
        ("Apply", "relu"),
        ("Pipeline", "conv (4*w) 3x3 pad=1 as c1 -> relu"),
        ("For", "for [a, b] in [[1, 2]] { dense a }"),
        ("ListLiteral", "[[1, 2]]"),
    }
    [network] = parse(text).items
    assert isinstance(network, syntax.Network)
    assert text[network.name_start : network.name_end] == "Net"
    assert text[network.body.start : network.body.end] == text[network.name_end + 1 : -1]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 + 2 - 3", (1, "+", 2, "-", 3)),
        ("1 + 2 * 3", (1, "+", (2, "*", 3))),
        ("(1 + 2) * 3", ((1, "+", 2), "*", 3)),
        ("a // b % c / d", ("a", "//", "b", "%", "c", "/", "d")),
        ("-x ** 2", ("-", ("x", "**", 2))),
        ("2 ** -1", (2, "**", ("-", 1))),
        ("2 ** 3 ** 4", (2, "**", (3, "**", 4))),
        ("not a == b", ("not", ("a", "==", "b"))),
        ("not(a) and not b or c", ((("not", "a"), "and", ("not", "b")), "or", "c")),
        ("a if b else c if d else e", ("a", "if", "b", "else", ("c", "if", "d", "else", "e"))),
        ("1 if(a)else 2", (1, "if", "a", "else", 2)),
        ("c@[h, w]", ("c", "@", ["h", "w"])),
        ("2*c@28x28", ((2, "*", "c"), "@", "28x28")),
        ("1@8 if a else 2@9", ((1, "@", 8), "if", "a", "else", (2, "@", 9))),
        ("w[0][1]", (("w", "[", 0, "]"), "[", 1, "]")),
        ("range(3)[i - 1]", (("range", 3), "[", ("i", "-", 1), "]")),
        ("min(1, max(), len([1, 2,]))", ("min", 1, ("max",), ("len", [1, 2]))),
        ("in.channels % 8 <= C1.params", (("in.channels", "%", 8), "<=", "C1.params")),
        ("[true, false, \"a\", []]", [True, False, "a", []]),
        ("[1,\n # two\n 2\n]", [1, 2]),
    ],
)  # fmt: skip
def test_operators_bind_as_documented(text: str, tree: object) -> None:
    assert words(expression(text)) == tree


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("1_000", 1000),
        ("62K", 62_000),
        ("1.8G", 1_800_000_000),
        ("5M", 5_000_000),
        ("0.0005K", Fraction(1, 2)),
        ("0.5", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        ("1e-5", Fraction(1, 100_000)),
        ("1E+3", Fraction(1000)),
        ("2.50e1", Fraction(25)),
    ],
)
def test_numbers_are_exact(text: str, value: int | Fraction) -> None:
    number = expression(text)
    assert (number.value, type(number.value), number.text) == (value, type(value), text)


@pytest.mark.parametrize(
    ("text", "value"),
    [(r'"a\"b\\c\n\t"', 'a"b\\c\n\t'), (r'"\u00e9\u0041"', "éA"), ('"日本 # ;"', "日本 # ;"), ('""', "")],
)
def test_strings_resolve_their_escapes(text: str, value: str) -> None:
    assert expression(text).value == value


def test_a_bracket_behind_a_name_is_an_index_and_elsewhere_a_list() -> None:
    assert [words(argument.value) for argument in stage("conv w[0] 3").arguments] == [("w", "[", 0, "]"), 3]
    assert [words(argument.value) for argument in stage("conv w [0] 3[1]").arguments] == ["w", [0], 3, [1]]
    assert words(stage("for x in[1]{ relu }").rows) == [1]


def test_every_stage_keeps_its_parts() -> None:
    merge = stage("concat axis=1 { from d2; identity } as both")
    assert (merge.name, merge.arguments[0].name, len(merge.body.statements), merge.alias.name) == (
        *("concat", "axis"),
        *(2, "both"),
    )
    repeat = stage("repeat depth - 1 as i { relu } as tower")
    assert (words(repeat.count), repeat.variable, repeat.alias.name) == (("depth", "-", 1), "i", "tower")
    assert stage("repeat 2 { }").variable is None
    loop, single = stage("for [x] in rows { }"), stage("for x in rows { }")
    assert (loop.targets, loop.destructured, single.targets, single.destructured) == (("x",), True, ("x",), False)
    choice = stage("if a { relu }\n\n# or\nelse if b { tanh }\nelse { }")
    assert [words(condition) for condition, _ in choice.arms] == ["a", "b"]
    assert (len(choice.arms[1][1].statements), choice.otherwise.statements) == (1, ())
    assert stage("if a { }").otherwise is None
    assert stage("{ relu }").body.statements[0].stages[0].name == "relu"
    assert words(stage("from d1 as e").value) == "d1"
    assert words(stage("from d[i + 1][-1] as e").value) == (("d", "[", ("i", "+", 1), "]"), "[", ("-", 1), "]")


def test_every_statement_keeps_its_parts() -> None:
    text = 'import "b.cnn"\nblock B(a, b=1) { }\nblock C { }\nsymbol H, W\n'
    text += "input 3@[H, W] dtype=float16 as x\noutput y z[0]"
    brought, block, plain, symbol, entry, output = parse(text).items
    assert isinstance(brought, syntax.Import) and brought.path.value == "b.cnn"
    assert text[brought.path.start : brought.path.end] == '"b.cnn"'
    assert isinstance(block, syntax.Block) and isinstance(plain, syntax.Block)
    assert [(p.name, p.default and words(p.default)) for p in block.parameters] == [("a", None), ("b", 1)]
    assert (block.name, plain.name, plain.parameters) == ("B", "C", ())
    assert isinstance(symbol, syntax.Symbol) and [one.name for one in symbol.symbols] == ["H", "W"]
    assert isinstance(entry, syntax.Input) and entry.alias is not None
    assert (entry.arguments[0].name, entry.alias.name) == ("dtype", "x")
    assert isinstance(output, syntax.Output) and list(map(words, output.values)) == ["y", ("z", "[", 0, "]")]


# --- lines ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["", "\n", " \t", "# only a comment", "#\n\n# two\n", "\ufeff", ";;\n;"])
def test_a_text_without_statements_is_an_empty_file(text: str) -> None:
    assert parse(text).items == ()


def test_separators_and_continued_lines() -> None:
    text = "a; b;\n\n # c\n;c\n\n  # why\n\n\t-> d # e\n -> f"
    assert [len(item.stages) for item in parse(text).items if isinstance(item, syntax.Pipeline)] == [1, 1, 3]


def test_line_ends_and_the_byte_order_mark_are_normalised() -> None:
    tree = parse("\ufeffconv 8\r\nrelu\rtanh\n")
    assert tree.text == "conv 8\nrelu\ntanh\n"
    assert [tree.text[item.start : item.end] for item in tree.items] == ["conv 8", "relu", "tanh"]
    assert place(failure("\ufeffrelu\r\ntanh\r  )")) == (3, 3, 3, 4)


# --- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.message)
def test_common_mistakes_are_explained(mistake: Mistake) -> None:
    for example in mistake.examples:
        diagnostic = failure(example)
        assert (diagnostic.code, diagnostic.message, diagnostic.help) == ("syntax", mistake.message, (mistake.help,))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.message)
def test_the_advice_on_mistakes_is_sound(mistake: Mistake) -> None:
    def parses(text: str) -> bool:
        try:
            return bool(parse(text).items)
        except CnnError:
            return False

    for advice in re.findall(r"write `([^`]+)`", mistake.help):
        assert any(parses(frame.format(advice)) for frame in ("{}", "let x = {}", "{} }}")), advice


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("relu\n conv 8 -1", (2, 9, 2, 10), "an operator in a positional argument needs parentheses"),
        ("conv(8, 3)", (1, 1, 1, 5), "layers are not called with parentheses"),
        ("network A {\n  relu\n  add {\n", (3, 7, 3, 8), "this `{` is never closed"),
        ("relu\n}\n", (2, 1, 2, 2), "no `{` is open for this `}`"),
        ("let x = [1, (2]", (1, 15, 1, 16), "`]` does not close `(`"),
        ("let x = max(1, 2\n", (1, 12, 1, 13), "this `(` is never closed"),
        ("network A { block B { } }", (1, 13, 1, 18), "`block` cannot stand inside `{`"),
        ("repeat 2 { relu } tanh", (1, 19, 1, 23), "`tanh` follows `}` on the same line"),
        ("if a { relu } elif b { }", (1, 15, 1, 19), "`elif` is not a word of the language"),
        ("relu as input", (1, 9, 1, 14), "`input` is a keyword and cannot be a name"),
        ("let train = 1", (1, 5, 1, 10), "`train` is a keyword and cannot be a name"),
        ("while(a) { }", (1, 1, 1, 6), "`while` is reserved for later versions"),
        ("dense 10 -> train", (1, 13, 1, 18), "expected a layer, found `train`"),
        ("conv 3x3y 8", (1, 6, 1, 10), "`3x3y` is not a number"),
        ("conv 12px", (1, 6, 1, 10), "`12px` is not a number"),
        ("conv 1__0", (1, 6, 1, 10), "`1__0` is not a number"),
        ("conv pad=.5", (1, 10, 1, 11), "a number starts with a digit"),
        ("S2.params == 1", (1, 3, 1, 4), "expected a value, the end of the line or `->`, found `.`"),
        ("conv 8 as c relu", (1, 13, 1, 17), "expected the end of the line or `->`, found `relu`"),
        ("let x = 3.", (1, 9, 1, 11), "`3.` is not a number"),
        ('import "a.cnn\nrelu', (1, 8, 1, 14), "this string is never closed"),
        ("let x 3", (1, 7, 1, 8), "expected `=`, found `3`"),
        ("let 3 = x", (1, 5, 1, 6), "expected a name, found `3`"),
        ("let x =\nrelu", (1, 8, 1, 8), "expected a value, found the end of the line"),
        ("expect", (1, 7, 1, 7), "expected a value, found the end of the file"),
        ("let x = [1 2]", (1, 12, 1, 13), "expected `,` or `]`, found `2`"),
        ("let x = [1; 2]", (1, 11, 1, 12), "expected `,` or `]`, found `;`"),
        ("relu\n(tanh)", (2, 1, 2, 2), "expected a statement, found `(`"),
        ("expect a b", (1, 10, 1, 11), "expected the end of the line, found `b`"),
        ("for x xs { }", (1, 7, 1, 9), "expected `in`, found `xs`"),
    ],
)
def test_syntax_errors_stand_at_the_exact_token(text: str, where: tuple[int, ...], message: str) -> None:
    diagnostic = failure(text)
    assert (diagnostic.code, place(diagnostic), diagnostic.message) == ("syntax", where, message)


def test_an_unclosed_bracket_names_the_place_where_the_file_ends() -> None:
    [label] = failure("network A {\n  relu\n").labels
    assert (label.span.line, label.span.column, label.message) == (3, 1, "the file ends here")


@pytest.mark.parametrize(
    ("text", "where", "message", "help"),
    [
        ("conv 8 3×3", (1, 9, 1, 10), "unexpected character `×` (U+00D7)", "`3x3`"),
        ("if x:", (1, 5, 1, 6), "unexpected character `:`", "`{` and `}`"),
        ("conv kernel: 3", (1, 12, 1, 13), "unexpected character `:`", "`name=value`"),
        ("import “a.cnn”", (1, 8, 1, 9), "unexpected character `“` (U+201C)", "double quotes"),
        ("relu → relu", (1, 6, 1, 7), "unexpected character `→` (U+2192)", "`->`"),
        ("−", (1, 1, 1, 2), "unexpected character `−` (U+2212)", "hyphen"),
        ("let x = −1", (1, 9, 1, 10), "unexpected character `−` (U+2212)", "hyphen"),
        ("größe", (1, 3, 1, 4), "unexpected character `ö` (U+00F6)", "letters"),
        ("let x = ٣", (1, 9, 1, 10), "unexpected character `٣` (U+0663)", "0 to 9"),
    ],
)
def test_characters_outside_the_language(text: str, where: tuple[int, ...], message: str, help: str) -> None:
    diagnostic = failure(text)
    assert (diagnostic.code, place(diagnostic), diagnostic.message) == ("bad-character", where, message)
    assert help in diagnostic.help[0]


@pytest.mark.parametrize(
    "text", ["relu\n\x00", "relu\n#\x00", 'relu\nimport "\x1b[2J"', "relu\n\ud800", "relu\n\ufeff"]
)
def test_invisible_characters_are_refused_wherever_they_stand(text: str) -> None:
    diagnostic = failure(text)
    assert diagnostic.code == "bad-character"
    assert re.fullmatch(r"unexpected character U\+[0-9A-F]{4}", diagnostic.message)
    assert place(diagnostic)[0] == 2


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (r'import "a\qb"', (1, 10, 1, 12)),
        (r'import "\x41"', (1, 9, 1, 11)),
        (r'import "\u12"', (1, 9, 1, 11)),
        (r'import "\ud83d\ude00"', (1, 9, 1, 15)),
    ],
)
def test_bad_escapes(text: str, where: tuple[int, ...]) -> None:
    diagnostic = failure(text)
    assert (diagnostic.code, place(diagnostic)) == ("bad-escape", where)


def test_bytes_that_are_not_utf8() -> None:
    assert decode("größe\r\n".encode(), "a.cnn") == "größe\r\n"
    with pytest.raises(CnnError) as caught:
        decode(b"relu\r\n# gr\xf6", "a.cnn")
    [diagnostic] = caught.value.diagnostics
    assert (diagnostic.code, place(diagnostic)) == ("not-utf8", (2, 5, 2, 6))
    assert "0xF6 at offset 10, in line 2" in diagnostic.message
    with pytest.raises(CnnError, match="not-utf8") as caught:
        decode("relu".encode("utf-16"), "a.cnn")
    assert "UTF-16" in caught.value.diagnostics[0].help[0]


# --- limits -----------------------------------------------------------------------------------------------------------
def test_source_size_is_counted_in_bytes() -> None:
    parse("# éé", limits=Limits(source_bytes=6))
    assert failure("# éé", Limits(source_bytes=5)).code == "source-too-large"
    assert failure("#" * (DEFAULT_LIMITS.source_bytes + 1)).code == "source-too-large"


@pytest.mark.parametrize(
    "nested",
    [
        lambda depth: "let x = " + "(" * depth + "1" + ")" * depth,
        lambda depth: "let x = " + "[" * depth + "]" * depth,
        lambda depth: "let x = " + "max(" * depth + "1" + ")" * depth,
        lambda depth: "let x = " + "-" * depth + "1",
        lambda depth: "let x = " + "not " * depth + "a",
        lambda depth: "let x = " + "2 ** " * depth + "2",
        lambda depth: "let x = " + "a if b else " * depth + "c",
        lambda depth: "let x = w" + "[0]" * depth,
        lambda depth: "{" * depth + "}" * depth,
        lambda depth: "add {" * (depth - 1) + "conv (1)" + "}" * (depth - 1),
    ],
)
def test_nesting_is_limited_at_the_same_depth_for_everything(nested: Any) -> None:
    for limit in (3, DEFAULT_LIMITS.nesting, 200):
        parse(nested(limit), limits=Limits(nesting=limit))
        assert failure(nested(limit + 1), Limits(nesting=limit)).code == "nesting-too-deep"


@pytest.mark.parametrize(
    ("accepted", "refused"),
    [
        ("1" * 20, "1" * 21),
        ("0." + "1" * 19, "0." + "1" * 20),
        ("1_1" * 10, "1_1" * 10 + "1"),
        ("1" * 20 + "x" + "2" * 20, "1x" + "2" * 21),
        ("1e30", "1e31"),
        ("1e-30", "1e-31"),
        ("1e30", "1e999999999"),
    ],
)
def test_number_literals_are_limited(accepted: str, refused: str) -> None:
    expression(accepted)
    diagnostic = failure(f"let x = {refused}")
    assert (diagnostic.code, place(diagnostic)) == ("number-too-long", (1, 9, 1, 9 + len(refused)))


def test_number_literals_are_limited_even_where_the_caller_does_not() -> None:
    assert expression_with(Limits(number_digits=30), "1" * 30) == int("1" * 30)
    assert failure("let x = " + "1" * 5000, Limits(number_digits=10**6)).code == "number-too-long"


def expression_with(limits: Limits, text: str) -> Any:
    """The value of the number ``text`` under ``limits``."""
    [let] = parse(f"let x = {text}", limits=limits).items
    assert isinstance(let, syntax.Let)
    return words(let.value)


def test_long_flat_texts_are_no_trouble() -> None:
    total = expression("1" + "+1" * 100_000)
    assert (len(total.operands), total.depth) == (100_001, 1)
    assert parse("a" * 2**20).end == 2**20


@pytest.mark.parametrize("unit", ["-", "[", "(", "{", "}", '"', "\\", "let x=-", "f(", "1_", "->", "9", "2**", "[\n"])
def test_a_megabyte_of_one_thing_gives_a_diagnostic_or_two(unit: str) -> None:
    for start in ("", "let x = ", "conv "):
        assert 1 <= len(failures((start + unit * 2**20)[: 2**20])) <= 2


# --- anything at all --------------------------------------------------------------------------------------------------
SOUP = sorted({*re.findall(r"\w+|[^\w\s]+|\s+", "".join(EXAMPLES.values())), *lexer.RESERVED, *'[](){}";@.', "->"})


def offsets_hold(tree: syntax.File) -> None:
    """Nodes lie inside the text and hold their parts."""
    for node in nodes(tree):
        assert 0 <= node.start <= node.end <= len(tree.text)
        assert all(node.start <= part.start <= part.end <= node.end for part in nodes(tuple(node)))


def outcome_is_sound(text: str) -> None:
    """A text parses, or gives diagnostics that are in order, distinct and inside of it."""
    try:
        tree = parse(text)
    except CnnError as error:
        places = [place(diagnostic) for diagnostic in error.diagnostics]
        assert places and places == sorted(places, key=lambda found: found[:2])
        assert len(set(error.diagnostics)) == len(places)
        for diagnostic, (line, column, end_line, end_column) in zip(error.diagnostics, places, strict=True):
            assert (1, 1) <= (line, column) <= (end_line, end_column)
            assert line <= len(re.findall(r"\r\n|\r|\n", text)) + 1
            assert diagnostic.message.isprintable()
    else:
        offsets_hold(tree)


@given(st.text() | st.lists(st.sampled_from(SOUP)).map("".join) | st.lists(st.sampled_from(SOUP)).map(" ".join))
def test_any_text_parses_or_gives_diagnostics(text: str) -> None:
    outcome_is_sound(text)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_a_damaged_example_parses_or_gives_diagnostics(name: str, data: st.DataObject) -> None:
    text = EXAMPLES[name]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    outcome_is_sound(text[:start] + data.draw(st.sampled_from(["", *SOUP])) + text[end:])


@given(st.binary())
def test_any_bytes_decode_or_give_one_diagnostic(data: bytes) -> None:
    try:
        assert decode(data, "a.cnn").encode() == data
    except CnnError as error:
        assert [diagnostic.code for diagnostic in error.diagnostics] == ["not-utf8"]


# --- the machinery ----------------------------------------------------------------------------------------------------
def test_parses_in_many_threads_are_independent() -> None:
    deep = "let x = " + "(" * 5 + "1" + ")" * 5 + " + 12345"
    tasks = [(deep, Limits(nesting=nesting, number_digits=digits)) for nesting in (4, 5) for digits in (4, 5)]

    def outcome(task: tuple[str, Limits]) -> str:
        try:
            return f"{len(parse(*task[:1], limits=task[1]).items)} items"
        except CnnError as error:
            return error.diagnostics[0].code

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(outcome, tasks * 100))
    assert outcomes == ["nesting-too-deep", "nesting-too-deep", "number-too-long", "1 items"] * 100


def test_the_tables_are_those_of_the_grammar(root: Path) -> None:
    written = (root / "cnndsl" / "lang" / "text" / "parser_tables.py").read_text(encoding="utf-8")
    assert make_tables.tables_text(grammar.grammar_text()) == written, "run make tables"


@cache
def larks_parser() -> lark.Lark:
    """Lark's own, with the tables and the trees that it makes itself."""
    options = {"parser": "lalr", "lexer": "basic", "start": "file", "keep_all_tokens": True}
    return lark.Lark(grammar.grammar_text(), maybe_placeholders=False, transformer=TreeBuilder, **options)


def by_lark(text: str) -> tuple[object, int]:
    """The items of a text, or None, and how many tokens Lark took."""
    parser, items, count = larks_parser().parse_interactive(), None, 0
    for token in lexer.Lexer(text, grammar.vocabulary(), DEFAULT_LIMITS):
        try:
            items = parser.feed_token(token)
        except UnexpectedToken:
            return None, count
        count += 1
    return items, count


def by_machine(text: str) -> tuple[object, int]:
    """The same from ours."""
    machine = lalr_machine.Machine(text, DEFAULT_LIMITS)
    try:
        items = machine.read()
    except lalr_machine.UnexpectedToken:
        tokens = list(lexer.Lexer(text, grammar.vocabulary(), DEFAULT_LIMITS))
        return None, tokens.index(machine.found)
    return items, len(list(lexer.Lexer(text, grammar.vocabulary(), DEFAULT_LIMITS)))


def test_larks_own_parser_reads_the_same_in_every_example(root: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted((root / "examples").glob("**/*.cnn"))]
    assert len(texts) > 40
    for text in [*EXAMPLES.values(), *texts]:
        assert by_machine(text) == by_lark(text)


@given(st.lists(st.sampled_from(SOUP)).map(" ".join))
def test_larks_own_parser_takes_as_much_of_any_text(text: str) -> None:
    with suppress(lexer.Refused):
        assert by_machine(text) == by_lark(text)


def test_the_keywords_are_those_of_the_language_and_none_is_a_call() -> None:
    keywords = set(
        re.findall(
            r"\w+",
            "network block input output param let symbol repeat for in if else as from import expect "
            "true false and or not train while",
        )
    )
    assert grammar.vocabulary().keywords.keys() == keywords
    function = next(text for name, text, *_ in parser_tables.TERMINALS if name == "FUNCTION")
    [excluded] = re.findall(r"\(\?!\(\?:([a-z|]+)\)", function)
    assert set(excluded.split("|")) == keywords


def test_the_parser_loads_no_array_libraries() -> None:
    code = "import sys, cnndsl.lang.text.parser as p; p.parse('relu'); sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
