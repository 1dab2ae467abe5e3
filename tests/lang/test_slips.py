"""What students type in their first hour: the first message says what to write, and ``--fix`` writes it."""

import pytest

import cnndsl
from cnndsl.errors import Diagnostic
from cnndsl.lang.review.fixes import apply_fixes, mended

HEAD = "input 3@32x32\n"


def found(text: str) -> tuple[Diagnostic, ...]:
    return cnndsl.check(text, file="net.cnn").diagnostics


FIXED = [
    ("conv 8 3x3 relu", "put `->` before `relu`", "conv 8 3x3 -> relu"),
    (
        "conv 8 3x3 bn ReLU maxpool 2x2",
        "put `->` before `bn`",
        "conv 8 3x3 bias=false -> batchnorm -> relu -> maxpool 2x2",
    ),
    ("flatten -> dense 10 softmax", "put `->` before `softmax`", "flatten -> dense 10 -> softmax"),
    ("flatten -> dense 10 relu as hidden", "put `->` before `relu`", "flatten -> dense 10 -> relu as hidden"),
    ("maxpool 2x2 stride 2", "write `stride=2`", "maxpool 2x2 stride=2"),
    ("conv 8 3x3 strides 2 padding 1", "write `stride=2`", "conv 8 3x3 stride=2 pad=1"),
    ("conv filters 8 kernel 3x3", "write `filters=8`", "conv filters=8 kernel=3x3"),
    ("conv 8 3x3 same", "write `pad=same`", "conv 8 3x3 pad=same"),
    ("conv 8 3x3 bias=False", "`false`", "conv 8 3x3 bias=false"),
    ("maxpool 2x2 ceil_mode=True", "`true`", "maxpool 2x2 ceil_mode=true"),
    ("conv 8 3x3 bias=None", "`bias=false`", "conv 8 3x3 bias=false"),
    ("conv 8 3x3 pad=None bias=false", "leave out", "conv 8 3x3 bias=false"),
    ("conv 16 3x3 activation=relu", "`-> relu`", "conv 16 3x3 -> relu"),
    ('conv 16 3x3 activation="relu" pad=1 as c', "`-> relu`", "conv 16 3x3 pad=1 -> relu as c"),
    ("flatten -> dense 10 activation=linear", "without an activation", "flatten -> dense 10"),
    ("relu inplace=true", "leave it out", "relu"),
    ("conv in_channels=3 filters=8 kernel=3x3", "leave it out", "conv filters=8 kernel=3x3"),
    ("conv 8 [3x3]", "`3x3`", "conv 8 3x3"),
    ("conv 3x3 16", "`conv 16 3x3`", "conv 16 3x3"),
    ("conv 16@3x3", "`conv 16 3x3`", "conv 16 3x3"),
    ("conv 8 3 3", "`3x3`", "conv 8 3x3"),
    ("maxpool 2x2 2", "`stride=2`", "maxpool 2x2 stride=2"),
    ("conv 8 3x3 1", "`stride=1`", "conv 8 3x3 stride=1"),
    ("conv 8 3x3 bias=no", "`false`", "conv 8 3x3 bias=false"),
    ("maxpool 2x2 ceil_mode=on", "`true`", "maxpool 2x2 ceil_mode=true"),
]


@pytest.mark.parametrize(("wrong", "says", "right"), FIXED)
def test_the_first_help_says_it_and_the_fix_writes_it(wrong: str, says: str, right: str) -> None:
    first = found(HEAD + wrong)[0]
    assert first.span and first.span.line == 2
    assert says in first.help[0]
    assert mended(HEAD + wrong, "net.cnn", found) == HEAD + right
    assert found(HEAD + right) == ()


