"""The processes that train together, as torchrun starts them; a single one is the usual case."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

from cnndsl.errors import CnnError, said_by

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: for the first one to decode the images."""


LOST = re.compile(r"gloo|nccl|peer|connection|timed out", re.IGNORECASE)
"""What is said where another process is gone."""

ENDED = "another process of this run has ended, and so this one does"


class OwnTrouble(CnnError):
    """What one process found that is not the first: the others do not say it."""


class Processes:
    """Which of how many this one is."""

    def __init__(self, rank: int = 0, size: int = 1, local: int = 0) -> None:
        self.rank = rank
        self.size = size
        self.local = local
        """Which of those on this machine."""

    @property
    def is_first(self) -> bool:
        """The first one speaks and writes."""
        return self.rank == 0

    def total(self, *numbers: float) -> list[float]:
        """Each number, added up over all processes."""
        if self.size == 1:
            return list(numbers)
        import torch
        import torch.distributed as distributed

        together = torch.tensor(numbers, dtype=torch.float64, device=_device(distributed, self.local))
        distributed.all_reduce(together)
        return [float(number) for number in together.tolist()]

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            self.total(0)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For work that each process does by itself: what goes wrong is said by the one where it does."""
        try:
            yield
        except CnnError as error:
            if self.is_first:
                raise
            where = f"process {self.rank + 1} of {self.size}"
            found = [one._replace(message=f"{where}: {one.message}") for one in error.diagnostics]
            raise OwnTrouble(found, error.sources) from None

    def share(self, tensors: Any) -> None:
        """Gives all processes the first one's."""
        if self.size > 1:
            import torch.distributed as distributed

            for tensor in tensors:
                distributed.broadcast(tensor, 0)


def _device(distributed: Any, local: int) -> str:
    return f"cuda:{local}" if distributed.get_backend() == "nccl" else "cpu"


def launched() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first() -> bool:
    """Whether this process is the one that speaks; torch is not needed to know."""
    return not launched() or os.environ.get("RANK", "0") == "0"


def tells_the_end() -> bool:
    """Whether this process says that another one has ended: the second too, as that may have been the first."""
    return not launched() or os.environ.get("RANK", "0") in ("0", "1")


@contextmanager
def joined(cuda: bool) -> Iterator[Processes]:
    """The processes of this run, connected for a while.

    Raises CnnError where they cannot be, and ConnectionError where one of them ends before the others.
    """
    if not launched():
        yield Processes()
        return
    import torch
    import torch.distributed as distributed

    local = int(os.environ.get("LOCAL_RANK", "0"))
    try:
        if cuda:
            torch.cuda.set_device(local)
        distributed.init_process_group("nccl" if cuda else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise CnnError.of("bad-setting", f"the processes do not find each other: {said_by(error)}") from None
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), local)
    except RuntimeError as error:
        if not LOST.search(str(error)):
            raise
        raise ConnectionError(ENDED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
    distributed.barrier()  # who leaves first may take down who still sends
    distributed.destroy_process_group()  # not after an error: it would wait for processes that are gone


def _end(number: int, frame: FrameType | None) -> None:
    """torchrun ends all processes where one has ended."""
    raise ConnectionError(ENDED)
