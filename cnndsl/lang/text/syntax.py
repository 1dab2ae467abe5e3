"""The syntax tree: what was written, before any name or number is looked up.

Every node is an immutable named tuple whose first two fields are the offsets ``start`` and ``end`` (exclusive) of its
text in the source; parentheses around an expression and the ``as name`` behind a stage belong to its text.
:meth:`cnndsl.errors.Source.span` turns them into lines and columns. Expression nodes that hold other expressions carry
``depth``, the height of their subtree, so that the parser can refuse what would overflow a stack.
"""

import re
from fractions import Fraction
from typing import NamedTuple, Protocol, TypeAlias


# --- expressions ------------------------------------------------------------------------------------------------------
class Number(NamedTuple):
    """``3``, ``1_000``, ``62K`` (exact), ``0.5``, ``1e-5`` (exact fractions)."""

    start: int
    end: int
    value: int | Fraction
    text: str


class Size(NamedTuple):
    """``3x3``, ``16x112x112``."""

    start: int
    end: int
    extents: tuple[int, ...]


class String(NamedTuple):
    """``"..."``; ``value`` has its escapes resolved."""

    start: int
    end: int
    value: str


class Bool(NamedTuple):
    start: int
    end: int
    value: bool


class Name(NamedTuple):
    """A variable, a named value or a word such as ``same``: which one is decided where it is used."""

    start: int
    end: int
    name: str


class Attribute(NamedTuple):
    """``in.channels`` (``base`` is "in") or ``stem.channels``."""

    start: int
    end: int
    base: str
    attribute: str


class ElementAttribute(NamedTuple):
    """``maps[0].channels``."""

    start: int
    end: int
    base: "Index"
    attribute: str
    depth: int


class ListLiteral(NamedTuple):
    start: int
    end: int
    items: "tuple[Expression, ...]"
    depth: int


class Index(NamedTuple):
    """``w[0]``."""

    start: int
    end: int
    base: "Expression"
    index: "Expression"  # type: ignore[assignment]  # hides tuple.index, which makes no sense for a node
    depth: int


class Call(NamedTuple):
    """``max(a, b)``: one of the built-in functions."""

    start: int
    end: int
    function: str
    arguments: "tuple[Expression, ...]"
    depth: int


class Unary(NamedTuple):
    """``operator`` is "-" or "not"."""

    start: int
    end: int
    operator: str
    operand: "Expression"
    depth: int


class Chain(NamedTuple):
    """Operators of one precedence level, evaluated left to right: ``a + b - c``.

    ``operators`` is one shorter than ``operands``. Levels: ``+ -``; ``* / // %``; ``and``; ``or``; a single comparison;
    a single ``**``.
    """

    start: int
    end: int
    operands: "tuple[Expression, ...]"
    operators: tuple[str, ...]
    depth: int


class IfElse(NamedTuple):
    """``value if condition else otherwise``."""

    start: int
    end: int
    value: "Expression"
    condition: "Expression"
    otherwise: "Expression"
    depth: int


class ShapeLiteral(NamedTuple):
    """``1@28x28``, ``c@[h, w]``."""

    start: int
    end: int
    channels: "Expression"
    spatial: "Expression"
    depth: int


Expression: TypeAlias = (
    Number
    | Size
    | String
    | Bool
    | Name
    | Attribute
    | ElementAttribute
    | ListLiteral
    | Index
    | Call
    | Unary
    | Chain
    | IfElse
    | ShapeLiteral
)


# --- stages: what stands between arrows -------------------------------------------------------------------------------
class Argument(NamedTuple):
    """A positional argument (``name`` is None) or ``name=value``; ``name_start``/``name_end`` cover the keyword."""

    start: int
    end: int
    name: str | None
    value: Expression


class Alias(NamedTuple):
    """The ``as name`` behind a stage; the offsets are those of the name."""

    start: int
    end: int
    name: str


class Apply(NamedTuple):
    """An operator or a block with its arguments: ``conv 8 3x3 pad=1``. The word itself ends at ``name_end``."""

    start: int
    end: int
    name: str
    name_end: int
    arguments: tuple[Argument, ...]
    alias: Alias | None = None


class Merge(NamedTuple):
    """``add { ... }``, ``concat axis=1 { ... }``: every statement of the body is one branch."""

    start: int
    end: int
    name: str
    name_end: int
    arguments: tuple[Argument, ...]
    body: "Body"
    alias: Alias | None = None


class From(NamedTuple):
    """``from a``, or ``from maps[0]`` for what a loop named in its first turn."""

    start: int
    end: int
    value: Name | Index
    alias: Alias | None = None


