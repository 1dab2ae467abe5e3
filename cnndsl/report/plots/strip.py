"""A film strip: filters of a layer after some epochs of a training, a row for each. Needs matplotlib."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.errors import CnnError, quoted
from cnndsl.ops.conv import Conv, ConvTranspose, Depthwise
from cnndsl.ops.dense import Dense
from cnndsl.report.plots import panels, require_weights
from cnndsl.report.plots.kernels import around_zero, map_behind
from cnndsl.report.plots.maps import middle_slice
from cnndsl.report.plots.sheet import DIVERGING, MARGIN, Sheet, number, require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

FILTERS = 16
"""That are shown of a layer, the first."""
ROWS = 12
"""That a strip has at most."""
EVERY = "every"
"""In the file of frames, which are called after their epochs: after how many of them there is one."""


class Frame(NamedTuple):
    """The filters after an epoch, (n, H, W) or as pictures (n, 3, H, W)."""

    epoch: int
    filters: "NDArray[Any]"


class Strip:
    """Gathers the frames of a training."""

    def __init__(self, network: Measured, layer: str, every: int | None, epochs: int) -> None:
        """``every`` so many epochs; by default such that there are about twelve. Raises CnnError for a layer without
        filters."""
        self.network, self.layer = network, layer
        self.owner = require_weights(network, layer)
        self.behind = map_behind(network, self.owner) if isinstance(self.owner.op, Dense) else None
        self.shape = network.graph.weights(self.owner)["weight"].shape if self._has_filters() else ()
        if not self.shape:
            message = f"layer {quoted(layer)} has no filters of more than one pixel to watch"
            raise CnnError.of("bad-setting", message, "watch a convolution, or a dense layer on a map")
        self.every = every or max(1, -(-epochs // (ROWS - 1)))
        self.frames: list[Frame] = []

    def _has_filters(self) -> bool:
        operator = self.owner.op
        if isinstance(operator, Conv | ConvTranspose | Depthwise):
            taps = self.network.graph.weights(self.owner)["weight"].shape[2:]
            return len(taps) > 1 and max(taps) > 1
        return self.behind is not None and len(self.behind.spatial) > 1

    def add(self, epoch: int, weights: "Mapping[str, NDArray[Any]]") -> None:
        """Keeps what the filters are after an epoch, if that is one to be shown."""
        if epoch % self.every == 0:
            self.frames.append(Frame(epoch, self._filters(weights[f"{self.owner.name}.weight"])))

    def file(self, folder: Path) -> Path:
        """Where the frames of a run are kept."""
        return folder / f"filters_{self.layer}.npz"

    def save(self, folder: Path) -> None:
        """Keeps the frames for a run that goes on. Raises OSError."""
        import numpy as np

        from cnndsl.runtime.data.weights import save_arrays

        frames = {str(frame.epoch): frame.filters for frame in self.frames}
        save_arrays({EVERY: np.array(self.every), **frames}, self.file(folder))

    def go_on(self, folder: Path, every: int | None) -> None:
        """Takes up the frames of a run, and how often there is one unless ``every`` says so. Raises CnnError."""
        from cnndsl.runtime.data.weights import DAMAGE, first_line, npz_headers, read_npz

        file = self.file(folder)
        if not file.exists():
            return
        try:
            found = read_npz(file, [*npz_headers(file)])
            self.every = every or int(found.pop(EVERY))
            self.frames = [Frame(int(epoch), filters) for epoch, filters in found.items()]
        except (OSError, KeyError, *DAMAGE) as error:
            message = f"{quoted(str(file))} cannot be gone on from: {first_line(error)}"
            raise CnnError.of("train-run", message, "without it the strip begins anew") from None

    def _filters(self, weight: "NDArray[Any]") -> "NDArray[Any]":
        operator = self.owner.op
        if self.behind is not None:
            weight = weight.reshape(len(weight), *self.behind.dimensions)
        if isinstance(operator, ConvTranspose):
            weight = weight.swapaxes(0, 1)
        weight, _ = middle_slice(weight[:FILTERS], axes=4)
        if self.in_colour:
            return weight.copy()
        return weight[:, 0].copy()

    @property
    def in_colour(self) -> bool:
        """Whether the filters read the three channels of an input."""
        operator, source = self.owner.op, self.owner.inputs[0]
        reads = isinstance(operator, Conv) and operator.groups == 1 and source in self.network.inputs
        return reads and self.shape[1] == 3

    def figure(self, note: str = "") -> "Figure":
        """The frames below each other, all on one scale."""
        require_matplotlib()
        import numpy as np

        frames = self.frames
        if len(frames) > ROWS:
            chosen = np.linspace(0, len(frames) - 1, ROWS).round().astype(int)
            frames = [frames[index] for index in chosen.tolist()]
        ends = around_zero(np.stack([frame.filters for frame in frames]))
        cells = [
            [
                panels.Tile(self._picture(one, ends[1]), ends, f"{self.layer}[{index}] after {frame.epoch}")
                for index, one in enumerate(frame.filters)
            ]
            for frame in frames
        ]
        sheet = Sheet()
        total = self.network.graph.weights(self.owner)["weight"].shape[1 if self._is_transposed else 0]
        shown = f"the first {FILTERS} of {total} filters" if total > FILTERS else f"{total} filters"
        several = self.behind is None and not self.in_colour and self.shape[0 if self._is_transposed else 1] > 1
        facts = [note, "rows: after so many epochs", f"columns: {shown}", "their first channel" if several else ""]
        if self.in_colour:
            facts.append(f"RGB from {number(-ends[1])} to {number(ends[1])}, 0 is grey")
        sheet.heading(self.layer, "as it learns", facts)
        bar = None if self.in_colour else ends
        panels.tiles(sheet, MARGIN, cells, DIVERGING, bar, [str(frame.epoch) for frame in frames])
        return sheet.finish()

    @property
    def _is_transposed(self) -> bool:
        return isinstance(self.owner.op, ConvTranspose)

    def _picture(self, one: "NDArray[Any]", largest: float) -> "NDArray[Any]":
        import numpy as np

        if not self.in_colour:
            return one
        return np.asarray(np.nan_to_num(one / (2 * largest) + 0.5).clip(0, 1).transpose(1, 2, 0))
