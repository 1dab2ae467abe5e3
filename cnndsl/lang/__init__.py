"""The language: from text to syntax tree, to the graph and back."""
