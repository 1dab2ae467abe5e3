"""Notebooks: what networks and findings look like there, and the cell magic, in a real kernel and in a shell."""

import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from traitlets.config import Config

import cnndsl
from cnndsl.report import notebook

SOUND = "input 1@28x28\nconv 6 5x5 pad=2 as features -> tanh\navgpool 2x2"
WRONG = "input 1@28x28\nconv 6 31x31"


class Tags(HTMLParser):
    """The tags and the text of a piece of HTML; fails where tags are not nested."""

    VOID = frozenset({"br", "img", "meta", "rect", "path", "polygon"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.names.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: Any) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells of a notebook after a kernel ran them."""
    cells = [
        "%load_ext cnndsl",
        f"%%cnn lenet --set classes=3\nparam classes = 10\n{SOUND}\nflatten\ndense classes",
        f"%%cnn broken\n{WRONG}",
        "'broken' in globals(), lenet.layers['dense1'].shape.channels",
        "lenet",
        f"import cnndsl\ncnndsl.check({WRONG!r})",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(book, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(variable, str(folder))
        client.execute()
    nbformat.validate(book)
    return list(book.cells)


def data(cell: Any) -> dict[str, str]:
    (output,) = cell.outputs
    assert output.output_type in ("display_data", "execute_result")
    return dict(output.data)


def test_a_cell_shows_table_and_diagram(executed: list[Any]) -> None:
    shown = data(executed[1])
    tags = Tags(shown["text/html"])
    assert {"table", "svg"} <= tags.names
    assert "features" in tags.text and "6@14x14" in tags.text and "122,304" in tags.text
    assert shown["text/plain"].startswith("lenet: input 1@28x28\nlayer ")


def test_a_cell_with_errors_shows_them_and_binds_nothing(executed: list[Any]) -> None:
    shown = data(executed[2])
    tags = Tags(shown["text/html"])
    assert "kernel-too-large" in tags.text and "31x31" in tags.text
    assert not {"table", "svg"} & tags.names
    assert shown["text/plain"].startswith("error[kernel-too-large]: conv: the 31x31 kernel")
    assert " --> broken:2:8" in shown["text/plain"]
    assert data(executed[3])["text/plain"] == "(False, 3)"


def test_a_network_shows_table_and_diagram(executed: list[Any]) -> None:
    shown = data(executed[4])
    assert shown["text/html"] == data(executed[1])["text/html"]
    assert shown["text/plain"] == "<Network lenet: 5 layers, 3,687 parameters>"


def test_a_result_shows_what_is_wrong(executed: list[Any]) -> None:
    tags = Tags(data(executed[5])["text/html"])
    assert "kernel-too-large" in tags.text and "<text>:2:8" in tags.text


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell with the extension; what it displays goes to its ``shown``."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(shell.display_pub, "publish", shown.append)
    shell.user_ns["shown"] = shown
    shell.extension_manager.load_extension("cnndsl")
    yield shell
    InteractiveShell.clear_instance()


def test_the_extension_comes_and_goes(shell: InteractiveShell) -> None:
    assert shell.find_cell_magic("cnn")
    shell.extension_manager.unload_extension("cnndsl")
    assert shell.find_cell_magic("cnn") is None


def completed(shell: InteractiveShell, cell: str) -> list[str]:
    """What the shell offers at the mark, as a kernel asks it."""
    place = cell.index("¦")
    with provisionalcompleter():
        return [one.text for one in shell.Completer.completions(cell.replace("¦", ""), place)]


def test_cells_complete(shell: InteractiveShell) -> None:
    assert completed(shell, "%%cnn net\ninput 3@8x8 as x\nmaxp¦") == ["maxpool"]
    assert "same" in completed(shell, "%%cnn\ninput 3@8x8 as x\nconv 8 3x3 pad=s¦\nrelu")
    assert completed(shell, "%%cnn\n# é🙂\ninput 3@8x8 as x\nfrom ¦") == ["x"]
    assert "maxpool" not in completed(shell, "maxp¦")
    assert "maxpool" not in completed(shell, "%%cnn maxp¦\ninput 3@8x8")
    shell.extension_manager.unload_extension("cnndsl")
    assert "maxpool" not in completed(shell, "%%cnn net\ninput 3@8x8 as x\nmaxp¦")
    assert "print" in completed(shell, "prin¦")


def test_cells_explain_in_a_kernel(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive("%load_ext cnndsl", timeout=240)
        for cell, said in [("%%cnn net\ninput 3@8x8\nco¦nv 8 3x3", "gives `8@6x6`"), ("pri¦nt", "Prints the values")]:
            place = cell.index("¦")
            reply = client.inspect(cell.replace("¦", ""), place, reply=True, timeout=240)["content"]
            assert reply["found"] and said in reply["data"]["text/plain"]
        reply = client.complete("%%cnn net\ninput 3@8x8\nmaxp", 26, reply=True, timeout=240)["content"]
        assert reply["matches"] == ["maxpool"] and (reply["cursor_start"], reply["cursor_end"]) == (22, 26)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_cell_without_a_name_binds_nothing(shell: InteractiveShell) -> None:
    before = set(shell.user_ns)
    shell.run_cell_magic("cnn", "", SOUND)
    assert set(shell.user_ns) == before
    assert shell.user_ns["shown"][0]["text/plain"].startswith("cell: input 1@28x28")


def test_several_networks_are_a_dict(shell: InteractiveShell) -> None:
    text = "network A { input 8; dense 2 }\nnetwork B { input 8; dense 3 }"
    shell.run_cell_magic("cnn", "nets", text)
    assert {name: net.params for name, net in shell.user_ns["nets"].items()} == {"A": 18, "B": 27}
    assert shell.user_ns["shown"][0]["text/html"].count("<table") == 2
    shell.run_cell_magic("cnn", "net --network B", text)
    assert shell.user_ns["net"].params == 27


def test_a_name_keeps_its_network_where_the_cell_has_errors(shell: InteractiveShell) -> None:
    shell.run_cell_magic("cnn", "net", SOUND)
    before = shell.user_ns["net"]
    shell.run_cell_magic("cnn", "net", WRONG)
    assert shell.user_ns["net"] is before


def test_warnings_are_shown_beside_the_network(shell: InteractiveShell) -> None:
    shell.run_cell_magic("cnn", "net --input 1@9x9", "input 1@7x7; conv 1 4x4 stride=3")
    html = shell.user_ns["shown"][0]["text/html"]
    assert "unread-pixels" in html and "<table" in html and "net" in shell.user_ns
    shell.run_cell_magic("cnn", "strict --strict", "input 1@8x8; conv 1 3x3 stride=3")
    assert "strict" not in shell.user_ns


def test_imports_are_read_from_the_notebooks_folder(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocks.cnn").write_text("block Unit(width) { conv width 3x3 -> relu }", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shell.run_cell_magic("cnn", "net", 'import "blocks.cnn"\ninput 1@8x8\nUnit 4')
    assert str(shell.user_ns["net"].layers["unit1.conv1"].shape) == "4@6x6"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("two words", "unrecognized arguments: words"),
        ("my-net", "`my-net` cannot be the name of a variable"),
        ("class", "`class` cannot be the name of a variable"),
        ("net --set classes", "`classes` is no setting"),
        ("net --input 3x3x3", "is no shape"),
        ("net --set 'a", "No closing quotation"),
        ("net --help", "unrecognized arguments: --help"),
        ("net --bad", "[--set KEY=VALUE] [--input SHAPE] [--network NAME] [--strict] [name]\n"),
    ],
)
def test_mistakes_on_the_magics_line_are_findings(
    shell: InteractiveShell, line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell_magic("cnn", line, SOUND)
    (shown,) = shell.user_ns["shown"]
    assert "error[bad-setting]" in shown["text/plain"] and says in shown["text/plain"]
    assert says.replace("`", "") in Tags(shown["text/html"]).text
    assert "net" not in shell.user_ns
    assert capsys.readouterr() == ("", "")


def test_a_cell_with_blocks_alone_says_so(shell: InteractiveShell) -> None:
    shell.run_cell_magic("cnn", "net", "block Unit { relu }")
    assert "no-network" in shell.user_ns["shown"][0]["text/plain"] and "net" not in shell.user_ns


def test_long_networks_fold_their_blocks(examples: Path) -> None:
    html = cnndsl.load(examples / "resnet50.cnn")._repr_html_()
    assert "block of 12" in Tags(html).text and "bottleneck1.conv1" not in Tags(html).text
    assert "tanh1" in Tags(cnndsl.load(examples / "lenet.cnn")._repr_html_()).text


def test_a_picture_too_large_to_draw_is_left_out() -> None:
    lines = [f"input 1 as x{index}" for index in range(250)]
    for turn in range(320):
        lines.append("add { " + "; ".join(f"from x{(20 * turn + index) % 250}" for index in range(20)) + " }")
    tags = Tags(cnndsl.loads("\n".join(lines), ignore=("all",))._repr_html_())
    assert "add320" in tags.text and "lines, more than 4,000" in tags.text and "svg" not in tags.names


def test_a_long_network_is_folded() -> None:
    html = cnndsl.loads("input 4@8x8\nrepeat 2_500 { relu }")._repr_html_()
    assert "svg" in Tags(html).names and html.count("<rect") < 100


def test_text_of_strangers_stays_text() -> None:
    net = cnndsl.loads(SOUND, file="net")
    evil = "<script>alert(1)</script>"
    hostile = cnndsl.from_json(net.to_json().replace('"features"', f'"{evil}"').replace('"net"', f'"{evil}"'))
    assert hostile.name == evil and evil in hostile.layers
    result = cnndsl.CheckResult((hostile,), (cnndsl.Diagnostic("syntax", evil, cnndsl.Span(evil, 1, 1, 1, 3)),), {})
    for html in (hostile._repr_html_(), result._repr_html_()):
        tags = Tags(html)
        assert "script" not in tags.names and evil in tags.text and not {"img", "a", "link"} & tags.names


def test_the_diagram_is_well_formed_and_the_style_stays_inside() -> None:
    html = cnndsl.loads(SOUND)._repr_html_()
    picture = html[html.index("<svg") : html.index("</svg>") + 6]
    assert xml.fromstring(picture).tag.endswith("svg")
    rules = [line for line in notebook.STYLE.splitlines() if line]
    assert rules and all(line.startswith(".cnndsl-output") for line in rules)


def test_html_is_deterministic() -> None:
    assert cnndsl.loads(SOUND)._repr_html_() == cnndsl.loads(SOUND)._repr_html_()


def test_neither_ipython_nor_pictures_are_loaded_before_they_are_used() -> None:
    code = (
        "import sys, cnndsl; cnndsl.loads('input 8; dense 2'); assert 'cnndsl.notebook' not in sys.modules; "
        "cnndsl.load_ipython_extension; print(sorted({'IPython', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert done.stdout == "[]\n", done.stderr