TOLD = [
    ("conv 3x3", "`3x3` stands where `filters` belongs", "`conv 16 3x3`"),
    ("parameter 3x32", "shape must be", "`3@32`"),
    ("reshape 3x32x32", "shape must be", "`3@32x32`"),
    ("add { identity; parameter 32@32x32 }", "different shapes", "`parameter 3@32x32`"),
    ("add { parameter 3@31x1; relu }", "different shapes", "`parameter 3@32x32`"),
    ("conv 8 3x3 pad=-1", "pad must be", "`crop 1 -> conv ...`"),
    ("conv 8 3x3 stride=0", "stride must be", "a stride of 1"),
    ("conv 8 0x0", "kernel must be", "1x1"),
    ("conv 8 3x3 bias=0", "bias must be", "`false`"),
    ("pad (-1)", "size must be", "`crop 1`"),
    ("crop (-2)", "size must be", "`pad 2`"),
    ("conv 3 8 3x3", "one is too many", "`conv 8 3x3`"),
    ("separable_conv 8 3x3", "no operator or block", "`depthwise 3x3 -> conv 16 1x1`"),
    ("pointwise 8", "no operator or block", "`conv 16 1x1`"),
    ("Foo 3", "no operator or block", "`block Name { ... }`"),
    ("B 3", "no operator or block", "`block Name { ... }`"),
    ("identity as a -> relu a", "too many", "`from a -> relu`"),
    ("for i in 1..3 { relu }", "a list, or `range(...)`", "`range(1, 4)`"),
    ("for i in 1 to 3 { relu }", "a list, or `range(...)`", "`range(1, 4)`"),
    ("expect shape == 3@32x32", "nothing here is called `shape`", "`expect 8@6x6`"),
    ("let width = relu", "nothing here is called `relu`", "`relu as name`"),
    ('input "3@32x32"', "a shape such as 3@32x32", "without quotes"),
]


@pytest.mark.parametrize(("wrong", "message", "advice"), TOLD)
def test_what_has_no_one_fix_is_told(wrong: str, message: str, advice: str) -> None:
    first = found(HEAD + wrong)[0]
    assert message in first.message
    assert advice in first.help[0]
    assert mended(HEAD + wrong, "net.cnn", found) == HEAD + wrong


def test_a_shape_needs_no_parentheses() -> None:
    assert found(f"{HEAD}reshape 12@16x16 -> relu\nreshape 3@[32, 32]") == ()


@pytest.mark.parametrize("operator", ["spatial_dropout", "channel_shuffle", "groupnorm"])
def test_a_size_for_the_only_number_is_a_wrong_value(operator: str) -> None:
    assert [one.code for one in found(f"input 8@4x4\n{operator} 3x3\n")] == ["bad-argument"]


def test_a_name_of_the_text_is_no_slip() -> None:
    text = f"let relu = 3\nlet kernel = 3\n{HEAD}conv relu kernel bias=false\n"
    assert found(text) == ()


TEXTS = [
    ("Input 3@32x32 as image\nrelu", "`input` is written small", "input 3@32x32 as image\nrelu"),
    ("INPUT 64\nLet width = 10\ndense width", "`input` is written small", "input 64\nlet width = 10\ndense width"),
    ("input 32x32@3\nrelu", "write `3@32x32`", "input 3@32x32\nrelu"),
    (f"{HEAD}for i in 3 {{ conv 8 3x3 -> relu }}", "`range(3)`", f"{HEAD}for i in range(3) {{ conv 8 3x3 -> relu }}"),
    (
        f"{HEAD}residual {{ conv 3 3x3 pad=1 -> relu }}",
        "`add { ...; identity }`",
        f"{HEAD}add {{ conv 3 3x3 pad=1 -> relu; identity }}",
    ),
    (
        f"{HEAD}residual {{\n  conv 8 3x3 pad=1 -> relu\n  conv 3 3x3 pad=1\n}}",
        "`add { ...; identity }`",
        f"{HEAD}add {{ {{\n  conv 8 3x3 pad=1 -> relu\n  conv 3 3x3 pad=1\n}}; identity }}",
    ),
    (f"{HEAD}add {{ conv 3 1x1; shortcut }}", "identity", f"{HEAD}add {{ conv 3 1x1; identity }}"),
    (f"{HEAD}concatenate {{ conv 3 1x1; skip }}", "concat", f"{HEAD}concat {{ conv 3 1x1; identity }}"),
    (f"{HEAD}flatten -> fc 10", "`dense`", f"{HEAD}flatten -> dense 10"),
    (f"{HEAD}convo 8 3x3 -> rleu -> maxpol 2x2", "`conv`", f"{HEAD}conv 8 3x3 -> relu -> maxpool 2x2"),
]


