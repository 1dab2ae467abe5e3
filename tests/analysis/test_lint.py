"""The rules about the graph: what they find, what they leave alone, and the numbers they give."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnndsl
from cnndsl.analysis.lint import GROUPS, RULES, RuleSelection, enabled, members
from cnndsl.analysis.lint.windows import _between, _fewest, _meets, _most
from cnndsl.codes import CODES
from cnndsl.errors import CnnError, Diagnostic
from cnndsl.lang.review.fixes import apply_fixes
from cnndsl.shapes import Axis


def found(text: str, *select: str) -> list[Diagnostic]:
    """The warnings of a text; by the rules named only, or by the default ones."""
    ignore = ["default"] if select else []
    diagnostics = cnndsl.check(text, select=select, ignore=ignore).diagnostics
    assert all(diagnostic.severity == "warning" for diagnostic in diagnostics), diagnostics
    return list(diagnostics)


def codes(text: str, *select: str) -> list[str]:
    return [diagnostic.code for diagnostic in found(text, *select)]


# --- the table ---
def test_every_rule_has_a_code_and_every_warning_a_rule() -> None:
    assert {code.code for code in CODES.values() if code.severity == "warning"} == RULES.keys()


def test_opt_in_codes_say_how_to_get_them() -> None:
    for code, (group, _) in RULES.items():
        assert bool(CODES[code].select) == (group != "default")
        assert not CODES[code].select or code in members(CODES[code].select)


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_meaning_names_its_source(code: str) -> None:
    assert re.search(r"\b(19|20)\d\d\b|NVIDIA|RUF100", CODES[code].meaning)


def test_groups_hold_every_rule_once() -> None:
    assert Counter(code for group in GROUPS.keys() - {"all"} for code in members(group)) == Counter(list(RULES))
    assert members("all") == RULES.keys()


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([], members("default")),
        ([RuleSelection(["teach"])], members("default") | members("teach")),
        ([RuleSelection(["teach"], ["default"])], members("teach")),
        ([RuleSelection(["checkerboard"], ["all"])], {"checkerboard"}),
        ([RuleSelection(["teach"], ["large-pool"])], members("default") | members("teach") - {"large-pool"}),
        ([RuleSelection([], ["checkerboard"]), RuleSelection(["checkerboard"])], members("default")),
        ([RuleSelection(["all"]), RuleSelection([], ["all"])], set()),
    ],
)
def test_choices(choices: list[RuleSelection], expected: set[str]) -> None:
    assert enabled(*choices) == expected


def test_an_unknown_rule_is_refused_with_a_suggestion() -> None:
    with pytest.raises(CnnError) as caught:
        enabled(RuleSelection(["checkerbord"]))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("bad-setting", ("did you mean `checkerboard`?",))


# --- quiet where it should be ---
ZOO = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(ZOO.rglob("*.cnn")), ids=lambda path: path.name)
def test_examples_are_quiet_or_say_why(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for diagnostic in cnndsl.check_file(path).diagnostics:
        assert diagnostic.severity == "note" or f"`{diagnostic.code}`" in text, diagnostic


@pytest.mark.parametrize(("file", "code", "places"), [("resnet_v1.cnn", "bias-before-norm", 5),
                                                      ("hrnet.cnn", "bias-before-norm", 2),
                                                      ("deeplab_v3.cnn", "padding-only", 1)])  # fmt: skip
def test_what_the_zoo_ignores_is_there(file: str, code: str, places: int) -> None:
    text = (ZOO / "zoo" / file).read_text(encoding="utf-8")
    assert f"cnn: ignore[{code}]" in text
    result = cnndsl.check(
        text.replace("cnn: ignore", ""), resolver=lambda name: (ZOO / "zoo" / name).read_text(encoding="utf-8")
    )
    assert [diagnostic.code for diagnostic in result.diagnostics] == [code] * places


def test_errors_keep_the_rules_away() -> None:
    diagnostics = cnndsl.check("input 3@8x8\nconv 8 3x3 -> batchnorm\nconv 8 99x99").diagnostics
    assert [diagnostic.code for diagnostic in diagnostics] == ["kernel-too-large"]


def test_loading_runs_no_rules() -> None:
    assert cnndsl.loads("input 3@8x8; conv 8 3x3 -> batchnorm").params == 8 * 28 + 16


# --- windows ---
AXES = st.builds(
    Axis,
    size=st.integers(1, 30),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 8),
    dilation=st.integers(1, 4),
    begin=st.integers(0, 6),
    end=st.integers(0, 6),
).filter(lambda axis: axis.output >= 1)


def cells(axis: Axis, tap: int) -> set[int]:
    """The real cells that a tap reads, one position of the window after the other."""
    positions = (o * axis.stride - axis.begin + tap * axis.dilation for o in range(axis.output))
    return {position for position in positions if 0 <= position < axis.size}


@given(AXES, st.data())
def test_a_tap_meets_a_real_cell_if_counting_finds_one(axis: Axis, data: st.DataObject) -> None:
    tap = data.draw(st.integers(0, axis.kernel - 1))
    assert _meets(axis, tap) == bool(cells(axis, tap))


@given(AXES.filter(lambda axis: axis.begin == axis.end == 0 and axis.dilation == 1))
def test_gaps_are_the_cells_between_windows(axis: Axis) -> None:
    """Every window but the last is followed by stride - kernel cells that none reads."""
    behind = axis.size - ((axis.output - 1) * axis.stride + axis.kernel)
    gaps = _between(axis)
    if axis.output == 1 or axis.stride <= axis.kernel:
        assert gaps == 0
    else:
        assert gaps - (axis.output - 1) * (axis.stride - axis.kernel) in (0, behind)


@given(st.integers(1, 9), st.integers(2, 5), st.integers(1, 4))
def test_writes_of_a_transposed_kernel(taps: int, stride: int, dilation: int) -> None:
    """Far from the borders an output position of phase r is written by the taps t with t*dilation = r mod stride."""
    written = Counter(tap * dilation % stride for tap in range(taps))
    counts = [written[phase] for phase in range(stride)]
    assert (_fewest(taps, stride, dilation), _most(taps, stride, dilation)) == (min(counts), max(counts))


def test_skipped_pixels_are_counted() -> None:
    """Windows of 3 at 0, 4, ... 220 leave 223, and 3, 7, ... 219 between them: 55 + 1 of 224."""
    (warning,) = found("input 3@224x224\nconv 64 3x3 stride=4")
    assert warning.code == "skipped-pixels"
    assert "56 of 224 rows and 56 of 224 columns" in warning.message
    assert warning.span is not None and warning.span[1:] == (2, 13, 2, 21)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input 3@32x32\nconv 8 1x1 stride=2", []),
        ("input 3@32x32\nmaxpool 1x1 stride=2", []),
        ("input 3@33x33\nconv 8 3x3 stride=2", []),
        ("input 3@33x33\nconv 8 3x3 stride=2 dilation=2", ["skipped-pixels"]),
        ("input 3@32x32\nmaxpool 2x2 stride=3", ["skipped-pixels"]),
        ("input 3@5x5\nconv 8 5x5 stride=7", []),
        ("input 1@1000000000\nconv 1 100000000 stride=200000000", []),
    ],
)
def test_skipped_pixels(text: str, expected: list[str]) -> None:
    assert codes(text, "skipped-pixels") == expected


def test_padding_only_counts_the_weights() -> None:
    (warning,) = found("input 64@2x2\nconv 64 7x7 pad=3")
    assert warning.code == "padding-only"
    assert "49 weights" in warning.message and "40 of the 49" in warning.message  # 3x3 taps reach the 2x2 map
    assert warning.help[0] == "a 3x3 kernel computes the same"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input 8@28x28\nconv 8 3x3 pad=36 dilation=36", ["padding-only"]),
        ("input 8@28x28\nconv 8 3x3 pad=27 dilation=27", []),
        ("input 8@2x2\nconv 8 3x3 pad=1 pad_mode=edge", []),
        ("input 8@1x1\ndepthwise 3x3 pad=1", ["padding-only"]),
        ("input 8@7x7\nconv 8 3x3 pad=1", []),
    ],
)
def test_padding_only(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input 3@32x32\nconv 8 2x2 pad=same", ["even-kernel"]),
        ("input 3@32x32\nconv 8 3x3 pad=same", []),
        ("input 3@32x32\nconv 8 4x4 stride=2 pad=same", []),
        ("input 3@32\nconv 8 2 pad=causal", []),
        ("input 3@32x32\nconv 8 2x2 dilation=2 pad=same", []),
    ],
)
def test_even_kernel(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("2x2 stride=2", []), ("4x4 stride=2 pad=1", []), ("3x3 stride=2", ["checkerboard"]), ("3x3", []),
     ("2x3 stride=2x1", []), ("2x2 stride=3", ["checkerboard"]), ("4x4 stride=2 dilation=2", ["checkerboard"])],
)  # fmt: skip
def test_checkerboard(arguments: str, expected: list[str]) -> None:
    assert codes(f"input 8@8x8\nconv_transpose 4 {arguments}") == expected


def stack(*dilations: int, between: str = "relu") -> str:
    layers = [f"conv 16 3x3 pad={d} dilation={d} -> {between}" for d in dilations]
    return "\n".join(["input 16@64x64", *layers])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (stack(2, 2, 2), 1),
        (stack(2, 4, 8), 1),
        (stack(1, 2, 4), 0),
        (stack(2, 4, 1), 0),
        (stack(2, 3), 0),
        (stack(2), 0),
        (stack(1, 1), 0),
        (stack(2, 2, between="maxpool 2x2 -> relu"), 0),
        (stack(2, 2, between="conv 16 1x1 -> relu"), 1),
    ],
)
def test_gridding(text: str, expected: int) -> None:
    assert codes(text, "gridding") == ["gridding"] * expected


def test_gridding_is_reported_at_the_end_of_the_stack() -> None:
    (warning,) = found(stack(2, 4, 8))
    assert warning.span is not None and warning.span.line == 4
    assert "2, 4, 8" in warning.message and [label.span.line for label in warning.labels] == [2, 3]


# --- order ---
def test_a_bias_before_a_norm_is_taken_out() -> None:
    text = "input 3@32x32\nconv 16 3x3 as stem -> batchnorm"
    (warning,) = found(text)
    assert warning.code == "bias-before-norm" and "16 parameters" in warning.message
    (fix,) = warning.fixes
    assert fix.safe and fix.span[1:] == (2, 12, 2, 12) and fix.replacement == " bias=false"


def test_a_written_bias_is_replaced() -> None:
    (warning,) = found("input 3@32x32\nconv 16 3x3 bias=true pad=1 -> batchnorm")
    (fix,) = warning.fixes
    assert fix.span == warning.span and fix.span[1:] == (2, 13, 2, 22) and fix.replacement == "bias=false"


@pytest.mark.parametrize(
    "text",
    [
        "input 3@9x9\nconv 4 3x3 bias=false -> batchnorm",
        "input 3@9x9\nconv 4 3x3 -> relu -> batchnorm",
        "input 3@9x9\nconv 4 3x3 as a -> batchnorm as b\nadd { from a; from b }",
        "input 3@9x9\nconv 4 3x3 as a -> batchnorm as b\noutput a b",
        "input 3@9x9\nconv 3 3x3 pad=1 as a -> batchnorm -> relu\nconv 3 3x3 share=a",
        "input 3@9x9\nconv 4 3x3 -> layernorm",
    ],
)
def test_a_bias_that_something_needs_stays(text: str) -> None:
    assert codes(text, "bias-before-norm") == []


@pytest.mark.parametrize(
    "text",
    [
        "param norm = true\ninput 3@9x9\nconv 4 3x3\nif norm { batchnorm }",
        "input 3@9x9\nconv 4 3x3 bias=[1, 2, 3, 4] -> batchnorm",
        "param bias = true\ninput 3@9x9\nconv 4 3x3 bias=bias -> batchnorm",
        "block A(norm) { conv 4 3x3\nif norm { batchnorm } else { relu } }\ninput 3@9x9\nA true -> A false",
    ],
)
def test_no_fix_where_the_bias_may_be_meant(text: str) -> None:
    (warning,) = found(text, "bias-before-norm")
    assert not warning.fixes


def test_parameters_of_a_repeated_bias_are_summed() -> None:
    text = "input 3@32x32\nfor width in [8, 16] { conv width 3x3 -> batchnorm -> relu }"
    (warning,) = found(text)
    assert "24 parameters (2 layers here)" in warning.message


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("dropout 0.5 -> batchnorm", 1),
        ("dropout 0.5 -> relu -> maxpool 2x2 -> batchnorm", 1),
        ("dropout 0.5 -> conv 8 3x3 bias=false -> batchnorm", 0),
        ("batchnorm -> dropout 0.5", 0),
    ],
)
def test_dropout_before_norm(layers: str, expected: int) -> None:
    assert codes(f"input 8@32x32\n{layers}") == ["dropout-before-norm"] * expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input 100\ndense 50 -> dense 10", 1),
        ("input 100\ndense 5 -> dense 10", 0),
        ("input 100\ndense 50 -> relu -> dense 10", 0),
        ("input 100\ndense 50 -> dropout 0.5 -> dense 10", 1),
        ("input 3@9x9\nconv 8 3x3 -> flatten -> dense 10", 1),
        ("input 3@9x9\nconv 8 3x3 bias=false -> batchnorm -> conv 8 3x3", 1),
        ("input 8@9x9\ndepthwise 3x3 -> conv 16 1x1", 0),
        ("input 8@9x9\nconv 16 1x1 -> depthwise 3x3", 0),
        ("input 64@9x9\nconv 16 1x1 -> conv 64 3x3", 0),
        ("input 8@9x9\nconv 16 1x1 -> conv 8 3x3", 1),
        ("input 8@9x9\ndepthwise 3x3 -> relu -> conv 8 1x1 bias=false -> batchnorm -> conv 48 1x1", 0),
        ("input 8@9x9\ndepthwise 3x3 -> relu -> mul { identity; global_avgpool -> conv 8 1x1 -> sigmoid }\n"
         "conv 8 1x1 -> conv 48 1x1", 0),
        ("input 8@9x9\ndepthwise 3x3 -> relu -> mul { global_avgpool -> conv 8 1x1 -> sigmoid; identity }\n"
         "conv 8 1x1 -> conv 48 1x1", 0),
        ("input 8@9x9\nconv 8 1x1 -> relu -> conv 8 1x1 -> conv 48 1x1", 1),
        ("input 8@9x9\nconv 8 1x1 -> conv 48 1x1", 1),
        ("input 8@8x8\ndepthwise 3x3 -> maxpool 2x2 -> conv 8 1x1 -> conv 48 1x1", 1),
        ("input 8@9x9\ndepthwise 3x3 -> relu -> conv 16 1x1 -> conv 48 1x1", 1),
        ("input 8@9x9\ndepthwise 3x3 -> relu -> conv 8 1x1 -> conv 8 1x1", 1),
        ("input 8@9x9\nconv 8 3x1 -> conv 8 1x3", 0),
        ("input 8@9x9\nconv 8 3x3 -> conv 8 1x3", 1),
        ("input 8@9x9\nconv 8 3x3 groups=2 -> conv 8 3x3", 0),
        ("input 8@9x9\nconv 8 3x3 -> conv_transpose 8 2x2 stride=2", 0),
        ("input 1@9x9\nconv 1 3x3 weight=[[1, 0, 1], [0, 1, 0], [1, 0, 1]] -> conv 8 3x3", 0),
        ("input 8@9x9\nconv 8 3x3 pad=1 as a -> conv 8 3x3 pad=1 as b\nadd { from a; from b }", 0),
    ],
)  # fmt: skip
def test_linear_pair(text: str, expected: int) -> None:
    assert codes(text) == ["linear-pair"] * expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("conv 4 3x3 pad=1 -> relu -> conv 64 3x3", 1),
        ("conv 5 3x3 pad=1 -> relu -> conv 64 3x3", 0),
        ("conv 4 3x3 pad=1", 0),
        ("add { identity; conv 4 3x3 pad=1 -> relu -> conv 64 3x3 pad=1 }", 0),
        ("conv 4 1x1 -> relu -> conv 4 1x1", 0),
    ],
)
def test_abrupt_bottleneck(layers: str, expected: int) -> None:
    assert codes(f"input 64@32x32\n{layers}") == ["abrupt-bottleneck"] * expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("input 8@9x9 as x\nconv 8 3x3 -> relu\nfrom x\nconv 8 3x3", [2]),
        ("input 8@9x9 as x\ninput 8@9x9 as y\nconv 8 3x3", [1]),
        ("input 8@9x9 as x\nconv 8 3x3 as a\nfrom x\nconv 8 5x5 as b\noutput a b", []),
        ("input 8@9x9\nconv 8 3x3\nparameter 8@7x7 -> relu", [2]),
        ("input 8@9x9\nconv 8 3x3\nadd { parameter 8@7x7; identity }", []),
    ],
)
def test_unused_value(text: str, lines: list[int]) -> None:
    warnings = found(text)
    assert [(warning.code, warning.span and warning.span.line) for warning in warnings] == [
        ("unused-value", line) for line in lines
    ]


# --- opt-in ---
def test_the_opt_in_rules_know_the_classics() -> None:
    """AlexNet's fc6, ResNet's late layers and VGG's last stage are why these rules are not on by default."""
    zoo = {
        "heavy-dense": ("vgg.cnn", "VGG16"),
        "field-exceeds-input": ("resnet.cnn", "ResNet50"),
        "constant-filters": ("vgg.cnn", "VGG16"),
        "large-kernel": ("alexnet.cnn", "AlexNet"),
        "softmax-output": ("zfnet.cnn", "ZFNet"),
    }
    for code, (file, network) in zoo.items():
        result = cnndsl.check_file(ZOO / "zoo" / file, network=network, select=[code], ignore=["all"])
        assert {diagnostic.code for diagnostic in result.diagnostics} == {code}


