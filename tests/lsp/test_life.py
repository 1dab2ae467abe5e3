"""The life of a server: typing key by key, faults, cancelled and outdated requests, and its end."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pytest_lsp", reason="the extra test has it")
pytest.importorskip("pygls", reason="the extra lsp has it")

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from cnndsl.language_service.analysis import Analysis
from cnndsl.language_service.hints import hints
from tests.lsp.session import Session

EVERY = int(os.environ.get("CNNDSL_KEYS", "1"))
"""After so many keys of the network that is typed the hints are asked for; `CNNDSL_KEYS=9`: after every ninth."""

RESNET50 = """\
block Bottleneck(width, stride=1) {
  add {
    conv width 1x1 bias=false -> batchnorm -> relu
      -> conv width 3x3 stride=stride pad=1 bias=false
      -> batchnorm -> relu
      -> conv (4*width) 1x1 bias=false -> batchnorm
    if stride > 1 or in.channels != 4*width {
      conv (4*width) 1x1 stride=stride bias=false -> batchnorm
    } else { identity }
  }
  relu
}

network ResNet50 {
  input 3@224x224
  conv 64 7x7 stride=2 pad=3 bias=false # 🙂
  batchnorm -> relu
  maxpool 3x3 stride=2 pad=1
  for [width, depth, stride] in [[64, 3, 1], [128, 4, 2], [256, 6, 2], [512, 3, 2]] {
    Bottleneck width stride=stride
    repeat depth - 1 { Bottleneck width }
  }
  global_avgpool -> flatten
  dense 1000
  expect params == 25_557_032
}
"""


@pytest.mark.asyncio
async def test_a_network_typed_key_by_key(session: Session) -> None:
    """The lines above the one that is being typed keep the hints that they have once they are complete."""
    document = session.open("net.cnn", "")
    seen: dict[int, str] = {}
    final = {hint.line - 1: hint.text for hint in hints(Analysis(RESNET50))}
    network = RESNET50[: RESNET50.index("network")].count("\n")
    for end in range(1, len(RESNET50) + 1):
        document.change(RESNET50[:end])
        if end % EVERY and end < len(RESNET50):
            continue
        seen = await session.hints(document)
        line = RESNET50.count("\n", 0, end)
        # The block has shapes when it is used; a loop is complete with its brace.
        above = {number: hint for number, hint in seen.items() if network < number < line}
        assert above.items() <= final.items(), RESNET50[:end]
        if line > network and "for" not in RESNET50[RESNET50.index("network") : end]:
            assert above == {number: hint for number, hint in final.items() if network < number < line}
    assert seen == final
    assert await session.settled(document) == ()


@pytest.mark.asyncio
async def test_only_the_last_of_many_keys_counts(session: Session) -> None:
    """Requests about texts that have changed since are refused or answered; none is lost, and the end is right."""
    document = session.open("net.cnn", "input 3@8x8\n")
    asked = []
    for filters in range(1, 60):
        document.change(f"input 3@8x8\nconv {filters} 3x3\n")
        params = types.InlayHintParams(document.named, document.whole)
        asked.append(session.client.text_document_inlay_hint_async(params))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers[:-1]:
        assert isinstance(answer, JsonRpcException | list | tuple), answer
        if isinstance(answer, JsonRpcException):
            assert answer.code == types.LSPErrorCodes.ContentModified
    assert [hint.label for hint in answers[-1]] == ["3@8x8", "59@6x6"]
    assert await session.settled(document) == ()


@pytest.mark.asyncio
async def test_absurd_requests_are_answered_with_errors_or_nothing(session: Session) -> None:
    client = session.client
    document = session.open("net.cnn", "input 3@8x8\nrelu")
    unknown = types.TextDocumentIdentifier((session.folder / "never_opened.cnn").as_uri())
    with pytest.raises(JsonRpcException, match="is not open"):
        await client.text_document_hover_async(types.HoverParams(unknown, types.Position(0, 0)))
    for place in (types.Position(99, 0), types.Position(0, 99_999), types.Position(2**31 - 1, 2**31 - 1)):
        await client.text_document_hover_async(types.HoverParams(document.named, place))
        await client.text_document_completion_async(types.CompletionParams(document.named, place))
        await client.text_document_definition_async(types.DefinitionParams(document.named, place))
        await client.text_document_signature_help_async(types.SignatureHelpParams(document.named, place))
        with pytest.raises(JsonRpcException, match="there is no name here"):
            await client.text_document_rename_async(types.RenameParams(document.named, place, "x"))
        options = types.FormattingOptions(2, True)
        params = types.DocumentOnTypeFormattingParams(document.named, place, "\n", options)
        assert not await client.text_document_on_type_formatting_async(params)
        around = types.Range(place, place)
        params = types.CodeActionParams(document.named, around, types.CodeActionContext([]))
        assert not await client.text_document_code_action_async(params)
    item = types.CallHierarchyItem("B", types.SymbolKind.Class, unknown.uri, document.whole, document.whole)
    assert not await client.call_hierarchy_incoming_calls_async(types.CallHierarchyIncomingCallsParams(item))
    assert await session.hints(document) == {0: "3@8x8", 1: "3@8x8"}


@pytest.mark.asyncio
async def test_texts_without_a_file(session: Session) -> None:
    item = types.TextDocumentItem("untitled:Untitled-1", "cnn", 1, "input 3@8x8\nreul")
    session.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    named = types.TextDocumentIdentifier(item.uri)
    params = types.HoverParams(named, types.Position(0, 1))
    assert await session.client.text_document_hover_async(params)
    for _ in range(100):
        if session.client.diagnostics.get(item.uri):
            break
        await asyncio.sleep(0.1)
    assert [one.code for one in session.client.diagnostics[item.uri]] == ["unknown-operator"]


FAULTY = """\
import sys
import warnings
from cnndsl.language_service import hover, structure
from cnndsl.__main__ import run

