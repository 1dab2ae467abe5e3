"""Statements, scopes, names, loops, merges, blocks and expectations, by the words of the language's reference."""

import pytest

from cnndsl.errors import Diagnostic
from cnndsl.ir import Graph
from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.modules import Settings
from cnndsl.shapes import Shape


def errors(result: Compiled) -> list[Diagnostic]:
    """The errors alone: what a lint makes of these texts does not matter here."""
    return [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]


def compiled(text: str) -> Graph:
    result = compile_text(text)
    assert errors(result) == []
    (network,) = result.networks
    return network


def names(text: str) -> list[str]:
    return [node.name for node in compiled(text).layers]


def edges(text: str) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in compiled(text).layers}


def found(text: str) -> list[tuple[str, int]]:
    """The codes of all errors with their lines."""
    result = compile_text(text)
    assert errors(result) or result.networks, "neither a network nor an error"
    return [(one.code, one.span.line if one.span else 0) for one in errors(result)]


def only(text: str) -> Diagnostic:
    (error,) = errors(compile_text(text))
    return error


class TestNames:
    def test_counters(self) -> None:
        text = "input 3@9x9\nconv 8 3x3 -> relu\nconv 8 3x3 -> relu -> maxpool 2x2"
        assert names(text) == ["conv1", "relu1", "conv2", "relu2", "maxpool1"]

    def test_as_names_the_stage_before_it(self) -> None:
        assert names("input 3@9x9\nconv 8 3x3 as stem -> relu\nconv 8 3x3") == ["stem", "relu1", "conv1"]

    def test_automatic_names_keep_away_from_aliases(self) -> None:
        assert names("input 3@9x9\nconv 8 3x3\nconv 8 3x3 as conv1") == ["conv2", "conv1"]
        text = "block B { conv 8 3x3\nconv 8 3x3 as conv1 }\ninput 3@9x9\nB"
        assert names(text) == ["b1.conv2", "b1.conv1"]

    def test_blocks_prefix(self) -> None:
        text = "block DenseLayer { relu -> conv 3 1x1 }\nblock Two { DenseLayer; DenseLayer }\ninput 3@9x9\n"
        assert names(text + "DenseLayer; DenseLayer as last") == [
            "dense_layer1.relu1",
            "dense_layer1.conv1",
            "last.relu1",
            "last.conv1",
        ]
        assert names(text + "Two")[::2] == ["two1.dense_layer1.relu1", "two1.dense_layer2.relu1"]
        assert [node.path for node in compiled(text + "Two").layers][::2] == [
            ("two1", "two1.dense_layer1"),
            ("two1", "two1.dense_layer2"),
        ]

    def test_in_loops(self) -> None:
        assert names("input 3@9x9\nrepeat 3 { relu as r }") == ["r", "r2", "r3"]
        assert names("input 3@9x9\nrepeat 2 { relu; { tanh } }") == ["relu1", "tanh1", "relu2", "tanh2"]

    def test_several_inputs(self) -> None:
        network = compiled("input 3@9x9\ninput 3@9x9\ninput 3@9x9 as c")
        assert [value.name for value in network.inputs] == ["input", "input2", "c"]

    def test_all_names_are_different(self) -> None:
        text = "block Conv { conv 3 1x1 }\ninput 3@9x9\nConv; conv 3 1x1; Conv as conv2; conv 3 1x1"
        network = compiled(text)
        assert len({node.name for node in network.layers}) == 4


