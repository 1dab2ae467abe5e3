"""The requests of the Language Server Protocol 3.17, each answered by a function of the language service.

Requests run on other threads than the message loop. One that asks about a text which has changed since is refused as
out of date; a fault in one is logged and answered with an error, and the server goes on.
"""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from cnndsl.api import check
from cnndsl.errors import Fix, Span
from cnndsl.language_service import (
    actions,
    completion,
    formatting,
    hints,
    hover,
    navigation,
    semantic_tokens,
    signature,
    structure,
)
from cnndsl.language_service.analysis import Analysis
from cnndsl.lsp.documents import Documents
from cnndsl.lsp.translation import LEGEND, Places, completion_item, to_path, to_uri
from cnndsl.version import VERSION

LOG = logging.getLogger("cnndsl.lsp")
MOST_GARBAGE = 100_000
"""So many new objects, dead or alive, are kept before the dead ones are looked for: less than 10 MB."""
FIX_ALL = "source.fixAll.cnndsl"


class Request(NamedTuple):
    """What a request is about: a text as it was when the request came."""

    analysis: Analysis
    places: Places
    documents: Documents

    def offset(self, position: types.Position) -> int:
        return self.documents.offset(self.analysis, position.line, position.character)


class Server(LanguageServer):
    """A server with its documents."""

    def __init__(self) -> None:
        super().__init__("cnndsl", VERSION, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.documents = Documents()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.asked_to_end = False

    def serve(self) -> int:
        """Serves standard input and output until the client says or closes them; gives the exit status.

        What else is written to standard output, by a library or a fault, goes to standard error.
        """
        _prepare()
        to_client = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self.start_io(os.fdopen(os.dup(sys.stdin.fileno()), "rb"), to_client)
        return 0 if self.asked_to_end else 1

    @contextmanager
    def request(self, uri: str, version: int, everywhere: bool = False) -> Iterator[Request]:
        """Holds the documents. Raises JsonRpcContentModified if the text has changed since ``version``."""
        documents = self.documents
        if not version:
            raise JsonRpcInvalidParams(f"{uri} is not open")
        with documents.lock:
            if documents.settle(uri) != version:
                raise JsonRpcContentModified
            analysis, _ = documents.analysis(uri)
            if documents.version(uri) != version:
                raise JsonRpcContentModified
            places = documents.all_places(analysis) if everywhere else documents.places(analysis)
            yield Request(analysis, places, documents)

    def refresh(self) -> None:
        """Checks every open text on another thread, and says what is wrong with each."""
        for uri in self.documents.uris():
            self.thread_pool.submit(self._publish, uri, self.documents.version(uri))

    def _publish(self, uri: str, version: int) -> None:
        try:
            with self.documents.lock:
                if not version or self.documents.settle(uri) != version:
                    return
                found = self._diagnostics(uri)
            self._say(uri, found)
            _collect()
        except Exception:
            LOG.exception("the check of %s failed", uri)

    def _diagnostics(self, uri: str) -> list[types.Diagnostic]:
        analysis, settings = self.documents.analysis(uri)
        places = self.documents.places(analysis)
        links = navigation.links(analysis)
        otherwise = links[0].span if links else Span(analysis.file, 1, 1, 1, 1)
        wrong = [*analysis.diagnostics, *([settings] if settings else [])]
        return [places.diagnostic(diagnostic, analysis.file, otherwise) for diagnostic in wrong]

    def _say(self, uri: str, found: list[types.Diagnostic]) -> None:
        params = types.PublishDiagnosticsParams(uri, found)
        if self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.text_document_publish_diagnostics, params)


def _prepare() -> None:
    """Loads what the first text with a mistake would wait for, and tunes the collector of garbage.

    What was imported stays and need not be gone over; what a key press leaves is collected when that is answered.
    """
    check("input 3@8x8\nconv 8 (")
    gc.disable()
    gc.collect()
    gc.freeze()


def _collect() -> None:
    """Frees the analyses of texts that are no more: their parts know each other."""
    if gc.get_count()[0] > MOST_GARBAGE:
        gc.collect()


def make_server() -> Server:
    """A server that has all features."""
    server = Server()
    _documents(server)
    _reading(server)
    _navigation(server)
    _changes(server)
    return server


Answer = Callable[[Request, Any], Any]


