"""What is shipped: a wheel, built from the source archive, that works with the source tree out of sight."""

import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import cnndsl

EXTRA = re.compile(r'missing_library\("[^"]+", "(\w+)"[,)]|cnndsl\[(\w+)\]')
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "cnndsl", "grammar", "tools", "tests", "benchmarks")


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel by way of the source archive, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(root / name, folder)
    run(sys.executable, "-m", "build", "--no-isolation", folder=folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_wheel_holds_the_package_and_the_grammar(root: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
        information = archive.read(f"cnndsl-{cnndsl.__version__}.dist-info/METADATA").decode()
    expected = {path.relative_to(root).as_posix() for path in (root / "cnndsl").rglob("*.py")}
    expected |= {
        f"cnndsl/grammar/{path.name}" for suffix in ("py", "lark") for path in (root / "grammar").glob(f"*.{suffix}")
    }
    expected |= {f"cnndsl/report/page/page.{suffix}" for suffix in ("css", "js")}
    assert shipped == expected | {"cnndsl/py.typed"}
    assert "cnndsl/grammar/cnn.lark" in shipped
    metadata = Parser().parsestr(information)
    assert (metadata["Version"], metadata["License-Expression"]) == (cnndsl.__version__, "MIT")


def test_wheel_works_away_from_the_sources(root: Path, wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    shutil.copy(root / "examples" / "lenet.cnn", tmp_path)
    site = str(tmp_path / "site")
    where = run(sys.executable, "-c", "import cnndsl; print(cnndsl.__file__)", folder=tmp_path, PYTHONPATH=site)
    assert Path(where.strip()).is_relative_to(site)
    report = run(sys.executable, "-m", "cnndsl", "check", "lenet.cnn", folder=tmp_path, PYTHONPATH=site)
    assert "61,706" in report.replace("_", ",")
    grammar = "from importlib.resources import files; print(files('cnndsl.grammar').joinpath('cnn.lark').is_file())"
    assert run(sys.executable, "-c", grammar, folder=tmp_path, PYTHONPATH=site) == "True\n"
    lexer = "from pygments.lexers import get_lexer_for_filename; print(get_lexer_for_filename('lenet.cnn').aliases)"
    assert run(sys.executable, "-c", lexer, folder=tmp_path, PYTHONPATH=site) == "('cnn',)\n"


def test_the_console_script_is_there(root: Path) -> None:
    scripts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert callable(pkgutil.resolve_name(scripts["cnndsl"]))


def test_changelog_knows_the_version(root: Path) -> None:
    assert f"\n## {cnndsl.__version__}\n" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_extra_all_is_what_commands_can_use(root: Path) -> None:
    extras = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    used = {library for name in ("plot", "onnxruntime", "completion", "lsp") for library in extras[name]}
    assert set(extras["all"]) == used <= set(extras["test"])
    readme = (root / "README.md").read_text(encoding="utf-8")
    told = ("plot", "onnxruntime", "completion", "lsp", "all", "torch", "keras", "train", "tensorboard")
    assert [name for name in told if f"| `{name}` |" not in readme] == []
    sources = [path.read_text(encoding="utf-8") for path in (root / "cnndsl").rglob("*.py")]
    named = {"".join(words) for source in sources for words in EXTRA.findall(source)}
    assert named == {*told} - {"all"}  # frameworks are too large for `all`
