"""Fast kernels for arrays with the channels last, (N, *spatial, C): tasks that threads share.

Rows of neighbouring cells and all their channels are contiguous there, so that windows copy in long runs, matrices of
positions times channels need no copying at all, and what comes after a convolution (bias, activation, residual) is
done on a strip while it is still in cache.

Every module describes one algorithm and gives *phases*: lists of tasks. The tasks of a phase are independent, and a
phase needs the one before it. A task is a list of NumPy calls, bound to their arrays once; a run only makes them, with
next to no Python between. How the work is cut depends on the shapes alone, never on the number of threads, so that
results do not either.
"""
