"""All syntax mistakes of a text: behind each one the parser goes on.

The statement in error is dropped, up to the end of its line or the brace that ends the body around it. Bodies that it
opens are read as usual. A brace is put in where that avoids an error that would only be a consequence: a ``}`` before
``else`` or before the next definition, a ``{`` before lines that are indented.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import NamedTuple

from cnndsl.errors import Diagnostic, Source
from cnndsl.lang.text import rewrites, statement_rewrites, syntax, syntax_errors
from cnndsl.lang.text.indentation import Gaps, first_on_line, indentation
from cnndsl.lang.text.lalr_machine import Failure, Machine, UnexpectedToken
from cnndsl.lang.text.lexer import END, Refused, Token
from cnndsl.limits import DEFAULT_LIMITS

Problem = Failure | Refused

# What is read behind a mistake is bounded, so that no text, however long and wrong, takes long.
_MOST_TOKENS = 150_000

_DEFINITIONS = frozenset({"NETWORK", "BLOCK", "IMPORT"})
_STRING = r'"(?:[^"\\\n]|\\[^\n])*+\\?"?'
# Text without a place to stop; a body in it is flat and on one line, and a line in it is one that goes on.
_PLAIN = re.compile(rf'(?:[^"#{{}};\n]++|{_STRING}|#[^\n]*+|\{{[^"#{{}}\n]*+\}}|\n[ \t]*+(?=->|[\[\](),0-9]))*+')
_NO_BRACKETS = re.compile(rf"{_STRING}|#[^\n]*+|[^()\[\]]++")
_NO_BRACES = re.compile(rf"{_STRING}|#[^\n]*+|[^{{}}]++")
_BRACES = re.compile(r"\}[} \t]*+")
_LINE_END = re.compile(r"\n(?:[ \t\n]++|#[^\n]*+)*+")
# What no statement begins with belongs to the one above.
_GOES_ON = re.compile(r"->|else\b|[\[\](),0-9]")
# Words that no expression begins with, unlike `if` and `in`.
_STATEMENT = re.compile(r"(?:network|block|import|input|output|param|let|symbol|expect|train|repeat|for)\b")
_TAKES_BODY = re.compile(r"[ \t]*(?:\}[ \t]*else|network|block|repeat|for|if|train)\b")
_WORD = re.compile(r"[A-Za-z_]")
_CLOSING = re.compile(r"[\])]")


class Recovered(NamedTuple):
    """What is wrong with a text, in its order, and what could be read of it: None where reading ended early."""

    diagnostics: list[Diagnostic]
    items: tuple[syntax.Item, ...] | None
    torn: bool
    """As in :class:`syntax.File`."""


def recovered(machine: Machine, problem: UnexpectedToken | Refused, source: Source, most: int) -> Recovered:
    """Reads on behind ``problem``, where the parse stopped; gives about ``most`` diagnostics."""
    found: list[Diagnostic] = []
    problems = _problems(machine, problem, source.text)
    gaps = Gaps(source.text)
    for one in islice(problems, most):
        if isinstance(one, Refused):
            found.append(syntax_errors.refusal(one, source))
        else:
            plain = statement_rewrites.rewritten(one, source) or rewrites.rewritten(one, source)
            found += [plain] if plain else syntax_errors.syntax_errors(one, known_mistakes(), source, gaps)
    unreadable = any(one.code == "nesting-too-deep" for one in found)
    if unreadable or machine.found.type != END or next(problems, None) is not None:
        return Recovered(found, None, True)
    torn = machine.torn or (bool(machine.open) and bool(gaps.between(0, len(source.text))))
    return Recovered(found, machine.close(), torn)


@cache
def known_mistakes() -> syntax_errors.KnownMistakes:
    """What :data:`syntax_errors.MISTAKES` teaches."""

    def failure_of(example: str) -> Failure:
        machine = Machine(example, DEFAULT_LIMITS)
        try:
            machine.read()
        except UnexpectedToken:
            return machine.failure()
        raise ValueError(f"this mistake is none: {example}")

    return syntax_errors.learned(failure_of)


def _problems(machine: Machine, problem: UnexpectedToken | Refused, text: str) -> Iterator[Problem]:
    """The first problem and those behind it."""
    machine.budget = _MOST_TOKENS
    since = 0
    while True:
        in_error = machine.in_error()
        failure = None if isinstance(problem, Refused) else machine.failure(since)
        found = machine.found
        if isinstance(problem, Refused):
            yield problem
            if problem.code == "nesting-too-deep":
                return
        elif failure and found.type == END:
            yield from _at_the_end(failure, in_error)
            return
        elif failure and not in_error:
            yield failure
        if found.type == "ELSE" and not in_error and machine.would_take("RBRACE", "ELSE"):
            machine.close_brace(found.start)
            position = found.start
        else:
            machine.drop_statement(found.start)
            position = _resume(machine, failure, found, text)
        if not machine.open:
            since = found.end
        try:
            machine.read(position)
        except (UnexpectedToken, Refused) as another:
            problem = another
        else:
            return


def _at_the_end(failure: Failure, in_error: bool) -> Iterator[Failure]:
    """What the end of the file leaves open: a statement, and the braces around it."""
    braces = tuple(token for token in failure.open if token.value == "{")
    if not in_error and (len(braces) < len(failure.open) or not failure.expected & {"_SEP", "RBRACE"}):
        yield failure._replace(open=failure.open[len(braces) :])
    written = tuple(token for token in braces if token.end > token.start)
    if written:
        yield failure._replace(open=written, expected=frozenset({"RBRACE"}))


def _resume(machine: Machine, failure: Failure | None, found: Token, text: str) -> int:
    """The offset at which reading goes on, with the machine behind an ERROR token."""
    previous = failure.previous if failure else None
    starts_line = previous is not None and first_on_line(text, found)
    if previous and starts_line and found.type in _DEFINITIONS and machine.open:
        column = indentation(text, found.start)
        if column <= indentation(text, machine.open[-1].start):
            machine.leave_out(found.start)
            while machine.open and indentation(text, machine.open[-1].start) >= column:
                machine.close_brace(found.start)
            return previous.start if previous.type == "_SEP" else previous.end
    parentheses = [token for token in failure.open if token.value != "{"] if failure else []
    margin = indentation(text, parentheses[0].start if parentheses else found.start)
    start = previous.end if previous and parentheses and starts_line else found.start
    line_start = text.rfind("\n", 0, found.start) + 1
    if parentheses and not starts_line and parentheses[0].end < line_start and indentation(text, found.start) <= margin:
        # The line begins a statement of its own: the one in error ends above.
        start = line_start - 1
    position = _statement_end(text, start, len(parentheses), margin)
    body_start = machine.open[-1].start if machine.open else 0
    body_on_line = machine.open and "\n" not in text[body_start : found.start]
    if failure and previous and not starts_line and not body_on_line and _takes_body(failure):
        line_end = position if text[position : position + 1] == "\n" else text.find("\n", position)
        line_end = line_end if line_end >= 0 else len(text)
        braces = _NO_BRACES.sub("", text[position:line_end])
        if braces.count("}") > braces.count("{"):
            machine.leave_out(line_end)
            return line_end
    if failure and _body_below(failure, position, margin, text):
        machine.leave_out(position)
        machine.open_brace(position)
        return position
    if not machine.open:
        while left_over := _BRACES.match(text, position):
            machine.torn = True
            position = _statement_end(text, left_over.end(), 0, margin)
    machine.leave_out(position)
    return position


def _takes_body(failure: Failure) -> bool:
    """Whether a ``{`` belonged here, or may have: behind what takes nothing else, or behind an operator."""
    return "LBRACE" in failure.expected and ("NAME" not in failure.expected or "NUMBER" in failure.expected)


def _body_below(failure: Failure, position: int, margin: int, text: str) -> bool:
    """Whether a ``{`` is missing at the end of a line: the lines below are indented like a body."""
    line_end = _LINE_END.match(text, position)
    if line_end is None or indentation(text, line_end.end()) <= margin or not _WORD.match(text, line_end.end()):
        return False
    line = text[text.rfind("\n", 0, position) + 1 : position]
    takes_nothing_else = _takes_body(failure) and "NAME" not in failure.expected
    return takes_nothing_else or ("{" not in line and bool(_TAKES_BODY.match(line)))


def _statement_end(text: str, position: int, depth: int, margin: int) -> int:
    """Where the statement around ``position`` ends or has a body: the offset of a line end, ``;``, ``{`` or ``}``.

    ``depth`` counts the parentheses and brackets that are open there. A line inside of them that begins like a
    statement, or no deeper than ``margin``, shows that they were never closed.
    """
    while True:
        plain = _PLAIN.match(text, position)
        position = plain.end() if plain else position
        brackets = _NO_BRACKETS.sub("", plain[0]) if plain else ""
        opened = brackets.count("(") + brackets.count("[")
        depth = max(depth + 2 * opened - len(brackets), 0)
        character = text[position : position + 1]
        if character in ("", "{", "}") or (character == ";" and not depth):
            return position
        following = position + 1
        if character == "\n":
            line_end = _LINE_END.match(text, position)
            following = line_end.end() if line_end else following
            if not _GOES_ON.match(text, following) and (
                not depth
                or _STATEMENT.match(text, following)
                or (indentation(text, following) <= margin and not _CLOSING.match(text, following))
            ):
                return position
        position = following