class Group(NamedTuple):
    """``{ ... }`` as one stage."""

    start: int
    end: int
    body: "Body"
    alias: Alias | None = None


class Repeat(NamedTuple):
    start: int
    end: int
    count: Expression  # type: ignore[assignment]  # hides tuple.count, which makes no sense for a node
    variable: str | None
    body: "Body"
    alias: Alias | None = None


class For(NamedTuple):
    """``for x in rows { ... }``; ``destructured`` tells ``for [x] in rows`` from ``for x in rows``."""

    start: int
    end: int
    targets: tuple[str, ...]
    destructured: bool
    rows: Expression
    body: "Body"
    alias: Alias | None = None


class If(NamedTuple):
    """``arms`` are (condition, body) in order; ``otherwise`` is the final ``else`` body, if there is one."""

    start: int
    end: int
    arms: "tuple[tuple[Expression, Body], ...]"
    otherwise: "Body | None"
    alias: Alias | None = None


Stage: TypeAlias = Apply | Merge | From | Group | Repeat | For | If


# --- statements -------------------------------------------------------------------------------------------------------
class Pipeline(NamedTuple):
    """``a -> b -> c``."""

    start: int
    end: int
    stages: tuple[Stage, ...]


class Input(NamedTuple):
    start: int
    end: int
    shape: Expression
    arguments: tuple[Argument, ...]
    alias: Alias | None


class Output(NamedTuple):
    """``output a b``, ``output maps[0]``."""

    start: int
    end: int
    values: tuple[Name | Index, ...]


class Expect(NamedTuple):
    start: int
    end: int
    condition: Expression


class Param(NamedTuple):
    """``param name = value``; the name lies at ``name_start`` to ``name_end``."""

    start: int
    end: int
    name: str
    name_start: int
    name_end: int
    value: Expression


class Let(NamedTuple):
    start: int
    end: int
    name: str
    name_start: int
    name_end: int
    value: Expression


class Declared(NamedTuple):
    """A symbol and its default, if one is written; the name lies at ``start``."""

    start: int
    end: int
    name: str
    default: Expression | None


class Symbol(NamedTuple):
    """``symbol H = 224, W``."""

    start: int
    end: int
    symbols: tuple[Declared, ...]


class Assume(NamedTuple):
    """``assume H % 32 == 0``."""

    start: int
    end: int
    condition: Expression


class Train(NamedTuple):
    """``train { ... }``: its lines look like stages that are single words with arguments."""

    start: int
    end: int
    settings: "tuple[Apply | Broken, ...]"


class BlockParameter(NamedTuple):
    start: int
    end: int
    name: str
    default: Expression | None


class Body(NamedTuple):
    """``{ ... }``: the offsets are those of the braces."""

    start: int
    end: int
    statements: "tuple[Statement, ...]"


class Block(NamedTuple):
    start: int
    end: int
    name: str
    name_start: int
    name_end: int
    parameters: tuple[BlockParameter, ...]
    body: Body


class Network(NamedTuple):
    start: int
    end: int
    name: str
    name_start: int
    name_end: int
    body: Body


class Import(NamedTuple):
    """``import "blocks.cnn"``; the offsets of the string are ``path.start`` and ``path.end``."""

    start: int
    end: int
    path: String


class Broken(NamedTuple):
    """A statement or definition that cannot be read; ``text`` is what was left out, up to the first of the bodies."""

    start: int
    end: int
    text: str
    bodies: tuple[Body, ...]

    @property
    def words(self) -> list[str]:
        """The words of the text, comments left out."""
        return re.findall(r"[A-Za-z_]\w*", re.sub(r"#[^\n]*", "", self.text))


Statement: TypeAlias = Pipeline | Input | Output | Expect | Param | Let | Symbol | Assume | Train | Broken
Item: TypeAlias = Import | Block | Network | Statement
"""A text without mistakes holds nothing :class:`Broken`."""

WITHOUT_BODIES = frozenset({Apply, From, Input, Output, Expect, Param, Let, Symbol, Assume, Import})
"""The nodes that may stand in a body and hold none."""


class File(NamedTuple):
    """A whole file. ``text`` is the source after the byte-order mark was taken off and line ends became ``\\n``."""

    start: int
    """Always 0."""
    end: int
    """The length of the text."""
    items: tuple[Item, ...]
    """Imports, definitions and statements, in order."""
    text: str
    torn: bool = False
    """Whether braces are missing or left over, so that it is a guess which body a statement belongs to."""


class Spanned(Protocol):
    """Any node: it knows where it stands."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...
