"""What may be typed at a position."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from cnndsl import ops
from cnndsl.lang.accepted import accepted
from cnndsl.lang.accepted import words as words_of
from cnndsl.lang.expressions.scope import Scope
from cnndsl.lang.expressions.values import Named, shown
from cnndsl.lang.text import syntax
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.calls import Call, call_at, tokens_before
from cnndsl.language_service.words import ATTRIBUTES, FUNCTIONS, KEYWORDS, MEASURES, ON_TOP, STATEMENTS
from cnndsl.report.operators import default_of
from cnndsl.training_settings import Training

Kind: TypeAlias = Literal[
    "operator", "block", "keyword", "parameter", "word", "value", "constant", "function", "measure", "file", "setting"
]

_NAMING = frozenset({"as", "let", "param", "symbol", "block", "network"})
"""Behind them stands a name that is new."""
_PATH = re.compile(r'^\s*import\s+"([^"]*)$')
_ATTRIBUTE = re.compile(r"\b([A-Za-z_]\w*+)\.\w*+$")


class Item(NamedTuple):
    """Something that may be typed. ``snippet`` is what to insert, with ``${1:name}`` where it is to be filled in."""

    label: str
    kind: Kind
    detail: str = ""
    words: str = ""
    snippet: str | None = None


def completions(
    analysis: Analysis, offset: int, files: Callable[[str], Iterable[str]] = lambda folder: ()
) -> list[Item]:
    """What may stand at an offset; what does not begin like the word there is left to the editor.

    ``files`` lists the files and folders (which end in ``/``) of a folder beside the text.
    """
    start = analysis.text.rfind("\n", 0, offset) + 1
    line = analysis.text[start:offset]
    path = _PATH.match(line)
    if path:
        folder = path[1].rpartition("/")[0]
        return [Item(name, "file") for name in files(folder) if name.endswith((".cnn", "/"))]
    if "#" in "".join(line.split('"')[::2]) or line.count('"') % 2:
        return []
    attribute = _ATTRIBUTE.search(line)
    if attribute and not attribute[1].isdigit():
        return [Item(name, "measure", words) for name, words in (ATTRIBUTES | _counts(analysis, offset)).items()]
    call = call_at(analysis, offset)
    if call is None:
        return list(_statements(analysis, offset))
    if call.previous in _NAMING:
        return []
    return list(_inside(analysis, call, offset))


def _counts(analysis: Analysis, offset: int) -> dict[str, str]:
    """What an ``expect`` may count up to a value."""
    call = call_at(analysis, offset)
    return MEASURES if call and call.word == "expect" else {}


# --- at the start of a statement or stage ---
def _statements(analysis: Analysis, offset: int) -> Iterator[Item]:
    tokens = tokens_before(analysis, offset)
    before = [token for token in tokens if token.end < offset or not token.text[0].isalpha()]
    around = _around(analysis, offset)
    if around == "train":
        for word, field in Training.words().items():
            yield Item(word, "setting", Training.meaning(field), snippet=f"{word} ${{1:{_example(field)}}}")
        return
    if around is None and not (before and before[-1].text == "->"):
        for word in ON_TOP:
            yield Item(word, "keyword", KEYWORDS[word])
    for name in sorted(ops.NAMES):
        yield operator_item(name)
    for name, (block, _) in sorted(analysis.module.blocks.items() if analysis.module else ()):
        yield _block_item(name, block)
    for word in STATEMENTS:
        yield Item(word, "keyword", KEYWORDS[word])


def _around(analysis: Analysis, offset: int) -> str | None:
    """``train`` inside of it, another word in another body, None at the top of the file."""
    for node in reversed(analysis.path(offset)):
        if isinstance(node, syntax.Train):
            return "train"
        if isinstance(node, syntax.Body) and node.start < offset:
            return "body"
    return None


def operator_item(name: str) -> Item:
    """An operator, with what must be given, and branches where it merges."""
    cls = ops.operator(name)
    needed = [field for field in cls.parameters() if cls.model_fields[field].is_required()]
    places = [
        f"{'' if field in cls.positional else f'{field}='}${{{number}:{field}}}"
        for number, field in enumerate(needed, 1)
    ]
    body = [f"{{\n  ${{{len(places) + 1}:identity}}\n  $0\n}}"] if name in ops.MERGES else []
    return Item(name, "operator", " ".join([name, *needed]), cls.summary, " ".join([name, *places, *body]))


def _block_item(name: str, block: syntax.Block) -> Item:
    needed = [parameter.name for parameter in block.parameters if parameter.default is None]
    places = [f"${{{number}:{parameter}}}" for number, parameter in enumerate(needed, 1)]
    listed = ", ".join(parameter.name for parameter in block.parameters)
    return Item(name, "block", f"block {name}({listed})", "", " ".join([name, *places]))


def _example(field: str) -> str:
    return Training.example(field).partition(" ")[2].replace("}", "\\}") or "value"


# --- behind a word ---
def _inside(analysis: Analysis, call: Call, offset: int) -> Iterator[Item]:
    if call.around == "train" and call.word in Training.words():
        yield from _options(call)
        return
    if call.word in ("expect", "assume"):
        for name, words in MEASURES.items() if call.word == "expect" else ():
            yield Item(name, "measure", words)
    elif call.word in ops.NAMES:
        if call.parameter and not call.inside:
            yield from _words(call.word, call.parameter)
        elif not call.inside:
            yield from _parameters(call)
    elif not call.parameter and not call.inside:
        block = analysis.block(call.word)
        for number, parameter in enumerate(block.parameters if block else ()):
            if parameter.name not in call.keywords and number >= call.positional:
                yield Item(f"{parameter.name}=", "parameter", f"parameter of block {call.word}")
    yield from _names(analysis, offset, values_only=call.word in ("from", "output"))
    if call.word not in ("from", "output", "import"):
        for name, words in FUNCTIONS.items():
            yield Item(name, "function", words, snippet=f"{name}($1)")
    if not call.parameter and not call.inside and (call.word in ops.NAMES or analysis.block(call.word)):
        yield Item("as", "keyword", KEYWORDS["as"])


def _parameters(call: Call) -> Iterator[Item]:
    cls = ops.operator(call.word)
    given = {*call.keywords, *cls.positional[: call.positional]}
    for name in cls.parameters():
        if name not in given:
            default = default_of(cls, name)
            said = "must be given" if default is None else f"default {default}"
            yield Item(f"{name}=", "parameter", said, cls.expects(name))


def _words(operator: str, parameter: str) -> Iterator[Item]:
    cls = ops.operator(operator)
    if parameter not in cls.model_fields:
        return
    for word in words_of(operator, parameter):
        yield Item(word, "word", f"{parameter} of {operator}")
    if bool in accepted(operator, parameter):
        for word in ("true", "false"):
            yield Item(word, "word", f"{parameter} of {operator}")


def _options(call: Call) -> Iterator[Item]:
    options = Training.options(Training.words()[call.word])
    if options is None:
        return
    from cnndsl.ops.fields import leaves

    if call.parameter or (call.positional == 0 and "kind" in options.model_fields):
        field = call.parameter or "kind"
        if field in options.model_fields:
            for word in sorted(one for one in leaves(options, field) if isinstance(one, str)):
                yield Item(word, "word", f"{field} of {call.word}")
    if not call.parameter:
        for name in options.model_fields:
            if name != "kind" and name not in call.keywords:
                yield Item(f"{name}=", "parameter", options.meaning(name), options.expects(name))


def _names(analysis: Analysis, offset: int, values_only: bool) -> Iterator[Item]:
    """The names in scope, with what they stand for."""
    scope: Scope | None = _scope(analysis, offset)
    seen: set[str] = set()
    sealed = False
    while scope is not None:
        for name, found in scope.names.items():
            behind = (
                name in scope.places
                and scope.places[name].file == analysis.file
                and (analysis.source.offsets(scope.places[name])[0] >= offset)
            )
            # An unknown name stands for nothing, so that it is reported once.
            unknown = found is None and name not in scope.places
            if name in seen or behind or unknown or (sealed and isinstance(found, Named)):
                continue
            seen.add(name)
            if isinstance(found, Named):
                yield Item(name, "value", str(found.flow.shape) if found.flow.shape is not None else "")
            elif not values_only:
                yield Item(name, "constant", shown(found) if found is not None else "")
        sealed = sealed or scope.sealed
        scope = scope.outer


def _scope(analysis: Analysis, offset: int) -> Scope | None:
    """The scope of the statement at an offset, or of the one above it in the same body; the file's where none is."""
    bodies = [node for node in analysis.path(offset) if isinstance(node, syntax.Body)]
    for statement in reversed(bodies[-1].statements if bodies else analysis.tree.items):
        known = analysis.recording.before.get(analysis.span(statement)) if statement.start <= offset else None
        if known:
            return known[0]
    return analysis.module.scope if analysis.module else None
