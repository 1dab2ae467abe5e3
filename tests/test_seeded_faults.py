"""Two hundred faults, one each in a sound file of the zoo: the first message names the faulty line, few others follow.

Faults are what a hand slips into: a token left out, a wrong word, a number of the wrong kind, two arguments in each
other's place, a missing brace. What makes a sound network of another kind is no fault of the text: nothing can find
it, or only an ``expect``, on its own line. Such texts are counted apart. A definition under another name is none
either: its uses would be at fault, on other lines.

A message stands on a line by its own place; it names one if that, or a label of it, is there, as errors in a block have
for the line that uses it. A missing brace may be found at its partner.
"""

import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cnndsl
from cnndsl.errors import Diagnostic
from cnndsl.lang.text import syntax
from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.lexer import END, Lexer, Token
from cnndsl.lang.text.parser import parse
from cnndsl.limits import DEFAULT_LIMITS

COUNT = 200
SEED = 1998
FILES = """
    alexnet c3d dcgan deeplab_v3 densenet ecg espcn fpn googlenet lenet mobilenet_v1 mobilenet_v2 nin resnet
    resnet_v1 resnext se_resnet shufflenet_v2 siamese squeezenet textcnn unet vgg wavenet wide_resnet xception zfnet
""".split()  # noqa: SIM905
"""Those that faults are dealt to: were it all, a new network of the zoo would deal them anew."""
_DEFINED = re.compile(r"\b(?:as|block|param|let|network)\s+$|^\s*block\s+\w+\(|\bfor\s+\[?[\w, ]*$")


class Fault(NamedTuple):
    """A stretch of a text, by offsets, and what stands there instead; ``partner`` is an offset that will do as well."""

    start: int
    end: int
    instead: str
    partner: int


class Outcome(NamedTuple):
    kind: str
    description: str
    errors: list[Diagnostic]
    on_line: bool
    names_line: bool


def tokens(text: str) -> list[Token]:
    found = Lexer(text, vocabulary(), DEFAULT_LIMITS)
    return [token for token in found if token.type not in ("_SEP", END)]


def deleted_token(text: str, rng: random.Random) -> Fault:
    token = rng.choice([token for token in tokens(text) if token.value not in ("{", "}")])
    return Fault(token.start, token.end, "", token.start)


def wrong_word(text: str, rng: random.Random) -> Fault:
    """A letter left out, or another word of the file."""
    words = [token for token in tokens(text) if token.value.isidentifier() and len(token.value) > 1]
    used = [token for token in words if not _DEFINED.search(text[text.rfind("\n", 0, token.start) + 1 : token.start])]
    token = rng.choice(used)
    letter = rng.randrange(len(token.value))
    other = rng.choice([word.value for word in words if word.value != token.value])
    instead = rng.choice([token.value[:letter] + token.value[letter + 1 :], other])
    return Fault(token.start, token.end, instead, token.start)


def wrong_number(text: str, rng: random.Random) -> Fault:
    token = rng.choice([token for token in tokens(text) if token.type in ("NUMBER", "SIZE")])
    number = token.value
    instead = rng.choice(["0", f"-{number}", f"{number}.5", f"{number}x{number}", f"{number}px"])
    return Fault(token.start, token.end, instead, token.start)


def swapped_arguments(text: str, rng: random.Random) -> Fault:
    def stages(node: Any) -> Iterator[syntax.Apply | syntax.Merge]:
        if isinstance(node, syntax.Apply | syntax.Merge):
            yield node
        if isinstance(node, tuple):
            for part in node:
                yield from stages(part)

    found = stages(parse(text).items)
    pairs = [pair for stage in found for pair in zip(stage.arguments, stage.arguments[1:], strict=False)]
    if not pairs:
        return Fault(0, 0, "", 0)
    left, right = rng.choice(pairs)
    between = text[left.end : right.start]
    swapped = text[right.start : right.end] + between + text[left.start : left.end]
    return Fault(left.start, right.end, swapped, left.start)


def missing_brace(text: str, rng: random.Random) -> Fault:
    partners: dict[int, int] = {}
    opened: list[int] = []
    for token in tokens(text):
        if token.value == "{":
            opened.append(token.start)
        elif token.value == "}":
            opener = opened.pop()
            partners |= {opener: token.start, token.start: opener}
    place = rng.choice(sorted(partners))
    return Fault(place, place + 1, "", partners[place])


KINDS: list[Callable[[str, random.Random], Fault]] = [
    deleted_token,
    wrong_word,
    wrong_number,
    swapped_arguments,
    missing_brace,
]


def names(diagnostic: Diagnostic, file: str, first: int, last: int, labels: bool) -> bool:
    """Whether a diagnostic stands, itself or with a label, in lines ``first`` to ``last``."""
    spans = [diagnostic.span, *(label.span for label in diagnostic.labels if labels)]
    return any(span and span.file == file and span.line <= last and span.end_line >= first for span in spans)


