"""The docs: generated pages are fresh, every example in them does what it should, every link leads somewhere."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jsonschema
import numpy as np
import pytest

import cnndsl
from cnndsl import draw, ops
from cnndsl.cli import COMMANDS, parser
from cnndsl.cli.commands import export
from cnndsl.cli.options import subparsers
from cnndsl.cli.outputs import SUFFIXES
from cnndsl.ir import Graph
from cnndsl.lang.compile import compile_text
from cnndsl.report.plots.sheet import PICTURES
from tools import architecture, command_docs, make_docs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"] if path.exists())
GENERATED = {"errors.md", "zoo.md"}
"""Pages whose blocks tests/test_codes.py and tests/test_zoo.py run from what they are made of."""


GENERATED_PARTS = [
    "operators.md",
    "errors.md",
    "zoo.md",
    "network.schema.json",
    "architecture.md",
    "cli.md",
    "frameworks.md",
    "language.md",
    "../editors/vscode/syntaxes/cnn.tmLanguage.json",
]


class Block(NamedTuple):
    """A fenced block: the page, the line that it starts on, what its fence says, and its text."""

    page: str
    line: int
    info: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", text, re.MULTILINE):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(page.name, line, tuple(match[1].split()), match[2])


NETWORK = re.compile(r"(?:\s*#.*\n|\s)*(?:input|block|network|import|param|let)\s")


def language(block: Block) -> str:
    """What a block is written in; one without a word on its fence is a network if it begins like one."""
    if block.info:
        return block.info[0]
    return "cnn" if NETWORK.match(block.text) else "text"


ALL = [block for page in PAGES if page.name not in GENERATED for block in blocks(page)]


def written_in(name: str) -> list[Block]:
    return [block for block in ALL if language(block) == name]


@pytest.mark.parametrize("name", GENERATED_PARTS)
def test_generated_pages_are_fresh(name: str) -> None:
    stored = (DOCS / name).read_text(encoding="utf-8")
    assert stored == make_docs.pages()[name], "run python -m tools.make_docs"


def test_all_generated_pages_are_tested() -> None:
    assert set(make_docs.pages()) == set(GENERATED_PARTS)


def cli_page() -> str:
    return (DOCS / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_section_with_every_argument(name: str) -> None:
    _, _, rest = cli_page().partition(f"\n## {name}\n")
    section = rest.partition("\n## ")[0]
    assert f"`cnndsl {name} " in section
    shared = {option for option in ("--set", "--network") if name not in ("fmt", "import", "completion")}
    if name in ("report", "explain", "train", "evaluate"):  # the section of run has these
        shared |= {"--convert", "--resize", "--crop", "--mean", "--std", "--channels-last"}
    for action in subparsers(parser())[name]._actions:
        words = [action.metavar or action.dest] if not action.option_strings else action.option_strings
        hidden = {"-h", "--help", "--debug", "--color"} | shared
        missing = [word for word in words if word not in hidden and word.replace("|", "\\|") not in section]
        assert not missing, f"run python -m tools.make_docs: {missing}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`cnndsl {name} " in readme


def test_what_every_command_takes_is_described_too() -> None:
    options = {option for action in parser()._actions for option in action.option_strings}
    assert {option for option in options | {"--set", "--network"} - {"-h"} if option not in cli_page()} == set()


def test_a_table_without_a_place_is_noticed() -> None:
    page = cli_page()
    start, end = (mark.format("verify") for mark in (command_docs.BEGIN, command_docs.END))
    without = page[: page.index(start)] + page[page.index(end) + len(end) :]
    for damaged in (without, page.replace(end, ""), page + page[page.index(start) :]):
        with pytest.raises(ValueError, match="verify"):
            command_docs.page(damaged)


def test_new_choices_and_options_make_the_page_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(export.TARGETS, "yaml", export.TARGETS["json"])
    choices = "\\|".join(export.TARGETS)
    assert choices.endswith("\\|yaml") and f"`--to {choices}`" in command_docs.page(cli_page())
    monkeypatch.setattr(export, "arguments", lambda command: command.add_argument("--nameless"))
    with pytest.raises(ValueError, match="--nameless` has no help"):
        command_docs.page(cli_page())


def test_a_new_command_makes_the_page_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "again", "export once more")
    monkeypatch.setattr("cnndsl.cli.MODULES", {"import": "import_", "again": "fmt"})
    with pytest.raises(ValueError, match="again"):
        command_docs.page(cli_page())


def test_what_commands_do_names_every_format() -> None:
    formats = {"draw": draw.formats(), "export": tuple(export.TARGETS), "filters": tuple(PICTURES)}
    for command, kinds in formats.items():
        assert [kind for kind in kinds if not any(suffix in COMMANDS[command] for suffix in SUFFIXES[kind])] == []


def test_modules_and_sizes_in_the_architecture_are_there() -> None:
    """Every path on the page leads to a module or folder, and sizes are right to a fifth or a hundred lines."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    folders = ("cnndsl", ".", "cnndsl/lang", "cnndsl/lang/text", "cnndsl/lang/elaborate", "cnndsl/analysis")
    folders += ("cnndsl/runtime", "cnndsl/runtime/plan", "cnndsl/runtime/data")
    paths = re.findall(r"`((?:\w+/)+\w+(?:\.\w+)?|\w+\.(?:py|lark))`", page)
    assert len(paths) > 60
    assert [path for path in paths if not any((ROOT / folder / path).exists() for folder in folders)] == []
    sizes = re.findall(r"^\| `([\w/]+)` \| ([\d,]+) \|", page, re.MULTILINE)
    counted = architecture.line_counts(4)
    assert len(sizes) == 6
    for name, lines in sizes:
        actual = counted[f"cnndsl.{name.replace('/', '.')}"]
        assert int(lines.replace(",", "")) == pytest.approx(actual, rel=0.2, abs=100), f"{name} has {actual} lines"


