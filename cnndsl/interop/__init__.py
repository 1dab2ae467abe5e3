"""Other formats, and other programs that compute.

- ``onnx``: ONNX both ways, and execution by ONNX Runtime.
- ``onnx_backend``: cnndsl as a backend of ONNX, so that ONNX's own tests can judge the interpreter.
- ``codegen``: what the source of a framework is made of.
- ``torch``: networks as PyTorch source, and PyTorch's modules as networks.
- ``origin``: which files cnndsl wrote itself, and which of them belong together.
- ``verify``: two executions of one network compared.
"""
