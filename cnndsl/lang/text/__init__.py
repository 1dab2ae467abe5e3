"""From characters to the syntax tree, and to every mistake in a text.

- ``parser``: the way in: :func:`~cnndsl.lang.text.parser.parse`. ``syntax``: the nodes of the tree.
- ``lexer``: tokens and the layout rules. ``grammar``: grammar/cnn.lark, by the tables that Lark
  works out and ``parser_tables`` keeps. ``lalr_machine`` runs them, ``tree_builder`` makes the nodes.
- ``recovery``: behind each mistake the parser goes on. ``syntax_errors``: what to say about one,
  ``rewrites`` and ``statement_rewrites`` where it is plain what was meant.
- ``reparse``: only the lines that changed are read again.
- ``broken``: the statements that could not be read.
- ``indentation``: what it tells about brackets that are missing.
"""