def test_every_block_says_what_it_is() -> None:
    known = {"cnn", "python", "sh", "console", "json", "toml", "text"}
    assert not [str(block) for block in ALL if language(block) not in known | {"lua", "lisp"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# LeNet\n\ninput 1@28x28\n", "cnn"),
        ("block A { relu }\n", "cnn"),
        ("$ cnndsl check a.cnn\ninput 1@28x28\n", "text"),
        ("error[syntax]: input\n", "text"),
    ],
)
def test_plain_blocks_are_told_apart(text: str, expected: str) -> None:
    assert language(Block("page.md", 1, (), text)) == expected


@pytest.mark.parametrize("block", written_in("cnn"), ids=str)
def test_examples_check(block: Block) -> None:
    on_page = {
        info.removeprefix("file="): other.text
        for other in ALL
        if other.page == block.page
        for info in other.info
        if info.startswith("file=")
    }
    diagnostics = compile_text(block.text, "example.cnn", on_page.__getitem__).diagnostics
    if "wrong" in block.info:
        assert any(diagnostic.severity == "error" for diagnostic in diagnostics)
    else:
        assert not diagnostics, "\n".join(map(str, diagnostics))


@pytest.mark.parametrize("block", written_in("python"), ids=str)
def test_python_examples_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names = {"x": np.zeros((2, 1, 28, 28), np.float32)}
    exec(compile(block.text, str(block), "exec"), names)


@pytest.mark.parametrize("block", written_in("sh"), ids=str)
def test_command_lines_are_understood(block: Block) -> None:
    for line in block.text.splitlines():
        program, *arguments = line.split()
        if program == "cnndsl" and arguments != ["--version"]:
            parser().parse_args(arguments)


@pytest.mark.parametrize("block", written_in("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", written_in("toml"), ids=str)
def test_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


def test_the_json_report_has_the_documented_keys() -> None:
    from cnndsl.report.as_json import file_to_json, report

    def keys(value: object) -> object:
        if isinstance(value, dict):
            return {key: keys(item) for key, item in value.items() if key != "attributes"}
        return [keys(value[0])] if isinstance(value, list) and value else None

    page = next(block for block in written_in("json") if block.page == "cli.md")
    documented = json.loads(page.text)
    result = cnndsl.check("input 1@28x28; conv 6 5x5 stride=4 pad=2", file="lenet.cnn")
    printed = json.loads(json.dumps(report([file_to_json("lenet.cnn", result.diagnostics, result.networks)])))
    for each in (documented, printed):
        for diagnostic in each["files"][0]["diagnostics"]:
            diagnostic["labels"] = diagnostic["help"] = diagnostic["fixes"] = []
    assert keys(printed) == keys(documented)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("name", ops.NAMES)
def test_the_example_of_an_operator_uses_it(name: str) -> None:
    result = compile_text(ops.operator(name).example, "example.cnn")
    assert result.diagnostics == ()
    (network,) = result.networks
    assert name in {node.op.operator for node in network.layers}


def test_the_schema_accepts_networks_and_refuses_others() -> None:
    schema = json.loads((DOCS / "network.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    text = "input 3@32x32 as x; conv 8 3x3 bias=[0,0,0,0,0,0,0,0] -> relu; flatten; dense 10"
    (network,) = compile_text(text, "net.cnn").networks
    written = json.loads(network.model_dump_json())
    jsonschema.validate(written, schema)
    assert Graph.model_validate(written) == network
    for spoilt in ({"version": 2}, {"outputs": []}, {"layers": [{"name": "conv1"}]}, {"extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**written, **spoilt}, schema)
