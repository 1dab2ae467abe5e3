"""Every request of the server, over standard input and output, with a real client."""

import asyncio

import pytest

pytest.importorskip("pytest_lsp", reason="the extra test has it")
pytest.importorskip("pygls", reason="the extra lsp has it")

from lsprotocol import types
from pygls.exceptions import JsonRpcException

import cnndsl
from cnndsl.lang.style.format import format_text
from tests.lsp.session import Session

pytestmark = pytest.mark.asyncio

NET = """\
let k = 3
block B(n) {
  conv n 3x3 pad=1 -> relu
}
network Net {
  input 3@8x8 as image
  B k
  flatten -> dense 10
}
"""


async def test_hints_hover_lenses_and_signature(session: Session) -> None:
    document = session.open("net.cnn", NET)
    assert await session.hints(document) == {2: "3@8x8", 5: "3@8x8", 6: "3@8x8", 7: "10"}
    hover = await session.hover(document, "co¦nv")
    assert hover and isinstance(hover.contents, types.MarkupContent)
    assert "gives `3@8x8`" in hover.contents.value and hover.range and document.at(hover.range) == "conv"
    assert await session.hover(document, "net¦work Net") is not None
    lenses = await session.client.text_document_code_lens_async(types.CodeLensParams(document.named))
    assert [(lens.range.start.line, lens.command.title) for lens in lenses][1] == (
        4,
        "2,014 params · 7,104 MACs · 4 layers",
    )
    params = types.SignatureHelpParams(document.named, document.place("conv n ¦3x3"))
    help_ = await session.client.text_document_signature_help_async(params)
    assert help_.signatures[0].label.startswith("conv filters kernel") and help_.active_parameter == 1


async def test_completion(session: Session) -> None:
    document = session.open("net.cnn", 'input 3@8x8 as x\nconv 8 3x3 pad=s\nmaxp\nimport "\n')
    (session.folder / "lib.cnn").write_text("", encoding="utf-8")
    for word, wanted, kind in [
        ("pad=s¦", "same", types.CompletionItemKind.EnumMember),
        ("maxp¦", "maxpool", types.CompletionItemKind.Function),
        ('import "¦', "lib.cnn", types.CompletionItemKind.File),
    ]:
        params = types.CompletionParams(document.named, document.place(word))
        found = await session.client.text_document_completion_async(params)
        item = next(one for one in found if one.label == wanted)
        assert item.kind == kind
        typed = document.at(item.text_edit.range)
        assert wanted.startswith(typed) and word.replace("¦", "").endswith(typed)


async def test_navigation(session: Session) -> None:
    client = session.client
    document = session.open("net.cnn", NET)
    place = document.place("B k¦")
    found = await client.text_document_definition_async(types.DefinitionParams(document.named, place))
    assert document.at(found.range) == "k" and found.range.start.line == 0
    for declared, expected in ((True, [0, 6]), (False, [6])):
        context = types.ReferenceContext(declared)
        places = await client.text_document_references_async(types.ReferenceParams(context, document.named, place))
        assert sorted(one.range.start.line for one in places) == expected
    marked = await client.text_document_document_highlight_async(types.DocumentHighlightParams(document.named, place))
    assert sorted(one.range.start.line for one in marked) == [0, 6]
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document.named))
    assert [one.name for one in symbols] == ["k", "B", "Net"]
    assert [one.name for one in symbols[2].children] == ["image", "B", "flatten", "dense"]
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(document.named))
    assert [(fold.start_line, fold.end_line) for fold in folds] == [(4, 7)] or len(folds) == 2
    (selection,) = await client.text_document_selection_range_async(types.SelectionRangeParams(document.named, [place]))
    assert document.at(selection.range) == "k" and document.at(selection.parent.range) == "B k"
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document.named))
    assert len(tokens.data) % 5 == 0 and len(tokens.data) > 100


