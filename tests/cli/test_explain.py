"""`cnndsl explain NAME`: operators, codes and topics; which there are, and what a misspelt name may mean."""

import re

import pytest

from cnndsl import ops
from cnndsl.codes import CODES
from cnndsl.codes.topics import TOPICS
from cnndsl.lang.compile import compile_text
from cnndsl.report.operators import operator_text


def test_the_list_has_everything_once(cnndsl):
    status, out, err = cnndsl("explain")
    assert (status, err) == (0, "") and max(map(len, out.splitlines())) <= 100
    words = out.replace("\n", " ").split()
    for name in (*ops.NAMES, *CODES):
        assert name in words, name
    assert [name for name in TOPICS if not re.search(rf"^  {name} ", out, re.MULTILINE)] == []


def test_no_name_means_two_things():
    names = [*ops.NAMES, *CODES, *TOPICS, *(word for topic in TOPICS.values() for word in topic.about)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ops.NAMES)
def test_every_operator_is_explained(cnndsl, name):
    status, out, err = cnndsl("explain", name)
    assert (status, err) == (0, "") and out.startswith(f"{name}\n")
    assert max(map(len, out.splitlines())) <= 100
    cls = ops.operator(name)
    for parameter in cls.parameters():
        (row,) = re.findall(rf"^  {parameter}  .*(?:\n {{10,}}.*)*", out, re.MULTILINE)
        assert cls.expects(parameter) in " ".join(row.split())
        assert ("must be given" in row) == cls.model_fields[parameter].is_required()
    assert all(f"    {line}" in out.splitlines() for line in cls.example.splitlines())


def test_the_facts_of_an_operator():
    text = operator_text(ops.operator("conv"))
    assert re.search(r"^  stride +default 1 ", text, re.MULTILINE)
    assert re.search(r"^  filters +by position +must be given ", text, re.MULTILINE)
    assert "weight (16, 3, 3, 3)" in text and "share=NAME" in text
    assert f"conv1 gives 16@32x32, {16 * (27 + 1)} parameters" in text  # PyTorch's nn.Conv2d(3, 16, 3)
    assert re.search(r"^  stride +default the kernel ", operator_text(ops.operator("maxpool")), re.MULTILINE)


@pytest.mark.parametrize("name", TOPICS)
def test_topics_have_examples_that_check(cnndsl, name):
    result = compile_text(TOPICS[name].example, "net.cnn")
    assert result.diagnostics == () and result.networks
    status, out, err = cnndsl("explain", name)
    assert (status, err) == (0, "") and out.startswith(f"{name}: {TOPICS[name].title}\n")


@pytest.mark.parametrize(
    ("word", "topic"),
    [("repeat", "loops"), ("as", "names"), ("param", "settings"), ("residual", "merges"), ("FLOPs", "counts")],
)
def test_words_of_the_language_have_a_topic(cnndsl, word, topic):
    assert cnndsl("explain", word) == cnndsl("explain", topic) and cnndsl("explain", word).status == 0


@pytest.mark.parametrize(
    ("word", "meant"),
    [("cnov", "conv"), ("Conv2d", "conv"), ("Linear", "dense"), ("merge", "merges"), ("kernel-to-large",
     "kernel-too-large"), ("shape", "shapes"), ("batch_norm", "batchnorm")],
)  # fmt: skip
def test_a_misspelt_name_gets_a_suggestion(cnndsl, word, meant):
    status, out, err = cnndsl("explain", word)
    assert (status, out) == (2, "")
    assert f"did you mean `{meant}`?" in err and len(err.splitlines()) <= 4


@pytest.mark.parametrize(("word", "operator"), [("stride", "conv"), ("filters", "conv"), ("units", "dense")])
def test_a_parameter_names_an_operator_that_has_it(cnndsl, word, operator):
    status, out, err = cnndsl("explain", word)
    assert (status, out) == (2, "") and f"`{word}` is a parameter of {operator}" in err
    assert f"`cnndsl explain {operator}`" in err


def test_a_name_of_nothing(cnndsl):
    status, _, err = cnndsl("explain", "xyzzyq")
    assert status == 2 and "did you mean" not in err and "`cnndsl explain` lists all" in err


def test_what_is_said_can_be_read_offline(root):
    """An installed package has no docs folder."""
    pages = {**{code: str(entry) for code, entry in CODES.items()}, **{name: str(t) for name, t in TOPICS.items()}}
    assert [name for name, text in pages.items() if re.search(r"docs/|\.md\b", text)] == []
    for text in pages.values():
        for subject in re.findall(r"`cnndsl explain ([a-z_-]+)`", text):
            assert subject in (*ops.NAMES, *CODES, *TOPICS)
    help = re.compile(r"""["'][^"'\n]*\bdocs/\w+\.md""")
    for path in (root / "cnndsl").rglob("*.py"):
        source = re.sub(r'"""(?:.|\n)*?"""', "", path.read_text(encoding="utf-8"))
        assert not help.search(source), path
