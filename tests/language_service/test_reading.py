"""Hints, lenses, hovers, completion and signatures, at marked places of small texts."""

import re
from pathlib import Path

import pytest

import cnndsl
from cnndsl import ops
from cnndsl.language_service import completion, hints, hover, signature
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.words import ATTRIBUTES, FUNCTIONS, KEYWORDS, MEASURES
from tests.language_service.service import marked, words, zoo


# --- places ---
def test_offsets_of_lines_and_columns_stay_in_the_text() -> None:
    analysis = Analysis("input 3@8x8\n\nrelu")
    assert [analysis.offset(*place) for place in [(0, 0), (0, 99), (1, 0), (1, 5), (2, 2), (9, 9)]] == [
        0,
        11,
        12,
        12,
        15,
        17,
    ]
    assert analysis.offset(-1, -1) == 0


def test_words_are_found_from_both_ends() -> None:
    analysis = Analysis("conv 8")
    assert [analysis.word(offset) for offset in (0, 4, 5, 6)] == [(0, 4), (0, 4), None, None]


def test_long_words_and_lines_are_completed_at_once() -> None:
    for text in ("a" * 200_000, "a." * 100_000, "input 3@8x8\nconv " + "#" * 200_000):
        for offset in (len(text) // 2, len(text)):
            completion.completions(Analysis(text), offset)


# --- hints ---
def shown(text: str, detail: hints.Detail = "shape") -> list[str]:
    return [f"{hint.line}: {hint.text}" for hint in hints.hints(Analysis(text), detail)]


def test_a_hint_stands_behind_every_line_with_a_value() -> None:
    text = "input 3@8x8 # rgb\n# nothing\nconv 8 3x3 -> relu\nlet k = 2\nflatten\nexpect 288\ndense 10"
    assert shown(text) == ["1: 3@8x8", "3: 8@6x6", "5: 288", "7: 10"]
    assert [hint.column for hint in hints.hints(Analysis(text))] == [18, 19, 8, 9]


def test_hints_of_some_lines() -> None:
    found = hints.hints(Analysis("input 3@8x8\nrelu\nconv 4 3x3\nrelu"), "shape", 2, 3)
    assert [(hint.line, hint.text) for hint in found] == [(2, "3@8x8"), (3, "4@6x6")]


def test_in_a_loop_the_first_instance_and_in_the_tooltip_all() -> None:
    text = "input 3@8x8\nrepeat 3 {\n  conv 8 3x3 pad=1\n  maxpool 2\n}"
    found = {hint.line: (hint.text, hint.tooltip) for hint in hints.hints(Analysis(text))}
    assert found[3] == ("8@8x8", "3 instances: 8@8x8, 8@4x4, 8@2x2")
    assert found[4] == ("8@4x4", "3 instances: 8@4x4, 8@2x2, 8@1x1")
    assert found[5] == ("8@1x1", "")


def test_many_shapes_are_cut_short() -> None:
    text = "input 3@64x64\nrepeat 20 as i {\n  conv (i + 1) 1x1\n}"
    tooltip = next(hint.tooltip for hint in hints.hints(Analysis(text)) if hint.line == 3)
    assert tooltip.startswith("20 instances: 1@64x64, 2@64x64") and tooltip.endswith("12@64x64, …")


def test_in_a_block_the_first_use() -> None:
    text = "block B(n) {\n  conv n 1x1\n}\ninput 3@8x8\nB 4\nB 5"
    found = {hint.line: (hint.text, hint.tooltip) for hint in hints.hints(Analysis(text))}
    assert found[2] == ("4@8x8", "2 instances: 4@8x8, 5@8x8")
    assert (found[5][0], found[6][0]) == ("4@8x8", "5@8x8")


def test_details() -> None:
    text = "input 3@8x8\nconv 8 3x3 -> relu\nconv 4 3x3 dilation=2"
    assert shown(text, "off") == []
    # 8 filters of 3 x 3 x 3 and 8 biases; 4 of 8 x 3 x 3 and 4 biases. 3 positions, then 4 more.
    assert shown(text, "shape + params") == ["1: 3@8x8", "2: 8@6x6  224", "3: 4@2x2  292"]
    assert shown(text, "shape + receptive field")[1:] == ["2: 8@6x6  rf 3", "3: 4@2x2  rf 7"]


def test_every_hint_is_the_shape_of_the_whole_networks_layer(examples: Path) -> None:
    """The hints of each top line of a file with one unnamed network, beside what `check` says of these layers."""
    compared = 0
    for path in [*zoo(examples), *sorted(examples.glob("*.cnn"))]:
        text = path.read_text(encoding="utf-8")
        result = cnndsl.check_file(path)
        _, analysis, _ = marked(text, str(path))
        shapes: dict[int, list[str]] = {}
        for network in result.networks:
            for layer in network.graph.layers:
                span = layer.span
                if span and span.file == str(path):
                    shapes.setdefault(span.end_line, []).append(str(network.graph.shapes[layer.name]))
        for hint in hints.hints(analysis):
            line = text.split("\n")[hint.line - 1]
            # The value of a block's use is that of a layer on another line.
            if re.match(r"\s*(?:conv|maxpool|avgpool|dense|relu|batchnorm|flatten|global_avgpool)\b(?!.*[A-Z])", line):
                compared += 1
                assert hint.text in shapes[hint.line], (path.name, line)
    assert compared > 150


# --- lenses ---
def test_lenses() -> None:
    text = (
        "block B(n) {\n  conv n 1x1\n}\nnetwork A {\n  input 3@8x8\n  B 4\n  B 5\n}\nnetwork C {\n  input 4\n  dense\n}"
    )
    found = hints.lenses(Analysis(text))
    assert [(lens.span.line, lens.text) for lens in found] == [
        (1, "16 params · 768 MACs · 1 layer in the first instance"),
        (4, "41 params · 2,048 MACs · 2 layers"),
        (9, "0 params · 0 MACs · 0 layers so far"),
    ]


def test_the_totals_are_those_of_the_check(examples: Path) -> None:
    path = examples / "resnet50.cnn"
    _, analysis, _ = marked(path.read_text(encoding="utf-8"), str(path))
    (network,) = cnndsl.check_file(path).networks
    cost = network.cost
    expected = hints.totals(cost.params, cost.macs, len(network.graph.layers))
    assert expected in [lens.text for lens in hints.lenses(analysis)]
    assert expected.startswith("25.6 M params · 4.09 G MACs")


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10.0 K"), (25_557_032, "25.6 M"), (4_089_184_256, "4.09 G")],
)
def test_scaled(number: int, expected: str) -> None:
    assert hints.scaled(number) == expected