async def test_calls(session: Session) -> None:
    client = session.client
    document = session.open("net.cnn", NET)
    params = types.CallHierarchyPrepareParams(document.named, document.place("block B¦"))
    (item,) = await client.text_document_prepare_call_hierarchy_async(params)
    assert item.name == "B"
    (caller,) = await client.call_hierarchy_incoming_calls_async(types.CallHierarchyIncomingCallsParams(item))
    assert caller.from_.name == "Net" and [document.at(one) for one in caller.from_ranges] == ["B"]
    (callee,) = await client.call_hierarchy_outgoing_calls_async(types.CallHierarchyOutgoingCallsParams(caller.from_))
    assert callee.to.name == "B"


async def test_formatting(session: Session) -> None:
    client = session.client
    document = session.open("net.cnn", "input  3@8x8\n  relu\nadd {\nrelu\nidentity\n}\n")
    options = types.FormattingOptions(2, True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(document.named, options))
    assert document.applied(edits) == format_text(document.text, "net.cnn")
    lines = types.Range(types.Position(1, 0), types.Position(1, 3))
    params = types.DocumentRangeFormattingParams(document.named, lines, options)
    edits = await client.text_document_range_formatting_async(params)
    assert document.applied(edits) == document.text.replace("  relu", "relu", 1)
    document.change("add {\n\n}")
    params = types.DocumentOnTypeFormattingParams(document.named, types.Position(1, 0), "\n", options)
    assert document.applied(await client.text_document_on_type_formatting_async(params)) == "add {\n  \n}"


async def test_rename_across_an_import_that_is_not_saved(session: Session) -> None:
    client = session.client
    library = session.open("lib.cnn", "block C(n) {\n  conv n 3x3\n}\n")
    document = session.open("net.cnn", 'import "lib.cnn"\ninput 3@8x8\nC 3 # 🙂\n')
    assert await session.codes(document) == []
    links = await client.text_document_document_link_async(types.DocumentLinkParams(document.named))
    assert [link.target for link in links] == [library.uri]
    place = document.place("C¦ 3")
    assert await client.text_document_prepare_rename_async(types.PrepareRenameParams(document.named, place))
    edit = await client.text_document_rename_async(types.RenameParams(document.named, place, "Stem"))
    renamed = {one.uri: one.applied(edit.changes[one.uri]) for one in (library, document)}
    assert "block Stem(n)" in renamed[library.uri] and "\nStem 3 # 🙂" in renamed[document.uri]
    with pytest.raises(JsonRpcException, match="is an operator"):
        await client.text_document_rename_async(types.RenameParams(document.named, place, "conv"))
    # Between the two edits the importing text is wrong, behind both it is not.
    library.change(renamed[library.uri])
    assert await session.codes(document) == ["unknown-operator"]
    document.change(renamed[document.uri])
    assert await session.codes(document) == []
    client.text_document_did_close(types.DidCloseTextDocumentParams(library.named))
    assert await session.codes(document) == ["import-not-found"]


async def test_every_offered_fix(session: Session) -> None:
    client = session.client
    document = session.open("net.cnn", "input 3@8x8\ncnov 8 3x3 # 🙂\nreul\nconv 4 3x3 strid=1\nflaten\ndense 10\n")
    for _ in range(10):
        found = await session.settled(document)
        errors = [one for one in found if one.severity == types.DiagnosticSeverity.Error]
        if not errors:
            break
        context = types.CodeActionContext(found, only=[types.CodeActionKind.QuickFix])
        params = types.CodeActionParams(document.named, document.whole, context)
        offered = await client.text_document_code_action_async(params)
        fixes = [one for one in offered if one.is_preferred]
        assert fixes
        document.change(document.applied(fixes[0].edit.changes[document.uri]))
    assert cnndsl.check(document.text).ok
    assert document.text == "input 3@8x8\nconv 8 3x3 # 🙂\nrelu\nconv 4 3x3 stride=1\nflatten\ndense 10\n"