class TestPipelines:
    def test_a_newline_is_an_arrow(self) -> None:
        assert edges("input 3@9x9\nrelu\ntanh -> sigmoid") == {
            "relu1": ("input",),
            "tanh1": ("relu1",),
            "sigmoid1": ("tanh1",),
        }

    def test_from(self) -> None:
        text = "input 3@9x9\nrelu as a\ntanh\n"
        assert edges(text + "from a -> sigmoid")["sigmoid1"] == ("a",)
        assert edges(text + "from a\nsigmoid")["sigmoid1"] == ("a",)
        assert compiled(text + "from a").outputs == ("a",)

    def test_groups_keep_their_names(self) -> None:
        assert found("input 3@9x9\n{ relu as a; tanh }\nfrom a -> relu") == [("unknown-name", 3)]
        assert found("input 3@9x9\n{ let k = 3 }\nconv k 3x3") == [("unknown-name", 3)]
        assert edges("input 3@9x9\n{ relu; tanh } as g\nsigmoid\nfrom g -> selu")["selu1"] == ("tanh1",)

    def test_a_stage_of_several_layers_has_one_name(self) -> None:
        text = "input 3@9x9\nrepeat 2 { conv 3 3x3 pad=1 } as pair\nexpect pair.layers == 2 and pair.params == 168"
        assert names(text) == ["conv1", "conv2"]

    def test_outputs(self) -> None:
        text = "input 3@9x9\nrelu as a\ntanh as b\n"
        assert compiled(text).outputs == ("b",)
        assert compiled(text + "output a b").outputs == ("a", "b")
        assert compiled(text + "output b\noutput a").outputs == ("b", "a")
        assert found(text + "output a a") == [("repeated-argument", 4)]
        assert found(text + "output c") == [("unknown-name", 4)]
        assert found("block B { relu as a\noutput a }\ninput 3@9x9\nB") == [("misplaced", 2)]

    def test_inputs(self) -> None:
        network = compiled("input 3@9x9 as a\ninput 50 dtype=int64 as words\nembedding 10 4\nfrom a -> relu")
        assert [(value.name, value.dtype) for value in network.inputs] == [("a", "float32"), ("words", "int64")]
        assert [node.dtype for node in network.layers] == ["float32", "float32"]
        assert found("relu\ninput 3@9x9") == [("no-input", 1)]
        assert found("block B { input 3@9x9 }\ninput 3@9x9\nB") == [("misplaced", 1)]
        assert found("input 32x32x3\nconv 3 3x3") == [("size-as-shape", 1)]
        assert only("input 32x32x3").fixes[0].replacement == "3@32x32"


class TestConstants:
    def test_let_is_scoped_and_never_reassigned(self) -> None:
        assert found("let k = 3\ninput 3@9x9\nlet k = 4") == [("name-taken", 3)]
        text = "network A {\nlet k = 3\ninput 3@9x9\n{ let k = k + 1\nconv k 3x3 }\nconv k 3x3 }"
        assert [node.shape.channels for node in compiled(text).layers] == [4, 3]

    @pytest.mark.parametrize("statement", ["let k = k", "param k = k", "let k = [k]", "let k = max(1, k)"])
    def test_a_name_does_not_see_itself(self, statement: str) -> None:
        assert found(f"{statement}\ninput 3@9x9\nconv 8 3x3") == [("unknown-name", 1)]
        assert found(f"{statement}\nnetwork A {{ input 3@9x9\nconv 8 3x3 }}") == [("unknown-name", 1)]

    def test_param_belongs_at_the_top(self) -> None:
        assert found("input 3@9x9\nrepeat 2 { param k = 3 }") == [("misplaced", 2)]
        assert found("block B { param k = 3\nrelu }\ninput 3@9x9\nB") == [("misplaced", 1)]

    def test_params_of_the_file_and_of_the_network(self) -> None:
        text = "param a = 1\nnetwork A {\nparam b = a + 1\ninput 3@9x9\nconv b 3x3 }"

        def channels(**params: int) -> int:
            result = compile_text(text, settings=Settings(params))
            assert not errors(result)
            return result.networks[0].layers[0].shape.channels

        assert (channels(), channels(a=5), channels(a=5, b=7)) == (2, 6, 7)
        unknown = errors(compile_text(text, settings=Settings({"classes": 1, "width": 1})))
        assert [one.code for one in unknown] == ["unknown-setting"] * 2  # each is named
        assert "a, b" in unknown[0].help[0]

    def test_shapes_of_inputs_from_outside(self) -> None:
        text = "input 3@9x9\nconv 8 3x3\ninput 3@9x9 as second\nconv 8 3x3"

        def shapes(inputs: dict[str | None, Shape]) -> list[str]:
            result = compile_text(text, settings=Settings(inputs=inputs))
            assert not errors(result)
            return [str(node.shape) for node in result.networks[0].layers]

        assert shapes({None: Shape(1, (20, 20))}) == ["8@18x18", "8@7x7"]
        assert shapes({"second": Shape(1, (20, 20))}) == ["8@7x7", "8@18x18"]
        (unknown,) = errors(compile_text(text, settings=Settings(inputs={"third": Shape(1, (2,))})))
        assert unknown.code == "unknown-setting"

    @pytest.mark.parametrize("shape", [Shape(0, (9, 9)), Shape(3, (9, -1)), Shape(2**31, (1,)), Shape(1, (1,) * 9)])
    def test_impossible_shapes_from_outside(self, shape: Shape) -> None:
        (refused,) = errors(compile_text("input 3@9x9\nrelu", settings=Settings(inputs={None: shape})))
        assert refused.code == "bad-setting"


