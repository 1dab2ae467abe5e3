"""What an editor asks about a text: plain functions from text and position to plain data.

Places are :class:`cnndsl.errors.Span` (lines and columns from 1, in code points); positions that are asked about are
offsets, which :meth:`Analysis.offset` makes of a line and a column. Nothing here knows the protocol of an editor:
:mod:`cnndsl.lsp` translates.

- ``analysis``: one text, checked once, and what everything else asks of it. ``workspace``: the open texts, and which of
  them have to be checked again.
- ``bindings``: which word means which definition. ``navigation``: definition, references, rename, links, callers.
- ``hints``: shapes behind lines, totals above networks and blocks. ``hover``: what stands under a position.
  ``tips``: the same for every word of a text at once, in short.
- ``calls``: the call around a position. ``completion``: what may be typed there. ``signature``: what the call takes.
- ``words``: a line about every keyword.
- ``structure``: symbols, folding, selection. ``semantic_tokens``: what every word is, for colours.
- ``actions``: fixes. ``formatting``: a whole text, some lines, or while typing.
"""
