"""The table of diagnostic codes: what each means, an example that triggers it, and the example mended.

Nothing loads it but ``cnndsl explain``, SARIF reports, the docs and the tests. Codes never change their meaning; new
ones are added. ``code`` says what the table holds for each; the codes are in ``text`` (characters and grammar),
``names``, ``structure`` (how statements fit together), ``values`` (arguments and expressions), ``shapes``, ``sizes``
(symbols), ``files`` (what is imported, read and written), ``data`` (weights, images, ONNX, JSON), ``training``,
``limits``, ``lint``, the warnings, and ``portability``, those about other frameworks. ``topics`` are pages about the
language.
"""

from textwrap import fill, indent

from cnndsl.codes import data, files, limits, lint, names, portability, shapes, sizes, structure, text, training, values
from cnndsl.codes.code import Code
from cnndsl.limits import DEFAULT_LIMITS

AREAS: dict[str, tuple[Code, ...]] = {
    "Text": text.CODES,
    "Names": names.CODES,
    "Arguments and values": values.CODES,
    "Structure": structure.CODES,
    "Shapes": shapes.CODES,
    "Sizes that are not fixed": sizes.CODES,
    "Lint": lint.CODES,
    "Portability": portability.CODES,
    "Limits": limits.CODES,
    "Files": files.CODES,
    "Running and exporting": data.CODES,
    "Training": training.CODES,
}
"""The codes by area, in the order in which the docs list them."""

CODES: dict[str, Code] = {code.code: code for area in AREAS.values() for code in area}
"""Every code."""


def explain(code: str, width: int = 80) -> str:
    """A code for the terminal: title, meaning, an example that triggers it, and the example mended. Raises KeyError."""
    entry = CODES[code]
    parts = [f"{entry.severity}[{entry.code}]: {entry.title}", fill(entry.meaning, width)]
    parts += [f"With {name}:\n\n{indent(content, '    ')}" for name, content in entry.files.items()]
    parts += [fill(entry.given, width)] if entry.given else []
    parts += [f"Wrong{circumstances(entry)}:\n\n{indent(entry.bad, '    ')}", f"Right:\n\n{indent(entry.good, '    ')}"]
    return "\n\n".join(parts)


def circumstances(entry: Code) -> str:
    """The limits or the option under which the example is wrong, or nothing."""
    bounds = [
        f"{name} is limited to {bound:,} instead of {getattr(DEFAULT_LIMITS, name):,}"
        for name, bound in entry.limits.items()
    ]
    return (f" under `--select {entry.select}`" if entry.select else "") + (
        f" where {' and '.join(bounds)}" if bounds else ""
    )