class TestLoops:
    def test_repeat_counts_from_zero(self) -> None:
        text = "input 3@9x9\nrepeat 3 as i { conv (i + 1) 3x3 }"
        assert [node.shape.channels for node in compiled(text).layers] == [1, 2, 3]
        assert names("input 3@9x9\nrepeat 0 { relu }\ntanh") == ["tanh1"]
        assert found("input 3@9x9\nrepeat -1 { relu }") == [("wrong-type", 2)]
        assert found("input 3@9x9\nrepeat 3/2 { relu }") == [("not-whole", 2)]
        assert found("input 3@9x9\nrepeat true { relu }") == [("wrong-type", 2)]

    def test_for_takes_rows_apart(self) -> None:
        text = "input 3@9x9\nfor [c, k] in [[4, 3], [5, 1]] { conv c k }\nfor c in [6, 7] { conv c 1 }"
        assert [node.shape.channels for node in compiled(text).layers] == [4, 5, 6, 7]
        assert found("input 3@9x9\nfor [c, k] in [[4, 3], [5]] { conv c k }") == [("wrong-type", 2)]
        assert found("input 3@9x9\nfor c in 3 { conv c 1 }") == [("wrong-type", 2)]

    def test_if(self) -> None:
        text = "input 3@9x9\nfor k in [1, 2, 3] {{ {} }}"
        arms = "if k == 1 { relu } else if k == 2 { tanh } else { sigmoid }"
        assert names(text.format(arms)) == ["relu1", "tanh1", "sigmoid1"]
        assert names(text.format("if k == 2 { relu }")) == ["relu1"]
        assert found("input 3@9x9\nif 1 { relu }") == [("wrong-type", 2)]

    def test_the_value_that_flows_in(self) -> None:
        text = "input 3@9x9\nrepeat 3 { conv (2*in.channels) 1x1 }"
        assert [node.shape.channels for node in compiled(text).layers] == [6, 12, 24]


