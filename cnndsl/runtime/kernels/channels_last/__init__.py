"""Fast kernels for arrays with the channels last, (N, *spatial, C): tasks that threads share.

Rows of neighbouring cells and all their channels are contiguous there, so that windows copy in long runs, matrices of
positions times channels need no copying at all, and what comes after a convolution (bias, activation, residual) is
done on a strip while it is still in cache.

Every module describes one algorithm and gives *phases*: lists of tasks. The tasks of a phase are independent, and a
phase needs the one before it. A task is a list of NumPy calls, bound to their arrays once; a run only makes them, with
next to no Python between. How the work is cut depends on the shapes alone, never on the number of threads, so that
results do not either.

- ``matrix``: 1x1 convolutions and dense layers. ``columns``: im2col. ``winograd``: 3x3, 1x7 and 7x1 with stride 1.
  ``planar``: the first layer. ``depthwise``: a filter for every channel. ``winograd_rows``: that with 5 or 7 rows.
- ``pooling``: windows. ``elementwise``: sums, factors, copies. ``activations``: costly functions, a part at a time.
  ``layer_norm``: each cell standardised over its channels.
- ``strips``: how work is cut, and what is done to a strip at its end. ``blocks``: products of a size that BLAS likes.
  ``gather``: the cells under windows in one call. ``remainders``: windows with a stride.
"""
