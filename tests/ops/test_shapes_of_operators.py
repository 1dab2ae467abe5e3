"""What operators refuse, with the code and the argument to blame; and output shapes that no other test judges."""

from itertools import product as every

import pytest

from cnndsl.errors import Diagnostic
from cnndsl.lang.compile import compile_text
from cnndsl.shapes import Shape


def refused(text: str) -> Diagnostic:
    (diagnostic,) = compile_text(text).diagnostics
    assert diagnostic.severity == "error"
    return diagnostic


def underlined(text: str, diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    assert span is not None and span.line == span.end_line
    return text.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("text", "code", "blamed"),
    [
        ("input 3@4x4\nconv 8 5x5", "kernel-too-large", "5x5"),
        ("input 3@4x4\nconv 8 3x3x3", "wrong-rank", "3x3x3"),
        ("input 3@4x4\nconv 8 3x3 groups=2", "bad-groups", "groups=2"),
        ("input 4@4x4\nconv 6 3x3 groups=4", "bad-groups", "groups=4"),
        ("input 3@4x4\nconv 2 3x3 connect=[[0]]", "bad-connect", "connect=[[0]]"),
        ("input 3@4x4\nconv 1 3x3 connect=[[0, 0]]", "bad-connect", "connect=[[0, 0]]"),
        ("input 3@4x4\nconv 1 3x3 connect=[[3]]", "bad-connect", "connect=[[3]]"),
        ("input 3@4x4\nconv 1 3x3 connect=[[]]", "bad-connect", "connect=[[]]"),
        ("input 4@4x4\nconv 2 3x3 connect=[[0], [1]] groups=2", "bad-connect", "connect=[[0], [1]]"),
        ("input 3@4x4\nconv 1 3x3 pad=4 pad_mode=reflect", "pad-too-large", "pad=4"),
        ("input 3@4x4\nconv 1 3x3 pad=5 pad_mode=circular", "pad-too-large", "pad=5"),
        ("input 3@9x9\nconv 1 3x3 pad=causal", "wrong-rank", "pad=causal"),
        ("input 3@9x9\nconv 1 3x3 pad=[1, 2, 3]", "wrong-rank", "pad=[1, 2, 3]"),
        ("input 3@9x9\nconv 1 4x4 stride=2 fit=exact", "inexact-fit", "stride=2"),
        ("input 3@9x9\nmaxpool 2x2 pad=2", "pool-padding", "pad=2"),
        ("input 3@9\nconv_transpose 1 3 stride=2 output_pad=2", "bad-output-pad", "output_pad=2"),
        ("input 3@1\nconv_transpose 1 3 pad=2", "kernel-too-large", "pad=2"),
        ("input 12\nconv 8 3", "needs-map", "conv 8 3"),
        ("input 3@9x9\ndense 8", "needs-vector", "dense 8"),
        ("input 3@9x9\nrbf 8", "needs-vector", "rbf 8"),
        ("input 3@9x9\nreshape (4@4x4)", "reshape-mismatch", "(4@4x4)"),
        ("input 3@9x9\npermute [0, 1, 1]", "bad-argument", "[0, 1, 1]"),
        ("input 3@9x9\ncrop 5", "crop-too-large", "5"),
        ("input 3@9x9\nslice 2 4", "bad-slice", "4"),
        ("input 3@9x9\nslice begin=2 end=2", "bad-slice", "begin=2"),
        ("input 3@9x9\nslice 0 1 axis=3", "wrong-rank", "axis=3"),
        ("input 3@9x9\nreduce by=mean axis=3", "wrong-rank", "axis=3"),
        ("input 3@9x9\nchannel_shuffle 2", "bad-groups", "2"),
        ("input 3@9x9\npixel_shuffle 2", "bad-groups", "2"),
        ("input 3@9x9\nspace_to_depth 2", "bad-groups", "2"),
        ("input 4@9\npixel_shuffle 2", "wrong-rank", "pixel_shuffle 2"),
        ("input 3@9x9\ngroupnorm 2", "bad-groups", "2"),
        ("input 3\ninstancenorm", "needs-map", "instancenorm"),
        ("input 3@9x9\nnormalize mean=[0, 0] std=1", "weight-shape", "mean=[0, 0]"),
        ("input 3@9x9\nnormalize mean=0 std=[1, 0, 1]", "bad-argument", "std=[1, 0, 1]"),
        ("input 3@9x9\nparameter 3@2x2 weight=[1, 2, 3]", "weight-shape", "weight=[1, 2, 3]"),
        ("input 3@9x9\nclip 2 1", "bad-argument", "2"),
        ("input 3@9x9\nclip", "missing-argument", "clip"),
        ("input 3@9x9\nresize 4x4 align_corners=true", "bad-argument", "align_corners=true"),
        ("input 3@9x9\nconcat axis=3 { identity; relu }", "wrong-rank", "axis=3"),
    ],
)
def test_refusals_name_the_argument(text: str, code: str, blamed: str) -> None:
    diagnostic = refused(text)
    assert (diagnostic.code, underlined(text, diagnostic)) == (code, blamed)


def test_axes_are_counted_from_0() -> None:
    assert refused("input 3@9x9\nreduce by=mean axis=3").message.endswith("the input 3@9x9 has the axes 0 to 2")
    assert refused("input 3\nreduce by=mean axis=1").message.endswith("the input 3 has the axes 0 to 0")


