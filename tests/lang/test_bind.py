"""Arguments: positions, keywords, words and literals, and what is refused with which part underlined."""

import pytest

from cnndsl import ops
from cnndsl.errors import Diagnostic
from cnndsl.ir import Node
from cnndsl.lang.accepted import accepted, words
from cnndsl.lang.compile import compile_text


def layer(text: str) -> Node:
    result = compile_text(text)
    assert all(diagnostic.severity != "error" for diagnostic in result.diagnostics), result.diagnostics
    return result.networks[0].layers[-1]


def refused(text: str) -> Diagnostic:
    (error,) = [diagnostic for diagnostic in compile_text(text).diagnostics if diagnostic.severity == "error"]
    return error


def underlined(text: str) -> str:
    span = refused(text).span
    assert span is not None and span.line == span.end_line
    return text.splitlines()[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("conv 8 3", "conv filters=8 kernel=3"),
        ("conv 8 3", "conv kernel=3 8"),
        ("conv 8 3", "conv 8 (6/2)"),
        ("conv 8 [3]", "conv (2*4) [6/2]"),
        ("conv 8 3 pad=1x2", "conv 8 3 pad=[1, 2]"),
        ("conv 8 k", "conv 8 3"),
        ("conv 8 3 pad=k//2", "conv 8 3 pad=1"),
        ("conv 8 3 pad=same", 'conv 8 3 pad="same"'),
        ("conv 8 3 pad=same", "conv 8 3 pad=word"),
        ("conv 8 3 bias=not true", "conv 8 3 bias=false"),
        ("clip 0 1e10", "clip 0 10000000000"),
        ("scale init=1e-6", "scale init=1/1000000"),
        ("reshape 27", "reshape (27)"),
        ("reshape (9@3)", "reshape shape=9@3"),
        ("normalize mean=0.5 std=[1, 2, 3]", "normalize std=[1, 2, 3] mean=1/2"),
        ("conv 1 3 connect=[[0, 2]]", "conv 1 3 connect=[0x2]"),
    ],
)
def test_ways_to_write_the_same(written: str, same: str) -> None:
    head = 'let k = 3\nlet word = "same"\ninput 3@9\n' if "reshape" not in written else "input 3@9\n"
    assert layer(head + written).op == layer(head + same).op


def test_words_win_over_names() -> None:
    assert layer("let same = 3\ninput 3@9\nconv 8 3 pad=same").op.model_dump()["pad"] == "same"


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("conv", "missing-argument", "conv"),
        ("conv 8", "missing-argument", "conv"),
        ("conv 8 3 3", "too-many-arguments", "3"),
        ("relu 3", "too-many-arguments", "3"),
        ("conv 8 3 filters=8", "repeated-argument", "filters=8"),
        ("conv 8 3 pad=1 pad=2", "repeated-argument", "pad=2"),
        ("conv 8 3 pading=1", "unknown-parameter", "pading"),
        ("relu share=a", "unknown-parameter", "share"),
        ("conv 8 3 pad=sam", "bad-argument", "sam"),
        ("conv 8 3 pad=-1", "bad-argument", "-1"),
        ("conv 0 3", "bad-argument", "0"),
        ("conv (7/2) 3", "bad-argument", "(7/2)"),
        ("conv true 3", "bad-argument", "true"),
        ("conv 8 [3, true]", "bad-argument", "[3, true]"),
        ("conv 8 [3, 1/2]", "bad-argument", "[3, 1/2]"),
        ("conv 8 3 bias=1", "bad-argument", "1"),
        ("conv 8 3 bias=none", "unknown-name", "none"),
        ("conv 8 3 groups=0", "bad-argument", "0"),
        ("conv 8 3 connect=5", "bad-argument", "5"),
        ("maxpool 2 stride=word", "bad-argument", "word"),
        ("conv 8 3 weight=word", "bad-argument", "word"),
        ("conv 8 3 connect=word", "bad-argument", "word"),
        ("dropout 1", "bad-argument", "1"),
        ("dropout (-0.1)", "bad-argument", "(-0.1)"),
        ("batchnorm eps=0", "bad-argument", "0"),
        ("leaky_relu true", "bad-argument", "true"),
        ("gelu approximate=erf", "bad-argument", "erf"),
        ("conv 8 2147483648", "dimension-limit", "2147483648"),
        ("conv 8 [1, 2147483648]", "dimension-limit", "[1, 2147483648]"),
        ("conv 8 3 bias=[]", "ragged-literal", "[]"),
        ("conv 8 3 weight=[[1, 2], [3]]", "ragged-literal", "[[1, 2], [3]]"),
        ("conv 8 3 weight=[[1, 2], 3]", "ragged-literal", "[[1, 2], 3]"),
        ("conv 8 3 weight=[1, [2, 3]]", "bad-argument", "[1, [2, 3]]"),
        ("conv 8 3 weight=[true]", "bad-argument", "[true]"),
        ("conv 1 3 weight=[1, 2, 3]", "weight-shape", "weight=[1, 2, 3]"),
        ("conv 8 3 bias=[1, 2]", "weight-shape", "bias=[1, 2]"),
        ("reshape 9", "reshape-mismatch", "9"),
        ("reshape word", "bad-argument", "word"),
        ("cnov 8 3", "unknown-operator", "cnov"),
        ("conv 8 3 share=5", "bad-argument", "5"),
        ("conv 8 3 share=word", "not-a-value", "conv 8 3 share=word"),
    ],
)
def test_refusals(text: str, code: str, part: str) -> None:
    whole = f'let word = "foo"\ninput 3@9\n{text}'
    assert (refused(whole).code, underlined(whole)) == (code, part)


