"""From a graph to text.

- ``printer``: one line a layer.
- ``decompiler``: text that a person would have written, by these steps: ``stages`` are what stands on a line, in a
  branch, in a body; ``branches`` finds chains and merges; ``rerolling`` finds blocks and loops again; ``text`` writes
  lines of all this.
"""
