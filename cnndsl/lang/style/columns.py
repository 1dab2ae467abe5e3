"""Columns: the spaces that make the rows of a table stand below one another."""

from collections.abc import Iterator
from itertools import zip_longest

from cnndsl.lang.style.tokens import OPENING, Lexeme
from cnndsl.lang.text.lexer import END


def table_padding(found: list[Lexeme]) -> dict[int, int]:
    """How many further spaces go before each lexeme, by index; 0 where none is named.

    A table is a list of two lists or more, one a line. A column of numbers is flush right, any other flush left.
    """
    padding: dict[int, int] = {}
    for index, lexeme in enumerate(found):
        if lexeme.kind == "LSQB" and any(row.line_break for row in found[index + 2 : lexeme.partner]):
            rows = _rows(found, index)
            if rows:
                _align(found, [list(_elements(found, row)) for row in rows], padding)
    return padding


def align_statements(found: list[Lexeme]) -> None:
    """Widens the spaces before the leading numbers of statements of one name that the author wrote in columns."""
    run: list[int] = []
    for index, lexeme in enumerate(found):
        if lexeme.begins_statement or lexeme.kind in ("LBRACE", "RBRACE", END):
            if not run or lexeme.text != found[run[-1]].text or lexeme.blank or lexeme.comments:
                _align_numbers(found, run)
                run = []
            if lexeme.kind == "NAME":
                run.append(index)


def _align_numbers(found: list[Lexeme], statements: list[int]) -> None:
    rows = []
    for name in statements:
        end = name + 1
        while found[end].kind == "NUMBER":
            end += 1
        rows.append(found[name + 1 : end])
    if any(cell.wide for row in rows for cell in row) and any(found[name].line_break for name in statements):
        for column in zip(*rows, strict=False):
            width = max(len(cell.text) for cell in column)
            for cell in column:
                cell.space = " " * (1 + width - len(cell.text))


def _rows(found: list[Lexeme], opening: int) -> list[int]:
    """The opening brackets of the rows of a table; none if it is no table."""
    rows: list[int] = []
    for first, end in _elements(found, opening):
        row = found[first]
        if row.kind != "LSQB" or row.partner != end - 1 or any(cell.line_break for cell in found[first + 1 : end]):
            return []
        if rows and not row.line_break:
            return []
        rows.append(first)
    return rows if len(rows) > 1 else []


def _elements(found: list[Lexeme], opening: int) -> Iterator[tuple[int, int]]:
    """First and end of every element of a list."""
    closing = found[opening].partner
    first = index = opening + 1
    while index < closing:
        if found[index].kind == "COMMA":
            yield first, index
            first = index + 1
        index = found[index].partner + 1 if found[index].kind in OPENING else index + 1
    if first < closing:
        yield first, closing


def _align(found: list[Lexeme], table: list[list[tuple[int, int]]], padding: dict[int, int]) -> None:
    for column in zip_longest(*table):
        cells = [cell for cell in column if cell]
        widths = [_width(found, first, end) for first, end in cells]
        flush_right = all(_is_number(found, first, end) for first, end in cells)
        for (first, end), width in zip(cells, widths, strict=True):
            missing = max(widths) - width
            if flush_right:
                padding[first] = padding.get(first, 0) + missing
            elif found[end].kind == "COMMA":
                padding[end + 1] = padding.get(end + 1, 0) + missing


def _width(found: list[Lexeme], first: int, end: int) -> int:
    return sum(len(lexeme.space) + len(lexeme.text) for lexeme in found[first:end]) - len(found[first].space)


def _is_number(found: list[Lexeme], first: int, end: int) -> bool:
    return [lexeme.kind for lexeme in found[first:end]] in (["NUMBER"], ["MINUS", "NUMBER"])