def test_heavy_dense_gives_the_share() -> None:
    """VGG-16: 25,088 features to 4,096 units are 102,764,544 of 138,357,544 parameters, 74 %."""
    result = cnndsl.check_file(ZOO / "zoo" / "vgg.cnn", network="VGG16", select=["heavy-dense"])
    (warning,) = result.diagnostics
    assert "102,764,544 of 138,357,544 parameters (74 %)" in warning.message


def test_channels_of_8_leave_the_head_alone() -> None:
    text = "input 3@9x9\nconv 12 3x3 -> relu -> conv 16 3x3 -> relu -> flatten -> dense 10 -> softmax"
    (warning,) = found(text, "channels-of-8")
    assert "12 channels" in warning.message and warning.help[0].startswith("use 8 or 16")


def test_three_small_kernels_for_a_large_one() -> None:
    """Simonyan and Zisserman: three 3x3 layers have 27 C² weights, one 7x7 layer 49 C²."""
    (warning,) = found("input 16@64x64\nconv 16 7x7 pad=3 -> relu", "teach")
    assert "3 layers of 3x3 see as far, with 27 instead of 49" in warning.message


@pytest.mark.parametrize(
    ("pool", "expected"),
    [("2x2", 0), ("3x3 stride=2", 0), ("3x3 stride=1 pad=1", 0), ("3x3", 1), ("4x4 stride=2", 1)],
)
def test_large_pool(pool: str, expected: int) -> None:
    assert codes(f"input 8@33x33\nmaxpool {pool}", "large-pool") == ["large-pool"] * expected