def broken(*_):
    print("what a library prints is no protocol")
    warnings.warn("and no warning either")
    raise RuntimeError("a fault of the server")

hover.hover = structure.folds = broken
sys.argv = ["cnndsl", "lsp"]
run()
"""


class TestFaults:
    @pytest.fixture
    def server_command(self, tmp_path: Path) -> list[str]:
        script = tmp_path / "faulty_server.py"
        script.write_text(FAULTY, encoding="utf-8")
        return [sys.executable, str(script)]

    @pytest.mark.asyncio
    async def test_a_fault_in_one_request_is_answered_and_the_server_lives_on(self, session: Session) -> None:
        document = session.open("net.cnn", "input 3@8x8\nrelu")
        for _ in range(3):
            with pytest.raises(JsonRpcException, match="a fault of the server"):
                await session.hover(document, "re¦lu")
            with pytest.raises(JsonRpcException):
                await session.client.text_document_folding_range_async(types.FoldingRangeParams(document.named))
            assert await session.hints(document) == {0: "3@8x8", 1: "3@8x8"}

    def test_nothing_but_messages_is_written(self, root: Path, server_command: list[str]) -> None:
        item = {"uri": "file:///net.cnn", "languageId": "cnn", "version": 1, "text": "input 3@8x8"}
        named = {"textDocument": {"uri": item["uri"]}, "position": {"line": 0, "character": 1}}
        said = INITIALIZE + message("initialized", None, {})
        said += message("textDocument/didOpen", None, {"textDocument": item})
        said += message("textDocument/hover", 2, named) + message("shutdown", 3)
        _, answers, errors = talk(root, said, command=server_command)
        assert next(one for one in answers if one.get("id") == 2)["error"]["message"]
        assert "no protocol" in errors and "no warning either" in errors


# --- without a client: bytes in, bytes out ---
def message(method: str, number: int | None = None, params: object = None) -> bytes:
    content: dict[str, object] = {"jsonrpc": "2.0", "method": method}
    if number is not None:
        content["id"] = number
    if params is not None:
        content["params"] = params
    body = json.dumps(content).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def messages(stream: bytes) -> list[dict[str, Any]]:
    """All of a stream, which must be nothing but messages."""
    found = []
    while stream:
        head, separator, rest = stream.partition(b"\r\n\r\n")
        assert separator and head.startswith(b"Content-Length: "), stream[:200]
        length = int(head.split(b"\r\n")[0].split(b":")[1])
        found.append(json.loads(rest[:length]))
        stream = rest[length:]
    return found


INITIALIZE = message("initialize", 1, {"processId": None, "rootUri": None, "capabilities": {}})


def talk(
    root: Path, said: bytes, close: bool = True, command: Sequence[str] = ()
) -> tuple[int, list[dict[str, Any]], str]:
    """How a server ends to which all this is said at once: its status, what it answered, and its other output."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = command or [sys.executable, "-W", "always", "-m", "cnndsl", "lsp"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as server:
        assert server.stdin and server.stdout and server.stderr
        if close:
            out, err = server.communicate(said, timeout=240)
        else:
            server.stdin.write(said)
            server.stdin.flush()
            server.wait(timeout=240)
            out, err = server.stdout.read(), server.stderr.read()
        return server.returncode, messages(out), err.decode()


