"""Layers as PyTorch and Keras call them, pasted into a ``.cnn`` file: what they are here, line by line.

``nn.Conv2d(3, 16, kernel_size=3, padding=1)`` is ``conv 16 3x3 pad=1``; a ``Sequential`` is a line for each layer. What
has no certain translation gets a message and no fix.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator

from cnndsl import ops
from cnndsl.errors import Diagnostic, Fix, Source, quoted, shortened
from cnndsl.lang.synonyms import exact_operator, exact_parameter

_CALL = re.compile(r"(?:(?:self\.)?\w+[ \t]*=[ \t]*)?(?:\w+\.)*\w+\(")
_IMPORT = re.compile(
    r"(?:import[ \t]+(?:torch|torchvision|tensorflow|keras|numpy|jax|flax|timm)\b[\w.]*(?:[ \t]+as[ \t]+\w+)?"
    r"|import[ \t]+[\w.]+[ \t]+as[ \t]+\w+|from[ \t]+[\w.]+[ \t]+import[ \t]+[\w., \t()*]+)$"
)
_CLASS = re.compile(r"class[ \t]+\w+[^\n{}]*:[ \t]*$")
_AROUND = re.compile(
    r"(?:def[ \t]+(?:__init__|forward|call)\b[^\n{}]*:|super\([^\n]*\)\.__init__\([^\n]*\)|return\b[^\n{}]*"
    r"|(?:\w+[ \t]*=[ \t]*)?(?:\w+\.)*(?:Sequential\([ \t]*\)|Model\([^\n]*\))"
    r"|\w+\.(?:compile|summary|eval|train|build)\([^\n]*\))[ \t]*(?:#[^\n]*)?$"
)
_OWN = re.compile(r"(?P<word>\w+)\((?P<arguments>[\w.=, \t]*)\)")
_PLAIN = re.compile(r"[a-z_0-9]+\(")
_STATEMENT_START = re.compile(r"[\n;{}]|->")
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|#[^\n]*|[()\[\]{}]')
_MOST = 20_000
_MOST_OF_A_LINE = 500
_RANK = re.compile(r"([123])[dD](?:Transpose)?$")

# What stands by position in PyTorch; "-" is what is not said here. Keras's order is the one of the operators.
_TORCH = {
    "Conv": "- filters kernel stride pad dilation groups bias pad_mode",
    "ConvTranspose": "- filters kernel stride pad output_pad groups bias dilation",
    "MaxPool": "kernel stride pad dilation - ceil_mode",
    "AvgPool": "kernel stride pad ceil_mode count_include_pad",
    "Linear": "- units bias",
    "BatchNorm": "- eps momentum affine",
    "InstanceNorm": "- eps momentum affine",
    "GroupNorm": "groups - eps affine",
    "LeakyReLU": "alpha -",
    "Dropout": "rate -",
    "AdaptiveAvgPool": "size",
    "AdaptiveMaxPool": "size",
    "Flatten": "- -",
    "ReLU": "-",
    "SiLU": "-",
    "Softmax": "-",
    "max_pool": "kernel stride pad dilation ceil_mode",
    "avg_pool": "kernel stride pad ceil_mode count_include_pad",
    "dropout": "rate -",
    "flatten": "- -",
}
_KERAS = {
    "Conv": "filters kernel stride pad",
    "MaxPooling": "kernel stride pad",
    "AveragePooling": "kernel stride pad",
    "Dense": "units activation",
    "Dropout": "rate",
    "UpSampling": "scale",
}
_UNSAID = {
    *("name", "trainable", "inplace", "device", "dtype", "training", "in_channels", "in_features", "num_features"),
    *("num_channels", "track_running_stats", "return_indices", "start_dim", "end_dim"),
    *("kernel_initializer", "bias_initializer"),
}
# Channels stand elsewhere in Keras, or the batch counts as an axis.
_OTHER_ORDER = frozenset({"reshape", "permute", "concat", "layernorm", "slice"})


class _Unclear(Exception):
    """There is no certain translation."""


def explained(diagnostics: Iterable[Diagnostic], source: Source) -> Iterator[Diagnostic]:
    """The syntax errors of a text; those about a layer that is called as in Python become one that says what it is."""
    covered = 0
    for diagnostic in diagnostics:
        offset = source.offsets(diagnostic.span)[0] if diagnostic.span else 0
        if diagnostic.code not in ("syntax", "bad-character") or not diagnostic.span:
            yield diagnostic
        elif offset >= covered:
            line = _line(source, offset)
            place = None if line else _call(source.text, offset)
            if line:
                covered = offset + 1
                yield line
            elif place is None:
                yield diagnostic
            else:
                covered = place[1]
                yield _told(diagnostic, source, *place)


def _line(source: Source, offset: int) -> Diagnostic | None:
    """What is said of a line of Python that makes no layer: an import, a class, what stands around the layers."""
    text = source.text
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = end if end >= 0 else len(text)
    if end - start > _MOST_OF_A_LINE:
        return None
    line = text[start:end].strip()
    place = source.span(start + len(text[start:end]) - len(text[start:end].lstrip()), end)
    if _CLASS.match(line):
        advice = "write its layers, one a line, in the order in which `forward` calls them"
        other = "or export it to ONNX, and `cnndsl import net.onnx` writes the text"
        return Diagnostic("syntax", "this is a class of Python, not a network", place, help=(advice, other))
    message = "this line of Python makes no layer"
    if _IMPORT.match(line):
        message = "layers need no import from Python"
    elif not _AROUND.match(line):
        return None
    fix = Fix("leave it out", source.span(start, min(end + 1, len(text))), "", safe=True)
    return Diagnostic("syntax", message, place, help=("leave it out",), fixes=(fix,))


def _call(text: str, offset: int) -> tuple[int, int] | None:
    """Where the call around an offset begins and ends, with the name that it is assigned to."""
    line = text[max(text.rfind("\n", 0, offset) + 1, offset - _MOST) : offset]
    starts = [match.end() for match in _STATEMENT_START.finditer(line)]
    start = offset - len(line) + (starts[-1] if starts else 0)
    start += len(text[start : start + 200]) - len(text[start : start + 200].lstrip(" \t"))
    call = _CALL.match(text, start)
    if not call:
        return None
    end, depth = call.end() - 1, 0
    for token in _TOKEN.finditer(text, end, end + _MOST):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth == 0:
            end = token.end()
            if text[end : end + 1] != "(":
                break
    return (start, end + (text[end : end + 1] == ",")) if depth == 0 and end > offset else None


def _told(diagnostic: Diagnostic, source: Source, start: int, end: int) -> Diagnostic:
    text = source.text[start:end]
    margin = source.span(start, start).column - 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statement = ast.parse(text.rstrip(",")).body[0]
        if not isinstance(statement, ast.Expr | ast.Assign):
            raise _Unclear
        lines = list(_lines(statement.value))
    except (_Unclear, SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
        lines = []
    span = source.span(start, end)
    plain = bool(_PLAIN.match(text))
    own = _OWN.fullmatch(text) if plain and not lines else None
    if own and own["word"] in ops.NAMES and own["word"] not in ops.MERGES:
        lines = [" ".join([own["word"], *own["arguments"].replace(",", " ").split()])]
    if plain and not lines:
        return diagnostic
    written = ("\n" + " " * margin).join(lines)
    # A comment inside would be lost.
    fixes = (Fix(f"write {shortened(lines[0])}", span, written, safe="#" not in text),) if lines else ()
    if plain:
        return diagnostic._replace(fixes=fixes)
    message = "this is a layer as Python calls it; here its arguments stand behind its word"
    advice = "write `conv 16 3x3 pad=1 -> relu`: one line a layer, or `->` between layers"
    if lines:
        shown = "; ".join(lines)
        advice = f"write {quoted(shown, 100)}"
    first = diagnostic.span if diagnostic.span and diagnostic.span.line == span.line else span
    return Diagnostic("syntax", message, first, help=(advice,), fixes=fixes)


def _lines(node: ast.expr) -> Iterator[str]:
    """The lines of what a call makes. Raises _Unclear."""
    if not isinstance(node, ast.Call):
        raise _Unclear
    if isinstance(node.func, ast.Call):
        # Keras: a layer, and what it is called with.
        yield from _lines(node.func)
        return
    word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    layers = node.args[0].elts if node.args and isinstance(node.args[0], ast.List | ast.Tuple) else node.args
    if word == "Sequential" and layers:
        for layer in layers:
            yield from _lines(layer)
    elif word == "add" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        yield from _lines(node.args[0])
    elif word in ("Input", "InputLayer"):
        shape = [keyword.value for keyword in node.keywords if keyword.arg in ("shape", "input_shape")]
        yield _input((shape or node.args or [node])[0])
    else:
        yield from _layer(word, node)


def _layer(word: str, node: ast.Call) -> Iterator[str]:
    keywords = {keyword.arg or "": keyword.value for keyword in node.keywords}
    arguments = list(node.args)
    if word == "Activation" and len(arguments) == 1:
        yield _activation(arguments[0])
        return
    operator = exact_operator(word, ops.NAMES)
    if operator is None or operator in ops.MERGES or operator in _OTHER_ORDER:
        raise _Unclear
    if word.islower() and arguments and isinstance(arguments[0], ast.Name):
        # A function of torch.nn.functional: what it is given flows here.
        arguments = arguments[1:]
    if "input_shape" in keywords:
        yield _input(keywords.pop("input_shape"))
    cls = ops.operator(operator)
    order = _order(word, cls.positional)
    if len(arguments) > len(order):
        raise _Unclear
    found = dict(zip(order, arguments, strict=False))
    after = [keywords.pop("activation")] if "activation" in keywords else []
    after += [found.pop("activation")] if "activation" in found else []
    for name, value in keywords.items():
        if name in _UNSAID or (name in ("dim", "axis") and operator in ("softmax", "log_softmax", "batchnorm")):
            continue
        parameter = exact_parameter(name, cls.parameters())
        if parameter is None or parameter in found:
            raise _Unclear
        found[parameter] = value
    found = {name: value for name, value in found.items() if not name.startswith("-")}
    if any(field.is_required() and name not in found for name, field in cls.model_fields.items()):
        raise _Unclear
    rank = _RANK.search(word)
    parts = [operator]
    for name in sorted(found, key=cls.parameters().index):
        written = _value(found[name], int(rank[1]) if rank and name == "kernel" else 1)
        leading = name in cls.positional and not any("=" in part for part in parts)
        parts.append(written if leading and len(parts) == cls.positional.index(name) + 1 else f"{name}={written}")
    layers = [" ".join(parts), *filter(None, map(_activation, after))]
    yield " -> ".join(layers)


def _order(word: str, positional: tuple[str, ...]) -> list[str]:
    """What the positional arguments of a class are."""
    stem = re.sub(r"[123][dD]", "", word)
    for table in (_KERAS, _TORCH) if re.search(r"[123]D", word) else (_TORCH, _KERAS):
        if stem in table:
            return [f"-{index}" if name == "-" else name for index, name in enumerate(table[stem].split())]
    return list(positional)


def _value(node: ast.expr, rank: int) -> str:
    """A value as it is written here. Raises _Unclear."""
    if isinstance(node, ast.Tuple | ast.List) and node.elts:
        if any(isinstance(element, ast.Tuple | ast.List) for element in node.elts):
            raise _Unclear
        numbers = [_value(element, 1) for element in node.elts]
        return "x".join(numbers) if all(map(str.isdecimal, numbers)) else f"[{', '.join(numbers)}]"
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            return "true" if node.value else "false"
        if isinstance(node.value, int):
            return "x".join([str(node.value)] * rank)
        if isinstance(node.value, float):
            return repr(node.value)
        if isinstance(node.value, str) and node.value.isidentifier():
            return node.value.lower()
    if isinstance(node, ast.Name):
        return node.id
    raise _Unclear


def _activation(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and node.value in (None, "linear"):
        return ""
    word = node.value if isinstance(node, ast.Constant) else getattr(node, "attr", "")
    operator = exact_operator(str(word), ops.NAMES)
    if operator is None or ops.family(operator) != "activation":
        raise _Unclear
    return operator


def _input(node: ast.expr) -> str:
    """Keras's shape of an input, channels last."""
    if not isinstance(node, ast.Tuple | ast.List) or not node.elts:
        raise _Unclear
    *size, channels = [_value(element, 1) for element in node.elts]
    if not all(map(str.isdecimal, (*size, channels))):
        raise _Unclear
    return f"input {channels}@{'x'.join(size)}" if size else f"input {channels}"