# --- hover ---
IN_TRAIN = "input 3@8x8\nflatten\ndense 10\ntrain {{\n  {}\n}}"
HOVERS = [
    (
        "input 3@8x8\nco¦nv 8 3x3 pad=1",
        "conv",
        ["gives `8@8x8`", "(H - Kh + 2*P)/S + 1", "**conv** Convolution", "Source:"],
    ),
    ("input 3@8x8\nrepeat 2 { ma¦xpool 2 }", "maxpool", ["gives `3@4x4`", "2 instances: 3@4x4, 3@2x2"]),
    ("symbol H = 8\ninput 3@HxH\nco¦nv 8 3x3", "conv", ["gives `8@6x6`", "8@(H - 2)x(H - 2)"]),
    ("input 3@8x8\nconv 8 3x3 p¦ad=1", "pad", ["**pad** of `conv`", "same", "default 0"]),
    ("input 3@8x8\nconv 8 3x3 pad=sa¦me", "same", ["**pad** of `conv`"]),
    ("input 3@8x8\nconv 8 3x3 as c\nfrom ¦c -> relu", "c", ["a value of the network", "`8@6x6`", "defined in line 2"]),
    ("let k = 2*3\ninput 3@8x8\nconv ¦k 3x3", "k", ["`let k = 2*3`", "is `6` here", "defined in line 1"]),
    ("param k = 3\ninput 3@8x8\nconv ¦k 3x3", "k", ["param", "is `3` here"]),
    (
        "block B(a, b=1) { conv a 3x3 }\ninput 3@8x8\nB¦ 4\nB 5 1",
        "B",
        ["`B(a, b=1)`", "gives `4@6x6`", "the first of 2"],
    ),
    ("block B(a) { conv ¦a 3x3 }\ninput 3@8x8\nB 4\nB 5", "a", ["parameter of the block", "is `4` here"]),
    ("block B(a) { conv a 3x3 }\ninput 3@8x8\nB a¦=4", "a", ["a parameter of block `B`"]),
    ("block ¦B(a) { conv a 3x3 }\ninput 3@8x8\nB 4", "B", ["`B(a)`", "112 params"]),
    ("input 3@8x8 as x\nconv x.cha¦nnels 3x3", "channels", ["`x.channels`", ATTRIBUTES["channels"]]),
    ("input 3@8x8 as x\nconv ¦x.channels 3x3", "x", ["`3@8x8`"]),
    ("inp¦ut 3@8x8", "input", [KEYWORDS["input"], "gives `3@8x8`"]),
    ("input 3@8x8\nrepeat 3 as i { conv (¦i + 1) 1x1 }", "i", ["counts the turns", "is `0` here"]),
    ("input 3@8x8\nex¦pect params == 0", "expect", [KEYWORDS["expect"]]),
    ("input 3@8x8\nexpect par¦ams == 0", "params", [MEASURES["params"]]),
    ("input 3@8x8\nlet k = mi¦n(3, 4)", "min", [FUNCTIONS["min"]]),
    ("symbol H = 8, W = 9\ninput 3@H¦xW", "H", ["symbol", "is `8` here"]),
    ("symbol H = 8, W = 9\ninput 3@HxW¦", "W", ["symbol", "is `9` here"]),
    (IN_TRAIN.format("optimiz¦er adam lr=0.1"), "optimizer", ["how the weights follow the gradient"]),
    (IN_TRAIN.format("optimizer adam l¦r=0.1"), "lr", ["**lr** of `optimizer`", "the learning rate"]),
    (IN_TRAIN.format("optimizer ad¦am lr=0.1"), "adam", ["adam"]),
    # In a line that cannot be read too.
    ("input 3@8x8\nconv 8 pad=\nco¦nv 3 (", "conv", ["**conv** Convolution"]),
    ("network N¦et {\n  input 3@8x8\n}", "Net", ["**network** `Net`"]),
]


