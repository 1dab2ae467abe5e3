// Which Python starts the language server, and whether it can. Nothing here needs an editor.

const { execFile } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

// No module of the folder that is open may stand in for one of Python's own.
const ENVIRONMENT = { PYTHONSAFEPATH: "1", PYTHONUNBUFFERED: "1", PYTHONUTF8: "1" };

const PROBE = `
import json, sys
from importlib.util import find_spec
missing = [name for name in ("cnndsl", "pygls") if find_spec(name) is None]
if "cnndsl" not in missing and find_spec("cnndsl.lsp") is None:
    missing.append("cnndsl.lsp")  # a cnndsl from before there was a server
print(json.dumps({"version": list(sys.version_info[:3]), "missing": missing}))
`;

/** The path that a setting means: `~`, `${workspaceFolder}` and `${env:NAME}` are put in. */
function expanded(setting, folder, environment = process.env) {
  const home = setting.replace(/^~(?=$|[/\\])/, () => os.homedir());
  const known = home.replaceAll("${workspaceFolder}", () => folder ?? "");
  return known.replace(/\$\{env:(\w+)\}/g, (_, name) => environment[name] ?? "");
}

/** Where Python may be, the likeliest first. A setting leaves no choice. */
function candidates({ setting = "", chosen, folder, platform = process.platform }) {
  if (setting) return [expanded(setting, folder)];
  const inside = platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const own = folder ? [".venv", "venv"].map((name) => path.join(folder, name, ...inside)) : [];
  const found = [chosen, ...own.filter((place) => fs.existsSync(place)), "python3", "python"];
  return found.filter((place) => place);
}

/** Asks an interpreter what it has: {path, version, missing}, or {path, failure} if it does not run. */
function probe(interpreter) {
  const options = { env: { ...process.env, ...ENVIRONMENT }, cwd: os.homedir(), timeout: 20_000 };
  return new Promise((resolve) => {
    execFile(interpreter, ["-c", PROBE], options, (error, output) => {
      try {
        resolve({ path: interpreter, ...JSON.parse(output) });
      } catch {
        resolve({ path: interpreter, failure: error ? error.message : "it printed what is no JSON" });
      }
    });
  });
}

/** What is in the way of starting the server, as {message, command}; undefined if nothing is. */
function obstacle(found) {
  if (found.failure) {
    return { message: `No Python starts at ${found.path}. Name one in the setting cnndsl.interpreter.` };
  }
  const [major, minor] = found.version;
  if (major < 3 || (major === 3 && minor < 11)) {
    return {
      message: `cnndsl needs Python 3.11 or newer, and ${found.path} is ${found.version.join(".")}. Name another in the setting cnndsl.interpreter.`,
    };
  }
  if (found.missing.length) {
    const quoted = /\s/.test(found.path) ? `"${found.path}"` : found.path;
    const command = `${quoted} -m pip install --upgrade "cnndsl[lsp]"`;
    const what = found.missing.includes("cnndsl") ? "cnndsl is" : "The language server of cnndsl is";
    return { message: `${what} not installed for ${found.path}. Install it with: ${command}`, command };
  }
  return undefined;
}

/** The first interpreter that can start the server; else the one that comes nearest, with its obstacle. */
async function choose(places) {
  let nearest;
  for (const place of places) {
    const found = await probe(place);
    const problem = obstacle(found);
    if (!problem) return { path: place };
    if (!nearest || (nearest.failure && !found.failure)) nearest = { ...found, obstacle: problem };
  }
  return nearest;
}

/** How the server is started. */
function launch(interpreter, folder) {
  return {
    command: interpreter,
    args: ["-m", "cnndsl", "lsp"],
    options: { cwd: folder, env: { ...process.env, ...ENVIRONMENT } },
  };
}

module.exports = { candidates, choose, expanded, launch, obstacle, probe };
