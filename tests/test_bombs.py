"""Short texts that ask for endless work: each gets its code after bounded work and 300 MB, and in few words.

Work is counted in calls of Python functions, which are the same on a slow machine and a fast one. Every bomb
goes off in a process of its own, which the system stops if nothing else does: for work inside of a single call.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

pytest.importorskip("resource", reason="the system sets no limits on processes")

CALLS = 4_000_000
"""About a second of work."""
CALLS_FOR_STEPS = 80_000_000
"""For what cannot be told before it is tried: such a text uses up its steps, as many as the largest networks need."""
BYTES = 300 << 20
LONGEST_MESSAGE = 600

RUNNER = """
import cProfile, json, os, resource, sys
import cnndsl.api
from cnndsl.errors import CnnError
from cnndsl.lang.settings import parse_input, parse_setting, setting_value
from cnndsl.ops import NAMES, operator

def nested():
    value = 1
    for _ in range(100_000):
        value = [value]
    return value

def answer(bomb):
    text, files = bomb["text"], bomb["files"]
    if bomb["way"] == "check":
        return cnndsl.api.check(text, resolver=files.__getitem__).diagnostics
    if bomb["way"] == "all warnings":
        return cnndsl.api.check(text, select=["all"]).diagnostics
    way = {"set": parse_setting, "input": parse_input, "json": cnndsl.api.from_json, "format": cnndsl.api.format,
           "nested": lambda _: setting_value("k", nested())}
    try:
        way[bomb["way"]](text)
    except CnnError as error:
        return error.diagnostics
    return ()

def goes_off(bomb):
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    before, profile = peak(), cProfile.Profile(builtins=False)
    profile.enable()
    found = answer(bomb)
    profile.disable()
    growth, calls = peak() - before, sum(entry.callcount for entry in profile.getstats())
    longest = max([0, *(len(text) for one in found
                        for text in (one.message, *one.help, *(label.message for label in one.labels)))])
    codes = sorted({one.code for one in found if one.severity == "error"})
    return {"codes": codes, "count": len(found), "calls": calls, "bytes": growth, "longest": longest}

for name in NAMES:  # what is loaded once is no work of the text
    cnndsl.api.loads(operator(name).example)
cnndsl.api.check("input 3; rleu"), cnndsl.api.format("input 3")
for bomb in json.load(sys.stdin):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(goes_off(bomb)).encode())
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    print(os.read(read, 65536).decode() or json.dumps({"died": status}))
    os.close(read)