@pytest.mark.parametrize(("text", "word", "said"), HOVERS)
def test_hover(text: str, word: str, said: list[str]) -> None:
    workspace, analysis, offset = marked(text)
    found = hover.hover(analysis, workspace.bindings(analysis), offset)
    assert found is not None
    assert [piece.partition(":")[2] for piece in words(analysis.text, [found.span])] == [word]
    assert [piece for piece in said if piece not in found.text] == [], found.text


@pytest.mark.parametrize(
    "text", ["input 3@8x8 # co¦nv", 'import "b¦.cnn"', "input 3@8x8 ¦", "¦", "input ¦3@8x8", "nosuch¦"]
)
def test_no_hover(text: str) -> None:
    workspace, analysis, offset = marked(text)
    assert hover.hover(analysis, workspace.bindings(analysis), offset) is None


def test_every_operator_has_a_hover() -> None:
    for name in ops.NAMES:
        workspace, analysis, offset = marked(f"input 3@8x8\n{name}¦")
        found = hover.hover(analysis, workspace.bindings(analysis), offset)
        assert found and f"**{name}** {ops.operator(name).summary}" in found.text


def test_the_words_are_those_of_the_language() -> None:
    from cnndsl.lang.elaborate import naming
    from cnndsl.lang.expressions import functions, scope

    assert set(naming.KEYWORDS) <= set(KEYWORDS) | {"while"}
    assert set(FUNCTIONS) == set(functions.FUNCTIONS)
    assert set(MEASURES) == set(scope.MEASURES)
    assert set(ATTRIBUTES) == set(scope.FLOW_ATTRIBUTES)


