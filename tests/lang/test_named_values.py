"""Values of the network that are named: as arguments of blocks, behind ``share=`` on blocks, in the turns of loops."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnndsl
from cnndsl.analysis.costs import layer_costs, total
from cnndsl.errors import Diagnostic
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.lang.decompile.printer import print_network
from cnndsl.lang.style.format import format_text
from cnndsl.limits import Limits


def errors(text: str, limits: Limits | None = None) -> list[Diagnostic]:
    result = compile_text(text, limits=limits) if limits else compile_text(text)
    assert result.networks or any(diagnostic.severity == "error" for diagnostic in result.diagnostics)
    return [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]


def found(text: str) -> list[tuple[str, int]]:
    """The codes of all errors with their lines."""
    return [(one.code, one.span.line if one.span else 0) for one in errors(text)]


def compiled(text: str) -> Graph:
    assert errors(text) == []
    (network,) = compile_text(text).networks
    return network


def inputs(text: str) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in compiled(text).layers}


def shares(text: str) -> dict[str, str]:
    return {node.name: node.share for node in compiled(text).layers if node.share}


def nameless(network: Graph) -> list[Any]:
    """The layers with their values numbered in order."""
    number = {name: index for index, name in enumerate(network.shapes)}
    return [
        (node.op, [number[name] for name in node.inputs], node.shape, node.share and number[node.share])
        for node in network.layers
    ]


DOUBLE = "block Double(width) { repeat 2 { conv width 3x3 pad=1 -> relu } }\n"
UP = """block Up(width, skip) {
  conv_transpose width 2x2 stride=2
  concat { identity; from skip }
  Double width
}
"""
BLOCKS = f"""{DOUBLE}{UP}
network Net {{
  input 1@32x32
  repeat 3 as i {{
    Double (4*2**i) as down
    maxpool 2x2
  }}
  Double 32
  for [width, level] in [[16, 2], [8, 1], [4, 0]] {{ Up width skip=down[level] }}
  conv 2 1x1
}}
"""
WRITTEN_OUT = f"""{DOUBLE}
network Net {{
  input 1@32x32
  Double 4 as down1 -> maxpool 2x2
  Double 8 as down2 -> maxpool 2x2
  Double 16 as down3 -> maxpool 2x2
  Double 32
  conv_transpose 16 2x2 stride=2
  concat {{ identity; from down3 }}
  Double 16
  conv_transpose 8 2x2 stride=2
  concat {{ identity; from down2 }}
  Double 8
  conv_transpose 4 2x2 stride=2
  concat {{ identity; from down1 }}
  Double 4
  conv 2 1x1
}}
"""
TOWERS = """block Unit(width) { conv width 3x3 pad=1 as c -> batchnorm -> relu }
block Tower(width, depth=2) {
  repeat depth { Unit width as unit }
  Unit width share=unit[0]
  dense 5 as last
}
network Siamese {
  input 3@8x8 as one
  input 3@8x8 as two
  from one -> Tower 3 as left
  from two -> Tower 3 share=left as right
  sub { from left; from right }
}
""".replace("  dense 5", "  global_avgpool -> flatten -> dense 5")


class TestArguments:
    def test_a_unet_of_blocks_is_the_one_written_out(self) -> None:
        blocks, written_out = compiled(BLOCKS), compiled(WRITTEN_OUT)
        assert nameless(blocks) == nameless(written_out)
        names = zip(blocks.shapes, written_out.shapes, strict=True)
        one, other = cnndsl.loads(BLOCKS), cnndsl.loads(WRITTEN_OUT)
        image = np.random.default_rng(1).random((1, 1, 32, 32), np.float32)
        weights = one.weights(seed=1)
        same = dict(names)
        renamed = {f"{same[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value for key, value in weights.items()}
        assert np.array_equal(one.run(image, weights=weights), other.run(image, weights=renamed))

    def test_by_position_by_keyword_and_passed_on(self) -> None:
        text = "block Join(skip, op) { add { identity; from skip } }\nblock Outer(first) { Join op=1 skip=first }\n"
        text += "input 3@9x9 as x\nrelu as r\ntanh\n"
        assert inputs(text + "Join r 1")["join1.add1"] == ("join1.identity1", "r")
        assert inputs(text + "Join x op=1")["join1.add1"] == ("join1.identity1", "x")
        assert inputs(text + "Outer r")["outer1.join1.add1"] == ("outer1.join1.identity1", "r")

    def test_its_attributes_and_counts(self) -> None:
        text = "block B(v, width=v.channels, again=v) { expect v.params == 224 and v.layers == 1\n"
        text += "conv (width + again.height) 1x1 }\ninput 3@9x9\nconv 8 3x3 as stem\nB stem"
        assert compiled(text).layers[-1].shape.channels == 15

    def test_share_takes_an_argument(self) -> None:
        assert shares("block B(owner) { conv 3 1x1 share=owner }\ninput 3@9x9\nconv 3 1x1 as c\nB c") == {
            "b1.conv1": "c"
        }

    @pytest.mark.parametrize(
        ("call", "expected"),
        [
            ("B 3", [("not-a-value", 4)]),
            ("B x", []),
            ("B y", [("unknown-name", 4)]),
            ("B x.channels", [("not-a-value", 4)]),
            ("B (x)", []),
            ("B [x]", [("not-a-value", 4)]),
            ("B", [("missing-argument", 4)]),
            ("conv x 3x3", [("not-a-value", 4)]),
        ],
    )
    def test_what_is_a_value(self, call: str, expected: list[tuple[str, int]]) -> None:
        assert found(f"block B(v) {{ from v -> relu }}\nlet k = 3\ninput 3@9x9 as x\n{call}") == expected

    def test_an_inner_name_hides_an_outer_one(self) -> None:
        text = "let v = 3\nblock B(v) { from v -> relu }\nnetwork N { input v@9x9\nrelu as v\ntanh\nB v }"
        assert inputs(text)["b1.relu1"] == ("v",)
        assert found("input 3@9x9\nrelu as v\nlet v = 3") == [("name-taken", 3)]

    def test_an_unknown_value_is_silent(self) -> None:
        text = "block B(v) { from v -> conv 3 1x1 }\ninput 3@9x9\nconv 3 99x99 as a\ncnov as b\nB a; B b; B v=b"
        assert found(text) == [("kernel-too-large", 3), ("unknown-operator", 4)]

    def test_where_a_name_is_given_is_said_before_what_is_nearest(self) -> None:
        text = "block B(v) { from v -> relu }\ninput 3@9x9\nrelu as d2\nB d3\nrelu as d3"
        (error,) = errors(text)
        assert error.help == ("`d3` is named further down, in line 5; a name is visible from there on",)
        assert error.fixes == ()


class TestShare:
    def test_every_layer_shares_with_that_of_its_name(self) -> None:
        network = compiled(TOWERS)
        owned = {node.name for node in network.layers if node.name.startswith("left.") and network.weights(node)}
        assert owned == {"left.unit.c", "left.unit.batchnorm1", "left.unit2.c", "left.unit2.batchnorm1", "left.last"}
        assert shares(TOWERS) == {
            "left.unit3.c": "left.unit.c",
            "left.unit3.batchnorm1": "left.unit.batchnorm1",
            "right.unit.c": "left.unit.c",
            "right.unit.batchnorm1": "left.unit.batchnorm1",
            "right.unit2.c": "left.unit2.c",
            "right.unit2.batchnorm1": "left.unit2.batchnorm1",
            "right.unit3.c": "left.unit.c",
            "right.unit3.batchnorm1": "left.unit.batchnorm1",
            "right.last": "left.last",
        }

    def test_parameters_count_once_and_work_twice(self) -> None:
        one_tower = TOWERS.replace("from two -> Tower 3 share=left as right\n  sub { from left; from right }", "")
        once, twice = total(layer_costs(compiled(one_tower))), total(layer_costs(compiled(TOWERS)))
        assert once.params == 2 * (3 * 3 * 9 + 3 + 6) + 3 * 5 + 5
        assert (twice.params, twice.buffers, twice.macs) == (once.params, once.buffers, 2 * once.macs)

    def test_equal_inputs_give_equal_values(self) -> None:
        network = cnndsl.loads(TOWERS)
        image = np.random.default_rng(2).random((2, 3, 8, 8), np.float32)
        assert np.all(network.run({"one": image, "two": image}) == 0)
        assert np.any(network.run({"one": image, "two": image + 1}) != 0)

    def test_instances_that_share_can_be_shared(self) -> None:
        text = (
            "block B { conv 3 1x1 }\ninput 3@9x9\nB as a\nB share=a as b\nB share=b\nrepeat 2 { B as c }\nB share=c[1]"
        )
        assert shares(text) == {"b.conv1": "a.conv1", "b1.conv1": "a.conv1", "b2.conv1": "c2.conv1"}

    def test_shapes_of_maps_may_differ(self) -> None:
        text = "block B(s) { conv 3 1x1 stride=s -> relu }\ninput 3@9x9\nB 1 as a\nB 2 share=a"
        assert shares(text) == {"b1.conv1": "a.conv1"}

    def test_both_have_the_same_layers_with_weights(self) -> None:
        text = "block B(n) { repeat n { conv 3 1x1 -> relu } }\ninput 3@9x9\nB 3 as a\n"
        assert found(text + "B 2 share=a") == [("share-mismatch", 4)]
        assert found(text + "B 4 share=a") == [("share-mismatch", 1)]
        other = "block B(n) { conv 3 1x1 -> repeat n { relu } }\ninput 3@9x9\nB 3 as a\nB 1 share=a"
        assert shares(other) == {"b1.conv1": "a.conv1"}

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("B 8 share=a", None),
            ("B 9 share=a", "share-mismatch"),
            ("conv 3 1x1 -> B 8 share=a", "share-mismatch"),
            ("C share=a", "bad-argument"),
            ("B 8 share=x", "bad-argument"),
            ("B 8 share=g", "bad-argument"),
            ("B 8 share=k", "not-a-value"),
            ("B 8 share=A", "unknown-name"),
            ("B 8 share=a.channels", "bad-argument"),
            ("B 8 share=a share=a", "repeated-argument"),
            ("B share=a", "missing-argument"),
            ("B 8 shares=a", "unknown-parameter"),
        ],
    )
    def test_what_can_be_shared(self, line: str, code: str | None) -> None:
        text = (
            "block B(n) { conv n 1x1 }\nblock C { conv 8 1x1 }\ninput 8@9x9 as x\nlet k = 3\nB 8 as a\n{ B 8 } as g\n"
        )
        assert [error.code for error in errors(text + line)] == ([code] if code else [])

    def test_two_owners_contradict_each_other(self) -> None:
        text = "block B { conv 3 1x1 }\nblock Two(t) { B share=t }\ninput 3@9x9\nB as a\nB as b\nTwo a as c\n"
        assert found(text + "Two a share=c") == []
        assert found(text + "Two b share=c") == [("share-mismatch", 1)]

    def test_a_parameter_may_be_called_share(self) -> None:
        assert compiled("block B(share) { conv share 1x1 }\ninput 3@9x9\nB share=5").layers[0].shape.channels == 5

    def test_an_error_in_the_first_is_one_error(self) -> None:
        text = "block B(n) { conv n 1x1 -> repeat in.channels { conv 3 n } }\ninput 3@9x9\nB 0 as a\nB 1 share=a"
        assert [error.code for error in errors(text)] == ["bad-argument"]


class TestTurns:
    LOOP = "input 3@9x9 as x\nrepeat 3 as i { conv (i + 1) 1x1 as c -> relu }\n"

    def test_elements(self) -> None:
        for index, name in [
            ("0", "c"),
            ("1", "c2"),
            ("2", "c3"),
            ("-1", "c3"),
            ("3 - 2", "c2"),
            ("c[0].channels", "c2"),
        ]:
            assert inputs(f"{self.LOOP}from c[{index}] -> tanh")["tanh1"] == (name,)
        assert compiled(self.LOOP + "output c[0] c[-1]").outputs == ("c", "c3")
        assert found(self.LOOP + "output c[2] c[-1]") == [("repeated-argument", 3)]

    def test_attributes_and_counts(self) -> None:
        text = self.LOOP + "let width = c[1].channels\nexpect c[0].params == 4 and c[2].layers == 1 and width == 2\n"
        assert compiled(text + "conv (10*c[2].channels) 1x1").layers[-1].shape.channels == 30

    def test_turns_of_turns(self) -> None:
        text = "input 3@9x9\nrepeat 3 as i { repeat i { relu as r } }\n"
        assert inputs(text + "from r[2][1] -> tanh")["tanh1"] == ("r3",)
        assert inputs(text + "from r[1][0] -> tanh")["tanh1"] == ("r",)
        assert found(text + "from r[0][0]") == [("bad-index", 3)]
        assert found(text + "from r[1]") == [("not-a-value", 3)]

    def test_the_turns_before_are_visible_in_a_loop(self) -> None:
        dense = "input 3@9x9\nrepeat 3 as i { concat { identity; for j in range(i) { from c[j] } } -> conv 4 1x1 as c }"
        assert inputs(dense)["concat2"] == ("identity3", "c", "c2")
        assert found("input 3@9x9\nrepeat 3 as i { relu as c; from c[i] }") == [("not-a-value", 2), ("bad-index", 2)]

    def test_a_merge_in_a_loop_and_a_loop_in_a_merge(self) -> None:
        text = "input 3@9x9\nadd { repeat 2 { conv 3 1x1 as c }; from c[0] -> relu }\n"
        assert inputs(text)["relu1"] == ("c",)
        assert found(text + "from c[0]") == [("unknown-name", 3)]

    def test_names_outside_stay_free(self) -> None:
        text = self.LOOP + "tanh as c\n"
        assert inputs(text + "sigmoid -> add { from c; from c[0] -> conv 3 1x1 }")["add1"] == ("c4", "conv1")
        assert inputs("input 3@9x9\nrepeat 2 { relu as c }\nrepeat 1 { tanh as c }\nfrom c[0] -> elu")["elu1"] == (
            "c3",
        )
        text = "network N {\nlet c = [4, 5]\ninput 3@9x9\n"
        text += "{ repeat 2 { relu as c }\nfrom c[0] -> conv c[0].channels 1x1 }\n"
        assert compiled(text + "conv c[1] 1x1 }").layers[-1].shape.channels == 5
        assert found("let c = [4]\ninput 3@9x9\nrepeat 2 { relu as c }\nfrom c[0]") == [("not-a-value", 4)]

    def test_blocks_see_no_turns_of_their_callers(self) -> None:
        assert found("block B { from c[0] -> relu }\n" + self.LOOP + "B") == [("unknown-name", 1)]
        text = "block B(v) { from v -> tanh }\n" + self.LOOP
        assert inputs(text + "B c[1]")["b1.tanh1"] == ("c2",)
        assert found(text + "B c") == [("not-a-value", 4)]

    def test_errors_in_loops_are_single(self) -> None:
        assert found("input 3@9x9\nrepeat bad { relu as c }\nfrom c[0]") == [("unknown-name", 2)]
        assert found("input 3@9x9\nadd { repeat bad { relu as c }; from c[0] }") == [("unknown-name", 2)]
        assert found("input 3@9x9\nrepeat 2 { cnov as c }\nfrom c[0] -> relu\nfrom c") == [("unknown-operator", 2)]
        assert found("input 3@9x9\nfor [a, b] in [[1, 2], [3]] { conv a b as c }\nfrom c[1]") == [("wrong-type", 2)]

    def test_names_that_pile_up_are_bounded(self) -> None:
        names = "; ".join(f"relu as n{index}" for index in range(200))
        bomb = f"input 3@9x9\nrepeat 90000 as i {{ repeat (1 if i == 0 else 0) {{ {names} }} }}"
        assert [error.code for error in errors(bomb)] == ["step-limit"]


@pytest.mark.parametrize("text", [BLOCKS, WRITTEN_OUT, TOWERS])
def test_parse_print_parse(text: str) -> None:
    network = compiled(text)
    again = compiled(print_network(network))
    assert nameless(again) == nameless(network)
    assert Graph.model_validate_json(network.model_dump_json()) == network


@pytest.mark.parametrize(
    ("messy", "neat"),
    [
        ("from  c[ i+1 ]->relu", "from c[i + 1] -> relu\n"),
        ("output a   b[ -1 ]  c[0][ 1 ]", "output a b[-1] c[0][1]\n"),
        ("expect c[0] . channels==4", "expect c[0].channels == 4\n"),
        ("Up 256 skip = d[ i ] share = left", "Up 256 skip=d[i] share=left\n"),
    ],
)
def test_style(messy: str, neat: str) -> None:
    assert format_text(messy) == neat
    assert format_text(neat) == neat


def test_what_is_read_by_index_or_passed_on_is_used() -> None:
    text = "block B(v, i) { from v -> relu }\nblock _C(w, n) { repeat n { relu as c }\nfrom c[w] }\ninput 3@9x9\nB 3"
    result = cnndsl.check(text.replace("B 3", "relu as r\nlet k = 0\nrepeat 1 { tanh as t }\nB t[k] i=1"))
    assert [(one.code, one.span.line) for one in result.diagnostics if one.span] == [("unused-parameter", 1)]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.data())
def test_an_index_finds_the_turn(counts: list[int], data: st.DataObject) -> None:
    """Loops of any lengths inside a loop, against Python's lists."""
    text = f"input 1@9x9\nfor n in {counts} {{ repeat n {{ relu as r }} }}\n"
    names = iter(["r", *(f"r{number}" for number in range(2, sum(counts) + 1))])
    turns = [[next(names) for _ in range(count)] for count in counts]
    outer = data.draw(st.integers(-len(counts) - 1, len(counts)))
    inner = data.draw(st.integers(-4, 4))
    try:
        expected = turns[outer][inner]
    except IndexError:
        assert [code for code, _ in found(f"{text}from r[{outer}][{inner}]")] == ["bad-index"]
    else:
        assert inputs(f"{text}from r[{outer}][{inner}] -> tanh")["tanh1"] == (expected,)
