"""Activations: element by element, softmax and log_softmax over the channels."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Annotated, ClassVar, Literal

from cnndsl.ops.base import AcrossChannels, Activation, Weight
from cnndsl.ops.fields import Expects, OptionalReal, Positive, Real
from cnndsl.shapes import Shape, ShapeError


class Relu(Activation):
    operator: ClassVar[str] = "relu"
    summary: ClassVar[str] = "max(x, 0)."
    rectifier: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("max(0, {x})",)
    source: ClassVar[str] = "Nair and Hinton 2010"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1 -> relu"


class Relu6(Activation):
    operator: ClassVar[str] = "relu6"
    summary: ClassVar[str] = "min(max(x, 0), 6)."
    rectifier: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("min(max(0, {x}), 6)",)
    source: ClassVar[str] = "Krizhevsky 2010; Howard et al. 2017"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1 -> relu6"


class LeakyRelu(Activation):
    operator: ClassVar[str] = "leaky_relu"
    summary: ClassVar[str] = "x where positive, alpha*x elsewhere."
    positional: ClassVar[tuple[str, ...]] = ("alpha",)
    rectifier: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("{x}", "{alpha}*{x}")
    source: ClassVar[str] = "Maas, Hannun, Ng 2013"
    example: ClassVar[str] = "input 3@64x64\nconv 64 4x4 stride=2 pad=1 -> leaky_relu 0.2"

    alpha: Real = 0.01


class PRelu(Activation):
    operator: ClassVar[str] = "prelu"
    summary: ClassVar[str] = "x where positive, a learnt factor per channel times x elsewhere."
    rectifier: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("{x}", "{weight}*{x}")
    rule: ClassVar[str] = "the shape of the input; parameters C"
    source: ClassVar[str] = "He et al. 2015 (Delving deep into rectifiers)"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1 -> prelu"

    def weights(self, shapes: Sequence[Shape]) -> Mapping[str, Weight]:
        return {"weight": Weight((shapes[0].channels,), fill=0.25)}


class Elu(Activation):
    operator: ClassVar[str] = "elu"
    summary: ClassVar[str] = "x where positive, alpha*(e^x - 1) elsewhere."
    positional: ClassVar[tuple[str, ...]] = ("alpha",)
    formula: ClassVar[tuple[str, ...]] = ("{x}", "{alpha}*(e^{x} - 1)")
    source: ClassVar[str] = "Clevert, Unterthiner, Hochreiter 2015"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1 -> elu"

    alpha: Real = 1.0


class Selu(Activation):
    operator: ClassVar[str] = "selu"
    summary: ClassVar[str] = "1.0507*(x where positive, 1.6733*(e^x - 1) elsewhere)."
    alpha: ClassVar[float] = 1.6732632423543772848170429916717
    scale: ClassVar[float] = 1.0507009873554804934193349852946
    formula: ClassVar[tuple[str, ...]] = ("{scale}*{x}", "{scale}*{alpha}*(e^{x} - 1)")
    source: ClassVar[str] = "Klambauer et al. 2017"
    example: ClassVar[str] = "input 512\ndense 256 -> selu"


class Celu(Activation):
    operator: ClassVar[str] = "celu"
    summary: ClassVar[str] = "max(x, 0) + min(0, alpha*(e^(x/alpha) - 1))."
    positional: ClassVar[tuple[str, ...]] = ("alpha",)
    formula: ClassVar[tuple[str, ...]] = ("{x}", "{alpha}*(e^({x}/{alpha}) - 1)")
    source: ClassVar[str] = "Barron 2017"
    example: ClassVar[str] = "input 512\ndense 256 -> celu"

    alpha: Positive = 1.0


class Gelu(Activation):
    operator: ClassVar[str] = "gelu"
    summary: ClassVar[str] = "x*Phi(x), exactly or by the tanh approximation."
    formula: ClassVar[tuple[str, ...]] = ("{x}*Phi({x})",)
    source: ClassVar[str] = "Hendrycks and Gimpel 2016"
    example: ClassVar[str] = "input 96@56x56\nconv 384 1x1 -> gelu"

    approximate: Annotated[Literal["none", "tanh"], Expects("none or tanh")] = "none"


class Silu(Activation):
    operator: ClassVar[str] = "silu"
    summary: ClassVar[str] = "x*sigmoid(x), also known as swish."
    formula: ClassVar[tuple[str, ...]] = ("{x}/(1 + e^(-{x}))",)
    source: ClassVar[str] = "Elfwing, Uchibe, Doya 2017; Ramachandran, Zoph, Le 2017"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1 -> silu"


class Mish(Activation):
    operator: ClassVar[str] = "mish"
    summary: ClassVar[str] = "x*tanh(softplus(x))."
    formula: ClassVar[tuple[str, ...]] = ("{x}*tanh(ln(1 + e^{x}))",)
    source: ClassVar[str] = "Misra 2019"
    example: ClassVar[str] = "input 3@32x32\nconv 16 3x3 pad=1 -> mish"


class HardSwish(Activation):
    operator: ClassVar[str] = "hardswish"
    summary: ClassVar[str] = "x*relu6(x + 3)/6."
    formula: ClassVar[tuple[str, ...]] = ("{x}*min(max(0, {x} + 3), 6)/6",)
    source: ClassVar[str] = "Howard et al. 2019 (MobileNetV3), section 5.2"
    example: ClassVar[str] = "input 3@224x224\nconv 16 3x3 stride=2 pad=1 -> hardswish"


class HardSigmoid(Activation):
    operator: ClassVar[str] = "hardsigmoid"
    summary: ClassVar[str] = "relu6(x + 3)/6, as PyTorch has it."
    formula: ClassVar[tuple[str, ...]] = ("min(max(0, {x} + 3), 6)/6",)
    source: ClassVar[str] = "Howard et al. 2019 (MobileNetV3), section 5.2; PyTorch Hardsigmoid"
    example: ClassVar[str] = "input 16@1x1\nconv 64 1x1 -> hardsigmoid"


class Sigmoid(Activation):
    operator: ClassVar[str] = "sigmoid"
    summary: ClassVar[str] = "1/(1 + e^-x)."
    formula: ClassVar[tuple[str, ...]] = ("1/(1 + e^(-{x}))",)
    source: ClassVar[str] = "Rumelhart, Hinton, Williams 1986"
    example: ClassVar[str] = "input 84\ndense 1 -> sigmoid"


class Tanh(Activation):
    operator: ClassVar[str] = "tanh"
    summary: ClassVar[str] = "The hyperbolic tangent."
    formula: ClassVar[tuple[str, ...]] = ("tanh({x})",)
    source: ClassVar[str] = "LeCun et al. 1998 (Efficient BackProp)"
    example: ClassVar[str] = "input 1@28x28\nconv 6 5x5 pad=2 -> tanh"


class Softplus(Activation):
    operator: ClassVar[str] = "softplus"
    summary: ClassVar[str] = "ln(1 + e^x)."
    formula: ClassVar[tuple[str, ...]] = ("ln(1 + e^{x})",)
    source: ClassVar[str] = "Dugas et al. 2001"
    example: ClassVar[str] = "input 84\ndense 10 -> softplus"


class Softsign(Activation):
    operator: ClassVar[str] = "softsign"
    summary: ClassVar[str] = "x/(1 + |x|)."
    formula: ClassVar[tuple[str, ...]] = ("{x}/(1 + |{x}|)",)
    source: ClassVar[str] = "Bergstra et al. 2009"
    example: ClassVar[str] = "input 84\ndense 10 -> softsign"


class Clip(Activation):
    operator: ClassVar[str] = "clip"
    summary: ClassVar[str] = "min(max(x, min), max); one of the bounds may be left out."
    positional: ClassVar[tuple[str, ...]] = ("min", "max")
    formula: ClassVar[tuple[str, ...]] = ("min(max({x}, {min}), {max})",)
    source: ClassVar[str] = "ONNX Clip"
    example: ClassVar[str] = "input 3@32x32\nclip 0 1"

    min: OptionalReal = None
    max: OptionalReal = None

    @property
    def bounds(self) -> tuple[float, float]:
        """Both bounds; infinite where there is none."""
        return -inf if self.min is None else self.min, inf if self.max is None else self.max

    def output(self, shapes: Sequence[Shape]) -> Shape:
        low, high = self.bounds
        if (low, high) == (-inf, inf):
            raise ShapeError("missing-argument", "clip needs `min` or `max`", "for example: clip min=0")
        if low > high:
            raise ShapeError("bad-argument", f"clip: min={low:g} is above max={high:g}", argument="min")
        return shapes[0]

    def formulas(self) -> tuple[str, ...]:
        if self.min is None:
            return ("min({x}, {max})",)
        return ("max({x}, {min})",) if self.max is None else self.formula

    def placed(self) -> tuple[str, ...]:
        return () if self.min is None or self.max is None else self.positional


class Softmax(AcrossChannels):
    operator: ClassVar[str] = "softmax"
    summary: ClassVar[str] = "e^x divided by its sum, over the channels at each position or over the vector."
    in_place: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape of the input; normalised over the channels"
    source: ClassVar[str] = "Bridle 1990"
    example: ClassVar[str] = "input 84\ndense 10 -> softmax"


class LogSoftmax(AcrossChannels):
    operator: ClassVar[str] = "log_softmax"
    summary: ClassVar[str] = "x - ln(sum of e^x), over the channels at each position or over the vector."
    in_place: ClassVar[bool] = True
    rule: ClassVar[str] = "the shape of the input; normalised over the channels"
    source: ClassVar[str] = "PyTorch LogSoftmax"
    example: ClassVar[str] = "input 84\ndense 10 -> log_softmax"
