// What VS Code's engine makes of texts: a JSON list of them on standard input, on standard output for each the list of
// [start, end, scope], with offsets into the text and the innermost scope. Space is left out.

const fs = require("node:fs");
const path = require("node:path");
const oniguruma = require("vscode-oniguruma");
const textmate = require("vscode-textmate");

const GRAMMAR = path.join(__dirname, "..", "syntaxes", "cnn.tmLanguage.json");

async function load() {
  const engine = fs.readFileSync(path.join(path.dirname(require.resolve("vscode-oniguruma")), "onig.wasm"));
  await oniguruma.loadWASM(engine);
  const onigLib = Promise.resolve({
    createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
    createOnigString: (text) => new oniguruma.OnigString(text),
  });
  const loadGrammar = async () => textmate.parseRawGrammar(fs.readFileSync(GRAMMAR, "utf8"), GRAMMAR);
  return new textmate.Registry({ onigLib, loadGrammar }).loadGrammar("source.cnn");
}

function tokens(grammar, text) {
  const found = [];
  let state = textmate.INITIAL;
  let offset = 0;
  for (const line of text.split("\n")) {
    const read = grammar.tokenizeLine(line, state);
    state = read.ruleStack;
    for (const { startIndex, endIndex, scopes } of read.tokens) {
      const end = Math.min(endIndex, line.length);
      if (scopes.length > 1 && startIndex < end) found.push([offset + startIndex, offset + end, scopes.at(-1)]);
    }
    offset += line.length + 1;
  }
  return found;
}

load().then((grammar) => {
  const texts = JSON.parse(fs.readFileSync(0, "utf8"));
  process.stdout.write(JSON.stringify(texts.map((text) => tokens(grammar, text))));
});
