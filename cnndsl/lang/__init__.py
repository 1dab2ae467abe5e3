"""The language: from text to syntax tree, to the graph, and back.

- ``text``: from characters to the syntax tree, with all that is wrong with a text. ``style``: the formatter.
- ``expressions``: exact arithmetic on what is written, and scopes.
- ``modules``: files, what they define and import; ``folders``: from where. ``settings``: ``--set`` and ``--input``.
- ``training``: settings of training, in a text or from outside.
- ``elaborate``: from definitions to the graph: arguments bound, blocks and loops expanded, shapes inferred.
- ``recording``: what that met at every place of a text, for editors; ``reuse``: what of it holds for a changed text;
  ``checkpoint``: going on in the middle of a network. ``resumable``: objects with a state that can be brought back.
- ``review``: warnings about the text, which of them are wanted, and the fixes that they carry.
- ``compile``: all of this, one after the other: from a text to its networks and diagnostics.
- ``decompile``: from a graph to text that a person would have written.
- ``accepted``: what the parameters of operators take.
- ``synonyms``: words of PyTorch, Keras, Caffe and ONNX, for suggestions. ``python_code``: layers as those call
  them, as lines of ``.cnn``.
"""
