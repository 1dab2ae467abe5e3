"""Imports: what they bring, where they may lead, and what happens when they fail."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.api import folder_resolver
from cnndsl.errors import Diagnostic
from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.modules import Settings
from cnndsl.limits import DEFAULT_LIMITS


def loaded(files: dict[str, str], text: str, file: str = "net.cnn") -> Compiled:
    """A text among other files, which are found by their paths."""

    def resolver(path: str) -> str:
        asked.append(path)
        return files[path]

    asked: list[str] = []
    return compile_text(text, file, resolver)


def errors(result: Compiled) -> list[Diagnostic]:
    return [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]


def codes(files: dict[str, str], text: str) -> list[tuple[str, str]]:
    return [(one.code, one.span.file if one.span else "") for one in errors(loaded(files, text))]


USE = 'import "b.cnn"\ninput 3@9x9\nB'


class TestWhatTheyBring:
    def test_blocks_networks_and_constants(self) -> None:
        files = {"b.cnn": "let k = 5\nblock B { conv k 1x1 }\nnetwork N { input 3@9x9\nconv k 3x3 }"}
        result = loaded(files, 'import "b.cnn"\nnetwork M { input 3@9x9\nB -> conv k 1x1 }')
        assert errors(result) == []
        assert [network.name for network in result.networks] == ["M"]  # its own; others by name
        assert [node.shape.channels for node in result.networks[0].layers] == [5, 5]
        text = 'import "b.cnn"\nnetwork M { input 3@9x9\nrelu }'
        (chosen,) = compile_text(text, "net.cnn", files.__getitem__, network="N").networks
        assert chosen.name == "N"

    def test_blocks_see_the_constants_of_their_own_file(self) -> None:
        files = {"b.cnn": "let k = 5\nblock B(a=k) { conv a 1x1 }"}
        (network,) = loaded(files, 'import "b.cnn"\ninput 3@9x9\nB').networks
        assert network.layers[0].shape.channels == 5
        files = {"b.cnn": "block B { conv width 1x1 }"}
        text = 'import "b.cnn"\nlet width = 3\nnetwork N { input 3@9x9\nB }'
        assert codes(files, text) == [("unknown-name", "b.cnn")]

    def test_params_of_imported_files_can_be_set(self) -> None:
        files = {"b.cnn": "param k = 5\nblock B { conv k 1x1 }"}
        result = compile_text(USE, "net.cnn", files.__getitem__, Settings({"k": 7}))
        assert result.networks[0].layers[0].shape.channels == 7

    def test_a_diamond_is_read_once_and_is_no_conflict(self) -> None:
        files = {
            "left.cnn": 'import "base.cnn"\nblock L { B }',
            "right.cnn": 'import "base.cnn"\nblock R { B }',
            "base.cnn": "let k = 5\nblock B { conv k 1x1 }",
        }
        result = loaded(files, 'import "left.cnn"\nimport "right.cnn"\ninput 3@9x9\nL -> R -> B')
        assert errors(result) == []
        assert set(result.sources) == {"net.cnn", *files}

    def test_conflicts(self) -> None:
        files = {"b.cnn": "block B { relu }\nlet k = 1", "c.cnn": "block B { tanh }", "d.cnn": "let k = 2"}
        assert codes(files, 'import "b.cnn"\nimport "c.cnn"\ninput 3@9x9\nrelu') == [("name-taken", "net.cnn")]
        assert codes(files, 'import "b.cnn"\nimport "d.cnn"\ninput 3@9x9\nrelu') == [("name-taken", "net.cnn")]
        assert codes(files, 'import "b.cnn"\nblock B { tanh }\ninput 3@9x9\nB') == [("name-taken", "net.cnn")]

    def test_statements_outside_a_network_cannot_be_imported(self) -> None:
        assert codes({"b.cnn": "input 3@9x9\nrelu"}, 'import "b.cnn"\ninput 3@9x9\nrelu') == [
            ("import-statements", "net.cnn")
        ]


class TestWhereTheyLead:
    @pytest.mark.parametrize(
        ("written", "asked"),
        [
            ("b.cnn", "b.cnn"),
            ("./b.cnn", "b.cnn"),
            ("sub/b.cnn", "sub/b.cnn"),
            ("sub//b.cnn", "sub/b.cnn"),
            ("sub/../b.cnn", "b.cnn"),
        ],
    )
    def test_inside(self, written: str, asked: str) -> None:
        result = loaded({asked: "block B { relu }"}, f'import "{written}"\ninput 3@9x9\nB', "here/net.cnn")
        assert errors(result) == []
        assert list(result.sources) == ["here/net.cnn", f"here/{asked}"]

    def test_relative_to_the_importing_file(self) -> None:
        files = {
            "sub/b.cnn": 'import "c.cnn"\nimport "../d.cnn"\nblock B { C -> D }',
            "sub/c.cnn": "block C { relu }",
            "d.cnn": "block D { tanh }",
        }
        assert errors(loaded(files, 'import "sub/b.cnn"\ninput 3@9x9\nB')) == []

    @pytest.mark.parametrize(
        "written",
        ["../b.cnn", "sub/../../b.cnn", "/b.cnn", "/etc/passwd", "C:/b.cnn", "c:b.cnn", "..", ".", "", "sub\\\\b.cnn"],
    )
    def test_outside(self, written: str) -> None:
        def resolver(path: str) -> str:
            raise AssertionError(f"{path} was asked for")

        (error,) = errors(compile_text(f'import "{written}"\ninput 3@9x9\nrelu', "net.cnn", resolver))
        assert error.code == "import-outside"

    def test_outside_by_way_of_a_folder(self) -> None:
        files = {"sub/b.cnn": 'import "../../c.cnn"'}
        assert codes(files, 'import "sub/b.cnn"\ninput 3@9x9\nrelu') == [("import-outside", "sub/b.cnn")]

    @pytest.mark.parametrize(
        "files",
        [
            {"b.cnn": 'import "net.cnn"'},
            {"b.cnn": 'import "c.cnn"', "c.cnn": 'import "b.cnn"'},
            {"b.cnn": 'import "./b.cnn"'},
        ],
    )
    def test_cycles(self, files: dict[str, str]) -> None:
        ((code, _),) = codes(files, 'import "b.cnn"\ninput 3@9x9\nrelu')
        assert code == "import-cycle"

    def test_without_files(self) -> None:
        (error,) = errors(compile_text(USE))
        assert error.code == "import-unavailable"

    @pytest.mark.parametrize("raised", [FileNotFoundError(2, "No such file"), KeyError("b"), UnicodeError("bad")])
    def test_unreadable(self, raised: Exception) -> None:
        def resolver(path: str) -> str:
            raise raised

        (error,) = errors(compile_text(USE, "net.cnn", resolver))
        assert error.code == "import-not-found"


class TestOnDisk:
    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "b.cnn").write_text("block B { conv 5 1x1 }")
        (tmp_path / "net.cnn").write_text('import "sub/b.cnn"\ninput 3@9x9\nB')
        assert cnndsl.load(tmp_path / "net.cnn").params == 20

    def test_links_that_lead_out_are_refused(self, tmp_path: Path) -> None:
        inside = tmp_path / "inside"
        inside.mkdir()
        (tmp_path / "secret.cnn").write_text("block B { relu }")
        (inside / "near.cnn").write_text("block B { relu }")
        (inside / "b.cnn").symlink_to(tmp_path / "secret.cnn")
        (inside / "folder").symlink_to(tmp_path)
        (inside / "c.cnn").symlink_to(inside / "near.cnn")

        def code(path: str) -> list[str]:
            text = f'import "{path}"\ninput 3@9x9\nB'
            return [one.code for one in errors(compile_text(text, "net.cnn", folder_resolver(inside)))]

        assert code("b.cnn") == ["import-outside"]
        assert code("folder/secret.cnn") == ["import-outside"]
        assert code("c.cnn") == []  # a link that stays inside
        assert code("missing.cnn") == ["import-not-found"]
        assert code("folder") == ["import-outside"]

    def test_what_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "b.cnn").write_bytes(b"\xff\xfe\x00")
        (error,) = errors(compile_text(USE, "net.cnn", folder_resolver(tmp_path)))
        assert error.span is not None and error.span.line == 1


class TestFailure:
    """What a failed import would have defined is not missed as well."""

    @pytest.mark.parametrize("files", [{}, {"b.cnn": "block {"}, {"b.cnn": 'import "c.cnn"'}])
    def test_one_cause_one_error(self, files: dict[str, str]) -> None:
        text = 'import "b.cnn"\ninput 3@9x9\nB 3 -> conv k 3x3\nfrom nothing -> relu'
        assert len(codes(files, text)) == 1

    def test_other_errors_are_still_found(self) -> None:
        text = 'import "b.cnn"\ninput 3@9x9\nconv 3 99x99'
        assert [code for code, _ in codes({}, text)] == ["import-not-found", "kernel-too-large"]


class TestLimits:
    def test_depth(self) -> None:
        files = {f"f{i}.cnn": f'import "f{i + 1}.cnn"' for i in range(100)} | {"f100.cnn": ""}
        assert codes(files, 'import "f0.cnn"\ninput 3@9x9\nrelu') == [("import-limit", "f31.cnn")]
        deepest = {f"f{i}.cnn": f'import "f{i + 1}.cnn"' for i in range(31)} | {"f31.cnn": "let k = 1"}
        assert codes(deepest, 'import "f0.cnn"\ninput 3@9x9\nrelu') == []

    def test_files(self) -> None:
        most = DEFAULT_LIMITS.import_files
        files = {f"f{i}.cnn": "" for i in range(most + 1)}
        imports = [f'import "f{i}.cnn"' for i in range(most + 1)]
        assert codes(files, "\n".join([*imports, "input 3@9x9", "relu"])) == [("import-limit", "net.cnn")]
        assert codes(files, "\n".join([*imports[:-1], "input 3@9x9", "relu"])) == []

    def test_size_of_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "b.cnn").write_text("#" * (DEFAULT_LIMITS.source_bytes + 1))
        (error,) = errors(compile_text(USE, "net.cnn", folder_resolver(tmp_path)))
        assert error.code == "source-too-large"


@pytest.mark.parametrize("file", ["folder/net.cnn", r"C:\folder\net.cnn"])
def test_a_file_is_known_by_its_name_when_it_imports_itself(file: str) -> None:
    """Without being read once more, whichever way the system writes paths."""
    (error,) = errors(loaded({}, 'import "net.cnn"\ninput 8\nrelu\n', file))
    assert error.code == "import-cycle" and error.span is not None and error.span.file == file
