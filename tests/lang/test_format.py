"""The formatter: the style, and that it keeps the tree and the comments of any text."""

import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnndsl
from cnndsl.codes import CODES
from cnndsl.errors import CnnError
from cnndsl.lang.style import format as formatter
from cnndsl.lang.style.format import WIDTH, format_text, same_tree
from cnndsl.lang.text.parser import parse
from cnndsl.limits import Limits
from tests.work import calls

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").rglob("*.cnn"))
PLACES = ("start", "end", "name_start", "name_end")


def meaning(node: Any) -> Any:
    """A syntax tree without places."""
    if not isinstance(node, tuple):
        return node
    if hasattr(node, "_asdict"):
        return type(node).__name__, {name: meaning(part) for name, part in node._asdict().items() if name not in PLACES}
    return [meaning(part) for part in node]


def comments(text: str) -> list[str]:
    """The comments of a text in their order, found without the lexer."""
    found = re.findall(r'"(?:\\.|[^"\\\n])*"|(#[^\n]*)', text)
    return [comment.rstrip(" \t") for comment in found if comment]


def sound(text: str) -> str:
    """The formatted text, after checking all that is promised of it."""
    formatted = format_text(text)
    assert meaning(parse(formatted).items) == meaning(parse(text).items)
    assert comments(formatted) == comments(text.replace("\r\n", "\n").replace("\r", "\n"))
    assert format_text(formatted) == formatted
    assert formatted == "" or (formatted.endswith("\n") and not formatted.endswith("\n\n"))
    assert not formatted.startswith("\n") and "\n\n\n" not in formatted and "\r" not in formatted
    assert not re.search(r"[ \t]$", formatted, re.MULTILINE)
    return formatted


