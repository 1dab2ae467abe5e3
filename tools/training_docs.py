"""The table of docs/language.md about training: every setting, what it takes and what it is without being said.

The prose around it is written by hand; two comments mark its place.
"""

from collections.abc import Iterator

from cnndsl.ops.fields import written
from cnndsl.training_settings import Options, Training, written_value

BEGIN = "<!-- begin training: python -m tools.make_docs writes this part -->"
END = "<!-- end training -->"


def page(text: str) -> str:
    """docs/language.md with the table as it is now. Raises ValueError where the place is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("docs/language.md has no place for the settings of training")
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def table() -> str:
    """All settings with their parts, as Markdown."""
    rows = [f"| {setting} | {takes} | {default} | {meaning} |\n" for setting, takes, default, meaning in settings()]
    return "| setting | takes | default | what it is |\n|---|---|---|---|\n" + "".join(rows)


def settings() -> Iterator[tuple[str, str, str, str]]:
    """Every setting, and behind it its parts, in the order of the table in the code."""
    usual = Training()
    for word, field in Training.words().items():
        options = Training.options(field)
        if options is None:
            value = getattr(usual, field)
            default = "" if value is None else f"`{written_value(value)}`"
            yield f"`{word}`", Training.expects(field), default, Training.meaning(field)
        else:
            yield from parts(word, options, Training.meaning(field))


def parts(word: str, options: type[Options], meaning: str) -> Iterator[tuple[str, str, str, str]]:
    """The rows of a setting in several parts: its kind, or its word alone, then what is written by keyword."""
    kinds = "kind" in options.model_fields
    usual = options()
    yield (
        f"`{word}`",
        options.expects("kind") if kinds else "the parts below",
        f"`{usual.kind}`" if kinds else "",
        f"{meaning}: {options.meaning('kind')}" if kinds else meaning,
    )
    for name in options.model_fields:
        if name != "kind":
            belongs = options.kinds_of(name)
            only = f"; of {', '.join(belongs)}" if belongs else ""
            yield f"`{word} {name}=`", options.expects(name) + only, defaults(options, name), options.meaning(name)


def defaults(options: type[Options], name: str) -> str:
    """The default of a part, and those of the kinds that have another."""
    usual = options()
    own = {kind: value for kind, value in options.by_kind.get(name, {}).items() if kind != getattr(usual, "kind", "")}
    others = [f"{kind} `{written(value)}`" for kind, value in own.items()]
    if getattr(usual, name) != options.model_fields[name].default:
        others.insert(0, f"{usual.kind} `{written(getattr(usual, name))}`")
    return "; ".join([f"`{written(options.model_fields[name].default)}`", *others])