@pytest.mark.parametrize(
    ("second", "expected"),
    [("conv 32 3x3", []), ("conv 16 3x3", ["constant-filters"]), ("conv 8 3x3", ["falling-filters"]),
     ("conv 8 1x1", [])],
)  # fmt: skip
def test_filters_behind_a_pool(second: str, expected: list[str]) -> None:
    text = f"input 3@32x32\nconv 16 3x3 -> relu -> maxpool 2x2\n{second}"
    assert codes(text, "teach") == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("conv 8 3x3 -> relu -> relu", ["useless-activation"]),
        ("conv 8 3x3 -> relu -> avgpool 2x2 -> relu", ["useless-activation"]),
        ("conv 8 3x3 -> sigmoid -> relu", ["useless-activation"]),
        ("conv 8 3x3 -> clip 0 1 -> clip 0 1", ["useless-activation"]),
        ("conv 8 3x3 -> clip 0 1 -> clip 0 2", []),
        ("conv 8 3x3 -> clip 1 2 -> avgpool 3x3 stride=1 pad=1 -> clip 1 2", []),  # the padding brings in 0
        ("conv 8 3x3 -> relu -> subsample 2x2 -> relu", []),  # its coefficient may be below 0
        ("conv 8 3x3 -> relu6 -> lppool 2x2 -> relu6", []),  # four times 6 are 12 in the norm
        ("conv 8 3x3 -> leaky_relu -> relu", []),
        ("flatten -> dense 4 -> softmax -> softmax", ["repeated-squashing"]),
        ("flatten -> dense 4 -> sigmoid -> softmax", ["repeated-squashing"]),
        ("conv 8 3x3 -> tanh -> avgpool 2x2 -> tanh", []),
        ("conv 8 3x3 -> softmax -> conv 4 1x1", ["softmax-inside"]),
        ("conv 8 3x3 -> softmax -> dropout 0.1 -> conv 4 1x1", ["softmax-inside"]),
        ("conv 8 3x3 as a -> softmax as b\nmul { from a; from b } -> conv 4 1x1", []),  # attention
        ("conv 1 3x3 -> softmax", ["softmax-of-one"]),
        ("conv 1 3x3 -> log_softmax", ["softmax-of-one"]),
        ("conv 8 3x3 -> relu -> maxpool 1x1", ["pool-of-one"]),
        ("conv 8 3x3 -> relu -> maxpool 1x1 stride=2", []),
        ("conv 8 3x3 -> relu -> subsample 1x1", []),
        ("flatten -> dense 4 -> dropout 0.5", ["dropout-output"]),
        ("flatten -> dense 4 -> relu -> dropout 0.5 -> softmax", ["dropout-output"]),
        ("flatten -> dense 4 -> relu -> dropout 0.5 -> dense 2", []),
    ],
)
def test_layers_that_change_nothing_or_spoil_what_they_get(layers: str, expected: list[str]) -> None:
    assert codes(f"input 3@33x33\n{layers}", *_USELESS) == expected


