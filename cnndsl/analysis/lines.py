"""One line of an explanation: what is asked, the rule, the numbers put in, the result."""

from typing import NamedTuple

from cnndsl.analysis.terms import Term


class FormulaLine(NamedTuple):
    """``rule`` and ``numbers`` are empty where nothing is computed: the result is given, or ``words`` say it all.

    ``numbers`` is the rule with the numbers put in: whole numbers, ``+ - * /``, parentheses, ``floor``, ``ceil`` and
    ``max``; it is equal to ``result``.
    """

    topic: str
    rule: str
    numbers: str
    result: int | None
    words: str


def line(topic: str, value: int, words: str = "", rule: str | None = None) -> FormulaLine:
    """The line of a number; a term shows how it came about, in the symbols of ``rule`` where those say it better."""
    if isinstance(value, Term):
        return FormulaLine(topic, value.symbols.text if rule is None else rule, value.numbers.text, int(value), words)
    return FormulaLine(topic, "", "", value, words)