class TestMerges:
    def test_every_statement_is_a_branch(self) -> None:
        text = "input 3@9x9 as x\nadd { relu; tanh -> sigmoid; { selu; elu } }"
        assert edges(text) == {
            "relu1": ("x",),
            "tanh1": ("x",),
            "sigmoid1": ("tanh1",),
            "selu1": ("x",),
            "elu1": ("selu1",),
            "add1": ("relu1", "sigmoid1", "elu1"),
        }

    @pytest.mark.parametrize(
        ("body", "branches"),
        [
            ("repeat 3 { relu }", 3),
            ("for k in [1, 3, 5] { conv 3 k pad=same }", 3),
            ("for k in [1, 3] { conv 3 k pad=same; relu }", 4),
            ("identity; if in.channels == 3 { relu }", 2),
            ("if true { relu; tanh } else { selu }", 2),
            ("repeat 2 { if true { relu } }", 2),
            ("let k = 3; conv k 1x1; relu", 2),
            ("repeat 2 { relu } -> tanh; identity", 2),
            ("from x; identity", 2),
            ("add { relu; tanh }; identity", 2),
        ],
    )
    def test_loops_and_conditions_contribute_branches(self, body: str, branches: int) -> None:
        network = compiled(f"input 3@9x9 as x\nconcat {{ {body} }}")
        assert network.layers[-1].op.operator == "concat"
        assert len(network.layers[-1].inputs) == branches
        assert network.layers[-1].shape == (3 * branches, (9, 9))

    def test_one_branch_passes_through(self) -> None:
        assert names("input 3@9x9\nadd { relu }\ntanh") == ["relu1", "tanh1"]
        assert names("input 3@9x9\nadd { identity; if false { relu } }") == ["identity1"]

    def test_without_branches(self) -> None:
        for body in ("", "if false { relu }", "repeat 0 { relu }", "let k = 3"):
            assert found(f"input 3@9x9\nadd {{ {body} }}") == [("missing-branches", 2)]
        assert found("input 3@9x9\nadd") == [("missing-branches", 2)]

    def test_sub_takes_two(self) -> None:
        assert edges("input 3@9x9\nsub { relu; tanh }")["sub1"] == ("relu1", "tanh1")
        assert found("input 3@9x9\nsub { relu; tanh; selu }") == [("branch-count", 2)]

    def test_only_merges_take_branches(self) -> None:
        assert found("input 3@9x9\nrelu { tanh }") == [("body-without-merge", 2)]
        assert found("input 3@9x9\nad { tanh; relu }") == [("unknown-operator", 2)]

    def test_names_inside_stay_inside(self) -> None:
        assert found("input 3@9x9\nadd { relu as a; tanh }\nfrom a -> relu") == [("unknown-name", 3)]
        assert names("input 3@9x9\nadd { relu as a; from a -> tanh } as sum\nfrom sum -> selu")[-1] == "selu1"

    def test_a_loop_in_error_is_one_error(self) -> None:
        assert found("input 3@9x9\nadd { repeat bad { relu } }") == [("unknown-name", 2)]
        assert found("input 3@9x9\nconcat { identity; repeat bad { relu } }\nexpect 3@9x9") == [("unknown-name", 2)]
        assert found("input 3@9x9\nadd { identity; if bad { relu } }\nconv 3 99x99") == [("unknown-name", 2)]