# --- the style --------------------------------------------------------------------------------------------------------
STYLE = {
    "indentation": ("network A {\ninput 1@8x8\n    repeat 2 {\n relu\n}\n}", """\
network A {
  input 1@8x8
  repeat 2 {
    relu
  }
}
"""),
    "one statement a line": ("input 1@8x8; relu;; tanh;", "input 1@8x8\nrelu\ntanh\n"),
    "short bodies": ("repeat 2{relu;tanh;}\nadd{ }", "repeat 2 { relu; tanh }\nadd {}\n"),
    "bodies of several lines": ("repeat 2 { relu\n tanh }", "repeat 2 {\n  relu\n  tanh\n}\n"),
    "groups": ("{relu}->{\ntanh}", "{ relu } -> {\n  tanh\n}\n"),
    "else": ("if a { relu }\nelse  if b {\ntanh }\n  else { identity }",
             "if a { relu } else if b {\n  tanh\n} else { identity }\n"),
    "chains on one line": ("conv 8 3x3->relu   ->  tanh", "conv 8 3x3 -> relu -> tanh\n"),
    "broken chains": ("conv 8 3x3 -> a\n-> b -> c\n      -> d", "conv 8 3x3 -> a\n  -> b -> c\n  -> d\n"),
    "a body in a broken chain": ("a\n-> add {\nb\n}\n-> c", "a\n  -> add {\n    b\n  }\n  -> c\n"),
    "behind a body": ("add {\na\nb }->relu as c", "add {\n  a\n  b\n} -> relu as c\n"),
    "sums and products": ("let a = 1+2 *3 // 4-5 ** - 6 % 7 / 8", "let a = 1 + 2*3//4 - 5**-6%7/8\n"),
    "signs": ("let a = - ( - b ) + - c", "let a = -(-b) + -c\n"),
    "comparisons and words": ("let a = not(b)and c<=d or e==f", "let a = not (b) and c <= d or e == f\n"),
    "conditional": ("let a=b if(c)else d", "let a = b if (c) else d\n"),
    "shapes": ("input c @ [ h,w ]\ninput 3 @ 4x4", "input c@[h, w]\ninput 3@4x4\n"),
    "calls and indices": ("let a = max( b ,c )[ 0 ] + in . channels", "let a = max(b, c)[0] + in.channels\n"),
    "keywords": ("conv 8 [3,3] pad = k // 2 stride= k - 1 bias =false",
                 "conv 8 [3, 3] pad=k//2 stride=k-1 bias=false\n"),
    "keywords with words": ("conv 8 pad = a if not b else -1", "conv 8 pad=a if not b else -1\n"),
    "positional arguments": ("conv ( 4 * w ) 3x3 w [1] w[1]", "conv (4*w) 3x3 w [1] w[1]\n"),
    "parameters": ("block A( a,b = 1+2 ) {}\nparam c=1", "block A(a, b=1 + 2) {}\nparam c = 1\n"),
    "numbers and strings": ('let a=[1_000,62K,0.50,"\\u0041 # no"]', 'let a = [1_000, 62K, 0.50, "\\u0041 # no"]\n'),
    "symbols, outputs, imports": ('symbol H,W\noutput  a  b\nimport   "a.cnn"',
                                  'symbol H, W\noutput a b\nimport "a.cnn"\n'),
    "blank lines": ("\n\na\n\n\n\nb\n\nrepeat 2 {\n\nc\n\n\nd\n\n}\n\n", "a\n\nb\n\nrepeat 2 {\n  c\n\n  d\n}\n"),
    "comments": ("#a\nb#c  \n\n\n# d\n e # f", "#a\nb  #c\n\n# d\ne  # f\n"),
    "comments in bodies": ("repeat 2 {# a\n\n# b\nc\n# d\n\n}# e", "repeat 2 {  # a\n  # b\n  c\n  # d\n}  # e\n"),
    "comments in chains": ("a # b\n# c\n-> d", "a  # b\n  # c\n  -> d\n"),
    "comments before else": ("if a { b } # c\n# d\nelse { e }", "if a { b }  # c\n# d\nelse { e }\n"),
    "only comments": ("\n# a\n\n\n# b", "# a\n\n# b\n"),
    "nothing": ("\n ;\n", ""),
    "line ends": ("\ufeffa\r\nb\rc", "a\nb\nc\n"),
    "hanging tables": ("for [t,c] in [ [1,16],\n[6 , -240], # wide\n[10,k] ] { a }".replace("[ [", "[\n["), """\
for [t, c] in [
  [ 1, 16],
  [ 6, -240],  # wide
  [10, k],
] { a }
"""),
    "numbers flush right": ("let a = [\n[1, 1.5, -1]\n,[100, 20, 2, 7]]", """\
let a = [
  [  1, 1.5, -1],
  [100,  20,  2, 7],
]
"""),
    "words flush left": ('let a = [\n["a", 1], ["abc", 22],\n]'.replace("], [", "],\n["), """\
let a = [
  ["a",    1],
  ["abc", 22],
]
"""),
    "tables beside their bracket": ("conv 1 3x3 weight=[[0,1],\n[-1,0]]", """\
conv 1 3x3 weight=[[ 0, 1],
                   [-1, 0]]
"""),
    "several rows a line": ("let a = [[0],[10],\n[2]]", "let a = [[0], [10],\n         [2]]\n"),
    "lists of lists of lists": ("let a = [\n[[1, 2],\n[30, 4]],\n[[5, 6]]]", """\
let a = [
  [[ 1, 2],
   [30, 4]],
  [[5, 6]],
]
"""),
    "commas": ("let a = [1, 2,]\nlet b = [\n1, 2 # c\n, 3]", "let a = [1, 2]\nlet b = [\n  1, 2,  # c\n  3,\n]\n"),
    "no comma where none may be": ("for [\na, b] in c { d }\nlet e = max(\n1, 2)", """\
for [
  a, b
] in c { d }
let e = max(
  1, 2
)
"""),
    "comments in brackets": ("let a = [ # b\n# c\n1 # d\n# e\n]\nlet f = [1 # g\n]\nlet h = [ # i\n]", """\
let a = [  # b
  # c
  1,  # d
  # e
]
let f = [1,  # g
        ]
let h = [  # i
]
"""),
    "breaks in parentheses": ("expect (a and\nb) and c", "expect (a and\n        b) and c\n"),
    "statements in columns": ("A  64 1 x\nA 128  10\n\nA 1   2", "A  64  1 x\nA 128 10\n\nA 1 2\n"),
    "no columns unless asked for": ("conv 64 3x3\nconv 128 3x3", "conv 64 3x3\nconv 128 3x3\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STYLE.values(), ids=STYLE)
def test_style(text: str, expected: str) -> None:
    assert sound(text) == expected


CONV = "conv 8 3x3 pad=1 bias=false"  # 27 columns


def test_a_chain_that_is_too_long_is_filled() -> None:
    assert sound(" -> ".join([CONV] * 5)) == f"{CONV} -> {CONV} -> {CONV}\n  -> {CONV} -> {CONV}\n"


@pytest.mark.parametrize("extra", [0, 1])
def test_lines_are_full_at_the_width(extra: int) -> None:
    body = f"{CONV} -> relu -> {'a' * (WIDTH - 52 + extra)}"
    expected = f"repeat 2 {{\n  {body}\n}}\n" if extra else f"repeat 2 {{ {body} }}\n"
    assert sound(f"repeat 2 {{ {body} }}") == expected
    assert max(map(len, expected.splitlines())) == (WIDTH - 10 if extra else WIDTH)


def test_a_stage_that_is_too_long_is_broken_in_all_its_bodies() -> None:
    text = f"if a {{ {CONV} -> {CONV} }} else {{ {CONV} -> relu -> tanh }}"
    assert sound(text) == f"if a {{\n  {CONV} -> {CONV}\n}} else {{\n  {CONV} -> relu -> tanh\n}}\n"


def test_a_body_stays_short_where_its_stage_fits_on_the_next_line() -> None:
    text = f"{CONV} -> {CONV} -> repeat 3 {{ {CONV} }} -> relu"
    assert sound(text) == f"{CONV} -> {CONV}\n  -> repeat 3 {{ {CONV} }} -> relu\n"


def test_a_line_with_a_suppression_is_not_broken() -> None:
    line = f"{CONV} -> batchnorm -> repeat 2 {{ {CONV} }} -> {CONV}"
    assert sound(f"{line} # cnn: ignore[stride-skips]") == f"{line}  # cnn: ignore[stride-skips]\n"
    assert sound(f"{line} # long").count("\n") == 2


# --- real files -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert sound(text) == text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_in_disorder_is_mended(path: Path) -> None:
    """Indentation, further blank lines and spaces around arrows and braces carry nothing that is not restored."""
    disordered = ""
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines()):
        code, mark, comment = line.strip().partition("#")
        code = re.sub(" (->|{|}) ?", r"   \1  ", code)
        disordered += " " * (number * 7 % 10) + code + mark + comment + ("\n" if line else "\n\n\n")
    assert sound(disordered) == text


@pytest.mark.parametrize(
    "code", [code for code in CODES.values() if code.language == "cnn"], ids=lambda code: code.code
)
def test_formatting_keeps_the_examples_of_codes(code: Any) -> None:
    sound(code.good)


# --- made-up files ----------------------------------------------------------------------------------------------------
SEPARATOR, GLUE = "<separator>", "<glue>"
WORDS = ["a", "conv", "relu", "x3", "e1", "width"]


class Author:
    """Writes random texts, and gaps where nobody would put them."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.comments = 0

    def choose(self, *options: Any) -> Any:
        return self.source.choice(options)

    def several(self, most: int) -> range:
        return range(self.source.randint(0, most))

    def atom(self, depth: int) -> list[str]:
        kind = self.source.randint(0, 7 if depth else 4)
        if kind <= 1:
            return [self.choose("1", "20", "1_000", "62K", "0.5", "1e-5")]
        if kind == 2:
            return [self.choose("3x3", "16x2x2", "true", "false", '"a # b"', r'"\" #"')]
        if kind == 3:
            return [self.choose("in", *WORDS), ".", self.choose(*WORDS)]
        if kind == 4:
            return [self.choose(*WORDS)]
        if kind == 5:
            return ["(", *self.expression(depth - 1), ")"]
        if kind == 6:
            return [self.choose("max", "len"), GLUE, "(", *self.items(depth, lambda: self.expression(depth - 1)), ")"]
        return self.rows(depth - 1)

    def rows(self, depth: int) -> list[str]:
        if self.source.random() < 0.3:
            items = self.items(2, lambda: ["[", *self.items(3, lambda: [self.choose("1", "-1", "a", "300")]), "]"])
        else:
            items = self.items(3, lambda: self.expression(depth))
        return ["[", *items, *([","] if items and self.source.random() < 0.2 else []), "]"]

    def items(self, most: int, make: Any) -> list[str]:
        items = [make() for _ in self.several(most + 1)]
        return [token for index, item in enumerate(items) for token in ([",", *item] if index else item)]

    def postfix(self, depth: int) -> list[str]:
        atom = self.atom(depth)
        can_be_indexed = atom[-1] in (")", "]") or (atom[-1].isidentifier() and atom[-1] not in ("true", "false"))
        if depth and can_be_indexed and self.source.random() < 0.15:
            return [*atom, GLUE, "[", *self.expression(depth - 1), "]"]
        return atom

    def expression(self, depth: int) -> list[str]:
        if not depth or self.source.random() < 0.3:
            return self.postfix(depth)
        kind = self.source.randint(0, 5)
        if kind <= 2:
            tokens = self.postfix(depth - 1)
            for _ in self.several(3):
                sign = ["-"] if self.source.random() < 0.2 else []
                tokens += [self.choose("+", "-", "*", "/", "//", "%"), *sign, *self.postfix(depth - 1)]
            return tokens
        if kind == 3:
            return [self.choose("-", "not"), "(", *self.expression(depth - 1), ")"]
        if kind == 4:
            operator = self.choose("==", "<", ">=", "and", "or", "**", "@")
            return [*self.postfix(depth - 1), operator, *self.postfix(depth - 1)]
        middle = ["(", *self.expression(depth - 1), ")"]
        return [*self.postfix(depth - 1), "if", *middle, "else", *self.postfix(depth - 1)]

    def arguments(self, depth: int) -> list[str]:
        positional = [token for _ in self.several(3) for token in self.postfix(depth)]
        return positional + [token for _ in self.several(2) for token in ["pad", "=", *self.expression(depth)]]

    def stage(self, depth: int) -> list[str]:
        kind = self.source.randint(0, 6 if depth else 1)
        alias = ["as", self.choose(*WORDS)] if self.source.random() < 0.2 else []
        if kind <= 1:
            return [self.choose(*WORDS), *self.arguments(2), *alias]
        body = self.body(depth - 1)
        if kind == 2:
            return [self.choose("add", "concat"), *self.arguments(1), *body, *alias]
        if kind == 3:
            return [*body, *alias]
        if kind == 4:
            return ["repeat", *self.expression(1), *(["as", "i"] if self.source.random() < 0.5 else []), *body, *alias]
        if kind == 5:
            return ["for", *self.choose(["x"], ["[", "x", ",", "y", "]"]), "in", *self.rows(2), *body, *alias]
        otherwise = self.choose([], ["else", *self.body(depth - 1)], ["else", "if", "a", *self.body(depth - 1)])
        return ["if", *self.expression(2), *body, *otherwise, *alias]

    def statement(self, depth: int) -> list[str]:
        kind = self.source.randint(0, 9)
        if kind == 0:
            return [self.choose("let", "param"), self.choose(*WORDS), "=", *self.expression(3)]
        if kind == 1:
            return ["expect", *self.expression(3)]
        if kind == 2:
            return self.choose(["input", "3", "@", "8x8", "as", "x"], ["output", "a", "b"], ["symbol", "H", ",", "W"])
        if kind == 3 and self.source.random() < 0.3:
            return self.train()
        tokens = self.stage(depth)
        for _ in self.several(4):
            tokens += ["->", *self.stage(depth)]
        return tokens

    def train(self) -> list[str]:
        ends = [[SEPARATOR] if self.source.random() < 0.3 else [] for _ in range(2)]
        lines: list[str] = []
        for index in self.several(3):
            lines += [*([SEPARATOR] if index else []), self.choose(*WORDS), *self.arguments(2)]
        return ["train", "{", *ends[0], *lines, *ends[1], "}"]

    def statements(self, depth: int, most: int) -> list[str]:
        tokens: list[str] = []
        for index in self.several(most):
            tokens += [SEPARATOR, *self.statement(depth)] if index else self.statement(depth)
        return tokens

    def body(self, depth: int) -> list[str]:
        ends = [[SEPARATOR] if self.source.random() < 0.3 else [] for _ in range(2)]
        return ["{", *ends[0], *self.statements(depth, 3), *ends[1], "}"]

    def item(self) -> list[str]:
        header = self.choose(
            ["network", "N"], ["block", "B"], ["block", "B", GLUE, "(", "a", ",", "b", "=", *self.expression(1), ")"]
        )
        return self.choose(self.statement(2), [*header, *self.body(2)], ["import", '"a.cnn"'])

    def line_end(self) -> str:
        blanks = self.choose("", " ", "\t", "   ")
        if self.source.random() < 0.6:
            return blanks + "\n"
        self.comments += 1
        return f'{blanks}# {self.comments} "{self.choose("", "}", "-> a", "[", "  ")}\n'

    def gap(self, before: str, after: str, open_brackets: list[str]) -> str:
        """Anything that may stand between two tokens."""
        breaks = (open_brackets and open_brackets[-1] != "{") or after in ("->", "else")
        if GLUE in (before, after):
            return ""
        if SEPARATOR in (before, after) or not before or not after:
            return "".join(self.line_end() for _ in self.several(2)) + self.choose("", "  ", "\t")
        if breaks and self.source.random() < 0.3:
            return "".join(self.line_end() for _ in self.several(2)) + self.choose(" ", "    ")
        loose = (before in "(){}[]," or after in "(){}],") and not (before in ")]" and after == "[")
        needs_blank = after == "(" and before.isidentifier()
        return self.choose("" if loose and not needs_blank else " ", " ", " ", "  ", "\t")

    def file(self) -> str:
        tokens: list[str] = []
        for index in self.several(3):
            tokens += [SEPARATOR, *self.item()] if index else self.item()
        text, before, open_brackets = "", "", list[str]()
        for token in [*tokens, ""]:
            text += self.gap(before, token, open_brackets)
            text += self.choose(";", "\n", "\n") if token == SEPARATOR else token if token != GLUE else ""
            if token in ("(", "[", "{"):
                open_brackets.append(token)
            elif token in (")", "]", "}"):
                open_brackets.pop()
            before = token
        return text


@settings(max_examples=100)
@given(st.integers(0, 2**64))
def test_any_text_keeps_its_meaning_and_its_comments(seed: int) -> None:
    sound(Author(random.Random(seed)).file())


def test_the_author_writes_what_is_to_be_tested() -> None:
    texts = [Author(random.Random(seed)).file() for seed in range(300)]
    for pattern in (
        r"\{[ \t]*#",
        r"#.*\n\s*\}",
        r"\[\s*#",
        r"#.*\n\s*->",
        r"#.*\n\s*else",
        r"#.*\n\s*,",
        r"\],\s*\n\s*\[",
    ):
        assert sum(bool(re.search(pattern, text)) for text in texts) >= 5, pattern


# --- safety -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("conv 8 -> relu", "conv  8\n -> relu # same", True),
        ("let a = (1)", "let a = 1", True),
        ("conv 8", "conv 9", False),
        ("conv a", 'conv "a"', False),
        ("a -> b", "a\nb", False),
        ("a\nb", "a", False),
        ("let a = 1", "let a = 1.0", False),
        ("conv w [0]", "conv w[0]", False),
        ("conv 8 as a", "conv 8", False),
    ],
)
def test_same_tree(text: str, other: str, same: bool) -> None:
    assert same_tree(parse(text).items, parse(other).items) is same


def test_a_fault_of_the_layout_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatter._Layout, "text", lambda self: "conv 9\n")
    with pytest.raises(RuntimeError, match="meaning"):
        format_text("conv 8")


def test_syntax_errors_are_told() -> None:
    with pytest.raises(CnnError) as caught:
        cnndsl.format("conv 8 ->\n", file="net.cnn")
    assert {(diagnostic.code, diagnostic.span.file) for diagnostic in caught.value.diagnostics} == {
        ("syntax", "net.cnn")
    }


@pytest.mark.parametrize(
    "text",
    [
        "{" * 60 + "a;" * 3_000 + "}" * 60,
        f'let a = ["{"x" * 20_000}", [1,\n' + "1,\n" * 3_000 + "]]",
        f'let a = [\n["{"x" * 20_000}", 1],\n' + '["", 1],\n' * 3_000 + "]",
    ],
    ids=["nesting", "beside a bracket", "columns"],
)
def test_spaces_are_limited_before_they_are_made(text: str) -> None:
    with pytest.raises(CnnError) as caught:
        format_text(text, limits=Limits(source_bytes=100_000))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["source-too-large"]


def test_the_deepest_text_is_formatted() -> None:
    sound("\n".join(["repeat 2 { add {"] * 30) + " a " + "} }" * 30 + "\nlet a = " + "[" * 60 + "\n" + "]" * 60)


def test_ten_thousand_lines_are_little_work() -> None:
    text = "".join(f"block B{i}(w) {{\n  conv (4*w) 3x3 pad=w//2 -> relu # {i}\n}}\n\n" for i in range(2_500))
    formatted: list[str] = []
    assert calls(lambda: formatted.append(format_text(text)), builtins=False) < 8_000_000
    assert formatted[0].count("\n") == text.count("\n") - 1