def test_shutdown_and_exit(root: Path) -> None:
    status, answers, _ = talk(
        root, INITIALIZE + message("initialized", None, {}) + message("shutdown", 2) + message("exit"), False
    )
    assert status == 0
    answered = {answer.get("id") for answer in answers}
    assert {1, 2} <= answered
    capabilities = next(answer for answer in answers if answer.get("id") == 1)["result"]["capabilities"]
    assert {"hoverProvider", "inlayHintProvider", "renameProvider", "codeActionProvider"} <= capabilities.keys()


def test_exit_without_shutdown(root: Path) -> None:
    status, _, errors = talk(root, INITIALIZE + message("initialized", None, {}) + message("exit"), False)
    assert status == 1 and "Traceback" not in errors


def test_the_end_of_the_input_ends_the_server(root: Path) -> None:
    for said in (b"", INITIALIZE, INITIALIZE + message("initialized", None, {})):
        status, _, errors = talk(root, said)
        assert status == 1 and "Traceback" not in errors, errors


def test_cancelled_requests_are_answered(root: Path) -> None:
    item = {
        "uri": "file:///net.cnn",
        "languageId": "cnn",
        "version": 1,
        "text": "input 3@8x8\n" + 10_000 * "conv 3 3x3 pad=1\n",
    }
    named = {"textDocument": {"uri": item["uri"]}}
    said = INITIALIZE + message("initialized", None, {}) + message("textDocument/didOpen", None, {"textDocument": item})
    for number in range(10, 20):
        said += message("textDocument/foldingRange", number, named)
        said += message("$/cancelRequest", None, {"id": number})
    said += message("textDocument/documentSymbol", 20, named)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-m", "cnndsl", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as server:
        assert server.stdin and server.stdout
        server.stdin.write(said)
        server.stdin.flush()
        answers: dict[object, dict[str, Any]] = {}
        while 20 not in answers:
            length = int(server.stdout.readline().split(b":")[1])
            while server.stdout.readline().strip():
                pass
            answer = json.loads(server.stdout.read(length))
            answers[answer.get("id")] = answer
        server.communicate(message("shutdown", 21) + message("exit"), timeout=240)
    assert set(range(10, 21)) <= answers.keys()
    cancelled = [number for number in range(10, 20) if "error" in answers[number]]
    assert cancelled and {answers[number]["error"]["code"] for number in cancelled} == {-32800}
    assert len(answers[20]["result"]) == 10_001