# --- completion ---
B = "block B(a, b=1) { conv a 3x3 }\n"
X = "input 3@8x8 as x\n"
COMPLETIONS: list[tuple[str, set[str], set[str]]] = [
    ("¦", {"network", "block", "import", "input", "conv", "param"}, {"filters=", "x"}),
    (X + "co¦", {"conv", "maxpool", "repeat", "expect"}, {"pad="}),
    (X + "relu -> ¦", {"conv", "add"}, {"network", "import"}),
    (X + "conv 8 3x3\n  -> ¦", {"relu"}, {"network"}),
    (X + "add {\n  ¦\n}", {"identity", "conv", "from"}, {"network"}),
    ("network A {\n  ¦\n}", {"input", "conv"}, {"network", "block"}),
    (B + X + "¦", {"B"}, set()),
    (X + "conv ¦", {"filters=", "kernel=", "pad=", "x", "min", "as"}, {"relu", "zeros"}),
    (X + "conv 8 ¦", {"kernel=", "pad="}, {"filters="}),
    (X + "conv 8 3x3 s¦", {"stride=", "pad="}, {"filters=", "kernel=", "s"}),
    (X + "conv 8 3x3 stride=2 ¦ pad=1", {"dilation="}, {"stride=", "filters="}),
    (X + "conv 8 3x3 pad=¦", {"same", "causal", "valid", "x"}, {"stride=", "as"}),
    (X + "conv 8 3x3 pad=s¦", {"same"}, {"pad", "s"}),
    (X + "conv 8 3x3 bias=¦ pad=1", {"true", "false"}, {"same"}),
    (X + "conv 8 3x3 pad_mode=¦", {"reflect", "zeros"}, {"same"}),
    (X + "reduce by=¦", {"mean", "max"}, set()),
    (X + "conv (2 * ¦", {"x", "min"}, {"filters=", "stride=", "as"}),
    (X + "conv 8 3x3 as c\nfrom ¦", {"x", "c"}, {"min", "conv"}),
    (X + "conv 8 3x3 as c\noutput c ¦", {"x", "c"}, {"min"}),
    (X + "let k = 3\nconv ¦", {"k", "x"}, set()),
    (X + "conv ¦\nlet k = 3", {"x"}, {"k"}),
    (X + "conv x.¦", set(ATTRIBUTES), {"conv", "params"}),
    (X + "conv in.ch¦", set(ATTRIBUTES), {"params"}),
    (X + "conv 8 3x3 as c\nexpect c.¦", {"channels", "params", "receptive_field"}, {"conv"}),
    (X + "expect ¦", set(MEASURES), {"conv"}),
    (X + "expect layers == 0 and ¦", {"params"}, {"conv"}),
    (B + X + "B ¦", {"a=", "b=", "x", "as"}, {"conv"}),
    (B + X + "B 3 ¦", {"b="}, {"a="}),
    (B + X + "B a=¦", {"x"}, {"a=", "b="}),
    ("block B(a, b=1) { conv ¦ }\n" + X + "B 3", {"a", "b", "filters="}, {"x"}),
    ("let k = ¦", set(FUNCTIONS), {"conv"}),
    (X + "repeat 3 as i { conv ¦ }", {"i", "x"}, set()),
    (X + "flatten\ntrain {\n  ¦\n}", {"optimizer", "loss", "epochs"}, {"conv"}),
    (X + "flatten\ntrain {\n  optimizer ¦\n}", {"adam", "sgd", "lr="}, {"kind="}),
    (X + "flatten\ntrain {\n  optimizer adam ¦\n}", {"lr="}, {"adam"}),
    (X + "flatten\ntrain {\n  optimizer adam lr=0.1 ¦\n}", {"momentum="}, {"lr="}),
]


@pytest.mark.parametrize(("text", "offered", "not_offered"), COMPLETIONS)
def test_completion(text: str, offered: set[str], not_offered: set[str]) -> None:
    _, analysis, offset = marked(text)
    found = {item.label for item in completion.completions(analysis, offset)}
    assert offered <= found and not not_offered & found, sorted(found)


NOTHING = [
    "# ¦",
    "conv 8 # ¦",
    'train { data "¦',
    "conv 8 3x3 as ¦",
    "let ¦",
    "param k¦",
    "symbol ¦",
    "block ¦",
    "network ¦",
]


@pytest.mark.parametrize("line", NOTHING)
def test_nothing_is_offered(line: str) -> None:
    _, analysis, offset = marked(X + line)
    assert completion.completions(analysis, offset) == []