TEXTS += [
    (f"{HEAD}{wrong}", says, f"{HEAD}{right}")
    for wrong, says, right in [
        ("conv 8 (3,3)", "`3x3`", "conv 8 3x3"),
        ("conv 8 (3, 3) pad=(1, 1)", "`3x3`", "conv 8 3x3 pad=1x1"),
        ("conv 8 3X3 pad=1X1", "`3x3`", "conv 8 3x3 pad=1x1"),
        ("conv 8 3×3", "`3x3`", "conv 8 3x3"),
        ("conv 8, 3x3,pad=1", "conv 8 3x3 pad=1", "conv 8 3x3 pad=1"),
        ("add ( conv 3 1x1; identity )", "`add { ... }`", "add { conv 3 1x1; identity }"),
        ("add(conv 3 1x1; identity)", "`add { ... }`", "add { conv 3 1x1; identity }"),
        ("concat (\n  conv (2*3) 1x1\n  identity\n)", "`concat { ... }`", "concat {\n  conv (2*3) 1x1\n  identity\n}"),
        ("if in.channels = 3 { relu }", "write `==`", "if in.channels == 3 { relu }"),
        ("expect params = 0\nrelu", "==", "expect params == 0\nrelu"),
        ("// a comment\nrelu", "`#`", "# a comment\nrelu"),
        ("conv 8 3x3 // the first layer", "`#`", "conv 8 3x3 # the first layer"),
        ("For i in [8] { conv i 3x3 }", "`for`", "for i in [8] { conv i 3x3 }"),
        ("If in.channels == 3 { relu }", "`if`", "if in.channels == 3 { relu }"),
        ("Expect in.channels == 3\nrelu", "`expect`", "expect in.channels == 3\nrelu"),
        ("Repeat 2 { tanh }", "`repeat` is written small", "repeat 2 { tanh }"),
        ("width = 8\nconv width 3x3", "let width", "let width = 8\nconv width 3x3"),
        ("x = conv 8 3x3 -> relu # all", "`conv 8 3x3 -> relu as x`", "conv 8 3x3 -> relu as x # all"),
        ("let x = conv 8 3x3", "`conv 8 3x3 as x`", "conv 8 3x3 as x"),
        ("let c := 8\nconv c 3x3", "`=`", "let c = 8\nconv c 3x3"),
        ("param c: 8\nconv c 3x3", "`=`", "param c = 8\nconv c 3x3"),
        ("conv(8, 3x3, pad=1)", "separated by spaces", "conv 8 3x3 pad=1"),
        ("conv1: conv 8 3x3", "`conv 8 3x3 as conv1`", "conv 8 3x3 as conv1"),
        ("conv 8 3x3 | relu", "`->`", "conv 8 3x3 -> relu"),
        ("conv 8 3x3 > relu => tanh", "`->`", "conv 8 3x3 -> relu -> tanh"),
        ("conv 8 3x3 --> relu", "`->`", "conv 8 3x3 -> relu"),
        ("conv 8 3x3 → relu", "`->`", "conv 8 3x3 -> relu"),
        ("if in.channels === 3 { relu }", "`==`", "if in.channels == 3 { relu }"),
        ("if in.channels <> 2 { relu }", "`!=`", "if in.channels != 2 { relu }"),
        ("if in.channels =< 3 && true { relu }", "`<=`", "if in.channels <= 3 and true { relu }"),
        ("if in.channels≥3 { relu }", "`>=`", "if in.channels>=3 { relu }"),
        ("conv 8 3x3 // more", "`#`", "conv 8 3x3 # more"),
        ("/* first */\nconv 8 3x3 /* one */ pad=1", "`#`", "# first\nconv 8 3x3  pad=1"),
        ("-- first\nrelu", "`#`", "# first\nrelu"),
        ("for c in 8, 16 { conv c 3x3 -> relu }", "`[8, 16]`", "for c in [8, 16] { conv c 3x3 -> relu }"),
        ("for c in (8, 16) { conv c 3x3 -> relu }", "`[8, 16]`", "for c in [8, 16] { conv c 3x3 -> relu }"),
        ("for (c in [8, 16]) { conv c 3x3 -> relu }", "in [8, 16]`", "for c in [8, 16] { conv c 3x3 -> relu }"),
        ("for i in range 2 { conv 8 3x3 -> relu }", "`range(2)`", "for i in range(2) { conv 8 3x3 -> relu }"),
        ("add [\n  conv 3 1x1\n  identity\n]", "`add { ... }`", "add {\n  conv 3 1x1\n  identity\n}"),
        ("assert params == 0\nrelu", "`expect`", "expect params == 0\nrelu"),
        ("const c = 8\nconv c 3x3", "`let`", "let c = 8\nconv c 3x3"),
        ("parm c = 8\nconv c 3x3", "`param`", "param c = 8\nconv c 3x3"),
        ("relu\nexepct 3@32x32", "`expect`", "relu\nexpect 3@32x32"),
        ("repat 2 { tanh }", "`repeat`", "repeat 2 { tanh }"),
        ("max { relu; tanh }", "`maximum`", "maximum { relu; tanh }"),
        ("identity as a -> relu -> add { a; tanh }", "`from a`", "identity as a -> relu -> add { from a; tanh }"),
        (
            "identity as skip -> relu -> add { skip; tanh }",
            "from",
            "identity as skip -> relu -> add { from skip; tanh }",
        ),
    ]
]
TEXTS += [
    ("input (3, 32, 32)\nrelu", "`3@32x32`", "input 3@32x32\nrelu"),
    ("input (32, 32, 3)\nrelu", "`3@32x32`", "input 3@32x32\nrelu"),
    ("input 3 32 32 as image\nrelu", "`3@32x32`", "input 3@32x32 as image\nrelu"),
    ("input 3x32x32\nrelu", "`3@32x32`", "input 3@32x32\nrelu"),
    ("input 28x28\nrelu", "`1@28x28`", "input 1@28x28\nrelu"),
    ("input (28, 28)\nrelu", "`1@28x28`", "input 1@28x28\nrelu"),
    ("input 3, 32, 32\nrelu", "`3@32x32`", "input 3@32x32\nrelu"),
    ("input 3@32,32\nrelu", "`3@32x32`", "input 3@32x32\nrelu"),
    ("input = 3@32x32\nrelu", "`input 3@32x32`", "input 3@32x32\nrelu"),
    ("input: 3@32x32 as x\nrelu", "`input 3@32x32`", "input 3@32x32 as x\nrelu"),
    ("input shape=(3, 32, 32)\nrelu", "`input 3@32x32`", "input 3@32x32\nrelu"),
    ("inpt 3@8x8\nrelu", "`input`", "input 3@8x8\nrelu"),
    ("def B(c) { conv c 3x3 }\ninput 3@8x8\nB 3", "`block`", "block B(c) { conv c 3x3 }\ninput 3@8x8\nB 3"),
    ("model N {\n  input 3@8x8\n}", "`network`", "network N {\n  input 3@8x8\n}"),
    (
        "block Up(skip) { concat { identity; skip } }\ninput 3@8x8 as x\nUp x",
        "`from skip`",
        "block Up(skip) { concat { identity; from skip } }\ninput 3@8x8 as x\nUp x",
    ),
    ("input 2 as a\nrelu as b\nadd a b", "`add { from a; from b }`", "input 2 as a\nrelu as b\nadd { from a; from b }"),
    ("input 2 as a\nrelu -> mul a", "`mul { identity; from a }`", "input 2 as a\nrelu -> mul { identity; from a }"),
]


