// Semantic tokens that the client leaves out: those around them stay where they are.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { augmenting } = require("../src/colours");

const TYPES = ["function", "keyword", "number", "variable"];

/** Tokens as [line, column, length, type] in the numbers of the protocol. */
function encoded(tokens) {
  let [line, column] = [0, 0];
  return Uint32Array.from(
    tokens.flatMap(([at, from, length, type]) => {
      const numbers = [at - line, at === line ? from - column : from, length, TYPES.indexOf(type), 1];
      [line, column] = [at, from];
      return numbers;
    }),
  );
}

test("keywords and numbers go, the rest stays in its place", () => {
  const tokens = [
    [0, 0, 5, "keyword"],
    [0, 6, 7, "variable"],
    [2, 2, 4, "function"],
    [2, 7, 2, "number"],
    [2, 12, 5, "variable"],
    [3, 0, 6, "keyword"],
    [5, 1, 1, "number"],
    [5, 4, 1, "function"],
  ];
  const kept = tokens.filter(([, , , type]) => ["function", "variable"].includes(type));
  assert.deepEqual(augmenting(encoded(tokens), TYPES), encoded(kept));
});

test("where nothing is left out nothing changes", () => {
  const tokens = encoded([[1, 3, 2, "function"], [1, 8, 1, "variable"]]);
  assert.deepEqual(augmenting(tokens, TYPES), tokens);
  assert.deepEqual(augmenting(new Uint32Array(), TYPES), new Uint32Array());
});
