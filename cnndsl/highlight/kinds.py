"""What there is to colour in a text, and what TextMate and Pygments call it."""

from typing import NamedTuple


class Kind(NamedTuple):
    """The names of a kind: the scope of a TextMate grammar, without ``.cnn`` at its end, and Pygments' token."""

    scope: str
    token: str


KINDS = {
    "comment": Kind("comment.line.number-sign", "Comment.Single"),
    "string": Kind("string.quoted.double", "String.Double"),
    "escape": Kind("constant.character.escape", "String.Escape"),
    "number": Kind("constant.numeric", "Number"),
    "size": Kind("constant.numeric.size", "Number"),
    "truth": Kind("constant.language.boolean", "Keyword.Constant"),
    "control": Kind("keyword.control", "Keyword"),
    "import": Kind("keyword.control.import", "Keyword.Namespace"),
    "statement": Kind("keyword.other", "Keyword"),
    "declaration": Kind("storage.type", "Keyword.Declaration"),
    "reserved": Kind("invalid.illegal.reserved", "Keyword.Reserved"),
    "logical": Kind("keyword.operator.wordlike", "Operator.Word"),
    "this": Kind("variable.language", "Name.Builtin.Pseudo"),
    "layer": Kind("support.function.operator", "Name.Function"),
    "block": Kind("entity.name.type.block", "Name.Class"),
    "function": Kind("support.function.builtin", "Name.Builtin"),
    "setting": Kind("support.function.setting", "Name.Function"),
    "parameter": Kind("variable.parameter", "Name.Attribute"),
    "word": Kind("variable.other.enummember", "Name.Constant"),
    "count": Kind("support.function.count", "Name.Variable.Magic"),
    "attribute": Kind("variable.other.property", "Name.Property"),
    "definition": Kind("variable.other.definition", "Name.Variable"),
    "name": Kind("variable.other", "Name"),
    "arrow": Kind("keyword.operator.arrow", "Operator"),
    "at": Kind("keyword.operator.shape", "Operator"),
    "assignment": Kind("keyword.operator.assignment", "Operator"),
    "comparison": Kind("keyword.operator.comparison", "Operator"),
    "arithmetic": Kind("keyword.operator.arithmetic", "Operator"),
    "bracket": Kind("punctuation.section", "Punctuation"),
    "punctuation": Kind("punctuation.separator", "Punctuation"),
    "wrong": Kind("invalid.illegal", "Error"),
}
