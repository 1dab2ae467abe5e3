"""Definition, references and rename, over files and open texts; calls of blocks."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.language_service import navigation
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.bindings import Bindings
from cnndsl.language_service.workspace import Workspace
from tests.language_service.service import everywhere, marked, words, zoo

LIBRARY = "param deep = 2\nblock C(n, width=1) {\n  conv n 3x3 pad=width -> relu\n  conv deep 1x1\n}\n"
USES = [
    ("block B¦(a) { conv a 3x3 }\ninput 3@8x8\nB 4\nB 5", ["1:B", "3:B", "4:B"]),
    ("block B(a, b¦=1) { conv a 3x3 pad=b }\ninput 3@8x8\nB 4 b=2", ["1:b", "1:b", "3:b"]),
    ("block B(a, b=1) { conv a 3x3 pad=b }\ninput 3@8x8\nB 4 ¦b=2", ["1:b", "1:b", "3:b"]),
    ("block B(a, b=a¦) { conv a b }\nblock D(a) { conv a 1 }\ninput 3@8x8\nB 4\nD a=3", ["1:a", "1:a", "1:a"]),
    ("param k = 3\ninput 3@8x8\nconv k¦ 3x3\nexpect k == 3", ["1:k", "3:k", "4:k"]),
    ("network A {\n  let k = 3\n  input k@8x8\n}\nnetwork D {\n  let k = 4\n  input ¦k@8x8\n}", ["6:k", "7:k"]),
    ("symbol H = 8, W = 8\ninput 3@Hx¦W\nassume H >= 3 and W >= 2", ["1:W", "2:W", "3:W"]),
    ("symbol H = 8\ninput 3@¦HxH", ["1:H", "2:H", "2:H"]),
    ("input 3@8x8 as x¦\nadd { from x -> conv 3 1x1; identity }\noutput x", ["1:x", "2:x", "3:x"]),
    ("input 3@8x8\nconv 3 3x3 as c\nlet n = c¦.channels\nconv n 3x3 share=c", ["2:c", "3:c", "4:c"]),
    ("input 3@8x8\nrepeat 3 as i¦ { conv (i+1) 1x1 }\nrepeat 2 as i { conv (i+1) 1x1 }", ["2:i", "2:i"]),
    ("input 3@32x32\nfor [a, b] in [[1, 2], [3, 4]] { conv a b¦ }", ["2:b", "2:b"]),
    ("input 3@8x8\nrepeat 2 { conv 3 1x1 as c¦ }\nadd { from c[0]; from c[1] }", ["2:c", "3:c", "3:c"]),
    ("network N¦ { input 3@8x8 }", ["1:N"]),
    # Inside a line of which something else is wrong, and beside one that cannot be read.
    ("let k = 3\ninput 3@8x8\nconv 8 (\nconv k¦ 3x3\nconv k no=1", ["1:k", "4:k", "5:k"]),
]


@pytest.mark.parametrize(("text", "expected"), USES)
def test_uses_are_found_from_each_of_them(text: str, expected: list[str]) -> None:
    workspace, analysis, offset = marked(text)
    found = navigation.references(workspace, analysis, offset)
    assert words(analysis.text, found) == expected
    for span in found:
        start, end = analysis.source.offsets(span)
        for place in (start, end):
            assert set(navigation.references(workspace, analysis, place)) == set(found)
            assert navigation.definition(workspace, analysis, place) == min(found)
            assert navigation.name_at(workspace, analysis, place) == span


@pytest.mark.parametrize(("text", "expected"), USES)
def test_rename_and_back(text: str, expected: list[str]) -> None:
    workspace, analysis, offset = marked(text)
    old = expected[0].partition(":")[2]
    edits = navigation.rename(workspace, analysis, offset, "fresh_name")
    assert len(edits) == len(expected)
    renamed = everywhere(workspace.texts, edits)["net.cnn"]
    before, after = cnndsl.check(analysis.text), cnndsl.check(renamed)
    assert [one.code for one in after.diagnostics] == [one.code for one in before.diagnostics]
    workspace.open("net.cnn", renamed)
    again = workspace.analysis("net.cnn")
    back = navigation.rename(workspace, again, renamed.index("fresh_name"), old)
    assert everywhere(workspace.texts, back)["net.cnn"] == analysis.text


def test_a_value_does_not_see_the_name_that_it_is_given() -> None:
    text = "let k = 3\nblock B {\n  let k = k¦ + 1\n  conv k 3x3\n}\ninput 3@8x8\nB"
    workspace, analysis, offset = marked(text)
    assert words(analysis.text, navigation.references(workspace, analysis, offset)) == ["1:k", "3:k"]
    assert words(analysis.text, navigation.references(workspace, analysis, offset - 4)) == ["3:k", "4:k"]


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ('import "lib.cnn"\ninput 3@8x8\nC¦ 3', {"lib.cnn": ["2:C"], "net.cnn": ["3:C"]}),
        ('import "lib.cnn"\ninput 3@8x8\nC 3 wid¦th=2', {"lib.cnn": ["2:width", "3:width"], "net.cnn": ["3:width"]}),
        ('import "lib.cnn"\ninput 3@8x8\nconv ¦deep 3', {"lib.cnn": ["1:deep", "4:deep"], "net.cnn": ["3:deep"]}),
    ],
)
def test_uses_across_an_import_that_is_not_saved(text: str, uses: dict[str, list[str]]) -> None:
    workspace, analysis, offset = marked(text, others={"lib.cnn": LIBRARY})
    assert not analysis.diagnostics
    found = navigation.references(workspace, analysis, offset)
    by_file = {file: words(workspace.texts[file], [span for span in found if span.file == file]) for file in uses}
    assert by_file == uses
    renamed = everywhere(workspace.texts, navigation.rename(workspace, analysis, offset, "other"))
    for file, changed in renamed.items():
        workspace.open(file, changed)
    again = workspace.analysis("net.cnn")
    assert not again.diagnostics
    back = navigation.rename(workspace, again, renamed["net.cnn"].index("other"), uses["net.cnn"][0].partition(":")[2])
    assert everywhere(workspace.texts, back) == {"lib.cnn": LIBRARY, "net.cnn": text.replace("¦", "")}


def test_from_the_file_that_defines_it_the_importing_texts_are_found() -> None:
    workspace, _, _ = marked('import "lib.cnn"\ninput 3@8x8\nC 3', others={"lib.cnn": LIBRARY})
    library = workspace.analysis("lib.cnn")
    found = navigation.references(workspace, library, LIBRARY.index("C("))
    assert sorted((span.file, span.line) for span in found) == [("lib.cnn", 2), ("net.cnn", 3)]


def test_across_files_on_disk(tmp_path: Path) -> None:
    (tmp_path / "lib.cnn").write_text(LIBRARY, encoding="utf-8")
    workspace = Workspace()
    workspace.open(str(tmp_path / "net.cnn"), 'import "lib.cnn"\ninput 3@8x8\nC 3')
    analysis = workspace.analysis(str(tmp_path / "net.cnn"))
    found = navigation.definition(workspace, analysis, analysis.text.index("C 3"))
    assert found and (found.file, found.line, found.column) == (str(tmp_path / "lib.cnn"), 2, 7)
    (link,) = navigation.links(analysis)
    assert link.file == str(tmp_path / "lib.cnn") and words(analysis.text, [link.span]) == ['1:"lib.cnn"']
    target = navigation.definition(workspace, analysis, 10)
    assert target and target[:3] == (link.file, 1, 1)


def test_an_imported_text_that_changes_is_checked_again() -> None:
    workspace, analysis, _ = marked('import "lib.cnn"\ninput 3@8x8\nC 3', others={"lib.cnn": LIBRARY})
    assert workspace.analysis("net.cnn") is analysis
    workspace.open("lib.cnn", LIBRARY.replace("block C", "block D"))
    assert [one.code for one in workspace.analysis("net.cnn").diagnostics] == ["unknown-operator"]
    workspace.close("lib.cnn")
    assert [one.code for one in workspace.analysis("net.cnn").diagnostics] == ["import-not-found"]


REFUSED = [
    ("block B¦ { relu }", "conv", "is an operator"),
    ("let k¦ = 1", "repeat", "is a keyword"),
    ("let k¦ = 1", "2k", "is no name"),
    ("let k¦ = 1", "k k", "is no name"),
    ("let k¦ = 1", "é", "is no name"),
    ("let k¦ = 1\nlet m = 2", "m", "already"),
    ("block B¦ { relu }\nblock D { relu }", "D", "already"),
    ("input 3@8x8 as x¦\nrelu as y", "y", "already"),
    ("symbol H¦ = 1, W = 1\ninput 3@HxW", "max_height", "joins sizes"),
    ("input ¦3@8x8", "k", "there is no name here"),
    ("co¦nv 8", "k", "there is no name here"),
]


@pytest.mark.parametrize(("text", "name", "reason"), REFUSED)
def test_refused_names(text: str, name: str, reason: str) -> None:
    workspace, analysis, offset = marked(text)
    with pytest.raises(navigation.NotRenamed, match=reason):
        navigation.rename(workspace, analysis, offset, name)


def test_every_name_of_the_zoo_has_a_definition(examples: Path) -> None:
    """What the check knows, the bindings know: each word that it evaluates refers to something."""
    for path in zoo(examples):
        workspace, analysis, _ = marked(path.read_text(encoding="utf-8"), str(path))
        bindings = workspace.bindings(analysis)
        assert not [one for one in analysis.diagnostics if one.severity == "error"]
        for definition in bindings.definitions:
            assert analysis.text[definition.place.start : definition.place.end] == definition.name
        for (start, end), definition in bindings.references.items():
            assert analysis.text[start:end] == definition.name
            assert bindings.at(start) and bindings.at(start)[1].name == definition.name  # type: ignore[index]


def test_every_name_of_the_zoo_can_be_renamed(examples: Path) -> None:
    """A network under other names is the same: checked for all names at once would hide a clash, so one by one."""
    for path in [examples / "zoo" / name for name in ("resnet.cnn", "unet.cnn", "wavenet.cnn", "densenet.cnn")]:
        text = path.read_text(encoding="utf-8")
        workspace, analysis, _ = marked(text, str(path))
        expected = [network.cost for network in cnndsl.check_file(path).networks]
        for definition in workspace.bindings(analysis).definitions:
            edits = navigation.rename(workspace, analysis, definition.place.start, "renamed_q")
            renamed = everywhere({str(path): text}, [edit for edit in edits if edit.span.file == str(path)])[str(path)]
            if all(edit.span.file == str(path) for edit in edits):
                result = cnndsl.check(renamed, file=str(path))
                assert result.ok, (definition.name, [str(one) for one in result.diagnostics])
                assert [network.cost for network in result.networks] == expected


def test_calls_of_blocks() -> None:
    text = "block A { relu }\nblock B {\n  A\n  A\n}\nnetwork N {\n  input 3@8x8\n  B -> A\n}"
    workspace, analysis, _ = marked(text)
    a = navigation.block_at(workspace, analysis, 6)
    assert a is not None and a.name == "A"
    callers = navigation.callers(workspace, analysis, a)
    assert [(one.definition.name, words(text, one.uses)) for one in callers] == [("B", ["3:A", "4:A"]), ("N", ["8:A"])]
    network = navigation.block_at(workspace, analysis, len(text) - 1)
    assert network is not None and network.name == "N"
    callees = navigation.callees(workspace, analysis, network)
    assert [(one.definition.name, words(text, one.uses)) for one in callees] == [("B", ["8:B"]), ("A", ["8:A"])]
    assert navigation.callers(workspace, analysis, network) == []


def test_bindings_of_nothing() -> None:
    analysis = Analysis("")
    assert Bindings(analysis.tree, analysis.file).at(0) is None
