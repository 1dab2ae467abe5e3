"""What a formatter has to know of a text: its tokens, the space before each, the comments and line breaks between."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cnndsl.lang.text.grammar import vocabulary
from cnndsl.lang.text.lexer import END, Lexer
from cnndsl.limits import Limits

OPENING = frozenset({"LPAR", "LSQB", "INDEX"})
CLOSING = frozenset({"RPAR", "RSQB"})
_PRODUCTS = frozenset({"STAR", "SLASH", "QUOTIENT", "PERCENT", "POWER"})
_SUMS = frozenset({"PLUS", "MINUS"})
_TIGHT_BEFORE = CLOSING | _PRODUCTS | {"COMMA", "DOT", "INDEX", "AT", END}
_TIGHT_AFTER = OPENING | _PRODUCTS | {"DOT", "AT"}
_ENDS_OPERAND = CLOSING | {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE"}
_NEVER_BELOW_A_BLANK = CLOSING | {"RBRACE", "ARROW", "ELSE", END}


@dataclass(slots=True)
class Comment:
    """A comment on a line of its own."""

    text: str
    blank_before: bool


@dataclass(slots=True)
class Lexeme:
    """A token and what stands before it.

    ``trailing`` is the comment behind the token before, on its line; ``comments`` are those on lines of their own.
    ``line_break`` says whether the token begins a line, ``blank`` whether a blank line is right above it; ``space``
    separates it from the token before where both are on one line, ``wide`` says that the author had more than a blank
    there. ``partner`` is the index of the other bracket.
    """

    kind: str
    text: str
    begins_statement: bool = False
    trailing: str = ""
    comments: list[Comment] = field(default_factory=list)
    line_break: bool = False
    blank: bool = False
    space: str = " "
    wide: bool = False
    partner: int = -1

    @property
    def commented(self) -> bool:
        return bool(self.trailing or self.comments)


def lexemes(text: str, limits: Limits) -> list[Lexeme]:
    """The lexemes of a text that has been parsed, the end of the text as the last one.

    What the author has no say in is settled here: spaces; commas stand at line ends; a closing bracket is on a line of
    its own if the text after its opening one is, and then a comma ends its list; ``else`` follows its brace; no blank
    line begins or ends anything.
    """
    found: list[Lexeme] = []
    open_brackets: list[int] = []
    comma: Lexeme | None = None
    for lexeme in _raw(text, limits):
        kind = lexeme.kind
        if comma:
            _move(comma, lexeme)
            comma = None
        opened = not found or found[-1].kind in OPENING or found[-1].kind == "LBRACE"
        if kind == "COMMA":
            comma, lexeme = lexeme, Lexeme(kind, ",")
        elif kind in CLOSING:
            _settle_last_line(found, open_brackets[-1], lexeme)
        elif (kind == "ELSE" and found[-1].kind == "RBRACE") or (kind == "RBRACE" and found[-1].kind == "LBRACE"):
            lexeme.line_break = lexeme.commented
        if opened and lexeme.comments:
            lexeme.comments[0].blank_before = False
        if kind in _NEVER_BELOW_A_BLANK or (opened and not lexeme.comments):
            lexeme.blank = False
        if kind in CLOSING or kind == "RBRACE":
            lexeme.partner = open_brackets.pop()
            found[lexeme.partner].partner = len(found)
        elif kind in OPENING or kind == "LBRACE":
            open_brackets.append(len(found))
        found.append(lexeme)
    _space(found)
    return found


def words(text: str, limits: Limits) -> list[tuple[str, str]]:
    """What a text says, token by token, wherever they stand: texts with equal words have equal trees."""
    found = [("LBRACE", "{")]
    for token in Lexer(text, vocabulary(), limits):
        if token.type in ("RBRACE", END) and found[-1][0] == "_SEP":
            found.pop()
        if token.type != "_SEP":
            found.append((token.type, token.value))
        elif found[-1][0] != "LBRACE":
            found.append(("_SEP", ""))
    return found


def _raw(text: str, limits: Limits) -> Iterator[Lexeme]:
    """The tokens but separators, with what the text has before each."""
    end = 0
    begins_statement = True
    for token in Lexer(text, vocabulary(), limits):
        if token.type == "_SEP":
            begins_statement = True
            continue
        # Between two tokens is no string: every `#` starts a comment.
        lines = text[end : token.start].split("\n")
        if token.type == END:
            lines.append("")
        lexeme = Lexeme(token.type, token.value, begins_statement and token.type not in ("RBRACE", END))
        lexeme.line_break = len(lines) > 1
        lexeme.wide = len(lines) == 1 and token.start > end + 1
        if end:
            lexeme.trailing = _comment(lines.pop(0))
        for line in lines[:-1]:
            comment = _comment(line)
            if comment:
                lexeme.comments.append(Comment(comment, lexeme.blank))
            lexeme.blank = not comment
        yield lexeme
        begins_statement = token.type == "LBRACE"
        end = token.end


def _comment(line: str) -> str:
    return line[line.index("#") :].rstrip(" \t") if "#" in line else ""


def _move(comma: Lexeme, after: Lexeme) -> None:
    """What stood before a comma stands behind it from now on."""
    if comma.commented:
        own = [Comment(after.trailing, False)] if after.trailing else []
        after.comments = [*comma.comments, *own, *after.comments]
        after.trailing = comma.trailing
    after.line_break = after.line_break or comma.line_break


def _settle_last_line(found: list[Lexeme], opening: int, closing: Lexeme) -> None:
    if found[-1].kind == "COMMA":
        found.pop()
    empty = len(found) == opening + 1
    closing.line_break = closing.commented or (not empty and found[opening + 1].line_break)
    is_list = found[opening].kind == "LSQB" and found[opening - 1].kind != "FOR"
    if closing.line_break and is_list and not empty:
        found.append(Lexeme("COMMA", ","))


def _space(found: list[Lexeme]) -> None:
    """Sets the space before every lexeme: products are tight, sums are not except in a keyword's value."""
    brackets = 0
    keyword_value = equals_is_tight = unary = False
    before = "LBRACE"
    for lexeme in found:
        kind = lexeme.kind
        if lexeme.begins_statement:
            equals_is_tight = kind not in ("LET", "PARAM", "SYMBOL")
        if lexeme.begins_statement or kind in ("ARROW", "LBRACE"):
            keyword_value = False
        binary = kind in _SUMS and before in _ENDS_OPERAND
        if lexeme.begins_statement:
            lexeme.space = " " if before == "LBRACE" else "; "
        elif (
            kind in _TIGHT_BEFORE
            or before in _TIGHT_AFTER
            or unary
            or (kind == "LPAR" and before == "FUNCTION")
            or ("EQUAL" in (kind, before) and equals_is_tight)
            or (keyword_value and not brackets and (binary or before in _SUMS))
            or (kind == "RBRACE" and before == "LBRACE")
        ):
            lexeme.space = ""
        unary = kind == "MINUS" and not binary
        if kind in OPENING:
            brackets += 1
        elif kind in CLOSING:
            brackets -= 1
        elif kind == "EQUAL" and equals_is_tight and not brackets:
            keyword_value = True
        before = kind
