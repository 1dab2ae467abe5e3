// The client: starts `python -m cnndsl lsp` and hands VS Code what it says.

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");
const { augmenting } = require("./colours");
const { candidates, choose, launch } = require("./interpreter");

const SELECTOR = ["file", "untitled"].map((scheme) => ({ language: "cnn", scheme }));

let client;
let log;
let watcher;
let starting = Promise.resolve();

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  log = vscode.window.createOutputChannel("cnndsl", { log: true });
  watcher = vscode.workspace.createFileSystemWatcher("**/{*.cnn,pyproject.toml}");
  context.subscriptions.push(
    log,
    watcher,
    vscode.commands.registerCommand("cnndsl.restart", restart),
    vscode.commands.registerCommand("cnndsl.showLog", () => log.show()),
    vscode.workspace.onDidGrantWorkspaceTrust(restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("cnndsl.interpreter")) restart();
    }),
  );
  await followPythonExtension(context);
  await restart();
}

async function deactivate() {
  await starting;
  await stop();
}

/** One start at a time: a second waits for the first. */
function restart() {
  starting = starting.then(stop).then(start).catch((error) => log.error(error));
  return starting;
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.dispose();
}

async function start() {
  if (!vscode.workspace.isTrusted) {
    log.info("The folder is not trusted: the language server does not start.");
    return;
  }
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file")?.uri.fsPath;
  const setting = vscode.workspace.getConfiguration("cnndsl").get("interpreter", "").trim();
  const found = await choose(candidates({ setting, chosen: await chosenInPythonExtension(), folder }));
  if (found.obstacle) {
    log.error(found.obstacle.message);
    offerHelp(found.obstacle);
    return;
  }
  const { command, args, options } = launch(found.path, folder);
  log.info(`Starting ${[command, ...args].join(" ")}`);
  const server = { command, args, options, transport: TransportKind.stdio };
  const started = new LanguageClient("cnndsl", "cnndsl", server, {
    documentSelector: SELECTOR,
    outputChannel: log,
    initializationOptions: settings(),
    synchronize: { configurationSection: "cnndsl", fileEvents: watcher },
    middleware: { provideDocumentSemanticTokens: semanticTokens },
  });
  client = started;
  await started.start();
}

/** What the server is told of the settings when it starts; later it asks for the section `cnndsl`. */
function settings() {
  const { inlayHints, codeLens } = vscode.workspace.getConfiguration("cnndsl");
  return { inlayHints, codeLens };
}

async function semanticTokens(document, token, next) {
  const found = await next(document, token);
  const types = client?.initializeResult?.capabilities.semanticTokensProvider?.legend.tokenTypes;
  return found && types ? new vscode.SemanticTokens(augmenting(found.data, types), found.resultId) : found;
}

/** Says what is missing, without waiting for an answer. */
async function offerHelp({ message, command }) {
  const copy = "Copy Command";
  const open = "Open Settings";
  const answer = await vscode.window.showErrorMessage(message, ...(command ? [copy, open] : [open]));
  if (answer === copy) await vscode.env.clipboard.writeText(command);
  if (answer === open) await vscode.commands.executeCommand("workbench.action.openSettings", "cnndsl.interpreter");
}

// --- the Python extension, where there is one --------------------------------------------------------------------------

async function pythonEnvironments() {
  try {
    return (await vscode.extensions.getExtension("ms-python.python")?.activate())?.environments;
  } catch (error) {
    log.warn(`The Python extension cannot be asked: ${error}`);
    return undefined;
  }
}

async function chosenInPythonExtension() {
  return (await pythonEnvironments())?.getActiveEnvironmentPath()?.path;
}

async function followPythonExtension(context) {
  const changed = (await pythonEnvironments())?.onDidChangeActiveEnvironmentPath;
  if (changed) context.subscriptions.push(changed(restart));
}

module.exports = { activate, deactivate };
