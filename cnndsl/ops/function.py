"""Functions of one number, element by element, beside the activations."""

from typing import ClassVar

from cnndsl.ops.base import Activation
from cnndsl.ops.fields import Real


class Abs(Activation):
    operator: ClassVar[str] = "abs"
    summary: ClassVar[str] = "|x|."
    formula: ClassVar[tuple[str, ...]] = ("|{x}|",)
    source: ClassVar[str] = "Jarrett, Kavukcuoglu, Ranzato, LeCun 2009 (rectification); ONNX Abs"
    example: ClassVar[str] = "input 1@28x28\nconv 8 5x5 -> abs"


class Neg(Activation):
    operator: ClassVar[str] = "neg"
    summary: ClassVar[str] = "-x."
    channel_affine: ClassVar[bool] = True
    formula: ClassVar[tuple[str, ...]] = ("-{x}",)
    source: ClassVar[str] = "Shang et al. 2016 (concatenated ReLU); ONNX Neg"
    example: ClassVar[str] = "input 3@32x32\nconv 8 3x3 bias=false\nconcat { relu; neg -> relu }"


class Square(Activation):
    operator: ClassVar[str] = "square"
    summary: ClassVar[str] = "x^2."
    formula: ClassVar[tuple[str, ...]] = ("{x}^2",)
    source: ClassVar[str] = "Schirrmeister et al. 2017 (shallow ConvNet); PyTorch square"
    example: ClassVar[str] = "input 22@549\nconv 40 25 -> square -> avgpool 75 stride=15"


class Sqrt(Activation):
    operator: ClassVar[str] = "sqrt"
    summary: ClassVar[str] = "The square root; NaN where x is below 0."
    formula: ClassVar[tuple[str, ...]] = ("sqrt({x})",)
    source: ClassVar[str] = "IEEE 754-2019, section 5.4.1; ONNX Sqrt"
    example: ClassVar[str] = "input 3@32x32\nsquare -> avgpool 2x2 -> sqrt"


class Exp(Activation):
    operator: ClassVar[str] = "exp"
    summary: ClassVar[str] = "e^x; infinite where that is beyond float32, for x above 88.72."
    formula: ClassVar[tuple[str, ...]] = ("e^{x}",)
    source: ClassVar[str] = "IEEE 754-2019, section 9.2; ONNX Exp"
    example: ClassVar[str] = "input 256@16x16\nconv 4 3x3 pad=1 -> exp"


class Log(Activation):
    operator: ClassVar[str] = "log"
    summary: ClassVar[str] = "The natural logarithm; NaN where x is below 0, minus infinity at 0."
    formula: ClassVar[tuple[str, ...]] = ("ln({x})",)
    source: ClassVar[str] = "Schirrmeister et al. 2017 (shallow ConvNet); ONNX Log"
    example: ClassVar[str] = "input 40@525\nsquare -> avgpool 75 stride=15 -> clip min=1e-6 -> log"


class Sin(Activation):
    operator: ClassVar[str] = "sin"
    summary: ClassVar[str] = "The sine; x is in radians."
    formula: ClassVar[tuple[str, ...]] = ("sin({x})",)
    source: ClassVar[str] = "Sitzmann et al. 2020 (SIREN)"
    example: ClassVar[str] = "input 2@64x64\nconv 32 1x1 -> sin"


class Pow(Activation):
    operator: ClassVar[str] = "pow"
    summary: ClassVar[str] = (
        "x to a power; NaN where x is below 0 and the exponent no whole number, infinite at 0 if it is negative."
    )
    positional: ClassVar[tuple[str, ...]] = ("exponent",)
    formula: ClassVar[tuple[str, ...]] = ("{x}^{exponent}",)
    source: ClassVar[str] = "IEEE 754-2019, section 9.2; ONNX Pow"
    example: ClassVar[str] = "input 64@28x28\nrelu -> pow 3 -> global_avgpool"

    exponent: Real
