"""Whole numbers among the options of commands."""

import argparse


def natural(text: str) -> int:
    """A whole number of at most nine digits. Raises argparse.ArgumentTypeError."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    if len(text) > 9:
        raise argparse.ArgumentTypeError("must be below 1,000,000,000")
    return int(text)


def positive(text: str) -> int:
    """The same, from 1 on."""
    if natural(text) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)
