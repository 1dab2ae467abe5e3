"""Warnings about unread pixels, strict and exact division, dtypes; and graphs from JSON."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnndsl
from cnndsl.errors import CnnError, Diagnostic
from cnndsl.lang.compile import compile_text
from cnndsl.lang.modules import Settings
from tests import generators


def found(text: str, strict: bool = False) -> list[Diagnostic]:
    kinds = ("unread-pixels", "inexact-fit", "wrong-dtype")
    settings = Settings(strict=strict)
    return [one for one in compile_text(text, settings=settings).diagnostics if one.code in kinds]


class TestFit:
    def test_unread_pixels_are_counted(self) -> None:
        (warning,) = found("input 3@10x11\nconv 8 3x3 stride=3")
        assert (warning.code, warning.severity) == ("unread-pixels", "warning")
        assert "1 row and 2 columns" in warning.message  # 3 windows of 3 cells on 10 rows and 11 columns
        assert found("input 3@9x9\nconv 8 3x3 stride=3") == []

    def test_padding_that_goes_unread_is_no_matter(self) -> None:
        assert found("input 3@224x224\nconv 64 7x7 stride=2 pad=3") == []  # ResNet's stem: 112.5
        assert found("input 3@56x56\nconv 64 1x1 stride=2") == []  # the pattern itself

    def test_ceil_mode_reads_everything(self) -> None:
        assert found("input 3@8x8\nmaxpool 3x3 stride=2 ceil_mode=true") == []
        assert found("input 3@8x8\nmaxpool 3x3 stride=2")[0].code == "unread-pixels"

    def test_strict_and_exact(self) -> None:
        stem = "input 3@224x224\nconv 64 7x7 stride=2 pad=3"
        (error,) = found(stem, strict=True)
        assert (error.code, error.severity) == ("inexact-fit", "error")
        assert "112.5" in error.message
        assert found(f"{stem} fit=exact")[0].code == "inexact-fit"
        assert found(f"{stem} fit=floor", strict=True) == []  # written on purpose
        assert found("input 3@8x8\nmaxpool 3x3 stride=2 ceil_mode=true", strict=True) == []
        assert found("input 3@9x9\nconv 8 3x3 stride=3 fit=exact", strict=True) == []

    def test_a_warning_in_a_loop_is_told_once(self) -> None:
        assert len(found("input 3@99x99\nrepeat 4 { conv 3 2x2 stride=2 }")) == 1


class TestDtypes:
    def test_word_numbers(self) -> None:
        assert found("input 9 dtype=int64\nslice 0 4 -> identity -> embedding 10 3 -> conv 4 3") == []
        assert found("input 9 dtype=int64\ndense 3")[0].code == "wrong-dtype"
        assert found("input 9\nembedding 10 3")[0].code == "wrong-dtype"

    @pytest.mark.parametrize("branches", ["from w; from x", "from x; from w"])
    def test_no_branch_may_hold_them(self, branches: str) -> None:
        text = "input 9 dtype=int64 as w\ninput 9 as x\n"
        for merge in ("add", "concat"):
            (error,) = found(f"{text}{merge} {{ {branches} }}")
            assert "`w` is int64" in error.message

    def test_dtypes_that_there_are_not(self) -> None:
        (error,) = compile_text("input 9 dtype=float64\nrelu").diagnostics
        assert error.code == "bad-argument"
        (error,) = compile_text("input 9 type=int64\nrelu").diagnostics
        assert error.code == "unknown-parameter"


class TestJson:
    def test_round_trip(self) -> None:
        for seed in range(25):
            network = cnndsl.loads(generators.network_text(seed, 10))
            again = cnndsl.from_json(network.to_json())
            assert again.graph == network.graph
            assert again.to_json() == network.to_json()

    def test_every_operator_survives(self) -> None:
        from cnndsl import ops

        for name in ops.NAMES:
            network = cnndsl.loads(generators.sound_layer(Random(name), name))
            assert cnndsl.from_json(network.to_json()).graph == network.graph

    def test_the_schema_admits_what_is_written(self, root: Any) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        schema = json.loads((root / "docs/network.schema.json").read_text(encoding="utf-8"))
        for seed in range(5):
            jsonschema.validate(json.loads(cnndsl.loads(generators.network_text(seed, 8)).to_json()), schema)

    @pytest.mark.parametrize(
        "change",
        [
            {"inputs": []},
            {"outputs": []},
            {"outputs": ["nothing"]},
            {"outputs": ["a", "a"]},
            {"version": 2},
            {"more": 1},
            {"layers": None},
            {"inputs.0.shape": {"channels": -3, "spatial": [8, 8]}},
            {"inputs.0.shape": {"channels": 3, "spatial": [0, 8]}},
            {"inputs.0.shape": {"channels": 3, "spatial": 8}},
            {"inputs.0.shape": {"channels": 3, "spatial": "88"}},
            {"inputs.0.shape": {"channels": 3, "spatial": None}},
            {"inputs.0.shape": {"channels": 3, "spatial": [1] * 100}},
            {"inputs.0.shape": {"channels": 10**4000, "spatial": [8, 8]}},
            {"inputs.0.shape": {"channels": 2**31, "spatial": [8, 8]}},
            {"inputs.0.shape": {}},
            {"inputs.0.shape": [3, [8, 8]]},
            {"inputs.0.dtype": "float16"},
            {"inputs.1.dtype": "int64"},
            {"inputs.1.name": "x"},
            {"layers.0.name": "x"},
            {"layers.0.inputs": []},
            {"layers.0.inputs": ["x", "x"]},
            {"layers.0.inputs": ["b"]},
            {"layers.0.inputs": ["a"]},
            {"layers.0.dtype": "int64"},
            {"layers.0.shape": {"channels": 4, "spatial": [8, 9]}},
            {"layers.0.share": "x"},
            {"layers.0.share": "a"},
            {"layers.1.share": "a"},
            {"layers.2.share": "nothing"},
            {"layers.2.share": "c"},
            {"layers.0.op": "conv"},
            {"layers.0.op": {}},
            {"layers.0.op": {"op": ["conv"]}},
            {"layers.0.op": {"op": "vonc" * 1000}},
            {"layers.0.op": {"op": "conv", "filters": 4}},
            {"layers.0.op.filters": 0},
            {"layers.0.op.filters": 1.5},
            {"layers.0.op.filters": True},
            {"layers.0.op.filters": 10**4000},
            {"layers.0.op.kernel": [10**4000, 10**4000]},
            {"layers.0.op.pad": [10**4000, 10**4000]},
            {"layers.0.op.pad": 2**62},
            {"layers.0.op.kernel": []},
            {"layers.0.op.groups": 2**62},
            {"layers.0.op.weight": [[2, 2], [1, 2, 3, 4]]},
            {"layers.0.op.weight": [[4, 3, 3, 3], [1, 2]]},
            {"layers.0.op.weight": "weights"},
            {"layers.0.op.connect": [[0], [1], [2], [99]]},
            {"layers.0.op.connect": [[0], [1], [2], []]},
            {"layers.0.span": [1]},
        ],
        ids=str,
    )
    def test_hostile_changes(self, change: dict[str, Any]) -> None:
        text = (
            "input 3@8x8 as x\ninput 3@8x8 as y\nconv 4 3x3 pad=1 as a\nrelu as b\nconv 4 1x1 as c\nconv 4 1x1 share=c"
        )
        document = json.loads(cnndsl.loads(text).to_json())
        assert cnndsl.from_json(json.dumps(document)).graph.layers
        for path, value in change.items():
            *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
            place = document
            for step in way:
                place = place[step]
            place[last] = value
        with pytest.raises(CnnError) as caught:
            cnndsl.from_json(json.dumps(document))
        assert caught.value.diagnostics[0].code == "bad-json"
        assert len(str(caught.value)) < 1000

    @given(st.data())
    def test_damaged_documents(self, data: st.DataObject) -> None:
        """Whatever is put in the place of whatever: a network or a CnnError."""
        text = (
            "input 3@8x8 as x\nadd { conv 3 3x3 pad=1 bias=[1, 2, 3]; maxpool 3x3 stride=1 pad=1 }\nflatten -> dense 4"
        )
        document = json.loads(cnndsl.loads(text).to_json())
        place: Any = document
        while True:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
                break
            place = place[key]
        leaves = (
            st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([2**31, 2**63, 10**400, 0.5, "x", "a\n"])
        )
        place[key] = data.draw(
            st.recursive(
                leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
            )
        )
        try:
            network = cnndsl.from_json(json.dumps(document))
        except CnnError as error:
            assert error.diagnostics[0].code == "bad-json"
        else:
            assert network.params >= 0 and network.layers and network.memory().peak > 0

    @pytest.mark.parametrize("text", ["", "nul", "[]", "{}", "3", '"x"', "[" * 100_000, '{"a":' * 100_000, "\ud800"])
    def test_no_document_at_all(self, text: str) -> None:
        with pytest.raises(CnnError):
            cnndsl.from_json(text)


def test_block_instances_know_their_block_and_where_they_were_called() -> None:
    text = (
        "block Inner { conv 2 1x1 }\nblock Outer { Inner -> relu; Nothing }\nblock Nothing { }\n"
        "input 1@4x4\nrepeat 2 { Outer }\nOuter as last\n"
    )
    graph = cnndsl.loads(text).graph
    assert [(one.path, one.block, one.span and (one.span.line, one.span.column)) for one in graph.instances] == [
        (("outer1",), "Outer", (5, 12)),
        (("outer1", "outer1.inner1"), "Inner", (2, 15)),
        (("outer2",), "Outer", (5, 12)),
        (("outer2", "outer2.inner1"), "Inner", (2, 15)),
        (("last",), "Outer", (6, 1)),
        (("last", "last.inner1"), "Inner", (2, 15)),
    ]
    assert {layer.path for layer in graph.layers} == {one.path for one in graph.instances}
    assert cnndsl.from_json(cnndsl.loads(text).to_json()).graph == graph
