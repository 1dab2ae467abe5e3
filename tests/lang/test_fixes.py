"""Safe fixes: what they change, and what they leave alone."""

from pathlib import Path

import pytest

import cnndsl
from cnndsl.cli import main
from cnndsl.errors import Diagnostic, Fix, Span
from cnndsl.lang.review.fixes import apply_fixes, mended


def found(text: str) -> tuple[Diagnostic, ...]:
    return cnndsl.check(text, file="net.cnn").diagnostics


FOREIGN = [
    ("input 3@32x32\nConv2d 16 kernel_size=3 padding=same\n", "input 3@32x32\nconv 16 kernel=3 pad=same\n"),
    ("input 32x32x3\nrelu\n", "input 3@32x32\nrelu\n"),
    ("input 400\nfc 10 -> LogSoftmax\n", "input 400\ndense 10 -> log_softmax\n"),
    ("input 3@8x8\nbn -> ReLU\nMaxPooling2D 2x2\n", "input 3@8x8\nbatchnorm -> relu\nmaxpool 2x2\n"),
    ("input 3@8x8\ncnov 8 3x3 strid=2 pad=smae\n", "input 3@8x8\nconv 8 3x3 stride=2 pad=same\n"),
    ("param width = 8\ninput 3@8x8\nconv wdith 3x3\n", "param width = 8\ninput 3@8x8\nconv width 3x3\n"),
    ("input 3@8x8\nconv mxa(1, 2) 3x3\n", "input 3@8x8\nconv max(1, 2) 3x3\n"),
    ("input 3@8x8\nconv in.chanels 3x3\n", "input 3@8x8\nconv in.channels 3x3\n"),
]


@pytest.mark.parametrize(("wrong", "right"), FOREIGN)
def test_fixed_texts_check_clean(wrong: str, right: str) -> None:
    assert mended(wrong, "net.cnn", found) == right
    assert found(right) == ()


def test_what_is_right_stays_to_the_last_character() -> None:
    text = "# a comment  \ninput 3@8x8;relu\n\n\n"
    assert mended(text, "net.cnn", found) == text


def test_an_unsafe_fix_is_offered_but_not_applied() -> None:
    text = "let a = 1\nlet b = 2\ninput 3@8x8\nconv c 3x3\n"
    (diagnostic,) = found(text)
    assert [fix.safe for fix in diagnostic.fixes] == [False]
    assert mended(text, "net.cnn", found) == text


def test_fixes_of_other_files_and_overlapping_ones_are_left_out() -> None:
    def diagnostic(file: str, start: int, end: int, text: str) -> Diagnostic:
        span = Span(file, 1, start, 1, end)
        return Diagnostic("x", "x", span, fixes=(Fix("x", span, text, safe=True),))

    several = [diagnostic("a", 1, 3, "X"), diagnostic("a", 2, 4, "Y"), diagnostic("b", 5, 6, "Z")]
    assert apply_fixes("abcdef", "a", several) == "Xcdef"


def test_check_fix_keeps_line_ends_and_the_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "net.cnn"
    file.write_bytes("\ufeffinput 3@8x8\r\nReLU6\r\n".encode())
    assert main(["check", str(file), "--fix", "--quiet"]) == 0
    assert file.read_bytes() == "\ufeffinput 3@8x8\r\nrelu6\r\n".encode()


def test_check_fix_diff_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.cnn"
    file.write_text("input 3@8x8\nReLU6\n")
    assert main(["check", str(file), "--fix", "--diff", "--quiet"]) == 1
    assert file.read_text() == "input 3@8x8\nReLU6\n"
    assert "-ReLU6\n+relu6\n" in capsys.readouterr().out
