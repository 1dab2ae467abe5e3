"""What tests say to a server, and what they make of its answers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

MARK = "¦"


class Document:
    """A text that is open; places are marks in it, or lines and columns in UTF-16 from 0."""

    def __init__(self, session: "Session", path: Path, text: str) -> None:
        self.session = session
        self.path = path
        self.uri = path.as_uri()
        self.text = text
        self.version = 1

    @property
    def named(self) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri)

    def change(self, text: str) -> None:
        """Sends the whole text anew."""
        self.text, self.version = text, self.version + 1
        changed = types.TextDocumentContentChangeWholeDocument(text)
        named = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        self.session.client.text_document_did_change(types.DidChangeTextDocumentParams(named, [changed]))

    def place(self, word: str) -> types.Position:
        """Where a word with a mark in it stands: the position of the mark."""
        offset = self.text.index(word.replace(MARK, "")) + word.index(MARK)
        return self.position(offset)

    def position(self, offset: int) -> types.Position:
        above = self.text[:offset].split("\n")
        return types.Position(len(above) - 1, len(above[-1].encode("utf-16-le")) // 2)

    def offset(self, position: types.Position) -> int:
        lines = self.text.split("\n")
        line = lines[position.line].encode("utf-16-le")[: 2 * position.character].decode("utf-16-le")
        return sum(len(one) + 1 for one in lines[: position.line]) + len(line)

    def at(self, found: types.Range) -> str:
        return self.text[self.offset(found.start) : self.offset(found.end)]

    def applied(self, edits: Sequence[types.TextEdit]) -> str:
        text = self.text
        for edit in sorted(edits, key=lambda edit: self.offset(edit.range.start), reverse=True):
            text = text[: self.offset(edit.range.start)] + edit.new_text + text[self.offset(edit.range.end) :]
        return text

    @property
    def whole(self) -> types.Range:
        return types.Range(types.Position(0, 0), types.Position(self.text.count("\n") + 1, 0))


class Session:
    """A client with the documents that it has opened."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client = client
        self.folder = folder

    def open(self, name: str, text: str) -> Document:
        document = Document(self, self.folder / name, text)
        item = types.TextDocumentItem(document.uri, "cnn", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return document

    async def hints(self, document: Document) -> dict[int, str]:
        """The hints of all lines, from 0."""
        params = types.InlayHintParams(document.named, document.whole)
        found = await self.client.text_document_inlay_hint_async(params) or []
        return {hint.position.line: str(hint.label) for hint in found}

    async def hover(self, document: Document, word: str) -> types.Hover | None:
        params = types.HoverParams(document.named, document.place(word))
        return await self.client.text_document_hover_async(params)  # type: ignore[no-any-return]

    async def settled(self, document: Document, seconds: float = 30) -> Sequence[types.Diagnostic]:
        """The diagnostics of a document once the server has nothing else to say: a request is answered behind them."""
        last = None
        for _ in range(int(seconds / 0.1)):
            await self.hints(document)
            await asyncio.sleep(0.1)
            found = self.client.diagnostics.get(document.uri)
            if found is not None and found == last:
                return found  # type: ignore[no-any-return]
            last = found
        raise AssertionError("the server says nothing")

    async def codes(self, document: Document) -> list[str]:
        return [str(one.code) for one in await self.settled(document)]
