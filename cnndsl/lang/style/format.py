"""The one style of ``.cnn`` files: a text with the same syntax tree and the same comments, laid out.

The layout works on lexemes, not on the tree, so that numbers, strings and parentheses stay as they were written. Line
breaks are the author's where the language leaves a choice (before ``->``, inside brackets, in short bodies) unless a
line would be longer than WIDTH.
"""

from bisect import bisect_right

from cnndsl.errors import CnnError, Span
from cnndsl.lang.style.columns import align_statements, table_padding
from cnndsl.lang.style.tokens import CLOSING, OPENING, Lexeme, lexemes, words
from cnndsl.lang.text.parser import parse
from cnndsl.limits import DEFAULT_LIMITS, Limits

WIDTH = 100
INDENT = 2
_PLACES = frozenset({"start", "end", "name_start", "name_end"})


def format_text(text: str, file: str = "<text>", limits: Limits = DEFAULT_LIMITS) -> str:
    """``text`` in the style of the language (docs/language.md); formatting the result again changes nothing.

    Raises :class:`CnnError` with what :func:`cnndsl.lang.text.parser.parse` finds wrong, or ``source-too-large`` where
    indentation makes the text larger than a source may be.
    """
    tree = parse(text, file, limits)
    formatted = _Layout(lexemes(tree.text, limits), file, limits).text()
    same = words(formatted, limits) == words(tree.text, limits)
    if not same and not same_tree(tree.items, parse(formatted, file, limits).items):
        raise RuntimeError("formatting would have changed the meaning of the text")
    return formatted


def same_tree(one: object, other: object) -> bool:
    """Whether two syntax trees differ in nothing but where their nodes stand."""
    pending = [(one, other)]
    while pending:
        one, other = pending.pop()
        if not isinstance(one, tuple):
            if one != other:
                return False
            continue
        if type(one) is not type(other) or not isinstance(other, tuple) or len(one) != len(other):
            return False
        fields: tuple[str, ...] = getattr(one, "_fields", ())
        parts = zip(one, other, strict=True)
        if fields:
            pending += [pair for name, pair in zip(fields, parts, strict=True) if name not in _PLACES]
        else:
            pending += parts
    return True


