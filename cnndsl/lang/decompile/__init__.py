"""From a graph to text.

- ``printer``: one line a layer.
- ``decompiler``: text that a person would have written, by these steps: ``sums`` makes one sum of sums; ``stages`` are
  what stands on a line, in a branch, in a body; ``branches`` finds chains and merges; ``rerolling`` finds blocks and
  loops again, by the places where alike ``windows`` stand, what they have in common (``generalise``), and ``loops`` of
  them; ``names`` are those of values and blocks; ``text`` writes lines of all this.
"""
