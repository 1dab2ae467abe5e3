"""Libraries that are extras: one message where they are absent, another where they are there and do not import."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import cnndsl

NET = cnndsl.loads("input 3@8x8\nconv 4 3x3\n")

USES: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "onnxruntime": ("ONNX Runtime", "onnxruntime", lambda folder: NET.runner(backend="onnxruntime")),
    "torch": ("PyTorch", "torch", lambda folder: cnndsl.from_torch(None, None)),
    "keras": ("Keras", "keras", lambda folder: cnndsl.from_keras(None)),
    "matplotlib": ("matplotlib", "plot", lambda folder: NET.draw(path=folder / "net.pdf")),
}
"""By the name of the module: the library's name, the extra, and what needs it."""


@pytest.mark.parametrize("module", USES)
def test_absent(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, extra, use = USES[module]
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(cnndsl.CnnError) as caught:
        use(tmp_path)
    (found,) = caught.value.diagnostics
    assert found.message == f"{library} is not installed"
    assert found.help == (f'install it with: pip install "cnndsl[{extra}]"',)


@pytest.mark.parametrize(
    "raises", ["raise ImportError('needs NumPy 1')", "import numpy_of_the_past", "raise ImportError"]
)
@pytest.mark.parametrize("module", USES)
def test_broken(module: str, raises: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ONNX Runtime 1.18 is beside NumPy 2."""
    library, extra, use = USES[module]
    broken = tmp_path / "site" / module
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(raises, encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(broken.parent))
    with pytest.raises(cnndsl.CnnError) as caught:
        use(tmp_path)
    (found,) = caught.value.diagnostics
    assert found.message.startswith(f"{library} is installed, but cannot be imported: ")
    assert "NumPy 1" in found.message or "numpy_of_the_past" in found.message or found.message.endswith("ImportError")
    assert found.help == (f'versions that fit together come with: pip install "cnndsl[{extra}]" --upgrade',)
