// Which Python starts the server, and what is said where none can. CNNDSL_PYTHON is one that has cnndsl[lsp].

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { test } = require("node:test");
const { candidates, choose, expanded, launch, obstacle, probe } = require("../src/interpreter");

const PYTHON = process.env.CNNDSL_PYTHON ?? "python3";

function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "cnndsl "));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

test("a setting leaves no choice", () => {
  assert.deepEqual(candidates({ setting: "/a/python", chosen: "/b/python", folder: "/c" }), ["/a/python"]);
});

test("a setting may hold variables", () => {
  assert.equal(expanded("${workspaceFolder}/.venv/bin/python", "/project"), "/project/.venv/bin/python");
  assert.equal(expanded("${env:BASE}/python", "/project", { BASE: "/base$&" }), "/base$&/python");
  assert.equal(expanded("~/python", "/project"), path.join(os.homedir(), "python"));
  assert.equal(expanded("~other/python", "/project"), "~other/python");
});

test("without a setting the editor's choice comes first, then the folder's own", (t) => {
  const work = folder(t);
  assert.deepEqual(candidates({ folder: work }), ["python3", "python"]);
  const own = path.join(work, ".venv", "bin", "python");
  fs.mkdirSync(path.dirname(own), { recursive: true });
  fs.writeFileSync(own, "");
  assert.deepEqual(candidates({ chosen: "/b/python", folder: work, platform: "linux" }), ["/b/python", own, "python3", "python"]);
  assert.deepEqual(candidates({ folder: work, platform: "win32" }), ["python3", "python"]);
});

test("an interpreter that has everything is taken, past those that are not there", async () => {
  assert.equal(obstacle(await probe(PYTHON)), undefined);
  assert.deepEqual(await choose(["/no/such/python", PYTHON]), { path: PYTHON });
});

test("where cnndsl is missing the message has the command that installs it", async (t) => {
  const empty = path.join(folder(t), "empty");
  execFileSync(PYTHON, ["-m", "venv", "--without-pip", empty]);
  const { PYTHONPATH } = process.env; // where that leads to cnndsl, no environment is without it
  delete process.env.PYTHONPATH;
  t.after(() => PYTHONPATH === undefined || (process.env.PYTHONPATH = PYTHONPATH));
  const bare = path.join(empty, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const found = await choose(["/no/such/python", bare]);
  assert.equal(found.path, bare);
  assert.equal(found.obstacle.command, `"${bare}" -m pip install --upgrade "cnndsl[lsp]"`);
  assert.equal(found.obstacle.message, `cnndsl is not installed for ${bare}. Install it with: ${found.obstacle.command}`);
});

test("a Python without the extra, an old one, and none at all are told apart", async () => {
  for (const missing of ["pygls", "cnndsl.lsp"]) {
    const { message } = obstacle({ path: "/p", version: [3, 12, 0], missing: [missing] });
    assert.match(message, /^The language server of cnndsl is not installed for \/p\./);
  }
  const { command } = obstacle({ path: "/p", version: [3, 12, 0], missing: ["pygls"] });
  assert.equal(command, '/p -m pip install --upgrade "cnndsl[lsp]"');
  assert.match(obstacle({ path: "/p", version: [3, 10, 4], missing: [] }).message, /3\.11 or newer, and \/p is 3\.10\.4/);
  const { obstacle: problem } = await choose(["/no/such/python"]);
  assert.equal(problem.message, "No Python starts at /no/such/python. Name one in the setting cnndsl.interpreter.");
  assert.equal(problem.command, undefined);
});

test("what is no Python is no Python", async () => {
  assert.match((await probe(process.execPath)).failure, /./);
});

test("a module of the open folder does not stand in for a library", async (t) => {
  const work = folder(t);
  fs.writeFileSync(path.join(work, "json.py"), "raise SystemExit('shadowed')\n");
  const { command, options } = launch(PYTHON, work);
  assert.equal(execFileSync(command, ["-c", "import json; print(json.dumps(1))"], { ...options, encoding: "utf8" }).trim(), "1");
});
