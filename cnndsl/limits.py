"""How much of the machine a text may use. Every bound is checked before the work it bounds."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Bounds for untrusted input; raise one with ``Limits(layers=1_000_000)`` or ``limits._replace(...)``."""

    source_bytes: int = 1 << 20
    """Size of one source file in bytes, and of all imported ones together."""
    nesting: int = 64
    """Depth of brackets and expressions in the text, and of bodies and blocks while expanding."""
    layers: int = 100_000
    """Layers of a network after expansion; repeat counts multiply before anything is expanded."""
    steps: int = 400_000
    """Statements executed while expanding: bounds loops and blocks that produce no layers."""
    inputs: int = 256
    """Inputs of a network."""
    dimension: int = 2**31 - 1
    """Any extent of a shape, a kernel, a stride."""
    number_digits: int = 20
    """Digits of a number literal."""
    integer_bits: int = 256
    """Size of the integers that expressions may compute."""
    literal_elements: int = 1_000_000
    """Elements of a list value, nested ones counted: weights, tables, ranges."""
    import_depth: int = 32
    """Imports inside imports."""
    import_files: int = 256
    """Different files imported in all."""
    run_bytes: int | None = None
    """Memory that a run may take; None is three quarters of what is free."""
    diagnostics: int = 100
    """Diagnostics collected before checking stops."""


DEFAULT_LIMITS = Limits()
