"""The VS Code extension without an editor: what its files promise is there, and what they say of the language holds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cnndsl
from cnndsl.lang.compile import compile_text

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "editors" / "vscode"


def read(name: str) -> Any:
    return json.loads((EXTENSION / name).read_text(encoding="utf-8"))


PACKAGE = read("package.json")
CONTRIBUTES = PACKAGE["contributes"]
CONFIGURATION = read("language-configuration.json")
SNIPPETS = read("snippets/cnn.json")
FIELD = re.compile(r"\$\{\d+\|([^,|]*)[^}]*\|\}|\$\{\d+:([^{}]*)\}|\$\{?\d+\}?")


def test_every_scope_that_rules_name_and_every_group_that_they_include_is_there() -> None:
    grammar = read("syntaxes/cnn.tmLanguage.json")
    assert grammar["scopeName"] == CONTRIBUTES["grammars"][0]["scopeName"]
    included = {place.removeprefix("#") for place in all_of(grammar, "include")}
    assert included == grammar["repository"].keys()
    assert {scope for scope in all_of(grammar["repository"], "name") if not scope.endswith(".cnn")} == set()


def all_of(data: Any, key: str) -> Iterator[str]:
    for name, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        if name == key:
            yield value
        yield from all_of(value, key)


def test_files_that_the_package_names_are_there() -> None:
    places = [CONTRIBUTES["languages"][0]["configuration"], PACKAGE["icon"]]
    places += [entry["path"] for kind in ("grammars", "snippets") for entry in CONTRIBUTES[kind]]
    made = {PACKAGE["main"].removeprefix("./")}
    shipped = set(PACKAGE["files"])
    assert {place.removeprefix("./") for place in places} | made <= shipped
    assert [place for place in shipped - made if not (EXTENSION / place).is_file()] == []
    assert PACKAGE["version"] == cnndsl.__version__
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (EXTENSION / "LICENSE").read_text(encoding="utf-8") == licence


def test_what_the_client_reads_is_what_the_settings_declare() -> None:
    client = (EXTENSION / "src" / "extension.js").read_text(encoding="utf-8")
    declared = {name.removeprefix("cnndsl.") for name in CONTRIBUTES["configuration"]["properties"]}
    taken = re.search(r"const \{ (.*) \} = vscode.workspace.getConfiguration", client)
    assert taken and {*taken[1].split(", "), *re.findall(r'\.get\("(\w+)"', client)} == declared - {"trace.server"}
    commands = {entry["command"] for entry in CONTRIBUTES["commands"]}
    assert set(re.findall(r'registerCommand\("([\w.]+)"', client)) == commands


def test_settings_and_commands_are_described() -> None:
    page = (EXTENSION / "README.md").read_text(encoding="utf-8")
    for name, setting in CONTRIBUTES["configuration"]["properties"].items():
        assert f"| `{name}` |" in page and setting["markdownDescription"].endswith(".")
        choices = setting.get("enum", [])
        assert len(setting.get("enumDescriptions", [])) == len(choices)
        assert [choice for choice in choices if f"`{choice}`" not in page] == []
        assert not choices or setting["default"] in choices
    for command in CONTRIBUTES["commands"]:
        assert f"`{command['category']}: {command['title']}`" in page


def test_lock_file_fits_the_package() -> None:
    locked = read("package-lock.json")["packages"]
    assert locked[""]["devDependencies"] == PACKAGE["devDependencies"]
    versions = {name: locked[f"node_modules/{name}"]["version"] for name in PACKAGE["devDependencies"]}
    assert versions == PACKAGE["devDependencies"]  # exact, so that every machine builds the same


def filled(body: list[str]) -> str:
    """A snippet as it stands when nobody types into its fields: what ``${1:...}`` has first holds everywhere."""
    return FIELD.sub(lambda field: field[1] or field[2] or "", "\n".join(body))


def network_around(prefix: str, text: str) -> str:
    if prefix in ("network", "block"):
        return f"{text}\ninput 3@32x32\nName 8" if prefix == "block" else text
    if prefix == "symbol":
        return f"{text}\nconv 8 3x3"
    before = "input 3@32x32\nconv 64 3x3 pad=1 -> relu\n"
    return f"{before}{text}" if prefix != "train" else f"{before}flatten\ndense 10\n{text}"


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippets_are_networks(name: str) -> None:
    snippet = SNIPPETS[name]
    assert snippet["description"] and len(snippet["body"]) >= 1
    found = compile_text(network_around(snippet["prefix"], filled(snippet["body"])) + "\n", "snippet.cnn").diagnostics
    assert not found, "\n".join(map(str, found))


def test_snippets_are_written_in_the_one_style() -> None:
    for name, snippet in SNIPPETS.items():
        text = filled(snippet["body"]) + "\n"
        assert cnndsl.format(text) == text, name


@pytest.mark.parametrize(
    ("line", "opens"),
    [
        ("network A {", True),
        ("add {  # branches", True),
        ("for x in [", True),
        ('data "{"', False),
        ("relu  # {", False),
        ("add { identity; relu }", False),
        ("let a = max(", True),
    ],
)
def test_a_line_that_leaves_a_bracket_open_indents_the_next(line: str, opens: bool) -> None:
    assert bool(re.search(CONFIGURATION["indentationRules"]["increaseIndentPattern"], line)) == opens


@pytest.mark.parametrize(("line", "closes"), [("  } else {", True), ("]", True), ("relu }", False), ("# }", False)])
def test_a_line_that_begins_with_a_closing_bracket_is_less_deep(line: str, closes: bool) -> None:
    assert bool(re.search(CONFIGURATION["indentationRules"]["decreaseIndentPattern"], line)) == closes


def test_words_are_names_and_sizes() -> None:
    assert re.findall(CONFIGURATION["wordPattern"], "conv c_1 3x3 lr=1.5") == ["conv", "c_1", "3x3", "lr", "1.5"]


def test_the_pictures_are_png() -> None:
    for path in EXTENSION.glob("images/*.png"):
        assert path.read_bytes().startswith(b"\x89PNG\r\n") and path.stat().st_size < 200_000
    assert not Path(EXTENSION / "images" / "icon.svg").read_text(encoding="utf-8").count("<script")