@pytest.mark.parametrize(("wrong", "says", "right"), TEXTS)
def test_texts_are_mended(wrong: str, says: str, right: str) -> None:
    assert says in found(wrong)[0].help[0]
    assert mended(wrong, "net.cnn", found) == right
    assert found(right) == ()


def test_two_misspelt_words_of_a_line_are_two_messages() -> None:
    diagnostics = found(f"{HEAD}convo 8 3x3 -> rleu")
    assert [diagnostic.span and diagnostic.span.column for diagnostic in diagnostics] == [1, 16]


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}conv c 3x3\nrelu\nlet c = 8\n",
        f"{HEAD}conv c 3x3\nrelu\nparam c = 8\n",
        f"block B {{ conv c 3x3 }}\n{HEAD}B\nparam c = 8\n",
        "let a = c\n\n\nlet c = 8\nnetwork N { input a; dense c }\n",
    ],
)
def test_a_name_above_its_definition_is_sent_up(text: str) -> None:
    first = found(text)[0]
    assert first.message == "nothing here is called `c`"
    assert first.help == ("`c` is defined below, in line 4: move it up",)


@pytest.mark.parametrize(
    "text",
    [
        f"let c = 8\nlet c = 9\n{HEAD}conv c 3x3",
        f"block B {{ relu }}\nblock B {{ tanh }}\n{HEAD}B",
        "network A { input 3 }\nnetwork A { input 3 }",
    ],
)
def test_a_second_definition_points_at_the_first(text: str) -> None:
    first = found(text)[0]
    assert first.code == "name-taken"
    assert [label.span.line for label in first.labels] == [1]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (f"{HEAD}conv 3 3x3 pad=1 pad=2", [12]),
        (f"{HEAD}conv 3 3x3 kernel=5x5", [8]),
        (f"block B(c, d) {{ conv (c+d) 3x3 }}\n{HEAD}B 3 c=3", [3]),
        (f"block B(c, c) {{ conv c 3x3 }}\n{HEAD}B 3", [9]),
    ],
)
def test_what_is_given_twice_points_at_the_first(text: str, columns: list[int]) -> None:
    assert [label.span.column for label in found(text)[0].labels] == columns


