"""The interpreter: networks computed with NumPy.

- ``data``: images, weights, and arrays that are written.
- ``memory_limit``: whether a run fits, decided before anything is allocated.
- ``any_size``: networks whose symbols are open, at the sizes of their inputs.
- ``parallel``: threads that compute a run together.
- ``kernels``: arrays in, arrays out: the straightforward ones, and fast ones with the channels last.
- ``plan``: which layers are computed together, by which kernel, in which memory.
- ``interpreter``: inputs are checked, then the steps of the plan run. ``profile``: where the time goes.
- ``reference``: the same by the straightforward kernels alone, in float64.
- ``trace``: one output value worked out term by term.
"""
