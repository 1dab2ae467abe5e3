"""Places and values of the language service as the protocol writes them.

A position of the protocol counts lines from 0 and, in its line, units of the encoding that client and server agreed
on: UTF-16 unless both know better. A span counts lines and code points from 1.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from lsprotocol import types
from pygls import uris

from cnndsl.errors import Diagnostic, Fix, Span
from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.completion import Item
from cnndsl.language_service.navigation import Caller
from cnndsl.language_service.semantic_tokens import KINDS, Coloured
from cnndsl.language_service.structure import Symbol

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
TOKEN_TYPES = {
    "operator": types.SemanticTokenTypes.Function,
    "block": types.SemanticTokenTypes.Class,
    "keyword": types.SemanticTokenTypes.Keyword,
    "parameter": types.SemanticTokenTypes.Parameter,
    "variable": types.SemanticTokenTypes.Variable,
    "constant": types.SemanticTokenTypes.Variable,
    "word": types.SemanticTokenTypes.EnumMember,
    "number": types.SemanticTokenTypes.Number,
    "string": types.SemanticTokenTypes.String,
    "function": types.SemanticTokenTypes.Macro,
}
LEGEND = types.SemanticTokensLegend(
    token_types=list(dict.fromkeys(TOKEN_TYPES[kind].value for kind in KINDS)),
    token_modifiers=["declaration", "readonly"],
)
SYMBOL_KINDS = {
    "network": types.SymbolKind.Module,
    "block": types.SymbolKind.Class,
    "constant": types.SymbolKind.Constant,
    "input": types.SymbolKind.Variable,
    "layer": types.SymbolKind.Function,
    "stage": types.SymbolKind.Namespace,
}
ITEM_KINDS = {
    "operator": types.CompletionItemKind.Function,
    "block": types.CompletionItemKind.Class,
    "keyword": types.CompletionItemKind.Keyword,
    "parameter": types.CompletionItemKind.Field,
    "word": types.CompletionItemKind.EnumMember,
    "value": types.CompletionItemKind.Variable,
    "constant": types.CompletionItemKind.Constant,
    "function": types.CompletionItemKind.Method,
    "measure": types.CompletionItemKind.Property,
    "file": types.CompletionItemKind.File,
    "setting": types.CompletionItemKind.Property,
}


class Places:
    """Between spans and the positions of one client. ``texts`` are the texts that spans speak of, by file."""

    def __init__(self, encoding: str, texts: Mapping[str, str]) -> None:
        self._encoding = encoding
        self._texts = texts

    def position(self, file: str, line: int, column: int) -> types.Position:
        """From a line and a column that count from 1."""
        lines = _lines(self._texts.get(file, ""))
        text = lines[line - 1] if line <= len(lines) else ""
        return types.Position(line - 1, units(text[: column - 1], self._encoding))

    def range(self, span: Span) -> types.Range:
        start = self.position(span.file, span.line, span.column)
        return types.Range(start, self.position(span.file, span.end_line, span.end_column))

    def location(self, span: Span) -> types.Location:
        return types.Location(to_uri(span.file), self.range(span))

    def edit(self, fix: Fix) -> types.TextEdit:
        return types.TextEdit(self.range(fix.span), fix.replacement)

    def edits(self, fixes: Sequence[Fix]) -> types.WorkspaceEdit:
        changes: dict[str, list[types.TextEdit]] = {}
        for fix in fixes:
            changes.setdefault(to_uri(fix.span.file), []).append(self.edit(fix))
        return types.WorkspaceEdit(changes=changes)

    def diagnostic(self, found: Diagnostic, file: str, otherwise: Span) -> types.Diagnostic:
        """A finding of a file; one that is in another, or nowhere, stands at ``otherwise`` and says where."""
        here = found.span is not None and found.span.file == file
        related = [
            types.DiagnosticRelatedInformation(self.location(label.span), label.message or "here")
            for label in found.labels
        ]
        if found.span and not here:
            related.insert(0, types.DiagnosticRelatedInformation(self.location(found.span), found.message))
        unused = found.code.startswith("unused-")
        return types.Diagnostic(
            range=self.range(found.span if found.span and here else otherwise),
            message="\n".join([found.message, *(f"help: {text}" for text in found.help)]),
            severity=SEVERITIES[found.severity],
            code=found.code,
            source="cnndsl",
            related_information=related,
            tags=[types.DiagnosticTag.Unnecessary] if unused else None,
        )

    def symbol(self, found: Symbol) -> types.DocumentSymbol:
        return types.DocumentSymbol(
            name=found.name,
            kind=SYMBOL_KINDS[found.kind],
            range=self.range(found.span),
            selection_range=self.range(found.name_span),
            detail=found.detail,
            children=[self.symbol(child) for child in found.children],
        )

    def caller(self, found: Caller) -> types.CallHierarchyItem:
        is_block = found.definition.kind == "block"
        return types.CallHierarchyItem(
            name=found.definition.name,
            kind=types.SymbolKind.Class if is_block else types.SymbolKind.Module,
            uri=to_uri(found.span.file),
            range=self.range(found.span),
            selection_range=self.range(found.name_span),
        )

    def tokens(self, analysis: Analysis, found: Sequence[Coloured]) -> list[int]:
        """Five numbers for each: lines and units from the one before, length, type and modifiers."""
        data: list[int] = []
        line, column = 1, 0
        for token in found:
            span = analysis.source.span(token.start, token.end)
            start = self.position(analysis.file, span.line, span.column).character
            length = units(analysis.text[token.start : token.end], self._encoding)
            kind = LEGEND.token_types.index(TOKEN_TYPES[token.kind].value)
            modifiers = int(token.defines) + 2 * (token.kind == "constant")
            data += [span.line - line, start - column if span.line == line else start, length, kind, modifiers]
            line, column = span.line, start
        return data


def completion_item(found: Item, snippets: bool, replaced: types.Range) -> types.CompletionItem:
    """``replaced`` is the word that it takes the place of; without ``snippets`` the bare word is inserted."""
    snippet = found.snippet if snippets else None
    return types.CompletionItem(
        label=found.label,
        kind=ITEM_KINDS[found.kind],
        detail=found.detail or None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, found.words) if found.words else None,
        text_edit=types.TextEdit(replaced, snippet or found.label),
        insert_text_format=types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText,
        command=types.Command("", "editor.action.triggerSuggest") if found.label.endswith("=") else None,
    )


def units(text: str, encoding: str) -> int:
    """How many units of an encoding a text takes."""
    if text.isascii() or encoding == "utf-32":
        return len(text)
    # An editor may send half a character, one of two surrogates, while the other is on its way.
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code_points(text: str, count: int, encoding: str) -> int:
    """How many characters of a line lie in its first ``count`` units."""
    if text.isascii() or encoding == "utf-32":
        return min(count, len(text))
    taken = 0
    for number, character in enumerate(text):
        if taken >= count:
            return number
        taken += units(character, encoding)
    return len(text)


def to_uri(file: str) -> str:
    """A file's URI; what an editor has not saved has one already."""
    return file if "://" in file or file.startswith("untitled:") else uris.from_fs_path(file) or file


def to_path(uri: str) -> str:
    """The path of a URI; a URI that is of no file stands for itself."""
    return uris.to_fs_path(uri) or uri if uri.startswith("file:") else uri


@lru_cache(8)
def _lines(text: str) -> list[str]:
    return text.split("\n")
