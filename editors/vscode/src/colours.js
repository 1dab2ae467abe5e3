// Semantic tokens beside the colours of the grammar. Nothing here needs an editor.

// What the grammar colours as well, and in finer kinds: with these all keywords would look alike.
const LEFT_TO_THE_GRAMMAR = ["keyword", "macro", "number", "string"];

/**
 * Semantic tokens without those of the types that are left to the grammar. `data` has five numbers for each: lines and
 * columns from the one before, length, type, modifiers.
 */
function augmenting(data, types) {
  const leftOut = new Set(LEFT_TO_THE_GRAMMAR.map((name) => types.indexOf(name)));
  const kept = [];
  let [line, column, keptLine, keptColumn] = [0, 0, 0, 0];
  for (let i = 0; i < data.length; i += 5) {
    line += data[i];
    column = data[i] ? data[i + 1] : column + data[i + 1];
    if (leftOut.has(data[i + 3])) continue;
    kept.push(line - keptLine, line === keptLine ? column - keptColumn : column, ...data.slice(i + 2, i + 5));
    [keptLine, keptColumn] = [line, column];
  }
  return Uint32Array.from(kept);
}

module.exports = { augmenting };
