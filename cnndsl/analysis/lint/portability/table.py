"""All differences, in the order in which they are told."""

from cnndsl.analysis.lint.portability import missing, norms, values, windows
from cnndsl.analysis.lint.portability.difference import Difference

DIFFERENCES: tuple[Difference, ...] = (
    *windows.DIFFERENCES,
    *norms.DIFFERENCES,
    *values.DIFFERENCES,
    *missing.DIFFERENCES,
)
