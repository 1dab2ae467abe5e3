// The server as the client starts it: opened in it, a network has its shapes at its lines and its mistakes underlined.

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { test } = require("node:test");
const { pathToFileURL } = require("node:url");
const protocol = require("vscode-languageserver-protocol/node");
const { launch } = require("../src/interpreter");

const PYTHON = process.env.CNNDSL_PYTHON ?? "python3";
const NETWORK = "input 3@224x224\nconv 64 7x7 stride=2 pad=3 -> relu\nmaxpool 3x3 stride=2 pad=1\n";

async function session(t, text) {
  const { command, args, options } = launch(PYTHON, process.cwd());
  const server = spawn(command, args, options);
  const ended = new Promise((resolve) => server.on("exit", resolve));
  t.after(() => server.kill());
  const connection = protocol.createProtocolConnection(
    new protocol.StreamMessageReader(server.stdout),
    new protocol.StreamMessageWriter(server.stdin),
  );
  const diagnostics = new Promise((resolve) =>
    connection.onNotification(protocol.PublishDiagnosticsNotification.type, resolve),
  );
  connection.onRequest(protocol.ConfigurationRequest.type, ({ items }) => items.map(() => SETTINGS));
  connection.onRequest(protocol.RegistrationRequest.type, () => null);
  connection.onRequest("workspace/inlayHint/refresh", () => null);
  connection.onRequest("workspace/codeLens/refresh", () => null);
  connection.listen();
  const { capabilities } = await connection.sendRequest(protocol.InitializeRequest.type, {
    processId: process.pid,
    rootUri: null,
    capabilities: { textDocument: { inlayHint: {}, publishDiagnostics: {} } },
    initializationOptions: SETTINGS,
    workspaceFolders: null,
  });
  await connection.sendNotification(protocol.InitializedNotification.type, {});
  const uri = pathToFileURL("/networks/small.cnn").href;
  const textDocument = { uri, languageId: "cnn", version: 1, text };
  await connection.sendNotification(protocol.DidOpenTextDocumentNotification.type, { textDocument });
  const end = async () => {
    await connection.sendRequest(protocol.ShutdownRequest.type);
    await connection.sendNotification(protocol.ExitNotification.type);
    return ended;
  };
  return { connection, capabilities, uri, diagnostics, end };
}

const SETTINGS = { inlayHints: "shape", codeLens: true };

test("shapes stand at the ends of lines", async (t) => {
  const { connection, capabilities, uri, end } = await session(t, NETWORK);
  assert.ok(capabilities.inlayHintProvider);
  const range = { start: { line: 0, character: 0 }, end: { line: 3, character: 0 } };
  const hints = await connection.sendRequest(protocol.InlayHintRequest.type, { textDocument: { uri }, range });
  const said = hints.map(({ position, label }) => [position.line, typeof label === "string" ? label : label[0].value]);
  const shape = (line) => said.find(([at]) => at === line)?.[1].trim();
  assert.equal(shape(1), "64@112x112");
  assert.equal(shape(2), "64@56x56");
  assert.equal(await end(), 0);
});

test("a mistake is underlined where it stands", async (t) => {
  const { diagnostics, end } = await session(t, "input 3@8x8\nconv 4 9x9\n");
  const { diagnostics: found } = await diagnostics;
  assert.deepEqual(found.map(({ code, range }) => [code, range.start.line]), [["kernel-too-large", 1]]);
  assert.equal(await end(), 0);
});