def test_a_second_name_of_a_value_points_at_the_first() -> None:
    first = found(f"{HEAD}conv 8 3x3 as c\nrelu as c")[0]
    assert [(label.span.line, label.message) for label in first.labels] == [(2, "defined here first")]


# --- merges -----------------------------------------------------------------------------------------------------------
def warned(body: str) -> list[tuple[str, int]]:
    return [(d.code, d.span.line) for d in found(f"{HEAD}{body}") if d.span]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("add { conv 3 1x1 -> relu }", [("one-branch", 2)]),
        ("add {\n  conv 3 1x1\n  relu\n}", [("broken-branch", 4)]),
        ("add {\n  conv 3 1x1\n  batchnorm\n  relu\n}", [("broken-branch", 4), ("broken-branch", 5)]),
        ("concat { conv 3 1x1; dropout 0.5 }", [("broken-branch", 2)]),
        ("add { conv 3 1x1 bias=false -> batchnorm; batchnorm }", []),
        ("mul { identity; sigmoid }", []),
        ("mul { parameter 3@1x1; sigmoid }", []),
        ("concat { conv 3 2x2 stride=2; maxpool 2x2 }", []),
        ("concat { repeat 2 { conv 3 1x1 } }", []),
        ("add { identity; if in.channels == 4 { conv 3 1x1 } }", []),
        ("add { if in.channels == 3 { conv 3 1x1 } else { identity } }", []),
    ],
)
def test_branches_that_are_rarely_meant(body: str, expected: list[tuple[str, int]]) -> None:
    assert warned(body) == expected


@pytest.mark.parametrize("body", ["add {\n  conv 3 1x1\n  relu\n  identity\n}", "add { conv 3 1x1; relu; identity }"])
def test_the_fix_joins_the_lines(body: str) -> None:
    text = f"{HEAD}{body}"
    (diagnostic,) = found(text)
    (fix,) = diagnostic.fixes
    assert not fix.safe
    assert found(apply_fixes(text, "net.cnn", [diagnostic._replace(fixes=(fix._replace(safe=True),))])) == ()


def test_branches_that_do_not_fit_may_be_one() -> None:
    for body in ("add {\n  conv 8 1x1\n  relu\n}", "add {\n  conv 3 1x1\n  maxpool 2x2\n}"):
        first = found(f"{HEAD}{body}")[0]
        assert first.code == "merge-mismatch"
        assert "join them with `->`" in first.help[0]
