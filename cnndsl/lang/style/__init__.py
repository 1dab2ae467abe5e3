"""``cnndsl fmt``: the one style of ``.cnn`` files.

- ``format``: a text with the same syntax tree and the same comments, laid out.
- ``tokens``: what it has to know of a text: tokens, comments, the space between.
- ``columns``: the spaces that make the rows of a table stand below one another.
"""
