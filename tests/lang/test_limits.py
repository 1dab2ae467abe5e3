"""Every limit has its code and is met before the work that it bounds: bombs end quickly, and with a short message."""

import pytest

from cnndsl.codes import CODES
from cnndsl.lang.compile import Compiled, compile_text
from cnndsl.lang.modules import Settings
from cnndsl.limits import DEFAULT_LIMITS, Limits
from tests.work import calls

CALLS = 4_000_000
"""About a second of work."""


def codes(text: str, limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """The codes of the errors of a text, told in few words; steps bound the work, as many as a large network needs."""
    result = compile_text(text, limits=limits)
    errors = [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]
    for diagnostic in result.diagnostics:
        words = [diagnostic.message, *diagnostic.help, *(label.message for label in diagnostic.labels)]
        assert all(len(word) < 600 for word in words), diagnostic.code
    assert errors or result.networks
    return [diagnostic.code for diagnostic in errors]


def quick(text: str, limits: Limits = DEFAULT_LIMITS) -> list[str]:
    """The codes of the errors of a text, found after little work."""
    found: list[str] = []
    assert calls(lambda: found.extend(codes(text, limits)), builtins=False) < CALLS
    return found


HEAD = "input 3@32x32\n"


def lets(first: str, step: str, count: int) -> str:
    lines = [f"let a{i + 1} = {step.replace('a', f'a{i}')}" for i in range(count)]
    return "\n".join([f"let a0 = {first}", *lines, f"{HEAD}conv a{count} 3x3"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{HEAD}repeat 1000000000 {{ relu }}", "repeat-limit"),
        (f"{HEAD}repeat 10**18 {{ }}", "repeat-limit"),
        (f"{HEAD}repeat 1000 {{ repeat 1000 {{ relu }} }}", "repeat-limit"),
        (f"{HEAD}repeat 50 {{ repeat 50 {{ repeat 50 {{ relu }} }} }}", "repeat-limit"),
        (f"block B {{ repeat 1000 {{ relu }} }}\n{HEAD}repeat 1000 {{ B }}", "repeat-limit"),
        (f"{HEAD}add {{ repeat 1000000000 {{ relu }} }}", "repeat-limit"),
        (f"{HEAD}for i in range(1000000) {{ relu }}", "repeat-limit"),
        (f"{HEAD}for i in range(1000000) {{ let k = i }}", "repeat-limit"),
        (f"let x = 2**10**9\n{HEAD}relu", "number-limit"),
        (f"let x = (1/3)**10**9\n{HEAD}relu", "number-limit"),
        (f"let x = range(10**12)\n{HEAD}relu", "list-limit"),
        (f"let x = range(-10**70, 10**70)\n{HEAD}relu", "list-limit"),
        (lets("[1]", "a + a", 40), "list-limit"),
        (lets("[1]", "[a, a]", 40), "list-limit"),
        (lets("[]", "[a, a]", 40), "list-limit"),
        (lets("[1]", "[a]", 100), "list-limit"),
        (lets("2", "a * a", 40), "number-limit"),
        (f"{HEAD}conv 8 3x3 weight=range(1000001)", "list-limit"),
        (f"{HEAD}upsample 2147483647", "dimension-limit"),
        (f"{HEAD}pad 2147483647", "dimension-limit"),
        (f"{HEAD}repeat 30 {{ upsample 2 }}", "dimension-limit"),
        (f"{HEAD}repeat 30 {{ concat {{ identity; identity }} }}", "dimension-limit"),
        ("input 65536@65536x65536\nflatten", "dimension-limit"),
        ("input 2147483648@3x3\nrelu", "dimension-limit"),
        (f"{HEAD}conv 2147483648 3x3", "dimension-limit"),
        (f"{HEAD}conv_transpose 8 2147483647 stride=2147483647", "dimension-limit"),
        (f"{HEAD}depthwise 3x3 multiplier=2147483647", "dimension-limit"),
        ("input 1@2\n" * 257, "input-limit"),
        (f"repeat 300 {{ input 1@2 }}\n{HEAD}", "input-limit"),
        (f"{HEAD}conv 8 3x3 groups=2147483647", "bad-groups"),
        (f"{HEAD}conv 8 2147483647 pad=2147483647 stride=2147483647", ""),
        (f"{HEAD}maxpool 2147483647 stride=1 pad=1073741823 dilation=2147483647", "kernel-too-large"),
        (f"{HEAD}adaptive_avgpool 2147483647", ""),
        (f"{HEAD}resize 2147483647 mode=linear", ""),
        (f"{HEAD}permute range(1000000)", "bad-argument"),
        (f"{HEAD}conv 8 range(1, 1000000)", "wrong-rank"),
        (f"{HEAD}conv 8 3x3 pad=range(1000000)", "wrong-rank"),
        (f"{HEAD}conv 8 3x3 connect=[range(900000)]", "bad-connect"),
        (f"{HEAD}conv 1 3x3 connect=[range(900000)]", "bad-connect"),
        (f"{HEAD}conv 8 3x3 weight=[range(900000)]", "weight-shape"),
        (f"{HEAD}reshape range(1000000)", "bad-argument"),
        (f"let k = 10**76\n{HEAD}conv k 3x3", "dimension-limit"),
        (f"let k = 1/10**76\n{HEAD}conv k 3x3", "bad-argument"),
        (f"{HEAD}slice 0 {'9' * 20}", "dimension-limit"),
        (f"{HEAD}{'a' * 1_000_000}", "unknown-operator"),
        (f"{HEAD}conv {'a' * 1_000_000} 3x3", "unknown-name"),
        (f"{HEAD}conv 8 3x3 {'a' * 1_000_000}=1", "unknown-parameter"),
        (f'{HEAD}conv 8 3x3 pad="{"a" * 1_000_000}"', "bad-argument"),
        (f'import "{"a" * 1_000_000}"\n{HEAD}relu', "import-unavailable"),
        (f"network {'a' * 1_000_000} {{ {HEAD}relu }}", ""),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else None,
)
def test_bombs_end_at_once(text: str, code: str) -> None:
    found = quick(text)
    assert set(found) == ({code} if code else set())


@pytest.mark.parametrize(
    "text",
    [
        "let x = " + "(" * 10_000 + "1" + ")" * 10_000,
        "let x = " + "[" * 10_000 + "1" + "]" * 10_000,
        "let x = " + "-" * 100_000 + "1",
        "let x = " + "not " * 100_000 + "true",
        "let x = " + "1 if true else " * 50_000 + "1",
        "let x = " + "2 ** " * 100_000 + "2",
        "input 3@4x4\n" + "{" * 10_000 + "relu" + "}" * 10_000,
        "input 3@4x4\n" + "repeat 1 {" * 10_000 + "relu" + "}" * 10_000,
        "input 3@4x4\n" + "add {" * 10_000 + "relu" + "}" * 10_000,
        "".join(f"block B{i} {{ B{i + 1} }}\n" for i in range(1000)) + "block B1000 { relu }\ninput 3@4x4\nB0",
    ],
    ids=lambda text: text[:30],
)
def test_depth(text: str) -> None:
    assert quick(text)[0] in ("nesting-too-deep", "nesting-limit", "number-limit")


def test_the_deepest_texts_that_are_allowed() -> None:
    """Nothing overflows a stack on the way to the limit, even where bodies and expressions are deep at once."""
    deep = "(" * 30 + "3" + ")" * 30
    assert quick(f"input 3@4x4\n{'add { identity; ' * 30}conv {deep} 1x1{' }' * 30}") == []
    assert quick(f"input 3@4x4\n{'add { identity; ' * 60}relu{' }' * 60}") == []
    blocks = "".join(f"block B{i} {{ add {{ identity; B{i + 1} }} }}\n" for i in range(30))
    assert quick(f"{blocks}block B30 {{ relu }}\ninput 3@4x4\nB0") == []


@pytest.mark.parametrize("body", ["relu", "", "let k = 1", "add { identity; relu }"])
def test_blocks_that_multiply(body: str) -> None:
    """2^40 expansions, with layers and without."""
    blocks = "".join(f"block B{i + 1} {{ B{i}; B{i} }}\n" for i in range(40))
    text = f"block B0 {{ {body} }}\n{blocks}{HEAD}B40"
    assert codes(text) in (["step-limit"], ["layer-limit"])
    assert quick(text, Limits(steps=20_000)) == ["step-limit"]
    assert quick(text, Limits(layers=2_000, steps=50_000)) in (["step-limit"], ["layer-limit"])


@pytest.mark.parametrize(
    "text",
    [
        # work that makes no layers: long sums, long lists, long names, again and again
        f"{HEAD}repeat 10000 {{ if {'1+' * 2000}1 == 3 {{ relu }} }}",
        f"{HEAD}repeat 10000 {{ let k = range(100000)\n}}",
        f"{HEAD}repeat 10000 {{ let k = max(r) }}".replace("input", "let r = range(100000)\ninput"),
        f"let r = range(900000)\n{HEAD}repeat 10000 {{ let k = r + [1]\n}}",
        f"let a = {'[1]+' * 100_000}[1]\n{HEAD}relu",
        f"{HEAD}repeat 3000 {{ relu as {'a' * 500_000} }}",
        "\n".join(f"network N{i} {{ {HEAD}repeat 100000 {{ let k = 1\n}} }}" for i in range(100)),
        "\n".join(f"let r{i} = range(900000)" for i in range(1000)),
    ],
    ids=lambda text: text[:60],
)
def test_work_without_layers(text: str) -> None:
    assert codes(text)[0] == "step-limit"


def test_what_is_large_and_allowed() -> None:
    assert codes(f"{HEAD}repeat 100000 {{ }}") == []
    assert codes(f"let x = {'1+' * 100_000}1\n{HEAD}expect x == 100_001") == []
    assert codes(f"let w = range(1000000)\n{HEAD}expect len(w) == 1M") == []
    literal = "[" + ",".join(["1"] * 100_000) + "]"
    assert codes(f"input 100000\ndense 1 weight={literal}") == []


def test_layers() -> None:
    text = f"{HEAD}repeat 11 {{ relu }}"
    assert quick(text, limits=Limits(layers=11)) == []
    assert quick(text, limits=Limits(layers=10)) == ["repeat-limit"]
    assert quick(HEAD + "relu\n" * 11, limits=Limits(layers=10)) == ["layer-limit"]


def test_every_layer_is_a_step_or_more() -> None:
    assert quick(HEAD + "relu\n" * 100, limits=Limits(steps=100)) == ["step-limit"]
    assert quick(HEAD + "relu\n" * 100, limits=Limits(steps=300)) == []


def test_misspellings_among_many_names() -> None:
    names = "\n".join(f"let name{i} = 1" for i in range(20_000))
    uses = "\n".join(f"conv nime{i} 3x3" for i in range(100))
    assert codes(f"{names}\n{HEAD}{uses}")[:100] == ["unknown-name"] * 100


@pytest.mark.parametrize(
    "line", ["cnov 8 3x3", "conv k 3x3", "conv 8 3x3 strid=2", "conv 8 3x3 pad=sme", "from y -> relu"]
)
def test_an_error_in_a_long_loop(line: str) -> None:
    assert len(codes(f"{HEAD}repeat 10000 {{ {line} }}")) == 1


class TestDiagnostics:
    def result(self, lines: list[str], limits: Limits | None = None) -> Compiled:
        return compile_text("\n".join(["input 3@10x10 as x", *lines]), limits=limits or Limits())

    def test_errors_stop_at_the_limit(self) -> None:
        result = self.result([f"from x -> conv k{i} 3x3" for i in range(150)])
        errors = [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]
        assert len(errors) == 100
        assert [one.code for one in result.diagnostics if one.severity == "note"] == ["diagnostic-limit"]

    def test_the_limit_can_be_raised(self) -> None:
        result = self.result([f"from x -> conv k{i} 3x3" for i in range(150)], Limits(diagnostics=200))
        assert len(result.diagnostics) == 150

    def test_warnings_never_hide_an_error(self) -> None:
        warnings = ["from x -> conv 3 3x3 stride=2"] * 150
        assert len(self.result(warnings).networks) == 1
        result = self.result([*warnings, "conv k 3x3"])
        assert [one.code for one in result.diagnostics if one.severity == "error"] == ["unknown-name"]
        assert result.networks == ()
        assert len([one for one in result.diagnostics if one.severity != "note"]) <= 100


def test_settings_from_outside_are_bounded_too() -> None:
    from cnndsl.errors import CnnError
    from cnndsl.lang.settings import parse_setting, setting_value

    for value in (10**400, -(10**400), 1e300, 1e-300):
        with pytest.raises(CnnError) as caught:
            setting_value("classes", value)
        assert caught.value.diagnostics[0].code == "bad-setting"
    with pytest.raises(CnnError):
        parse_setting("classes=2**10**9")
    with pytest.raises(CnnError):
        parse_setting("classes=range(10**9)")
    assert setting_value("classes", 0.5) == parse_setting("classes=0.5")[1] == parse_setting("c=1/2")[1]
    result = compile_text("param k = 1\ninput 3@9x9\nconv k 3x3", settings=Settings({"k": setting_value("k", 2**200)}))
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["dimension-limit"]


@pytest.mark.parametrize(
    ("text", "limits", "code"),
    [
        (HEAD + "relu", {"source_bytes": 10}, "source-too-large"),
        (HEAD + "conv ((8)) 3x3", {"nesting": 1}, "nesting-too-deep"),
        (HEAD + "{ { relu } }", {"nesting": 2}, "nesting-limit"),
        (HEAD + "relu; relu", {"layers": 1}, "layer-limit"),
        (HEAD + "relu; relu", {"steps": 3}, "step-limit"),
        (HEAD + HEAD, {"inputs": 1}, "input-limit"),
        (HEAD + "conv 33 1x1", {"dimension": 32}, "dimension-limit"),
        (HEAD + "conv 123 1x1", {"number_digits": 2}, "number-too-long"),
        (HEAD + "conv (9*9) 1x1", {"integer_bits": 6}, "number-limit"),
        (HEAD + "conv 8 [1, 1]", {"literal_elements": 1}, "list-limit"),
        ('import "b.cnn"\n' + HEAD, {"import_depth": 0}, "import-limit"),
        ('import "b.cnn"\n' + HEAD, {"import_files": 0}, "import-limit"),
    ],
)
def test_every_limit_is_kept_and_can_be_raised(text: str, limits: dict[str, int], code: str) -> None:
    files = {"b.cnn": "let k = 1"}
    result = compile_text(text, resolver=files.__getitem__, limits=Limits(**limits))
    assert {diagnostic.code for diagnostic in result.diagnostics} == {code} <= CODES.keys()
    assert result.networks == () or "import" in code
    assert compile_text(text, resolver=files.__getitem__).networks
