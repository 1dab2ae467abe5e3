"""All differences, in the order in which they are told."""

from cnndsl.analysis.lint.portability import arrangement, missing, norms, transposed, values, windows
from cnndsl.analysis.lint.portability.difference import Difference

DIFFERENCES: tuple[Difference, ...] = (
    *windows.DIFFERENCES,
    *transposed.DIFFERENCES,
    *norms.DIFFERENCES,
    *values.DIFFERENCES,
    *arrangement.DIFFERENCES,
    *missing.DIFFERENCES,
)
