"""Other formats, and other programs that compute.

- ``onnx``: ONNX both ways, and execution by ONNX Runtime.
- ``calls``: one call of a framework, for translations that stand on those of ONNX.
- ``onnx_backend``: cnndsl as a backend of ONNX, so that ONNX's own tests can judge the interpreter.
- ``codegen``: what the source of a framework is made of.
- ``keras``: networks as Keras source.
- ``torch``: networks as PyTorch source, and PyTorch's modules as networks.
- ``keras``: Keras's models as networks.
- ``objects``: objects of Python that are networks, or make one.
- ``origin``: which files cnndsl wrote itself, and which of them belong together.
- ``verify``: two executions of one network compared.
"""