def _asked(server: Server, method: str, options: Any = None, everywhere: bool = False) -> Callable[[Answer], Answer]:
    """Registers what answers a request about one text."""

    def register(answer: Answer) -> Answer:
        # The text is the one at the time when the message is read, before a thread is free.
        def handler(params: Any) -> Any:
            uri = params.text_document.uri
            version = server.documents.version(uri)

            def work() -> Any:
                with server.request(uri, version, everywhere) as request:
                    return answer(request, params)

            return asyncio.get_running_loop().run_in_executor(server.thread_pool, work)

        async def answered(params: Any) -> Any:
            return await handler(params)

        server.feature(method, options)(answered)
        return answer

    return register


# --- opening and closing ---
def _documents(server: Server) -> None:
    documents = server.documents

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.loop = asyncio.get_running_loop()
        documents.configure(params.initialization_options)

    @server.feature(types.SHUTDOWN)
    def shut_down(params: None) -> None:
        server.asked_to_end = True

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        encoding = server.server_capabilities.position_encoding
        documents.encoding = str(getattr(encoding, "value", encoding) or "utf-16")

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        documents.open(params.text_document.uri, params.text_document.text)
        server.refresh()

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        documents.open(uri, server.workspace.get_text_document(uri).source)
        server.refresh()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        documents.close(params.text_document.uri)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))
        server.refresh()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: types.DidChangeWatchedFilesParams) -> None:
        server.refresh()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: types.DidChangeConfigurationParams) -> None:
        given = params.settings
        documents.configure(given.get("cnndsl", given) if isinstance(given, dict) else given)
        capabilities = server.client_capabilities.workspace
        if capabilities and capabilities.inlay_hint and capabilities.inlay_hint.refresh_support:
            server.workspace_inlay_hint_refresh(None)
        if capabilities and capabilities.code_lens and capabilities.code_lens.refresh_support:
            server.workspace_code_lens_refresh(None)


