"""The network as a module that learns: on its device, in all processes, one step at a time."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnndsl.arrays import Array
from cnndsl.errors import CnnError, missing_library, quoted, said_by
from cnndsl.ir import Graph
from cnndsl.training import augment, chance
from cnndsl.training.data.examples import Examples
from cnndsl.training.losses import Objective, learning_graph
from cnndsl.training.processes import Processes
from cnndsl.training_settings import Augment, Optimizer, Training

JUDGED_AT_ONCE = 256
"""Examples, at least."""


class Switches(NamedTuple):
    """How it is computed; what is learned does not depend on it but for rounding."""

    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, ``mps``; auto is the first accelerator that is there."""
    compile: bool = False
    mixed_precision: bool = False
    """Convolutions and products in bfloat16, weights in float32."""


class Sums(NamedTuple):
    """What some examples gave, so that others can be added."""

    loss: float = 0.0
    weight: float = 0.0
    """What the loss is divided by."""
    right: float = 0.0
    answers: float = 0.0

    def plus(self, other: "Sums") -> "Sums":
        return Sums(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def mean_loss(self) -> float:
        return self.loss / self.weight if self.weight else math.nan

    @property
    def accuracy(self) -> float | None:
        return self.right / self.answers if self.answers else None


def require_torch() -> None:
    """Raises CnnError where PyTorch, the extra ``train``, is missing."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise missing_library("PyTorch", "train", error) from None


def chosen_device(switches: Switches, local: int = 0) -> Any:
    """The device of that name. Raises CnnError for one that is not there, or that computes something else."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    name = next(kind for kind, found in there.items() if found) if switches.device == "auto" else switches.device
    advice = "leave --device out, which takes what is there; cpu always is"
    if not there.get(name.partition(":")[0], True):
        raise CnnError.of("bad-setting", f"there is no device {quoted(name)}: PyTorch finds none of its kind", advice)
    try:
        found = torch.device(f"cuda:{local}" if name == "cuda" else name)
        torch.ones(1, device=found).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise CnnError.of("bad-setting", f"there is no device {quoted(name)}: {said_by(error)}", advice) from None
    if found.type == "cpu" and switches.compile and switches.mixed_precision:
        message = "--compile and --mixed-precision together learn something else on a CPU: gradients are wrong"
        raise CnnError.of("bad-setting", message, "leave one of them out; this is PyTorch's, as of 2.13")
    return found


class Learner:
    """A network that learns from examples."""

    def __init__(
        self,
        graph: Graph,
        weights: Mapping[str, Array],
        settings: Training,
        examples: Examples,
        training: NDArray[np.int64],
        switches: Switches,
        processes: Processes,
    ) -> None:
        import torch

        from cnndsl.interop.torch.exporter.module import make_module

        self.settings, self.processes, self.switches = settings, processes, switches
        self.device = chosen_device(switches, processes.local)
        self.module = make_module(learning_graph(graph, settings.loss), weights).to(self.device)
        self.objective = Objective(settings.loss, graph, examples.y[training], self.device)
        self.optimizer = _optimizer(settings.optimizer, list(self.module.parameters()))
        self.x, self.y = torch.from_numpy(examples.x), torch.from_numpy(examples.y)
        self.levels = examples.x.dtype == np.uint8 and graph.inputs[0].dtype != "int64"
        self.augments = settings.augment.model_copy(update={"mixup": 0.0}) != Augment()
        self.drops = any(node.op.operator.startswith("dropout") for node in graph.layers)
        self.call = torch.compile(self.module) if switches.compile else self.module
        if processes.size > 1:
            accelerated = self.device.type == "cuda"
            self.call = torch.nn.parallel.DistributedDataParallel(
                self.call, device_ids=[self.device.index] if accelerated else None
            )

    def step(self, rows: NDArray[np.int64], epoch: int, step: int, rate: float) -> Sums:
        """One step of all processes together on the examples ``rows``; it is not taken where the loss is not finite."""
        import torch

        if not self.module.training:
            self.module.train()
        if self.drops:
            self._seed(chance.number(self.settings.seed, "dropout", epoch, self.processes.rank) + step)
        mine = np.arange(self.processes.rank, len(rows), self.processes.size)
        weight = float(self.objective.weight(self.y[rows].to(self.device)))
        loss, sums = self._loss(rows, mine, epoch, step)
        loss_sum, right = self.processes.total(sums.loss, sums.right) if self.processes.size > 1 else sums[::2]
        sums = Sums(loss_sum, weight, right, self._answers(rows))
        if not math.isfinite(loss_sum):
            return sums
        self.optimizer.zero_grad()
        (loss * (self.processes.size / weight)).backward()  # processes take the mean of their gradients
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.optimizer.lr * rate
        self.optimizer.step()
        return sums

    def _seed(self, seed: int) -> None:
        """Seeds what draws on the device. ``torch.manual_seed`` would keep a list of all its calls for absent ones."""
        import torch

        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            getattr(torch, self.device.type).manual_seed(seed)

    def _loss(self, rows: NDArray[np.int64], mine: NDArray[np.int64], epoch: int, step: int) -> tuple[Any, Sums]:
        """The loss of the examples at places ``mine`` of a batch, as a tensor, and what they gave."""
        settings, seed = self.settings, self.settings.seed
        mix = settings.augment.mixup
        if mix:
            drawn = chance.generator(seed, "mixup", epoch, step)
            share, partners = float(drawn.beta(mix, mix)), drawn.permutation(len(rows))
            used, places = np.unique(np.concatenate([mine, partners[mine]]), return_inverse=True)
        else:
            used = mine
        x = self._batch(rows[used])
        if self.augments:
            drawn = chance.generator(seed, "augment", epoch, step)
            x = augment.apply(x, augment.draw(settings.augment, (len(rows), *x.shape[1:]), drawn), used)
        y = self.y[rows[mine]].to(self.device)
        if not mix:
            outputs = self._outputs(x)
            loss = self.objective.sum(outputs, y)
        else:
            own, other = np.split(places, 2)
            outputs = self._outputs(share * x[own] + (1 - share) * x[other])
            others = self.y[rows[partners[mine]]].to(self.device)
            loss = share * self.objective.sum(outputs, y) + (1 - share) * self.objective.sum(outputs, others)
        right = float(self.objective.right(outputs.detach(), y)) if self.objective.classifies else 0.0
        return loss, Sums(float(loss.detach()), 0.0, right, 0.0)

    def _outputs(self, x: Any) -> Any:
        """What the network gives. Raises CnnError where it cannot be compiled."""
        try:
            with self._precision():
                return self.call(x).float()
        except RuntimeError as error:
            if self.switches.compile and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                advice = "it needs a C++ compiler, such as g++; without --compile nothing does"
                message = f"torch.compile cannot compile the network: {said_by(error)}"
                raise CnnError.of("bad-setting", message, advice) from None
            raise

    def judge(self, rows: NDArray[np.int64]) -> Sums:
        """What the network gives for the examples ``rows`` as it is in use: nothing dropped, nothing changed."""
        import torch

        self.processes.share(self.module.buffers())
        self.module.eval()
        mine, sums = rows[self.processes.rank :: self.processes.size], Sums()
        size = max(JUDGED_AT_ONCE, self.settings.batch)
        with torch.no_grad():
            for start in range(0, len(mine), size):
                part = mine[start : start + size]
                y = self.y[part].to(self.device)
                with self._precision():
                    outputs = self.module(self._batch(part)).float()
                right = float(self.objective.right(outputs, y)) if self.objective.classifies else 0.0
                weight = float(self.objective.weight(y))
                sums = sums.plus(Sums(float(self.objective.sum(outputs, y)), weight, right, self._answers(part)))
        return Sums(*self.processes.total(*sums))

    def _answers(self, rows: NDArray[np.int64]) -> float:
        return float(len(rows) * (self.y[:1].numel())) if self.objective.classifies else 0.0

    def _batch(self, rows: NDArray[np.int64]) -> Any:
        """The examples ``rows`` as the network sees them."""
        x = self.x[rows].to(self.device)
        return x.float().div_(255) if self.levels else x

    def _precision(self) -> Any:
        import torch

        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.switches.mixed_precision)

    def weights(self) -> dict[str, Array]:
        """A copy of the weights, as they are kept in files."""
        tensors = self.module.state_dict()
        return {
            key: tensor.detach().cpu().numpy().copy()
            for key, tensor in tensors.items()
            if not key.endswith(".num_batches_tracked")
        }

    def load(self, weights: Mapping[str, Array]) -> None:
        """Takes weights as ``weights`` gives them."""
        import torch

        own = self.module.state_dict()
        own.update({key: torch.from_numpy(np.array(value)) for key, value in weights.items()})
        self.module.load_state_dict(own)

    def optimizer_state(self) -> dict[str, Array]:
        """What the optimizer remembers, ``<number of the parameter>.<name>``."""
        state = self.optimizer.state_dict()["state"]
        return {
            f"{index}.{name}": value.detach().cpu().numpy().copy()
            for index, values in state.items()
            for name, value in values.items()
            if value is not None
        }

    def load_optimizer(self, remembered: Mapping[str, Array]) -> None:
        """Takes what ``optimizer_state`` gave."""
        import torch

        state: dict[int, dict[str, Any]] = {}
        for key, value in remembered.items():
            index, _, name = key.partition(".")
            state.setdefault(int(index), {})[name] = torch.from_numpy(np.array(value))
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _optimizer(settings: Optimizer, parameters: list[Any]) -> Any:
    import torch

    if not parameters:
        raise CnnError.of("train-data", "the network has no weights that could be learned")
    common: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.kind == "sgd":
        momentum: dict[str, Any] = {"momentum": settings.momentum, "nesterov": settings.nesterov}
        return torch.optim.SGD(parameters, **common, **momentum, fused=True)
    if settings.kind == "rmsprop":
        return torch.optim.RMSprop(parameters, **common, momentum=settings.momentum)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.kind](parameters, **common, fused=True)
