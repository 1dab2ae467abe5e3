"""Where the time goes: seconds, floating point operations and shares of every step."""

from threading import Lock
from typing import Any

from cnndsl.runtime.parallel.blas import blas_core
from cnndsl.runtime.plan.planner import BatchPlan


class Profile:
    """Adds up what :func:`~cnndsl.runtime.interpreter.execute` measured. Batches of different sizes are added too."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._lock = Lock()

    def add(self, plan: BatchPlan, seconds: list[float]) -> None:
        """One run's seconds a step."""
        with self._lock:
            for step, elapsed in zip(plan.steps, seconds, strict=True):
                name = " + ".join(step.layer.covers)
                new = {"layers": name, "algorithm": step.choice.algorithm, "seconds": 0.0, "flops": 0}
                row = self._rows.setdefault(name, new)
                row["seconds"] += elapsed
                row["flops"] += plan.flops(step)

    def clear(self) -> None:
        """Forgets what was measured so far."""
        with self._lock:
            self._rows.clear()

    def rows(self) -> list[dict[str, Any]]:
        """For every step its layers, algorithm, seconds, floating point operations and share of the time."""
        total = sum(row["seconds"] for row in self._rows.values()) or 1.0
        return [{**row, "share": row["seconds"] / total} for row in self._rows.values()]

    def table(self) -> str:
        """The rows as text, the BLAS kernels and the sum below."""
        rows = self.rows()
        lines = [f"{'ms':>9}  {'share':>6}  {'GFLOP/s':>7}  {'algorithm':<26}  layers"]
        for row in rows:
            rate = f"{row['flops'] / row['seconds'] / 1e9:.1f}" if row["flops"] and row["seconds"] else ""
            measured = f"{row['seconds'] * 1e3:>9.3f}  {row['share']:>6.1%}  {rate:>7}"
            lines.append(f"{measured}  {row['algorithm']:<26}  {row['layers']}")
        seconds, flops = sum(row["seconds"] for row in rows), sum(row["flops"] for row in rows)
        lines.append(f"{seconds * 1e3:>9.3f}  {'':>6}  {flops / (seconds or 1) / 1e9:>7.1f}  BLAS: {blas_core()}")
        return "\n".join(lines)
