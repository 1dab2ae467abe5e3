"""The grammar of the .cnn language (``cnn.lark``) and the grammars of editors, shipped with the package."""