_USELESS = (
    *("useless-activation", "repeated-squashing", "softmax-inside"),
    *("softmax-of-one", "pool-of-one", "dropout-output"),
)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("unregularised", "input 1@32x32\nflatten -> dense 1000", 1),
        ("unregularised", "input 1@32x32\nflatten -> dense 970", 0),  # 1024*970 + 970 are 994,250
        ("unregularised", "input 1@32x32\nnormalize mean=0.5 std=0.5 -> flatten -> dense 1000", 1),
        ("unregularised", "input 1@32x32\nflatten -> dense 1000 -> batchnorm", 0),
        ("unregularised", "input 1@32x32\nflatten -> dense 1000\ntrain { optimizer sgd }", 1),
        ("unregularised", "input 1@32x32\nflatten -> dense 1000\ntrain { optimizer adamw }", 0),
        ("unregularised", "input 1@32x32\nflatten -> dense 1000\ntrain { optimizer adam; augment flip }", 0),
        ("growing-kernels", "input 3@64x64\nconv 8 3x3 -> relu -> conv 8 5x5", 1),
        ("growing-kernels", "input 3@64x64\nconv 8 3x3 -> relu -> conv 8 4x4", 0),
        ("growing-kernels", "input 3@64x64\nconv 8 1x1 -> relu -> conv 8 3x3", 0),
        ("growing-kernels", "input 3@9x9\nconv 8 3x3 -> relu -> conv 8 7x7", 0),  # a dense layer in disguise
        ("growing-kernels", "input 3@64x64\nconv 8 3x3 -> relu\nconcat { conv 8 5x5 pad=2; identity }", 0),
        ("pool-without-stride", "input 3@64x64\nmaxpool 5x5 stride=1", 1),
        ("pool-without-stride", "input 3@64x64\nmaxpool 3x3 stride=1", 0),
        ("pool-without-stride", "input 3@64x64\nconcat { maxpool 5x5 stride=1 pad=2; identity }", 0),
        ("large-pool", "input 3@64x64\nmaxpool 5x5 stride=1", 0),
        ("raw-images", "input 3@64x64\nconv 8 3x3 -> relu -> flatten -> dense 4\ntrain { }", 1),
        ("raw-images", "input 3@64x64\nconv 8 3x3 -> relu -> flatten -> dense 4", 0),
        ("raw-images", "input 3@64x64\nconv 8 3x3 -> batchnorm -> relu -> flatten -> dense 4\ntrain { }", 0),
        ("raw-images", "input 3@64x64\nbatchnorm -> conv 8 3x3 -> relu -> flatten -> dense 4\ntrain { }", 0),
        ("raw-images", "input 8@64x64\nconv 8 3x3 -> relu -> flatten -> dense 4\ntrain { }", 0),
        ("raw-images", "input 3@64\nconv 8 3 -> relu -> flatten -> dense 4\ntrain { }", 0),
        ("never-smaller", "input 1@16x16\nrepeat 3 { conv 8 3x3 -> relu }\nflatten -> dense 4 -> relu -> dense 3", 1),
        ("never-smaller", "input 1@16x16\nconv 8 3x3 -> relu -> flatten -> dense 4", 0),
        ("never-smaller", "input 1@16x16\nconv 8 3x3 stride=2 -> relu -> conv 8 3x3 -> flatten -> dense 4", 0),
        ("never-smaller", "input 1@16x16\nrepeat 3 { conv 8 3x3 -> relu }\nglobal_avgpool -> flatten -> dense 4", 0),
        ("never-smaller", "input 1@11x11\nrepeat 2 { conv 8 3x3 -> relu }\nflatten -> dense 4", 0),
    ],
)
def test_advice(code: str, text: str, expected: int) -> None:
    assert codes(text, code) == [code] * expected


