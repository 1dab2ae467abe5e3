"""PyTorch's modules as networks, with their weights.

- ``model``: a module and an example in, a network out; which way it went.
- ``ways``: the module's calls as a graph: by symbolic tracing, or by PyTorch's exporter.
- ``walk``: one walk over that graph. ``call``: what a translation works with: one call at a time.
- ``modules``: what classes of ``torch.nn`` call, and with which of their attributes.
- ``functions``: what becomes of each function and method. Most are ONNX's operators by another name: these are
  translated as the ONNX importer does.
- ``gains``: weights that are computed from two parameters.
- ``names``: what layers are called, the modules around them, and the keys of their weights in a state dict.
- ``load``: examples that a module is traced with, and files that are refused.
"""
