"""Reductions from ONNX: global pools over all spatial axes, otherwise one axis after another."""

from collections.abc import Callable

from cnndsl.interop.onnx.importer.graph import NodeContext, Refusal, Value
from cnndsl.ops.base import Operator
from cnndsl.ops.global_pool import GlobalAvgPool, GlobalLpPool, GlobalMaxPool, Reduce

POOLS: dict[str, Callable[[], Operator]] = {"mean": GlobalAvgPool, "max": GlobalMaxPool, "norm": GlobalLpPool}


def reduction(by: str) -> Callable[[NodeContext], Value]:
    """Sum, mean, largest, least or norm over some axes: of sums the sum, of norms the norm."""

    def translate(site: NodeContext) -> Value:
        x = site.any()
        axes = site.attribute("axes", None)
        if axes is None and site.given(1):
            axes = site.integers(1, "axes")
        if not axes and site.attribute("noop_with_empty_axes", 0):
            return x
        if not axes:
            raise Refusal("it reduces all axes, the batch too")
        chosen = {site.axis(x, int(axis)) for axis in axes}
        value = x.ordered(range(len(x.order)))
        if by in POOLS and x.shape.spatial and chosen == set(range(1, len(x.order))):
            value = site.emit(POOLS[by](), value)
        else:
            for axis in sorted(chosen):
                value = site.emit(Reduce.model_validate({"by": by, "axis": axis}), value)
        value = value.ordered(x.order)
        if site.attribute("keepdims", 1):
            return value
        left = [axis for axis in x.order if axis not in chosen]
        if not left:
            raise Refusal("it leaves a single number without an axis")
        if left == sorted(left):
            value = value.ordered(sorted(x.order))
        return site.reshape(value, [value.shape.dimensions[axis] for axis in left])

    return translate


REDUCTIONS = {
    "ReduceSum": reduction("sum"),
    "ReduceMean": reduction("mean"),
    "ReduceMax": reduction("max"),
    "ReduceMin": reduction("min"),
    "ReduceL2": reduction("norm"),
}