@pytest.fixture(scope="module")
def seeded(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Outcome], Counter[str]]:
    """What the check said of every fault, and how many texts it found sound or refuted only by ``expect``."""
    folder = tmp_path_factory.mktemp("faults") / "zoo"
    shutil.copytree(examples / "zoo", folder)
    files = [folder / f"{name}.cnn" for name in FILES]
    rng = random.Random(SEED)
    outcomes: list[Outcome] = []
    apart: Counter[str] = Counter()
    while len(outcomes) < COUNT:
        kind = KINDS[len(outcomes) % len(KINDS)]
        path = rng.choice(files)
        text = path.read_text(encoding="utf-8")
        fault = kind(text, rng)
        damaged = text[: fault.start] + fault.instead + text[fault.end :]
        if damaged == text:
            continue
        path.write_text(damaged, encoding="utf-8")
        result = cnndsl.check_file(path)
        path.write_text(text, encoding="utf-8")
        errors = [diagnostic for diagnostic in result.diagnostics if diagnostic.severity == "error"]
        if all(diagnostic.code == "expect-failed" for diagnostic in errors):
            apart[f"{kind.__name__}, {'refuted by expect' if errors else 'sound'}"] += 1
            continue
        first, last, partner = (text.count("\n", 0, place) + 1 for place in (fault.start, fault.end, fault.partner))
        on_line = names(errors[0], str(path), first, last, labels=False)
        names_line = any(names(errors[0], str(path), *lines, labels=True) for lines in ((first, last), (partner,) * 2))
        line = damaged.split("\n")[first - 1]
        description = f"{kind.__name__} in {path.name}:{first}: {line}\n" + "\n".join(map(str, errors))
        outcomes.append(Outcome(kind.__name__, description, errors, on_line, names_line))
    return outcomes, apart


def test_the_first_message_names_the_faulty_line(seeded: tuple[list[Outcome], Counter[str]]) -> None:
    outcomes, _ = seeded
    missed = [outcome.description for outcome in outcomes if not outcome.names_line]
    assert len(missed) <= 0.05 * COUNT, "\n\n".join(missed)


def test_the_first_message_stands_on_the_faulty_line(seeded: tuple[list[Outcome], Counter[str]]) -> None:
    missed = [outcome.description for outcome in seeded[0] if not outcome.on_line]
    assert len(missed) <= 0.05 * COUNT, "\n\n".join(missed)


@pytest.mark.parametrize("kind", ["deleted_token", "wrong_word"])
def test_what_is_misspelt_is_marked_on_its_line(seeded: tuple[list[Outcome], Counter[str]], kind: str) -> None:
    outcomes = [outcome for outcome in seeded[0] if outcome.kind == kind]
    missed = [outcome.description for outcome in outcomes if not outcome.on_line]
    assert len(missed) <= 0.05 * len(outcomes), "\n\n".join(missed)


def test_at_most_one_message_follows(seeded: tuple[list[Outcome], Counter[str]]) -> None:
    outcomes, _ = seeded
    cascades = [outcome.description for outcome in outcomes if len(outcome.errors) > 2]
    assert len(cascades) <= 0.01 * COUNT, "\n\n".join(cascades)


def test_few_slips_go_unnoticed(seeded: tuple[list[Outcome], Counter[str]]) -> None:
    _, apart = seeded
    silent = {reason: count for reason, count in apart.items() if not reason.startswith("swapped_arguments")}
    assert sum(silent.values()) <= 0.2 * COUNT, silent


# --- beside a second mistake ---
# No value flows through them, so that nothing else in the text depends on them.
BROKEN_LINES = ("let spare 3", "let spare = (1 +", "expect params ==", "expect (params", "assume >", "let = 2")
PAIRS = 60


def place_beside(text: str, fault: Fault, rng: random.Random) -> int | None:
    """The offset of a line that begins with a statement of a network and is not near a fault."""
    near = text.count("\n", 0, fault.start)
    starts = [
        text.rfind("\n", 0, statement.start) + 1
        for item in parse(text).items
        if isinstance(item, syntax.Network)
        for statement in item.body.statements[1:]
    ]
    places = [
        start
        for start in starts
        if abs(text.count("\n", 0, start) - near) > 1 and not fault.start <= start <= fault.end
    ]
    return rng.choice(places) if places else None


def test_beside_a_line_that_cannot_be_read_both_are_named(examples: Path, tmp_path: Path) -> None:
    """Faults as above, each in a text in which a second line is broken: messages are on both lines."""
    shutil.copytree(examples / "zoo", tmp_path / "zoo")
    files = [tmp_path / "zoo" / f"{name}.cnn" for name in FILES]
    rng = random.Random(SEED + 1)
    missed, count = [], 0
    while count < PAIRS:
        path = rng.choice(files)
        text = path.read_text(encoding="utf-8")
        fault = KINDS[count % len(KINDS)](text, rng)
        offset = place_beside(text, fault, rng)
        damaged = text[: fault.start] + fault.instead + text[fault.end :]
        if offset is None or damaged == text:
            continue
        path.write_text(damaged, encoding="utf-8")
        alone = [one for one in cnndsl.check_file(path).diagnostics if one.severity == "error"]
        path.write_text(text, encoding="utf-8")
        if all(one.code == "expect-failed" for one in alone):
            continue
        line = rng.choice(BROKEN_LINES)
        edits = sorted([(fault.start, fault.end, fault.instead), (offset, offset, f"{line}\n")], reverse=True)
        both = text
        for start, end, instead in edits:
            both = both[:start] + instead + both[end:]
        path.write_text(both, encoding="utf-8")
        found = [one for one in cnndsl.check_file(path).diagnostics if one.severity == "error"]
        path.write_text(text, encoding="utf-8")
        count += 1
        broken = text.count("\n", 0, offset) + 1
        faulty = {text.count("\n", 0, place) + 1 for place in (fault.start, fault.partner)}
        faulty = {number + (number >= broken) for number in faulty}
        found_fault = any(names(one, str(path), number, number, labels=True) for one in found for number in faulty)
        found_broken = any(names(one, str(path), broken, broken, labels=True) for one in found)
        first = any(names(found[0], str(path), number, number, labels=True) for number in {*faulty, broken})
        if not (found_fault and found_broken and first):
            said = "\n".join(map(str, found))
            missed.append(
                f"{path.name}: {line!r} in {broken}, a fault in {faulty}: {damaged[fault.start :][:40]!r}\n{said}"
            )
    assert len(missed) <= 0.05 * PAIRS, "\n\n".join(missed)
