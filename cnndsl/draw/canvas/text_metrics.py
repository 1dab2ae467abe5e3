"""How wide a text is, without a font at hand.

The advance widths are those of DejaVu Sans, in thousandths of the font's size, rounded up. It is among the widest of
the common sans serif fonts: where a viewer puts another in its place, the text is narrower.
"""

import unicodedata
from functools import lru_cache

FAMILY = "DejaVu Sans, Verdana, Arial, sans-serif"


class MissingCharacters(UserWarning):
    """Text that a picture cannot show, because no font has it."""


_CHARACTERS = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100)))) + "–…→"

_REGULAR = """
    318 401 460 838 637 951 780 275 391 391 500 838 318 361 318 337 637 637 637 637 637 637 637 637 637 637 337 337
    838 838 838 531 1000 685 687 699 771 632 576 775 752 295 295 656 558 863 749 788 604 788 695 635 611 732 685 989
    686 611 686 391 337 391 838 500 500 613 635 550 635 616 353 635 634 278 278 580 278 975 634 612 635 635 412 521
    393 634 592 818 592 592 525 637 337 637 838 318 401 637 637 637 637 337 500 500 1000 472 612 838 361 1000 500
    500 838 401 401 500 637 637 318 500 401 472 612 970 970 970 531 685 685 685 685 685 685 975 699 632 632 632 632
    295 295 295 295 775 749 788 788 788 788 788 838 788 732 732 732 732 611 605 630 613 613 613 613 613 613 982 550
    616 616 616 616 278 278 278 278 612 634 612 612 612 612 612 838 612 634 634 634 634 592 635 592 500 1000 838
"""

_BOLD = """
    349 457 521 838 696 1002 873 307 458 458 523 838 380 416 380 366 696 696 696 696 696 696 696 696 696 696 400 400
    838 838 838 581 1000 774 763 734 831 684 684 821 837 373 373 775 638 996 837 851 733 851 771 721 683 813 774
    1104 771 725 726 458 366 458 838 500 500 675 716 593 716 679 436 716 712 343 343 666 343 1042 712 688 716 716
    494 596 479 712 652 924 646 652 583 712 366 712 838 349 457 696 696 637 696 366 500 500 1000 564 646 838 416
    1000 500 500 838 438 438 500 736 637 380 500 438 564 646 1036 1036 1036 581 774 774 774 774 774 774 1085 734 684
    684 684 684 373 373 373 373 838 837 851 851 851 851 851 838 851 813 813 813 813 725 738 720 675 675 675 675 675
    675 1048 593 679 679 679 679 343 343 343 343 688 712 688 688 688 688 688 838 688 712 712 712 712 652 716 652 500
    1000 838
"""

_OTHER, _WIDE = 1100, 1300
"""Of characters that are not in the table: upper bounds for letters, and for ideographs and pictographs."""


def _table(widths: str) -> dict[str, int]:
    return dict(zip(_CHARACTERS, map(int, widths.split()), strict=True))


_TABLES = {False: _table(_REGULAR), True: _table(_BOLD)}


@lru_cache(4096)
def _thousandths(text: str, bold: bool) -> int:
    table = _TABLES[bold]
    return sum(table[character] if character in table else _foreign(character) for character in text)


def _foreign(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


def width(text: str, size: float, bold: bool = False) -> float:
    """The width of a line of text in the unit of ``size``, the font's size; an upper bound for unusual characters."""
    return _thousandths(text, bold) * size / 1000


def shortened(text: str, size: float, room: float, bold: bool = False) -> str:
    """``text``, its end replaced by an ellipsis where it is wider than ``room``."""
    if width(text, size, bold) <= room:
        return text
    left = room - width("…", size, bold)
    end = 0
    while end < len(text) and (left := left - width(text[end], size, bold)) >= 0:
        end += 1
    return text[:end].rstrip() + "…"


def plain(text: str) -> str:
    """``text`` on one line, with a replacement character for every one that a picture cannot show."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)