"""

HEAD = "input 3@32x32\n"
INPUTS = "".join(f"input 1@8 as i{index}\n" for index in range(256))
ALL_INPUTS = "; ".join(f"from i{index}" for index in range(256))


class Bomb(NamedTuple):
    """What is given, the codes of the errors (none: it is answered), and the way in."""

    text: str
    codes: tuple[str, ...]
    calls: int = CALLS
    way: str = "check"
    files: Mapping[str, str] = {}


def blocks(body: str, use: str, depth: int = 40) -> str:
    """A block that uses another twice, which uses another twice, ..."""
    pairs = "".join(f"block B{level + 1} {{ {use.replace('B', f'B{level}')} }}\n" for level in range(depth))
    return f"block B0 {{ {body} }}\n{pairs}{HEAD}B{depth}"


def lets(first: str, step: str, count: int) -> str:
    lines = [f"let a{i + 1} = {step.replace('a', f'a{i}')}" for i in range(count)]
    return "\n".join([f"let a0 = {first}", *lines, f"{HEAD}conv a{count} 3x3"])


def network_json(**layer: object) -> str:
    shape = {"features": 4}
    node = {"name": "relu1", "op": {"op": "relu"}, "inputs": ["input"], "shape": shape, **layer}
    inputs = [{"name": "input", "shape": shape}]
    return json.dumps({"name": "x", "inputs": inputs, "layers": [node], "outputs": ["relu1"]})


NESTED = json.loads("[" * 90 + "]" * 90)
LONG = "a" * 1_000_000
BOMBS = {
    # nesting
    "parentheses": Bomb("let x = " + "(" * 100_000 + "1" + ")" * 100_000, ("nesting-too-deep",)),
    "lists in lists": Bomb("let x = " + "[" * 100_000 + "1" + "]" * 100_000, ("nesting-too-deep",)),
    "signs": Bomb("let x = " + "-" * 500_000 + "1", ("nesting-too-deep",)),
    "powers": Bomb("let x = " + "2 ** " * 100_000 + "2", ("nesting-too-deep",)),
    "conditions": Bomb("let x = " + "1 if true else " * 60_000 + "1", ("nesting-too-deep",)),
    "calls": Bomb("let x = " + "max(" * 100_000 + "1" + ")" * 100_000, ("nesting-too-deep",)),
    "indices": Bomb("let x = a" + "[0]" * 300_000, ("nesting-too-deep",)),
    "groups": Bomb(HEAD + "{" * 100_000 + "relu" + "}" * 100_000, ("nesting-too-deep",)),
    "merges": Bomb(HEAD + "add {" * 100_000 + "relu" + "}" * 100_000, ("nesting-too-deep",)),
    "open brackets": Bomb("[ " * 500_000, ("nesting-too-deep", "syntax")),
    "definitions in an open brace": Bomb(HEAD + "add {\nrelu" + " ->," * 100_000 + "\nrelu block" * 50, ("syntax",)),
    "formatting nested brackets": Bomb("[ " * 500_000, ("nesting-too-deep", "syntax"), way="format"),
    "blocks in blocks": Bomb(blocks("relu", "B", 1000), ("nesting-limit",)),
    "a block that uses itself": Bomb(f"block A {{ C }}\nblock C {{ A }}\n{HEAD}A", ("recursion",)),
    "words by position": Bomb(f"{HEAD}reshape {'valid ' * 160_000}", ("too-many-arguments",)),
    # repeats
    "repeat": Bomb(f"{HEAD}repeat 1000000000 {{ relu }}", ("repeat-limit",)),
    "repeat nothing": Bomb(f"{HEAD}repeat 10**18 {{ }}", ("repeat-limit",)),
    "repeat in repeat": Bomb(f"{HEAD}{'repeat 10 { ' * 30}relu{' }' * 30}", ("repeat-limit", "step-limit")),
    "repeat in blocks": Bomb(f"block B {{ repeat 1000 {{ relu }} }}\n{HEAD}repeat 1000 {{ B }}", ("repeat-limit",)),
    "repeat many lines": Bomb(f"{HEAD}repeat 99_999 {{ {'let k = 1; ' * 50} }}", ("step-limit",)),
    "for over a range": Bomb(f"{HEAD}for i in range(10**12) {{ relu }}", ("list-limit",)),
    "for over a long list": Bomb(f"{HEAD}for i in range(10**6) {{ relu }}", ("repeat-limit",)),
    "branches": Bomb(f"{HEAD}add {{ repeat 1000000000 {{ relu }} }}", ("repeat-limit",)),
    "blocks that multiply": Bomb(blocks("relu", "B; B"), ("step-limit",)),
    "blocks of nothing that multiply": Bomb(blocks("", "B; B"), ("step-limit",)),
    "blocks of names that multiply": Bomb(blocks("let k = 1", "B as x -> B as y"), ("step-limit",)),
    "blocks that multiply in merges": Bomb(blocks("relu", "add { B; B }"), ("step-limit",)),
    "blocks that multiply in loops": Bomb(blocks("relu", "repeat 2 { B }", 30), ("step-limit",)),
    "blocks that multiply in tables": Bomb(blocks("relu", "for i in [1, 2] { B }", 30), ("step-limit",)),
    "errors in blocks that multiply": Bomb(blocks("rleu", "B; B", 17), ("step-limit", "unknown-operator")),
    "errors in a long loop": Bomb(f"{HEAD}repeat 65536 as i {{ elu 2x5; rleu }}", ("bad-argument", "unknown-operator")),
    "long loops behind an error": Bomb(
        f"block B {{ conv 3 3x3 -> batchnorm -> relu }}\n{HEAD}rleu\n{'repeat 60_000 { B; B };' * 20}",
        ("unknown-operator",),
    ),
    "a condition in error in a long loop": Bomb(
        f"{HEAD}for i in range(60_000) {{ if 7@7 {{ relu }} }}", ("wrong-type",)
    ),
    "blocks that multiply in either arm": Bomb(
        blocks("relu", "if in.channels == 3 { B; B } else { relu }", 30), ("step-limit",), CALLS_FOR_STEPS
    ),
    # numbers
    "a power of a power": Bomb(f"let x = 2**10**9\n{HEAD}relu", ("number-limit",)),
    "a power of a fraction": Bomb(f"let x = (1/3)**10**9\n{HEAD}relu", ("number-limit",)),
    "squares of squares": Bomb(lets("2", "a * a", 40), ("number-limit",)),
    "numbers in a row": Bomb("input " + "3 " * 200_000, ("syntax",)),
    "a number and spaces": Bomb(f"{HEAD}conv 8 (3{' ' * 400_000}x", ("syntax",)),
    "dots": Bomb(HEAD + "a." * 200_000, ("syntax",)),
    "a long number": Bomb(f"input {'9' * 1_000_000}", ("number-too-long",)),
    "a large exponent": Bomb("input 1e999999999", ("number-too-long",)),
    "a large channel": Bomb("input 3000000000@3x3\nrelu", ("dimension-limit",)),
    "the largest sizes": Bomb(f"input {'@'.join(['2147483647', 'x'.join(['2147483647'] * 3)])}\nmaxpool 2", ()),
    "flattening the largest": Bomb("input 2147483647@2147483647x2147483647\nflatten", ("dimension-limit",)),
    "doubling sizes": Bomb(f"{HEAD}repeat 99 {{ upsample 2 }}", ("dimension-limit",)),
    "doubling channels": Bomb(f"{HEAD}repeat 99 {{ concat {{ identity; identity }} }}", ("dimension-limit",)),
    "a sum of 400,000": Bomb(
        f"{HEAD}repeat 10000 {{ if {'1+' * 2000}1 == 3 {{ relu }} }}", ("step-limit",), CALLS_FOR_STEPS
    ),
    # make_divisible
    "make_divisible by 0": Bomb("let x = make_divisible(7, 0)\ninput 3", ("wrong-type",)),
    "make_divisible by less": Bomb("let x = make_divisible(7, -8)\ninput 3", ("wrong-type",)),
    "make_divisible by a fraction": Bomb("let x = make_divisible(7, 1/3)\ninput 3", ("not-whole",)),
    "make_divisible of the largest": Bomb("input make_divisible(2**255 + 2**254, 2**255)", ("number-limit",)),
    "make_divisible of a small fraction": Bomb("let x = make_divisible(-1/10**76, 10**76)\ninput 3", ()),
    "make_divisible of less": Bomb("input make_divisible(-10**76, 3)", ()),
    "make_divisible of a list": Bomb("input make_divisible(range(10**6))", ("wrong-type",)),
    # lists
    "a range": Bomb(f"let x = range(10**12)\n{HEAD}relu", ("list-limit",)),
    "a range of ranges": Bomb(f"let x = range(-10**70, 10**70, 10**60)\n{HEAD}relu", ("list-limit",)),
    "a list of a million": Bomb(f"let x = [{'1,' * 10**6}1]\n{HEAD}relu", ("source-too-large",)),
    "a computed list of a million": Bomb(f"{HEAD}conv 8 3x3 weight=range(10**6 + 1)", ("list-limit",)),
    "weights of a million": Bomb(f"{HEAD}conv 8 3x3 weight=range(10**6)", ("weight-shape",)),
    "lists that double": Bomb(lets("[1]", "a + a", 40), ("list-limit",)),
    "lists of lists that double": Bomb(lets("[1]", "[a, a]", 40), ("list-limit",)),
    "lists of nothing that double": Bomb(lets("[]", "[a, a]", 40), ("list-limit",)),
    "lists in lists, line by line": Bomb(lets("[1]", "[a]", 1000), ("list-limit",)),
    "lists again and again": Bomb("\n".join(f"let r{i} = range(900000)" for i in range(1000)), ("step-limit",)),
    # names
    "a long name": Bomb(f"{HEAD}{LONG}", ("unknown-operator",)),
    "a long argument": Bomb(f"{HEAD}conv {LONG} 3x3", ("unknown-name",)),
    "a long parameter": Bomb(f"{HEAD}conv 8 3x3 {LONG}=1", ("unknown-parameter",)),
    "a long string": Bomb(f'{HEAD}conv 8 3x3 pad="{LONG}"', ("bad-argument",)),
    "a long import": Bomb(f'import "{LONG}"\n{HEAD}relu', ("import-not-found",)),
    "a long network": Bomb(f"network {LONG} {{ {HEAD}relu }}", ()),
    "a long setting": Bomb(f"{LONG}={LONG}", (), way="set"),
    "names that grow": Bomb(blocks("relu", f"B as {'a' * 3000}; B", 60), ("step-limit",)),
    "long names in a loop": Bomb(f"{HEAD}repeat 3000 {{ relu as {'a' * 500_000} }}", ("step-limit",)),
    "misspellings": Bomb(
        "\n".join(f"let name{i} = 1" for i in range(10_000)) + f"\n{HEAD}" + "conv nime 3x3\n" * 1000, ("unknown-name",)
    ),
    # graphs
    "outputs": Bomb(
        HEAD + "".join(f"relu as a{i}\n" for i in range(33_000)) + "output " + " ".join(f"a{i}" for i in range(33_000)),
        (),
        CALLS_FOR_STEPS,
    ),
    "the same output": Bomb(f"{HEAD}relu as a\noutput {'a ' * 100_000}", ("repeated-argument",)),
    "inputs": Bomb("input 3\n" * 100_000, ("input-limit",), CALLS_FOR_STEPS),
    "inputs in a loop": Bomb("repeat 100_000 { input 3 }", ("input-limit",)),
    "merges of all inputs": Bomb(f"{INPUTS}repeat 99_999 {{ add {{ {ALL_INPUTS} }} }}", ("step-limit",)),
    "what all inputs give": Bomb(
        f"{INPUTS}add {{ {ALL_INPUTS} }}\nrepeat 40_000 {{ maxpool 3 stride=1 pad=1 }}\nexpect receptive_field != 1",
        (),
        CALLS_FOR_STEPS,
    ),
    "receptive fields of coprime ratios": Bomb(
        f"input 1@1000\n{'upsample 3; maxpool 2; upsample 5; maxpool 3; upsample 7; maxpool 5; ' * 6}"
        "\nexpect receptive_field == 1",
        ("expect-failed",),
    ),
    "receptive fields of odd resizings": Bomb(
        "input 1@99991\nrepeat 9000 { resize 99989 mode=linear; resize 99991 }\nexpect receptive_field == 1",
        ("expect-failed",),
        CALLS_FOR_STEPS,
    ),
    "receptive fields of many paths": Bomb(
        "input 1@64\nrepeat 2000 { add { maxpool 2 stride=1 pad=[0, 1]; identity } }\nexpect receptive_field == 1",
        ("expect-failed",),
    ),
    "expectations": Bomb(f"{HEAD}repeat 1000 {{ relu }}\nrepeat 90_000 {{ expect peak_bytes > 0 }}", ("step-limit",)),
    # imports
    "imports in a circle": Bomb(
        'import "a.cnn"', ("import-cycle",), files={"a.cnn": 'import "b.cnn"', "b.cnn": 'import "a.cnn"'}
    ),
    "imports in imports": Bomb(
        'import "0.cnn"', ("import-limit",), files={f"{i}.cnn": f'import "{i + 1}.cnn"' for i in range(40)}
    ),
    "many imports": Bomb(
        "".join(f'import "{i}.cnn"\n' for i in range(300)),
        ("import-limit",),
        files={f"{i}.cnn": "" for i in range(300)},
    ),
    "large imports": Bomb(
        "".join(f'import "{i}.cnn"\n' for i in range(200)),
        ("import-limit",),
        files={f"{i}.cnn": "#" * 400_000 for i in range(200)},
    ),
    "a broken import, again and again": Bomb(
        'import "a.cnn"\n' * 50_000, ("syntax",), files={"a.cnn": "relu )\n" * 50}
    ),
    "missing imports": Bomb("".join(f'import "{i}.cnn"\n' for i in range(40_000)), ("import-not-found",)),
    # settings and JSON
    "many windows, all warnings": Bomb("input 6@13x13\nadaptive_maxpool 1.8G", (), way="all warnings"),
    "many pixels, all warnings": Bomb("input 6@13\nresize 1.8G", (), way="all warnings"),
    "many pixels of a map, all warnings": Bomb("input 1@13x13\nresize [900000000, 2]", (), way="all warnings"),
    "a setting of a power": Bomb("k=2**10**9", ("bad-setting",), way="set"),
    "a setting of a range": Bomb("k=range(10**12)", ("bad-setting",), way="set"),
    "a setting in brackets": Bomb("k=" + "[" * 100_000, ("bad-setting",), way="set"),
    "an input of a power": Bomb("2**10**9@3x3", ("bad-setting",), way="input"),
    "a setting of nested lists": Bomb("", ("bad-setting",), way="nested"),
    "nested JSON": Bomb("[" * 1_000_000, ("bad-json",), way="json"),
    "nested JSON in a layer": Bomb(network_json(op={"op": "relu"}, path=NESTED), ("bad-json",), way="json"),
    "an operator of a long name": Bomb(network_json(op={"op": LONG}), ("bad-json",), way="json"),
    "a layer of a large number": Bomb(network_json(shape={"features": 10**300}), ("bad-json",), way="json"),
    "a layer of many inputs": Bomb(network_json(inputs=["x"] * 100_000), ("bad-json",), way="json"),
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    """What every bomb did."""
    given = json.dumps([bomb._asdict() for bomb in BOMBS.values()])
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=given, capture_output=True, text=True, encoding="utf-8", timeout=1200
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(BOMBS, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    bomb, outcome = BOMBS[name], outcomes[name]
    assert "died" not in outcome, outcome
    assert set(outcome["codes"]) <= set(bomb.codes) and bool(outcome["codes"]) == bool(bomb.codes), outcome
    assert outcome["calls"] < bomb.calls, outcome
    assert outcome["bytes"] < BYTES, outcome
    assert outcome["longest"] < LONGEST_MESSAGE, outcome
    assert outcome["count"] <= 101, outcome
