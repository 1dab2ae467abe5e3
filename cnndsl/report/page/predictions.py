"""What the network says of the example: the classes with the largest outputs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.analysis.measured import Measured
from cnndsl.report.markup import text

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOP = 5


class Prediction(NamedTuple):
    """The ``classes`` of an output with the largest values, the largest first.

    ``probabilities``: the values of all classes are between 0 and 1 and add up to 1.
    """

    output: str
    classes: tuple[tuple[str, float], ...]
    probabilities: bool


def predictions(
    network: Measured, values: Mapping[str, "NDArray[Any]"], labels: Sequence[str] | None = None, top: int = TOP
) -> list[Prediction]:
    """The first classes of every output that is a vector of several; ``values`` are those of one example by name."""
    import numpy as np

    found = []
    for name, shape in network.outputs.items():
        scores = np.asarray(values[name], np.float64).reshape(-1)
        if shape.positions > 1 or len(scores) < 2 or not np.isfinite(scores).all():
            continue
        named = labels if labels is not None and len(labels) == len(scores) else None
        order = np.argsort(-scores, kind="stable")[:top].tolist()
        classes = tuple((named[index] if named else f"class {index}", float(scores[index])) for index in order)
        found.append(Prediction(name, classes, bool(scores.min() >= 0 and abs(scores.sum() - 1) < 1e-3)))
    return found


def predictions_html(found: Sequence[Prediction]) -> str:
    return "\n".join(map(_table, found))


def _percent(value: float) -> str:
    return "&lt; 0.1%" if 0 < value < 0.0005 else f"{value:.1%}"


def _table(prediction: Prediction) -> str:
    least, largest = prediction.classes[-1][1], prediction.classes[0][1]
    rows = []
    for name, value in prediction.classes:
        share = value if prediction.probabilities else (value - least) / ((largest - least) or 1)
        shown = _percent(value) if prediction.probabilities else f"{value:.4g}"
        bar = f'<span class="share" style="--share:{share:.4f}" aria-hidden="true"></span>'
        rows.append(f'<tr><th scope="row">{text(name)}</th><td>{bar}<strong>{shown}</strong></td></tr>')
    what = "probability" if prediction.probabilities else "score"
    return (
        '<div class="card"><table class="shares">'
        f"<caption>{text(prediction.output)}: the largest of its classes</caption>"
        f'<thead><tr><th scope="col">Class</th><th scope="col">{what.capitalize()}</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