class TestBlocks:
    def test_arguments(self) -> None:
        text = "block B(a, b=a + 1, c=b*k) { conv a 1x1 -> conv b 1x1 -> conv c 1x1 }\nlet k = 10\ninput 3@9x9\n"

        def channels(call: str) -> list[int]:
            return [node.shape.channels for node in compiled(text + call).layers]

        assert channels("B 2") == [2, 3, 30]
        assert channels("B 2 5") == [2, 5, 50]
        assert channels("B c=7 a=1") == [1, 2, 7]
        assert found(text + "B") == [("missing-argument", 4)]
        assert found(text + "B 1 2 3 4") == [("too-many-arguments", 4)]
        assert found(text + "B 1 d=2") == [("unknown-parameter", 4)]
        assert found(text + "B 1 a=2") == [("repeated-argument", 4)]

    def test_defaults_see_earlier_arguments_only(self) -> None:
        text = "block B(a=b, b=1) { conv a 1x1 }\ninput 3@9x9\n"
        assert found(text + "B") == [("unknown-name", 1)]
        assert found(text + "B b=2") == [("unknown-name", 1)]
        assert found(text + "B 2") == []

    def test_nothing_of_the_caller_is_seen(self) -> None:
        inside = "block B { conv width 1x1 }\n"
        assert found(inside + "network N { let width = 3\ninput 3@9x9\nB }") == [("unknown-name", 1)]
        assert found(inside + "let width = 3\ninput 3@9x9\nB") == []  # of the file
        assert found(inside + "block C(width) { B }\ninput 3@9x9\nC 3") == [("unknown-name", 1)]
        assert found("block B(a=width) { conv a 1x1 }\nnetwork N { let width = 3\ninput 3@9x9\nB }") == [
            ("unknown-name", 1)
        ]
        assert found("block B { from stem -> relu }\ninput 3@9x9\nconv 3 1x1 as stem\nB") == [("unknown-name", 1)]
        assert found("block B { conv 3 1x1 share=stem }\ninput 3@9x9\nconv 3 1x1 as stem\nB") == [("unknown-name", 1)]
        assert found("block B { relu as inner }\ninput 3@9x9\nB\nfrom inner -> tanh") == [("unknown-name", 4)]

    def test_networks_see_nothing_of_each_other(self) -> None:
        text = "network A { input 3@9x9\nconv 8 3x3 as stem }\nnetwork B { input 3@9x9\nfrom stem -> relu }"
        assert found(text) == [("unknown-name", 4)]

    def test_beside_networks_layers_stand_in_networks(self) -> None:
        text = "let k = 3\ninput 3@9x9\nconv k 3x3\nnetwork B { input 3@9x9\nconv k 1x1 }"
        assert found(text) == [("misplaced", 2), ("misplaced", 3)]

    def test_a_block_takes_what_flows_in(self) -> None:
        text = "block B { conv (in.channels + 1) 1x1 }\ninput 3@9x9\nB; B -> B"
        assert [node.shape.channels for node in compiled(text).layers] == [4, 5, 6]
        assert names("block E {}\ninput 3@9x9\nE -> relu") == ["relu1"]

    @pytest.mark.parametrize(
        "text",
        [
            "block A { A }\ninput 3@9x9\nA",
            "block A { B }\nblock B { relu -> A }\ninput 3@9x9\nA",
            "block A { if in.channels > 3 { A } else { relu -> B } }\nblock B { add { A; relu } }\ninput 3@9x9\nA",
        ],
    )
    def test_no_recursion(self, text: str) -> None:
        assert only(text).code == "recursion"

    def test_names_of_blocks(self) -> None:
        assert found("block conv { relu }\ninput 3@9x9\nrelu") == [("name-taken", 1)]
        assert found("block B { relu }\nblock B { tanh }\ninput 3@9x9\nrelu") == [("name-taken", 2)]

    def test_an_error_in_a_block_used_often_is_told_once(self) -> None:
        text = "block B { conv 8 3x3 grops=2 }\ninput 3@9x9\nrepeat 50 { B }\nB -> B"
        assert found(text) == [("unknown-parameter", 1)]
        assert "in block B used here" in only(text).labels[-1].message


class TestExpectations:
    def test_shapes(self) -> None:
        assert found("input 3@9x9\nexpect 3@9x9\nflatten\nexpect 243") == []
        assert found("input 3@9x9\nexpect 3@9x8") == [("expect-failed", 2)]
        assert found("input 3@9x9\nexpect 243") == [("expect-failed", 2)]
        assert found("input 3@9x9\nexpect 9x9") == [("wrong-type", 2)]
        assert found("expect 3@9x9\ninput 3@9x9") == [("no-input", 1)]

    def test_conditions(self) -> None:
        text = "input 3@9x9\nconv 8 3x3 as a\n"
        assert found(text + "expect params == 224 and in.channels == 8 and a.macs == 10584") == []
        failed = only(text + "expect params == 224 and in.channels == 9")
        assert (failed.code, "`in.channels` is 8" in failed.message) == ("expect-failed", True)
        either = only("input 3@9x9\nlet big = 2 > 3\nexpect big or in.channels == 9_999")
        assert "`big` is false, `in.channels == 9_999` is false" in either.message
        # what stands behind the part that fails is not evaluated
        assert found(text + "expect in.channels == 9 and 1 // 0 == 1") == [("expect-failed", 3)]

    def test_every_expectation_is_checked(self) -> None:
        text = "input 3@9x9\nexpect 3@9x8\nexpect params == 1\nconv 8 99x99"
        assert found(text) == [("expect-failed", 2), ("expect-failed", 3), ("kernel-too-large", 4)]

    def test_counts_are_those_so_far(self) -> None:
        text = "input 3@9x9\nconv 8 3x3\nexpect params == 224 and layers == 1\nconv 8 1x1\nexpect params == 296"
        assert found(text) == []

    def test_blocks_count_what_is_in_them(self) -> None:
        text = "block B { conv 8 1x1 -> conv 8 1x1 }\ninput 8@9x9\nB as first\nB as second\n"
        assert found(text + "expect first.params == 144 and second.layers == 2 and second.receptive_field == 1") == []


