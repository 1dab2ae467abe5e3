"""What ``run --out`` writes: values as ``.npz``, or an output as images."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from cnndsl.cli.outputs import read_files
from cnndsl.cli.terminal import complain, unwritable
from cnndsl.errors import CnnError, quoted
from cnndsl.files import require_output, write_together

ARRAYS, PICTURE = ".npz", ".png"
UNIT = (0.0, 1.0)
"""What is black and what is white, unless it is said otherwise."""


class Saved(Protocol):
    """Takes values a batch at a time and writes files once all are there."""

    def add(self, values: Mapping[str, Any]) -> None:
        """One batch's values by layer name."""

    def write(self) -> list[str]:
        """Gives the names of what is written."""

    def close(self) -> None:
        """Forgets the values."""


def saved(options: argparse.Namespace, network: Any) -> Saved | None:
    """What takes the values, if any file is asked for. Raises CnnError where it cannot be written so."""
    suffix = Path(options.out or "").suffix.lower()
    if options.out and suffix not in (ARRAYS, PICTURE):
        raise CnnError.of("bad-setting", f"--out writes .npz and .png files, not {quoted(options.out)}")
    if suffix != PICTURE and options.range is not None:
        raise CnnError.of("bad-setting", "--range is for an output that becomes an image", "give --out NAME.png")
    if None not in (options.range, options.scale) and options.plot is None:
        raise CnnError.of("bad-setting", "--range and --scale both say what is black and what is white", "give one")
    if not options.out:
        return None
    return Arrays(options.out) if suffix == ARRAYS else Pictures(options, network)


class Arrays:
    """All values as ``.npz``."""

    def __init__(self, out: str) -> None:
        from cnndsl.runtime.data.npz_stream import NpzStream

        self.out = out
        self.stream = NpzStream()

    def add(self, values: Mapping[str, Any]) -> None:
        try:
            for name, value in values.items():
                self.stream.add(name, value)
        except OSError as error:
            raise unwritable(self.out, error) from None

    def write(self) -> list[str]:
        try:
            self.stream.write(self.out)
        except OSError as error:
            raise unwritable(self.out, error) from None
        return [self.out]

    def close(self) -> None:
        self.stream.close()


class Pictures:
    """The output as a PNG for each example: ``fake.png`` of one, ``fake_0.png`` and so on of several."""

    def __init__(self, options: argparse.Namespace, network: Any) -> None:
        if len(network.outputs) != 1:
            advice = "write .npz, or name one in the text: `output NAME`"
            raise CnnError.of("bad-setting", f"the network has {len(network.outputs)} outputs, an image one", advice)
        ((self.name, shape),) = network.outputs.items()
        if shape.channels not in (1, 3) or len(shape.spatial) != 2:
            message = f"output {quoted(self.name)} is {shape}; an image has 1 or 3 channels, rows and columns"
            raise CnnError.of("bad-setting", message, "write .npz, or draw its maps: --plot maps.png")
        self.out = Path(options.out)
        self.read = [*read_files(options, network)]
        self.range, self.scale = options.range, options.scale
        self.pictures: list[bytes] = []
        self.outside = self.total = 0

    def add(self, values: Mapping[str, Any]) -> None:
        from cnndsl.runtime.data.images import count_outside, png

        for value in values[self.name]:
            ends = self._ends(value)
            self.outside += count_outside(value, ends)
            self.total += value.size
            self.pictures.append(png(value, ends))

    def _ends(self, value: Any) -> list[tuple[float, float]]:
        """The numbers that become black and white, for each channel."""
        from cnndsl.report.plots.maps import value_range

        if self.range is None and self.scale == "map":
            return [value_range(channel) or UNIT for channel in value]
        stretched = value_range(value) if self.scale == "shared" else None
        return [self.range or stretched or UNIT] * len(value)

    def write(self) -> list[str]:
        several = len(self.pictures) > 1
        names = [self._numbered(index) if several else self.out for index in range(len(self.pictures))]
        for name in names:
            require_output(name, self.read)

        def filled(content: bytes) -> Any:
            return lambda temporary: Path(temporary).write_bytes(content)

        try:
            write_together([(name, filled(content)) for name, content in zip(names, self.pictures, strict=True)])
        except OSError as error:
            raise unwritable(self.out, error) from None
        if self.outside:
            complain(f"{100 * self.outside / self.total:.2g}% of the numbers {self._fault()}")
        shown = [str(name) for name in names]
        return shown if len(names) <= 3 else [f"{shown[0]} to {shown[-1]} ({len(names)} images)"]

    def _fault(self) -> str:
        if self.range is None and self.scale is not None:
            return "are not finite"
        low, high = self.range or UNIT
        advice = "--range LOW,HIGH gives others, --scale shared the least and the largest"
        return f"are not within {low:g} and {high:g}, black and white; {advice}"

    def _numbered(self, index: int) -> Path:
        digits = len(str(len(self.pictures) - 1))
        return self.out.with_name(f"{self.out.stem}_{index:0{digits}}{self.out.suffix}")

    def close(self) -> None:
        self.pictures.clear()
