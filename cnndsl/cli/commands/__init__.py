"""The commands: each module has ``arguments``, which adds the options, ``execute``, and an ``EXAMPLE`` for the help.

What may take long has a name for it, ``WORK``, and shows on a terminal how far it is.

- ``check``: diagnostics and the layer table. ``fmt``: files in the one style.
- ``run``: values, on images, arrays or made-up input. ``verify``: the interpreter beside ONNX Runtime.
- ``train``: weights, from data.
- ``export``: ONNX, JSON or expanded text. ``import_``: text from an ONNX model.
- ``train``: weights learned from data. ``evaluate``: how good they are.
- ``sizes``: the input sizes that a network takes.
- ``draw``: the network as a picture. ``filters``: a layer's weights as one. ``report``: all of it as one HTML page.
- ``explain``: an operator, a diagnostic code, a topic, or the numbers of a layer.
- ``lsp``: the language server, for editors.
- ``completion``: what a shell needs to complete words.
"""
