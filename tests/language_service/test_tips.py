"""What the report says of the words of its source."""

import re
from pathlib import Path

import cnndsl
from cnndsl.language_service.hover import hover
from cnndsl.language_service.tips import MOST_CHARACTERS, MOST_WORDS, tips
from cnndsl.language_service.workspace import Workspace


def test_tips_are_the_hovers_in_short(examples: Path) -> None:
    path = examples / "zoo" / "lenet.cnn"
    network = cnndsl.load(path, network="LeNet5")
    found = tips(network, network.sources)
    workspace = Workspace()
    workspace.open(str(path), path.read_text(encoding="utf-8"))
    analysis = workspace.analysis(str(path))
    assert len(found) > 50 and max(map(len, found.values())) <= MOST_CHARACTERS
    for (file, line, column), text in found.items():
        assert file == str(path)
        whole = hover(analysis, workspace.bindings(analysis), analysis.offset(line - 1, column - 1))
        assert whole is not None
        first = re.sub(r"[`*]", "", text.split(";")[0])[:40].rstrip("…")
        assert first in re.sub(r"[`*]", "", whole.text)
    said = {text.partition(";")[0] for text in found.values()}
    assert {"gives 6@28x28", "gives 16@10x10", "gives 84"} <= said


def test_words_of_imports_have_theirs(tmp_path: Path) -> None:
    (tmp_path / "blocks.cnn").write_text("block Wide(filters) {\n  conv filters 3x3\n}\n", encoding="utf-8")
    net = tmp_path / "net.cnn"
    net.write_text('import "blocks.cnn"\nnetwork A {\n  input 3@8x8\n  Wide 5\n}\n', encoding="utf-8")
    network = cnndsl.load(net)
    found = tips(network, network.sources)
    assert found[str(net), 4, 3].startswith("gives 5@6x6; block Wide(filters)")
    assert {Path(file).name for file, _, _ in found} == {"net.cnn", "blocks.cnn"}


def test_nothing_is_said_of_another_network() -> None:
    """With other settings than the text's own its words would be told the wrong numbers."""
    text = "param n = 8\ninput 3@8x8\nconv n 3x3\n"
    assert tips(cnndsl.loads(text), cnndsl.loads(text).sources)
    other = cnndsl.loads(text, n=9)
    assert tips(other, other.sources) == {}
    long = "input 3@8x8\n" + "relu\n" * MOST_WORDS
    network = cnndsl.loads(long)
    assert tips(network, network.sources) == {}


def test_the_report_says_them() -> None:
    page = cnndsl.loads("input 3@8x8\nconv 4 3x3 pad=same\n").report()
    assert page is not None
    assert '<span title="gives 4@8x8; conv Convolution' in page
    assert '<span title="pad of conv: ' in page and page.count('title="pad of conv: ') == 2