class TestUnknowns:
    """One cause, one error; independent causes are all found."""

    def test_what_depends_on_an_error_is_silent(self) -> None:
        text = "input 3@9x9\nconv 8 99x99 as a -> relu\nconv 8 99x99\nexpect 8@1x1\nexpect params == 3\n"
        text += (
            "add { from a; conv 3 1x1 }\nif in.channels == 3 { relu }\nconv in.channels 1x1\nfrom a -> conv 8 1 share=a"
        )
        assert found(text) == [("kernel-too-large", 2)]

    def test_a_constant_in_error_silences_what_uses_it(self) -> None:
        assert found("let k = 1 // 0\ninput 3@9x9\nconv k 3x3\nlet j = k + 1\nconv j 3x3") == [("division-by-zero", 1)]

    def test_a_constant_in_error_silences_nothing_else(self) -> None:
        text = "input 3@9x9\nlet k = 1 // 0\nconv 8 99x99"
        assert found(text) == [("division-by-zero", 2), ("kernel-too-large", 3)]

    def test_independent_errors_are_all_found(self) -> None:
        text = (
            "input 3@9x9 as x\nconv 8 99x99\nfrom x -> cnov 8 3x3\nfrom x -> conv 8 3x3 strid=1\n"
            "from x -> dense 3\nfrom y -> relu\nadd { from x -> conv k 1x1; from x -> conv j 1x1 }"
        )
        assert found(text) == [
            ("kernel-too-large", 2),
            ("unknown-operator", 3),
            ("unknown-parameter", 4),
            ("needs-vector", 5),
            ("unknown-name", 6),
            ("unknown-name", 7),
            ("unknown-name", 7),
        ]

    def test_an_alias_in_error_is_known_to_exist(self) -> None:
        assert found("input 3@9x9\ncnov 8 3x3 as a\nrelu\nfrom a -> relu\noutput a") == [("unknown-operator", 2)]

    def test_arguments_are_checked_even_where_the_shape_is_unknown(self) -> None:
        text = "input 3@9x9\nconv 8 99x99\nconv 8 3x3 grops=2"
        assert found(text) == [("kernel-too-large", 2), ("unknown-parameter", 3)]


class TestNetworks:
    def test_several(self) -> None:
        text = "let k = 5\nnetwork A { input 3@9x9\nconv k 3x3 }\nnetwork B { input 3@9x9\nconv k 1x1 }"
        assert [network.name for network in compile_text(text).networks] == ["A", "B"]
        (chosen,) = compile_text(text, network="B").networks
        assert (chosen.name, chosen.layers[0].shape.channels) == ("B", 5)
        (unknown,) = errors(compile_text(text, network="C"))
        assert unknown.code == "unknown-network"
        assert found("network A { relu }\nnetwork A { relu }")[0] == ("name-taken", 2)

    def test_a_file_without_one_is_named_after_the_file(self) -> None:
        (network,) = compile_text("input 3@9x9\nrelu", "folder/le-net.cnn").networks
        assert network.name == "le_net"

    def test_errors_in_one_leave_the_other(self) -> None:
        result = compile_text("network A { input 3@9x9\ncnov }\nnetwork B { input 3@9x9\nrelu }")
        assert [network.name for network in result.networks] == ["B"]
        assert [one.code for one in errors(result)] == ["unknown-operator"]

    def test_nothing(self) -> None:
        assert found("") == [("no-network", 0)]
        assert found("network A { }") == [("no-input", 0)]
        assert found("network A { let k = 3 }") == [("no-input", 1)]
        assert compile_text("let k = 3\nblock B { relu }") == ((), (), {"<text>": "let k = 3\nblock B { relu }"})