def test_names_have_their_shapes_and_operators_their_places() -> None:
    _, analysis, offset = marked(X + "conv 8 3x3 as c\nlet k = 3\nadd { from ¦ }")
    items = {item.label: item for item in completion.completions(analysis, offset)}
    assert (items["x"].detail, items["c"].detail) == ("3@8x8", "8@6x6")
    assert completion.operator_item("conv").snippet == "conv ${1:filters} ${2:kernel}"
    assert completion.operator_item("add").snippet == "add {\n  ${1:identity}\n  $0\n}"


def test_every_operator_as_it_is_offered_can_be_read() -> None:
    """The snippets with a number in every place: what is wrong, if anything, is the numbers."""
    for name in sorted({*ops.NAMES} - {"clip"}):  # which needs one bound or the other
        snippet = completion.operator_item(name).snippet or ""
        line = re.sub(r"\$\{\d+:identity\}", "identity", re.sub(r"\$\{\d+:(?!identity)\w+\}", "1", snippet))
        result = cnndsl.check(f"input 3@8x8\n{line.replace('$0', 'identity')}")
        assert not {"syntax", "missing-argument", "unknown-operator"} & {one.code for one in result.diagnostics}, line


def test_files_of_imports() -> None:
    asked = []

    def files(folder: str) -> list[str]:
        asked.append(folder)
        return ["lib.cnn", "data.npz", "parts/"]

    for text in ('import "¦', 'import "parts/¦"'):
        _, analysis, offset = marked(text)
        assert [item.label for item in completion.completions(analysis, offset, files)] == ["lib.cnn", "parts/"]
    assert asked == ["", "parts"]


# --- signature ---
SIGNATURES = [
    ("conv ¦", "filters"),
    ("conv 8¦", "filters"),
    ("conv 8 ¦", "kernel"),
    ("conv 8 3x3 ¦", None),
    ("conv 8 3x3 pad=¦", "pad=0"),
    ("conv 8 3x3 pad=1 ¦", None),
    ("conv (1 + ¦", "filters"),
    ("conv (1 + 2) ¦", "kernel"),
    ("conv 2*x.¦channels 3x3", "filters"),
    ("conv 8 stride=2 ¦ pad=1", "kernel"),
    ("relu\nconv 8 ¦", "kernel"),
    ("relu -> conv ¦", "filters"),
    ("relu\n  -> conv 8 ¦", "kernel"),
    ("add { conv ¦ }", "filters"),
    ("maxpool ¦", "kernel"),
    ("maxpool 3 stride=¦", "stride=kernel"),
]


@pytest.mark.parametrize(("line", "active"), SIGNATURES)
def test_signature(line: str, active: str | None) -> None:
    _, analysis, offset = marked(X + line)
    found = signature.signature(analysis, offset)
    assert found is not None
    label = None if found.active is None else found.parameters[found.active].label
    assert label == active or (
        active and label and label.partition("=")[0] == active.partition("=")[0] and "=" in active
    )
    assert all(one.label in found.label for one in found.parameters)


@pytest.mark.parametrize("line", ["conv¦", "# conv ¦", "from ¦", "max¦pool 2", "nosuch 3 ¦", ""])
def test_no_signature(line: str) -> None:
    _, analysis, offset = marked(X + line)
    assert signature.signature(analysis, offset) is None


def test_signatures_of_blocks_and_settings() -> None:
    for text, label, active in [
        (B + X + "B 2 ¦", "B a b=…", 1),
        (B + X + "B b=¦", "B a b=…", 1),
        (B + X + "B 2 3 ¦", "B a b=…", None),
        (X + "flatten\ntrain {\n  optimizer ¦\n}", "optimizer kind lr=", 0),
        (X + "flatten\ntrain {\n  optimizer adam lr=¦\n}", "optimizer kind lr=", 1),
        (X + "flatten\ntrain {\n  batch ¦\n}", "batch", 0),
    ]:
        _, analysis, offset = marked(text)
        found = signature.signature(analysis, offset)
        assert found is not None and found.label.startswith(label) and found.active == active, text
