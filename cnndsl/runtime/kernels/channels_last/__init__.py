"""Fast kernels for arrays with the channels last, (N, *spatial, C): tasks that threads share.

Rows of neighbouring cells and all their channels are contiguous there, so that windows copy in long runs, matrices of
positions times channels need no copying at all, and what comes after a convolution (bias, activation, residual) is
done on a strip while it is still in cache.

Every module describes one algorithm and gives *phases*: lists of tasks. The tasks of a phase are independent; a phase
begins when the one before it is done. All arrays are bound when the tasks are made; a task only computes. How the work
is cut depends on the shapes alone, never on the number of threads, so that results do not either.
"""