def test_every_required_parameter_is_named_when_it_is_missing() -> None:
    for name in ops.NAMES:
        cls = ops.operator(name)
        required = [field for field in cls.model_fields if cls.model_fields[field].is_required()]
        if required:
            error = refused(f"input 4@9x9\n{name}")
            assert error.code == "missing-argument"
            assert all(f"`{field}`" in error.message for field in required)


@pytest.mark.parametrize("name", ops.NAMES)
def test_words_of_parameters_are_accepted(name: str) -> None:
    """Every word that a parameter claims to take is really a value of its field."""
    from pydantic import TypeAdapter

    fields = ops.operator(name).model_fields
    for field in fields:
        for word in words(name, field):
            assert word in accepted(name, field)
            annotation = fields[field].annotation
            assert TypeAdapter(annotation).validate_python(word) == word


class TestLiterals:
    """Handcrafted weights: axes of size 1 may be left out, and nothing else."""

    @pytest.mark.parametrize(
        "weight",
        [
            "[[1, 2, 3], [4, 5, 6]]",
            "[[[1, 2, 3], [4, 5, 6]]]",
            "[[[[1, 2, 3], [4, 5, 6]]]]",
            "rows",
            "[rows[0], [4, 5, 6]]",
        ],
    )
    def test_axes_of_size_one(self, weight: str) -> None:
        node = layer(f"let rows = [[1, 2, 3], [4, 5, 6]]\ninput 1@8x8\nconv 1 2x3 weight={weight}")
        literal = node.op.weights([layer("input 1@8x8\nrelu").shape])["weight"].literal
        assert literal == ((1, 1, 2, 3), (1, 2, 3, 4, 5, 6))

    @pytest.mark.parametrize("weight", ["[[1, 2], [3, 4], [5, 6]]", "[1, 2, 3, 4, 5, 6]", "[[1, 2, 3]]"])
    def test_a_mismatch_shows_both_shapes(self, weight: str) -> None:
        error = refused(f"input 1@8x8\nconv 1 2x3 weight={weight}")
        depth = weight.count("], [") + 1
        assert error.code == "weight-shape"
        assert "1x1x2x3" in error.message
        assert (f"{depth}x" in error.message) or "written as 6" in error.message


class TestShare:
    def test_equal_layouts(self) -> None:
        text = "input 3@8x8\nconv 3 3x3 pad=1 as a -> relu\nconv 3 3x3 stride=2 share=a"
        assert layer(text).share == "a"
        assert layer(text + " as b\nconv 3 3x3 pad=1 share=b").share == "a"  # the owner, not the borrower

    @pytest.mark.parametrize(
        "borrower", ["conv 4 3x3", "conv 3 5x5", "conv 3 3x3 bias=false", "conv_transpose 3 3x3", "batchnorm"]
    )
    def test_other_layouts(self, borrower: str) -> None:
        assert refused(f"input 3@8x8\nconv 3 3x3 pad=1 as a\n{borrower} share=a").code == "share-mismatch"

    def test_owners_have_weights(self) -> None:
        assert refused("input 3@8x8\nrelu as a\nconv 3 3x3 share=a").code == "bad-argument"
        assert refused("input 3@8x8 as a\nconv 3 3x3 share=a").code == "bad-argument"
        assert refused("input 3@8x8\nconv 3 3x3 share=b").code == "unknown-name"


def test_equal_arguments_are_one_operator() -> None:
    result = compile_text("let w = 8\ninput 8@9x9\nrepeat 3 { conv w 3x3 pad=1 -> relu }")
    assert len({id(node.op) for node in result.networks[0].layers}) == 2
