"""The last look at a file that is sound.

- ``findings``: what the rules find, less what comments or the caller ignore.
- ``unused`` and ``merges``: rules about the text; those about the graph are in :mod:`cnndsl.analysis.lint`.
  ``stages``: what they ask of the syntax trees.
- ``suppression``: comments ``# cnn: ignore[CODE]``. ``fixes``: applying the safe fixes that diagnostics carry.
"""