async def test_all_fixes_at_once(session: Session) -> None:
    document = session.open("net.cnn", "input 3@8x8\ncnov 8 3x3 # 🙂\nreul\nflaten\n")
    await session.settled(document)
    context = types.CodeActionContext([], only=[types.CodeActionKind.SourceFixAll])
    params = types.CodeActionParams(document.named, document.whole, context)
    (action,) = await session.client.text_document_code_action_async(params)
    assert document.applied(action.edit.changes[document.uri]) == "input 3@8x8\nconv 8 3x3 # 🙂\nrelu\nflatten\n"


async def test_positions_count_utf_16(session: Session) -> None:
    document = session.open("net.cnn", "input 3@8x8\nadd { # 🙂🙂 é\n  relu; cnov 3 } # 🙂\n")
    (found,) = await session.settled(document)
    assert document.at(found.range) == "cnov"
    document.change('data_ # 🙂\ninput 3@8x8 as x # 🙂\n  train { data "🙂🙂" ; lossy 3 }\n')
    ranges = [document.at(one.range) for one in await session.settled(document)]
    assert "lossy" in " ".join(ranges)
    document.change("input 3@8x8 as x # 🙂\nlet k = 1 # 🙂\nadd { from x } # 🙂\n")
    assert await session.hints(document)
    params = types.InlayHintParams(document.named, document.whole)
    for hint in await session.client.text_document_inlay_hint_async(params):
        assert document.offset(hint.position) == len("\n".join(document.text.split("\n")[: hint.position.line + 1]))


async def test_half_a_character(session: Session) -> None:
    """As an editor sends it where one of two surrogates was deleted."""
    document = session.open("net.cnn", "input 3@8x8\n# \ud83d\ncnov 3 # \ud83d x\n")
    found = await session.settled(document)
    misspelt = [one.range for one in found if one.code == "unknown-operator"]
    assert misspelt == [types.Range(types.Position(2, 0), types.Position(2, 4))]


async def test_line_ends_of_windows(session: Session) -> None:
    document = session.open("net.cnn", NET.replace("\n", "\r\n").replace("dense", "dnse"))
    (found,) = await session.settled(document)
    assert found.range == types.Range(types.Position(7, 13), types.Position(7, 17))
    assert (await session.hints(document))[6] == "3@8x8"
    hover = await session.hover(document, "co¦nv")
    assert hover and hover.range == types.Range(types.Position(2, 2), types.Position(2, 6))


async def test_two_documents_and_settings_of_the_editor(session: Session) -> None:
    one, two = session.open("one.cnn", "input 3@8x8\nconv 8 3x3"), session.open("two.cnn", "input 1@4x4\nreul")
    assert await session.codes(one) == [] and await session.codes(two) == ["unknown-operator"]
    assert (await session.hints(one), await session.hints(two)) == ({0: "3@8x8", 1: "8@6x6"}, {0: "1@4x4"})
    for detail, expected in (("shape + params", "8@6x6  224"), ("off", None), ("nonsense", None)):
        given = {"cnndsl": {"inlayHints": detail, "codeLens": False}}
        session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(given))
        assert (await session.hints(one)).get(1) == expected
    assert not await session.client.text_document_code_lens_async(types.CodeLensParams(one.named))


async def test_settings_of_the_project(session: Session) -> None:
    project = session.folder / "pyproject.toml"
    document = session.open("net.cnn", "input 3@8x8\nconv 8 3x3\nconv 4 3x3\n")
    watched = types.DidChangeWatchedFilesParams([types.FileEvent(project.as_uri(), types.FileChangeType.Changed)])
    assert await session.codes(document) == ["linear-pair"]
    for content, expected in [
        ('[tool.cnndsl]\nignore = ["linear-pair"]\n', []),
        ('[tool.cnndsl]\nselect = ["linear-pair"]\n', ["linear-pair"]),
        ("[tool.cnndsl\n", None),
        ('[tool.cnndsl]\nignore = ["linear-pair"]\n', []),
    ]:
        project.write_text(content, encoding="utf-8")
        session.client.workspace_did_change_watched_files(watched)
        await asyncio.sleep(0.3)
        found = await session.settled(document)
        if expected is None:
            assert any("pyproject.toml" in one.message for one in found)
        else:
            assert [one.code for one in found] == expected
