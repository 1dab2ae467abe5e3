"""Other formats, and other programs that compute.

- ``onnx``: ONNX both ways, and execution by ONNX Runtime.
- ``onnx_backend``: cnndsl as a backend of ONNX, so that ONNX's own tests can judge the interpreter.
- ``torch``: networks as PyTorch.
- ``origin``: which files cnndsl wrote itself, and which of them belong together.
- ``torch``: PyTorch's modules.
- ``verify``: two executions of one network compared.
"""