@pytest.mark.parametrize(
    "text",
    [
        "input 3@9x9\nadd { identity; conv 4 1x1 }",
        "input 3@9x9\nmul { identity; conv 3 3x3 }",
        "input 3@9x9\nadd { identity; flatten }",
        "input 3@9x9\nconcat { identity; conv 3 3x3 }",
        "input 3@9x9\nconcat axis=1 { identity; conv 4 1x1 }",
    ],
)
def test_branches_that_do_not_fit_are_all_shown(text: str) -> None:
    diagnostic = refused(text)
    assert diagnostic.code == "merge-mismatch"
    assert any("branch 1" in label.message for label in diagnostic.labels)
    assert any("branch 2" in label.message for label in diagnostic.labels)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("input 3@9x8\nconv 6 3x3 pad=same stride=2", "6@5x4"),
        ("input 3@9\nconv 6 3 pad=causal stride=2", "6@5"),
        ("input 3@8x8\nconv 6 3 stride=2", "6@3x3"),
        ("input 3@8x8\ndepthwise 3 stride=2", "3@3x3"),
        ("input 3@9x8\nsubsample 2", "3@4x4"),
        ("input 3@9x8\ndepthwise 3 multiplier=2", "6@7x6"),
        ("input 3@9x8\nmaxpool 3", "3@3x2"),
        ("input 3@8x8\nmaxpool 3 stride=2 ceil_mode=true", "3@4x4"),
        ("input 3@2x2\nmaxpool 3 stride=2 ceil_mode=true", "3@1x1"),
        ("input 3@9x8\nglobal_lppool", "3@1x1"),
        ("input 3@9x8x7\nglobal_maxpool", "3@1x1x1"),
        ("input 3@9x8\nreduce by=sum", "1@9x8"),
        ("input 3@9x8\nreduce by=norm axis=2", "3@9x1"),
        ("input 3\nreduce by=max", "1"),
        ("input 3@9x8\nadaptive_avgpool 4x11", "3@4x11"),
        ("input 3@9x8\nflatten", "216"),
        ("input 7 dtype=int64\nembedding 100 5", "5@7"),
        ("input 3@9x8\npermute [2, 0, 1]", "8@3x9"),
        ("input 3@9x8\npad [1, 2, 3, 4]", "3@13x14"),
        ("input 3@9x8\ncrop [1, 2, 3, 4]", "3@5x2"),
        ("input 3@9x8\nupsample 2x3", "3@18x24"),
        ("input 3@9x8\nresize 5x20 mode=linear", "3@5x20"),
        ("input 3@9x8\nslice 2 7 axis=1", "3@5x8"),
        ("input 12@9x8\npixel_shuffle 2", "3@18x16"),
        ("input 18@4x5\npixel_shuffle 3", "2@12x15"),
        ("input 3@9x6\nspace_to_depth 3", "27@3x2"),
        ("input 3@4x4\nconv_transpose 6 3 stride=2 pad=1 output_pad=1", "6@8x8"),
        ("input 3@4x4\nconv_transpose 6 3 stride=2 pad=same", "6@8x8"),
        ("input 3@9x8\nmul { identity; global_avgpool }", "3@9x8"),
        ("input 3@9x8\nconcat { identity; conv 4 1 }", "7@9x8"),
        ("input 3@9x8\nconcat axis=2 { identity; conv 3 1x3 }", "3@9x14"),
    ],
)
def test_output_shapes(text: str, shape: str) -> None:
    result = compile_text(text)
    assert str(result.networks[0].layers[-1].shape) == shape


@pytest.mark.parametrize("groups", [2**31 - 1, 2**31 - 2, 6])
def test_the_next_smaller_number_of_groups_is_found_at_once(groups: int) -> None:
    diagnostic = refused(f"input 2147483647@1x1\nconv 2147483646 1x1 groups={groups}")
    assert diagnostic.code == "bad-groups"
    assert diagnostic.help[0].endswith(" is 1")
    assert refused("input 12@1x1\nconv 18 1x1 groups=5").help[0].endswith(" is 3")


def test_same_padding_of_a_transposed_convolution() -> None:
    """As ONNX defines auto_pad: the output is the input times the stride, the odd cell at the end (SAME_UPPER)."""
    odd = 0
    for kernel, stride, dilation, extra in every((1, 2, 3, 4), (1, 2, 3), (1, 2, 3), (0, 1, 2)):
        if extra >= max(stride, dilation):
            continue
        layer = f"conv_transpose 1 {kernel} stride={stride} dilation={dilation} output_pad={extra}"
        upper, lower = (compile_text(f"input 1@5\n{layer} pad={pad}").networks[0] for pad in ("same", "same_lower"))
        (axis,) = upper.layers[0].op.windows(Shape(1, (5,)))
        (mirrored,) = lower.layers[0].op.windows(Shape(1, (5,)))
        assert (axis.begin, axis.end) == (mirrored.end, mirrored.begin)
        assert axis.end - axis.begin in (0, 1)
        odd += axis.end - axis.begin
        if axis.begin or axis.end or dilation * (kernel - 1) + 1 + extra == stride:
            assert upper.layers[0].shape.spatial == lower.layers[0].shape.spatial == (5 * stride,)
        else:  # gaps between the windows: there is nothing to crop
            assert dilation * (kernel - 1) + 1 + extra <= stride
    assert odd > 10


def test_a_transposed_convolution_keeps_at_least_a_cell() -> None:
    assert compile_text("input 3@1\nconv_transpose 1 3 pad=1").networks
    assert refused("input 3@1\nconv_transpose 1 3 pad=[2, 1]").code == "kernel-too-large"
