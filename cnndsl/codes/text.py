"""Codes about the text itself: characters and grammar."""

from cnndsl.codes.code import Code

CODES = (
    Code(
        "syntax",
        "the text does not follow the grammar",
        "A file is a list of statements, one a line. A layer is a word with its arguments behind it, separated by "
        "spaces: neither parentheses nor commas. Bodies stand between `{` and `}`, and the `{` stands on the line of "
        "what it belongs to. The message tells what was found and what could have stood there. All syntax "
        "errors of a file are reported at once, and so is what is wrong with everything that does not depend on "
        "them; only where a brace is missing or left over, so that it is a guess what belongs where, nothing else is "
        "checked.",
        "input 1@28x28\nconv(6, 5)",
        "input 1@28x28\nconv 6 5",
    ),
    Code(
        "bad-character",
        "a character that has no place in a .cnn file",
        "Outside comments and strings a file consists of ASCII letters, digits, spaces and the signs of the grammar. "
        "Text copied from a paper often brings `×` for the letter x, a long dash for the minus sign, or curly "
        "quotation marks. Control characters are refused everywhere, in comments too.",
        "input 1@28×28",
        "input 1@28x28",
    ),
    Code(
        "bad-escape",
        "a backslash in a string that starts no escape",
        r"In a string the backslash starts an escape: `\"`, `\\`, `\n`, `\t`, or `\uXXXX` with four hexadecimal "
        "digits. Paths of files are written with `/`, whatever the system.",
        'import "blocks\\resnet.cnn"\ninput 1@28x28\nconv 8 3x3',
        'import "blocks/resnet.cnn"\ninput 1@28x28\nDouble',
        files={"blocks/resnet.cnn": "block Double { repeat 2 { conv 8 3x3 -> relu } }"},
    ),
)
