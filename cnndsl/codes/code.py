"""What the table of codes holds for each code."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from cnndsl.errors import Severity


class Code(NamedTuple):
    """One code: what it means, an example that triggers exactly it, and the example mended.

    ``bad`` and ``good`` are ``.cnn`` texts; where a code is not about a text, command lines (``sh``) or Python.
    ``files`` are the texts that they import or name, ``given`` says what else there is. ``limits`` are the bounds,
    smaller than the usual ones, under which the example is short. ``select`` names an opt-in warning's group.
    """

    code: str
    title: str
    meaning: str
    bad: str
    good: str
    severity: Severity = "error"
    language: Literal["cnn", "sh", "python"] = "cnn"
    files: Mapping[str, str] = {}
    limits: Mapping[str, int] = {}
    given: str = ""
    select: str = ""
