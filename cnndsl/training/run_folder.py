"""The folder of a run: what was learned, what decided it, and what is needed to go on.

``state.safetensors`` alone says how far the run is, and is written last; nothing is pickled.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, quoted
from cnndsl.files import Location, Write, text_writer, write_together
from cnndsl.runtime.data.weights import CLASSES, weights_writer
from cnndsl.training.history import Epoch, to_csv
from cnndsl.training.model import Sums

STATE = "cnndsl.training"
"""The key of the metadata of the state."""
WEIGHTS, OPTIMIZER = "weights/", "optimizer/"


class State(NamedTuple):
    """How far a run is: ``step`` steps into an epoch, both counted from 0."""

    epoch: int
    step: int
    sums: Sums
    """Of the epoch so far."""
    seconds: float
    """That it took so far."""
    history: tuple[Epoch, ...]
    weights: dict[str, Array]
    optimizer: dict[str, Array]


class RunFolder:
    """Reads and writes the files; every file is whole at any moment."""

    def __init__(self, path: Location) -> None:
        self.path = Path(path)
        self.class_names: tuple[str, ...] = ()
        """They travel with the weights."""

    def require_new(self) -> None:
        """Raises CnnError where there is something already."""
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            advice = "give another name with --out, or go on with it: --resume"
            raise CnnError.of("file-exists", f"{quoted(str(self.path))} is there already, and not empty", advice)

    def describe(self, network: str, settings: Mapping[str, Any]) -> None:
        """Writes what decides the run. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
        write_together(
            [(self.path / "network.cnn", text_writer(network)), (self.path / "settings.json", text_writer(text))]
        )

    def save(self, state: State, *, is_best: bool) -> None:
        """Writes how far the run is. Raises OSError."""
        weights = weights_writer(state.weights, {CLASSES: json.dumps(self.class_names)} if self.class_names else None)
        names = ["best.safetensors", "last.safetensors"] if is_best else ["last.safetensors"]
        files: list[tuple[Location, Write]] = [(self.path / name, weights) for name in names]
        files.append((self.path / "history.csv", text_writer(to_csv(state.history))))
        tensors = {WEIGHTS + key: value for key, value in state.weights.items()}
        tensors |= {OPTIMIZER + key: value for key, value in state.optimizer.items()}
        facts = {
            "version": 1,
            "epoch": state.epoch,
            "step": state.step,
            "sums": state.sums,
            "seconds": state.seconds,
            "history": state.history,
        }
        files.append((self.path / "state.safetensors", weights_writer(tensors, {STATE: json.dumps(facts)})))
        write_together(files)

    def settings(self) -> dict[str, Any]:
        """What decided the run. Raises CnnError where the folder holds none."""
        try:
            found = json.loads((self.path / "settings.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            advice = "name the folder of a run, as in --resume runs/1"
            raise CnnError.of("train-run", f"there is no run in {quoted(str(self.path))}", advice) from None
        except (OSError, ValueError) as error:
            raise self._damaged("settings.json", error) from None
        if not isinstance(found, dict) or found.get("version") != 1:
            raise self._damaged("settings.json", ValueError("it is of another version"))
        return found

    def state(self) -> State | None:
        """How far the run is; None where it had not begun. Raises CnnError."""
        from safetensors import SafetensorError, safe_open

        file = self.path / "state.safetensors"
        if not file.exists():
            return None
        try:
            with safe_open(file, framework="numpy") as stored:
                facts = json.loads((stored.metadata() or {})[STATE])
                tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # no mapping
            return State(
                int(facts["epoch"]),
                int(facts["step"]),
                Sums(*facts["sums"]),
                float(facts["seconds"]),
                tuple(Epoch(*row) for row in facts["history"]),
                {key.removeprefix(WEIGHTS): value for key, value in tensors.items() if key.startswith(WEIGHTS)},
                {key.removeprefix(OPTIMIZER): value for key, value in tensors.items() if key.startswith(OPTIMIZER)},
            )
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(file.name, error) from None

    def best(self) -> dict[str, Array]:
        """The weights of the best epoch so far. Raises CnnError."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.path / "best.safetensors"))
        except (SafetensorError, OSError) as error:
            raise self._damaged("best.safetensors", error) from None

    def _damaged(self, name: str, error: BaseException) -> CnnError:
        reason = " ".join(str(error).split())[:120]
        return CnnError.of("train-run", f"{quoted(str(self.path / name))} cannot be gone on from: {reason}")


def next_folder(parent: Path = Path("runs")) -> Path:
    """``runs/1``, or the first number above all that are there."""
    numbers = [int(path.name) for path in parent.iterdir() if path.name.isdecimal()] if parent.is_dir() else []
    return parent / str(max(numbers, default=0) + 1)