class _Layout:
    """Writes lexemes line by line. Arguments are indices into the list of lexemes; ranges exclude their end."""

    def __init__(self, found: list[Lexeme], file: str, limits: Limits) -> None:
        align_statements(found)
        self._lexemes = found
        self._padding = table_padding(found)
        # `# cnn: ignore[...]` speaks of its line, which therefore keeps all that is on it.
        self._pins = [index for index, lexeme in enumerate(found) if "cnn:" in lexeme.trailing]
        self._breaks = [index for index, lexeme in enumerate(found) if lexeme.line_break]
        # Where each lexeme would begin and end if the whole text were one line.
        self._begins: list[int] = []
        self._ends: list[int] = []
        position = 0
        for lexeme in found:
            self._begins.append(position + len(lexeme.space))
            position += len(lexeme.space) + len(lexeme.text)
            self._ends.append(position)
        self._pieces: list[str] = []
        self._size = 0
        self._column = 0
        self._line_indent = 0
        self._file = file
        self._most = limits.source_bytes

    def text(self) -> str:
        last = len(self._lexemes) - 1
        self._statements(0, last, 0)
        if self._pieces or self._lexemes[last].commented:
            self._next_line(last, 0, 0)
        return "".join(self._pieces)

    def _statements(self, first: int, end: int, indent: int) -> None:
        while first < end:
            after = first
            while after < end and (after == first or not self._lexemes[after].begins_statement):
                after = self._behind(after)
            self._next_line(first, indent, indent)
            self._statement(first, after, indent)
            first = after

    def _statement(self, first: int, end: int, indent: int) -> None:
        """Stage after stage, on this line or, from its arrow on, on the next."""
        stage = first
        line_indent = indent
        pinned = bisect_right(self._pins, first) < bisect_right(self._pins, end)
        while stage < end:
            after = self._behind(stage)
            while after < end and self._lexemes[after].kind != "ARROW":
                after = self._behind(after)
            if stage > first:
                breaks = self._lexemes[stage].line_break
                if breaks or (not pinned and self._needs_line(stage, after, line_indent, indent + INDENT)):
                    line_indent = indent + INDENT
                    self._next_line(stage, line_indent, line_indent)
                else:
                    self._write(self._lexemes[stage].space)
            keeps = pinned or self._fits(stage, after, self._column, line_indent, True)
            self._stage(stage, after, line_indent, keeps)
            stage = after

    def _needs_line(self, stage: int, end: int, indent: int, next_indent: int) -> bool:
        """Whether a stage goes on a line of its own, ``next_indent`` deep; so far the line is ``indent`` deep."""
        column = self._column + len(self._lexemes[stage].space)
        if self._fits(stage, end, column, indent, True):
            return False
        return self._fits(stage, end, next_indent, next_indent, True) or not self._fits(
            stage, end, column, indent, False
        )

    def _stage(self, first: int, end: int, indent: int, keeps_bodies: bool) -> None:
        """A stage, or a statement of another kind, where the line is; lines that begin with its braces are
        ``indent`` deep."""
        inside: list[tuple[int, int]] = []
        index = first
        while index < end:
            lexeme = self._lexemes[index]
            if index > first:
                if not lexeme.line_break:
                    self._write(lexeme.space, self._padding.get(index, 0))
                elif inside:
                    content, closing = inside[-1]
                    self._next_line(index, content, closing if lexeme.kind in CLOSING else content)
                    self._write("", self._padding.get(index, 0))
                else:
                    below = indent if self._lexemes[index - 1].kind == "RBRACE" else indent + INDENT
                    self._next_line(index, below, below)
            self._write(lexeme.text)
            if lexeme.kind == "LBRACE":
                self._body(index, indent, keeps_bodies)
            elif lexeme.kind in CLOSING:
                inside.pop()
            elif lexeme.kind in OPENING:
                hangs = self._lexemes[index + 1].line_break
                here = (self._line_indent + INDENT, self._line_indent) if hangs else (self._column, self._column - 1)
                inside.append(here)
            index = self._behind(index)

    def _body(self, opening: int, indent: int, keep: bool) -> None:
        """What follows an opening brace, up to the closing one."""
        closing = self._lexemes[opening].partner
        if self._is_flat(opening, keep):
            for lexeme in self._lexemes[opening + 1 : closing + 1]:
                self._write(lexeme.space + lexeme.text)
        else:
            self._statements(opening + 1, closing, indent + INDENT)
            self._next_line(closing, indent + INDENT, indent)
            self._write("}")

    # --- measuring --------------------------------------------------------------------------------------------------
    def _behind(self, index: int) -> int:
        """The next index on the same level: a body counts as one with its brace."""
        lexeme = self._lexemes[index]
        return (lexeme.partner if lexeme.kind == "LBRACE" else index) + 1

    def _is_flat(self, opening: int, keep: bool) -> bool:
        """Whether a body is on one line: it has to be in the text, and empty or to be kept as it is."""
        closing = self._lexemes[opening].partner
        no_break = bisect_right(self._breaks, opening) == bisect_right(self._breaks, closing)
        return no_break and (keep or closing == opening + 1)

    def _fits(self, first: int, end: int, column: int, indent: int, keep: bool) -> bool:
        """Whether a stage fits from ``column`` on, its bodies as the author had them or else broken."""
        start = index = first
        while index < end:
            if self._lexemes[index].kind == "LBRACE" and not self._is_flat(index, keep):
                if not self._lines_fit(start, index + 1, column, indent):
                    return False
                start, column = self._lexemes[index].partner, indent
            index = self._behind(index)
        return self._lines_fit(start, end, column, indent)

    def _lines_fit(self, start: int, end: int, column: int, indent: int) -> bool:
        """Whether the lines of a range without broken bodies fit; of several lines the first and, about, the last."""
        first_break = bisect_right(self._breaks, start)
        behind_breaks = bisect_right(self._breaks, end - 1)
        if first_break < behind_breaks:
            if column + self._ends[self._breaks[first_break] - 1] - self._begins[start] > WIDTH:
                return False
            start, column = self._breaks[behind_breaks - 1], indent
        return column + self._ends[end - 1] - self._begins[start] <= WIDTH

    # --- writing ----------------------------------------------------------------------------------------------------
    def _write(self, text: str, padding: int = 0) -> None:
        # Most of what a hostile text becomes can be indentation: refused before it is made.
        self._size += padding + len(text)
        if self._size > self._most:
            message = f"formatted, the source would have more than {self._most:,} bytes"
            raise CnnError.of("source-too-large", message, span=Span(self._file, 1, 1, 1, 1))
        self._pieces.append(" " * padding + text)
        self._column += padding + len(text)

    def _next_line(self, index: int, comment_indent: int, indent: int) -> None:
        """Ends the line, writes the comments before a lexeme and begins its line."""
        lexeme = self._lexemes[index]
        if lexeme.trailing:
            self._write(f"  {lexeme.trailing}")
        for comment in lexeme.comments:
            self._end_line(comment.blank_before)
            self._write(comment.text, comment_indent)
        self._end_line(lexeme.blank)
        self._write("", indent)
        self._column = self._line_indent = indent

    def _end_line(self, blank: bool) -> None:
        if self._pieces:
            self._write("\n\n" if blank else "\n")