def test_advice_is_quiet_on_the_examples_but_two() -> None:
    """The siamese network says so in its text; RepVGG has its norms in the form that is trained."""
    rules = [*_USELESS, "unregularised", "growing-kernels", "pool-without-stride", "raw-images", "never-smaller"]
    given = [
        (path.name, diagnostic.code)
        for path in sorted(ZOO.rglob("*.cnn"))
        for diagnostic in cnndsl.check_file(path, select=rules, ignore=["default"]).diagnostics
        if diagnostic.severity == "warning"
    ]
    assert given == [("repvgg.cnn", "unregularised"), ("siamese.cnn", "unregularised")]


def test_many_heads_are_quick() -> None:
    """One walk for all dense layers that read the same map."""
    heads = "; ".join(["flatten -> dense 1"] * 1000)
    text = f"input 1@32x32\nrepeat 1000 {{ conv 1 3x3 pad=1 -> relu }}\nconcat {{ {heads} }}"
    assert codes(text, "never-smaller") == ["never-smaller"]


def test_ten_thousand_layers_are_quick() -> None:
    """One step a layer: rules that looked back over chains of layers would take minutes here."""
    text = "input 8@32x32\nrepeat 2500 { conv 8 3x3 pad=1 bias=false -> dropout 0.1 -> relu -> scale }"
    assert codes(text) == []