# --- what is shown ---
def _reading(server: Server) -> None:
    @_asked(server, types.TEXT_DOCUMENT_INLAY_HINT)
    def inlay_hint(request: Request, params: types.InlayHintParams) -> list[types.InlayHint]:
        first, last = params.range.start.line + 1, params.range.end.line + 1
        found = hints.hints(request.analysis, request.documents.settings.detail, first, last)
        return [
            types.InlayHint(
                position=request.places.position(request.analysis.file, hint.line, hint.column),
                label=hint.text,
                kind=types.InlayHintKind.Type,
                tooltip=hint.tooltip or None,
                padding_left=True,
            )
            for hint in found
        ]

    @_asked(server, types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())
    def code_lens(request: Request, params: types.CodeLensParams) -> list[types.CodeLens]:
        if not request.documents.settings.lenses:
            return []
        return [
            types.CodeLens(request.places.range(lens.span), types.Command(lens.text, ""))
            for lens in hints.lenses(request.analysis)
        ]

    @_asked(server, types.TEXT_DOCUMENT_HOVER)
    def hovered(request: Request, params: types.HoverParams) -> types.Hover | None:
        bindings = request.documents.workspace.bindings(request.analysis)
        found = hover.hover(request.analysis, bindings, request.offset(params.position))
        if found is None:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, found.text), request.places.range(found.span))

    @_asked(server, types.TEXT_DOCUMENT_SIGNATURE_HELP, types.SignatureHelpOptions([" ", "="], [" "]))
    def signature_help(request: Request, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
        found = signature.signature(request.analysis, request.offset(params.position))
        if found is None:
            return None
        parameters = [types.ParameterInformation(one.label, one.words) for one in found.parameters]
        # A number that is none of theirs marks no parameter.
        active = len(parameters) if found.active is None else found.active
        shown = types.SignatureInformation(found.label, found.words, parameters, active)
        return types.SignatureHelp([shown], 0, active)

    @_asked(server, types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=list(' ="./>')))
    def completed(request: Request, params: types.CompletionParams) -> list[types.CompletionItem]:
        analysis, offset = request.analysis, request.offset(params.position)
        capabilities = server.client_capabilities.text_document
        asked = capabilities.completion.completion_item if capabilities and capabilities.completion else None
        word = analysis.word(offset)
        start = word[0] if word and word[1] >= offset else offset
        replaced = request.places.range(analysis.source.span(start, offset))
        found = completion.completions(analysis, offset, lambda folder: _files(analysis.file, folder))
        return [completion_item(item, bool(asked and asked.snippet_support), replaced) for item in found]

    @_asked(server, types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, LEGEND)
    def tokens(request: Request, params: types.SemanticTokensParams) -> types.SemanticTokens:
        bindings = request.documents.workspace.bindings(request.analysis)
        found = semantic_tokens.semantic_tokens(request.analysis, bindings)
        return types.SemanticTokens(request.places.tokens(request.analysis, found))

    @_asked(server, types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding(request: Request, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        return [
            types.FoldingRange(fold.first - 1, fold.last - 1, kind=types.FoldingRangeKind(fold.kind))
            for fold in structure.folds(request.analysis)
        ]

    @_asked(server, types.TEXT_DOCUMENT_SELECTION_RANGE)
    def selection(request: Request, params: types.SelectionRangeParams) -> list[types.SelectionRange]:
        found = []
        for position in params.positions:
            around: types.SelectionRange | None = None
            for span in reversed(structure.selections(request.analysis, request.offset(position))):
                around = types.SelectionRange(request.places.range(span), around)
            found.append(around or types.SelectionRange(types.Range(position, position)))
        return found


def _files(file: str, folder: str) -> list[str]:
    """The files and folders beside a text, or in a folder below it."""
    place = Path(file).parent / folder
    try:
        with os.scandir(place) as entries:
            return sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
    except OSError:
        return []


# --- where things are ---
def _navigation(server: Server) -> None:
    @_asked(server, types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(request: Request, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        return [request.places.symbol(symbol) for symbol in structure.symbols(request.analysis)]

    @_asked(server, types.TEXT_DOCUMENT_DEFINITION, everywhere=True)
    def definition(request: Request, params: types.DefinitionParams) -> types.Location | None:
        workspace = request.documents.workspace
        span = navigation.definition(workspace, request.analysis, request.offset(params.position))
        return request.places.location(span) if span else None

    @_asked(server, types.TEXT_DOCUMENT_REFERENCES, everywhere=True)
    def references(request: Request, params: types.ReferenceParams) -> list[types.Location]:
        workspace, offset = request.documents.workspace, request.offset(params.position)
        found = navigation.references(workspace, request.analysis, offset)
        if not params.context.include_declaration:
            declared = navigation.definition(workspace, request.analysis, offset)
            found = [span for span in found if span != declared]
        return [request.places.location(span) for span in found]

    @_asked(server, types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, everywhere=True)
    def highlight(request: Request, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        workspace, offset = request.documents.workspace, request.offset(params.position)
        found = navigation.references(workspace, request.analysis, offset)
        here = [span for span in found if span.file == request.analysis.file]
        return [types.DocumentHighlight(request.places.range(span)) for span in here]

    @_asked(server, types.TEXT_DOCUMENT_DOCUMENT_LINK, types.DocumentLinkOptions())
    def links(request: Request, params: types.DocumentLinkParams) -> list[types.DocumentLink]:
        return [
            types.DocumentLink(request.places.range(link.span), to_uri(link.file))
            for link in navigation.links(request.analysis)
        ]

    @_asked(server, types.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY, everywhere=True)
    def prepare(request: Request, params: types.CallHierarchyPrepareParams) -> list[types.CallHierarchyItem] | None:
        workspace, offset = request.documents.workspace, request.offset(params.position)
        found = navigation.block_at(workspace, request.analysis, offset)
        return [request.places.caller(navigation.described(request.analysis, found))] if found else None

    def calls(item: types.CallHierarchyItem, incoming: bool) -> list[tuple[types.CallHierarchyItem, list[types.Range]]]:
        documents = server.documents
        with documents.lock:
            documents.settle(item.uri)
            known = next((one for one in documents.workspace.analyses() if to_path(item.uri) in one.trees), None)
            if known is None:
                return []
            # The item may be in a file that is not open, but imported by one that is.
            bindings = documents.workspace.bindings(known, to_path(item.uri))
            places = documents.all_places(known)
            wanted = [
                one
                for one in bindings.definitions
                if one.kind in ("block", "network")
                and places.range(navigation.described(known, one).name_span) == item.selection_range
            ]
            if not wanted:
                return []
            ask = navigation.callers if incoming else navigation.callees
            found = ask(documents.workspace, known, wanted[0])
            return [(places.caller(one), [places.range(span) for span in one.uses]) for one in found]

    async def aside(item: types.CallHierarchyItem, incoming: bool) -> list[tuple[Any, list[types.Range]]]:
        return await asyncio.get_running_loop().run_in_executor(server.thread_pool, calls, item, incoming)

    @server.feature(types.CALL_HIERARCHY_INCOMING_CALLS)
    async def incoming(params: types.CallHierarchyIncomingCallsParams) -> list[types.CallHierarchyIncomingCall]:
        return [types.CallHierarchyIncomingCall(item, ranges) for item, ranges in await aside(params.item, True)]

    @server.feature(types.CALL_HIERARCHY_OUTGOING_CALLS)
    async def outgoing(params: types.CallHierarchyOutgoingCallsParams) -> list[types.CallHierarchyOutgoingCall]:
        return [types.CallHierarchyOutgoingCall(item, ranges) for item, ranges in await aside(params.item, False)]


# --- what changes the text ---
def _changes(server: Server) -> None:
    @_asked(server, types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(request: Request, params: types.PrepareRenameParams) -> types.Range | None:
        workspace = request.documents.workspace
        span = navigation.name_at(workspace, request.analysis, request.offset(params.position))
        return request.places.range(span) if span else None

    @_asked(server, types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True), everywhere=True)
    def rename(request: Request, params: types.RenameParams) -> types.WorkspaceEdit:
        workspace, offset = request.documents.workspace, request.offset(params.position)
        try:
            fixes = navigation.rename(workspace, request.analysis, offset, params.new_name)
        except navigation.NotRenamed as reason:
            raise JsonRpcInvalidParams(str(reason)) from None
        return request.places.edits(fixes)

    @_asked(server, types.TEXT_DOCUMENT_FORMATTING)
    def format_all(request: Request, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        return [request.places.edit(fix) for fix in formatting.formatted(request.analysis)]

    @_asked(server, types.TEXT_DOCUMENT_RANGE_FORMATTING)
    def format_range(request: Request, params: types.DocumentRangeFormattingParams) -> list[types.TextEdit]:
        first, last = params.range.start.line + 1, params.range.end.line + 1
        return [request.places.edit(fix) for fix in formatting.formatted(request.analysis, first, last)]

    @_asked(server, types.TEXT_DOCUMENT_ON_TYPE_FORMATTING, types.DocumentOnTypeFormattingOptions("}", ["\n"]))
    def format_typed(request: Request, params: types.DocumentOnTypeFormattingParams) -> list[types.TextEdit]:
        return [
            request.places.edit(fix) for fix in formatting.typed(request.analysis, params.position.line + 1, params.ch)
        ]

    kinds = [types.CodeActionKind.QuickFix, types.CodeActionKind(types.CodeActionKind.SourceFixAll)]

    @_asked(server, types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=kinds))
    def code_action(request: Request, params: types.CodeActionParams) -> list[types.CodeAction]:
        first, last = params.range.start.line + 1, params.range.end.line + 1
        only = params.context.only or []
        wanted = [str(getattr(kind, "value", kind)) for kind in only]
        found: list[types.CodeAction] = []
        otherwise = Span(request.analysis.file, 1, 1, 1, 1)
        for action in actions.actions(request.analysis, first, last) if not wanted or "quickfix" in wanted else ():
            about = action.diagnostic
            said = [request.places.diagnostic(about, request.analysis.file, otherwise)] if about else None
            edit = request.places.edits(action.edits)
            quick = types.CodeActionKind.QuickFix
            found.append(types.CodeAction(action.title, quick, said, is_preferred=action.preferred, edit=edit))
        all_wanted = not wanted or any(FIX_ALL.startswith(kind) for kind in wanted)
        fixes = _all_fixes(request) if all_wanted else []
        if fixes:
            edit = request.places.edits(fixes)
            found.append(types.CodeAction("fix all that is safe", types.CodeActionKind.SourceFixAll, edit=edit))
        return found


def _all_fixes(request: Request) -> list[Fix]:
    """The edits of all safe fixes at once."""
    if not any(fix.safe for diagnostic in request.analysis.diagnostics for fix in diagnostic.fixes):
        return []
    resolver = request.documents.workspace.resolver(request.analysis.file)
    return formatting.edits(request.analysis, actions.fix_all(request.analysis, resolver))
