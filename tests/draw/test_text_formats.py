"""Mermaid and DOT: every unit and edge is there, and names stay text."""

import re

import pytest

from cnndsl import draw
from cnndsl.api import load
from cnndsl.draw.canvas.text_metrics import plain
from cnndsl.draw.outline import outline
from cnndsl.draw.styles import mermaid
from cnndsl.draw.styles.captions import OutlineStep, caption, family, results, steps
from cnndsl.draw.styles.dot import dot, quoted

NETWORKS = ["hostile", "lenet5_1998.cnn", "resnet50.cnn", "zoo/unet.cnn", "tiny_unet.cnn", "inception.cnn"]
LABEL = r'"((?:[^"\\\n]|\\.)*)"'
MERMAID_NODE = re.compile(r' *(\w+)(\(\[|\[\[|\[)"([^"\n]*)"(\]\)|\]\]|\]):::(\w+)')
MERMAID_EDGE = re.compile(r'  (\w+) -->\|"([^"\n]*)"\| (\w+)')
MERMAID_FRAME = re.compile(r' *subgraph f\d+\["([^"\n]*)"\]')
DOT_NODE = re.compile(rf" *(\w+) \[label={LABEL} fillcolor=\"#\w{{6}}\" color=\"#\w{{6}}\"\]")
DOT_EDGE = re.compile(rf"  (\w+) -> (\w+) \[label={LABEL}\]")
DOT_ATTRIBUTES = re.compile(rf" *(graph|node|edge) \[(\w+=({LABEL}|[\w.]+) ?)+\]")


@pytest.fixture(params=NETWORKS)
def network(request, examples, hostile):
    return hostile if request.param == "hostile" else load(examples / request.param)


def entities(text):
    """Mermaid's entity codes as the characters that they stand for."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text)


def escapes(text):
    """The text of a DOT string."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text).replace("&amp;", "&")


@pytest.mark.parametrize("depth", [0, 1, 9])
def test_mermaid_has_every_unit_and_edge(network, depth):
    found = outline(network, depth)
    lines = mermaid.mermaid(found, network.name).split("\n")
    assert lines[:4][0::2] == ["---", "---"] and lines[3] == "flowchart TD"
    nodes, edges, frames, classes, others = {}, [], [], {}, []
    for line in lines[4:]:
        if match := MERMAID_NODE.fullmatch(line):
            nodes[match[1]] = ([entities(part) for part in match[3].split("<br/>")], match[5])
        elif match := MERMAID_EDGE.fullmatch(line):
            edges.append((match[1], match[3], entities(match[2])))
        elif match := MERMAID_FRAME.fullmatch(line):
            frames.append(entities(match[1]))
        elif match := re.fullmatch(r"  classDef (\w+) fill:#\w{6},stroke:#\w{6},color:#\w{6}", line):
            classes[match[1]] = line
        else:
            others.append(line.strip())
    assert others == ["end"] * len(found.frames) + [""]
    ends = list(results(found))
    expected = {f"n{i}": ([*map(plain, caption(u))], family(u)) for i, u in enumerate(found.units)}
    expected |= {f"o{i}": ([plain(name)], "output") for i, (_, name, _) in enumerate(ends)}
    assert nodes == expected
    assert edges == [
        *((f"n{edge.source}", f"n{edge.target}", edge.shape) for edge in found.edges),
        *((f"n{source}", f"o{i}", str(shape)) for i, (source, _, shape) in enumerate(ends)),
    ]
    assert len(frames) == len(found.frames)
    assert set(classes) == {role for _, role in nodes.values()}


@pytest.mark.parametrize("depth", [0, 1, 9])
def test_dot_has_every_unit_and_edge(network, depth):
    found = outline(network, depth)
    first, *lines, last, end = dot(found, network.name).split("\n")
    assert re.fullmatch(f"digraph {LABEL} {{", first) and (last, end) == ("}", "")
    assert escapes(first[len('digraph "') : -len('" {')]) == plain(network.name)
    nodes, edges, opened = {}, [], 0
    for line in lines:
        if match := DOT_NODE.fullmatch(line):
            nodes[match[1]] = escapes(match[2])
        elif match := DOT_EDGE.fullmatch(line):
            edges.append((match[1], match[2], escapes(match[3])))
        elif re.fullmatch(r" *subgraph cluster_\d+ \{", line):
            opened += 1
        else:
            assert line.strip() == "}" or DOT_ATTRIBUTES.fullmatch(line), line
    assert opened == len(found.frames) == sum(line.strip() == "}" for line in lines)
    ends = list(results(found))
    expected = {f"n{i}": "\n".join(map(plain, caption(unit))) for i, unit in enumerate(found.units)}
    assert nodes == expected | {f"o{i}": plain(name) for i, (_, name, _) in enumerate(ends)}
    assert edges == [
        *((f"n{edge.source}", f"n{edge.target}", edge.shape) for edge in found.edges),
        *((f"n{source}", f"o{i}", str(shape)) for i, (source, _, shape) in enumerate(ends)),
    ]


def test_frames_open_and_close_around_their_members(examples):
    found = outline(load(examples / "zoo" / "googlenet.cnn", network="GoogLeNet"), 9)
    inside, members = [], {index: [] for index in range(len(found.frames))}
    for step in steps(found):
        if step.kind == "open":
            assert found.frames[step.place].depth == len(inside) + 1
            inside.append(step.place)
        elif step.kind == "close":
            assert inside.pop() == step.place
        else:
            for frame in inside:
                members[frame].append(step.place)
    assert not inside and len(members) > 9
    assert {index: tuple(units) for index, units in members.items()} == dict(
        enumerate(frame.units for frame in found.frames)
    )
    assert next(steps(outline(load(examples / "cifar10.cnn")))) == OutlineStep("unit", 0)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"];', "-->", "`x`", "%%{init: {}}%%", "#quot;", "a\nb", "end", "{{x}}", "\\"]
)
def test_marks_of_the_formats_are_text(name):
    shown = mermaid.quoted(name)
    assert re.fullmatch(r'"(?:[\w .,=@/+()-]|#\d+;)*"', shown), shown
    assert entities(shown[1:-1]) == plain(name)
    assert re.fullmatch(LABEL, quoted(name)) and "\n" not in quoted(name)
    assert escapes(quoted(name)[1:-1]) == name


@pytest.mark.parametrize("to", ["mmd", "dot"])
def test_text_is_the_same_every_time(network, to):
    first = draw.render(network, to, depth=1)
    assert first == draw.render(network, to, depth=1)
    assert first.endswith(b"\n") and b"\x1b" not in first and b"\r" not in first


def test_a_reading_example(examples):
    text = draw.render(load(examples / "lenet5_1998.cnn"), "mmd").decode()
    assert '  n0(["image"]):::input\n' in text or '  n0(["input"]):::input\n' in text
    assert ' -->|"1@32x32"| n1\n' in text