# --- places and fixes come from the syntax tree ---
@pytest.mark.parametrize(
    ("layer", "place"),
    [
        ("conv 8 2 stride=3", "stride=3"),
        ("conv 8 2 stride=max(1, 3) pad=0", "stride=max(1, 3)"),
        ("conv 8 2 stride=[[3]][0][0]", "stride=[[3]][0][0]"),
        ("conv 8 2 stride=(3 if true else 1)", "stride=(3 if true else 1)"),
        ("conv 8 [2,\n2] stride=3", "stride=3"),
        ("subsample 2 stride=3", "stride=3"),
        ("concat { conv 8 2 stride=[3, 3]; conv 8 2 stride=3 }", "stride=[3, 3]"),
    ],
)
def test_the_argument_is_shown_whole(layer: str, place: str) -> None:
    text = f"input 3@32x32\n{layer}"
    found = next(item for item in cnndsl.check(text).diagnostics if item.code == "skipped-pixels")
    assert found.span is not None
    lines = text.split("\n")[found.span.line - 1 : found.span.end_line]
    assert lines[0][found.span.column - 1 : found.span.end_column - 1] == place and len(lines) == 1


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("conv 8 3x3 -> batchnorm", "conv 8 3x3 bias=false -> batchnorm"),
        ("conv 8 3x3 as c -> batchnorm", "conv 8 3x3 bias=false as c -> batchnorm"),
        ("conv 8 3x3 bias=true -> batchnorm", "conv 8 3x3 bias=false -> batchnorm"),
        ("conv 8 (3) # three\n\nbatchnorm", "conv 8 (3) bias=false # three\n\nbatchnorm"),
        ("conv 8 [3,  # rows\n3] as c\n-> batchnorm", "conv 8 [3,  # rows\n3] bias=false as c\n-> batchnorm"),
        ("repeat 2 { conv 8 3x3; batchnorm }", "repeat 2 { conv 8 3x3 bias=false; batchnorm }"),
        ("{ conv 8 3x3 } -> batchnorm", None),
        ("conv 8 3x3 as a\nfrom a -> batchnorm", None),
        ("conv 8 3x3 bias=(true) -> batchnorm", None),
        ("conv 8 3x3 bias=[1,1,1,1,1,1,1,1] -> batchnorm", None),
    ],
)
def test_a_bias_is_taken_out_where_the_norm_follows(text: str, mended: str | None) -> None:
    before = f"input 3@32x32\n{text}\nrelu"
    (found,) = (item for item in cnndsl.check(before).diagnostics if item.code == "bias-before-norm")
    assert len(found.fixes) == (mended is not None)
    if mended is not None:
        after = apply_fixes(before, "<text>", [found])
        assert after == f"input 3@32x32\n{mended}\nrelu"
        assert "bias-before-norm" not in {item.code for item in cnndsl.check(after).diagnostics}
