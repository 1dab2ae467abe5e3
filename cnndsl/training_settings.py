"""The settings of training, once: what ``train { }`` and the options of ``cnndsl train`` may say.

A setting is a field of :class:`Training`. Its type is a class derived from :class:`Options` where more than one thing
can be said (``optimizer sgd lr=0.1``), else the value itself (``batch 64``). Types, defaults and meanings are read from
here by the reader of both (``cnndsl.lang.training``), the printer and the docs. No NumPy, no torch.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cnndsl.ops.fields import Count, Expects, Flag, Fraction01, Natural, Positive, Rate, written


class Only(NamedTuple):
    """The kinds of a setting that a keyword belongs to."""

    kinds: tuple[str, ...]


_Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NotNegative = Annotated[_Real, Field(ge=0), Expects("a number, 0 or more")]
Degrees = Annotated[_Real, Field(ge=0, le=180), Expects("a number of degrees from 0 to 180")]
Share = Annotated[_Real, Field(gt=0, le=1), Expects("a number above 0, up to 1")]
Factor = Annotated[_Real, Field(gt=0, lt=1), Expects("a number between 0 and 1")]
ClassWeights = Annotated[
    Literal["none", "balanced"] | Annotated[tuple[Positive, ...], Field(min_length=1)],
    Expects("none, balanced, or a list with a number above 0 for each class"),
]
Path = Annotated[str | None, Expects("the name of a file or folder in quotes")]


class Table(BaseModel):
    """Fields with their types, defaults and meanings. Immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def expects(cls, field: str) -> str:
        """What a field takes, in words."""
        metadata = cls.model_fields[field].metadata
        return next((item.words for item in metadata if isinstance(item, Expects)), "a value")

    @classmethod
    def meaning(cls, field: str) -> str:
        """What a field is for."""
        return cls.model_fields[field].description or ""


class Options(Table):
    """A setting in several parts: ``kind`` stands without its name if there is one, everything else is by keyword."""

    by_kind: ClassVar[Mapping[str, Mapping[str, float]]] = {}
    """Defaults of fields that are others for some kinds."""

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_kind(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or "kind" not in cls.model_fields:
            return given
        return {**cls.defaults(given.get("kind", cls.model_fields["kind"].default)), **given}

    @classmethod
    def defaults(cls, kind: object = None) -> dict[str, Any]:
        """The defaults that the kind has for itself."""
        return {name: kinds[kind] for name, kinds in cls.by_kind.items() if isinstance(kind, str) and kind in kinds}

    @classmethod
    def kinds_of(cls, field: str) -> tuple[str, ...]:
        """The kinds that a keyword belongs to; empty for one that belongs to all."""
        metadata = cls.model_fields[field].metadata
        return next((item.kinds for item in metadata if isinstance(item, Only)), ())

    def written(self) -> str:
        """The line behind the setting's word: the kind, then whatever differs from its defaults."""
        values = dict(self)
        kind = values.pop("kind", None)
        usual = type(self)() if kind is None else type(self).model_validate({"kind": kind})
        parts = [kind] if kind else []
        parts += [f"{name}={written(value)}" for name, value in values.items() if value != getattr(usual, name)]
        return " ".join(parts)


class Augment(Options):
    """What is changed at random in every training example, each time anew."""

    shift: Natural = Field(default=0, description="moves the picture by up to so many pixels along every axis")
    rotate: Degrees = Field(default=0.0, description="turns it by up to so many degrees, either way")
    scale: Rate = Field(
        default=0.0, description="makes it up to so much larger or smaller: 0.1 is from 0.9 to 1.1 times"
    )
    flip: Flag = Field(default=False, description="mirrors one half of the pictures, left to right")
    crop: Share = Field(
        default=1.0, description="takes a part of at least this share of the area, and enlarges it; 1: all"
    )
    erase: Fraction01 = Field(default=0.0, description="the probability that a rectangle is erased")
    noise: NotNegative = Field(default=0.0, description="adds normal noise of this standard deviation")
    brightness: Rate = Field(
        default=0.0, description="multiplies all values by up to so much more or less: 0.2 is 0.8 to 1.2"
    )
    contrast: Rate = Field(default=0.0, description="the same for the differences from the mean of the picture")
    mixup: NotNegative = Field(default=0.0, description="mixes pairs of examples by Beta(mixup, mixup); 0: none")


class Loss(Options):
    """What is made small."""

    kind: Annotated[
        Literal["cross_entropy", "binary_cross_entropy", "mse", "l1"],
        Expects("one of cross_entropy, binary_cross_entropy, mse, l1"),
    ] = Field(default="cross_entropy", description="of classes, of yes and no, of squared or of absolute differences")
    label_smoothing: Annotated[Rate, Only(("cross_entropy",))] = Field(
        default=0.0, description="the share of the target that is spread over all classes"
    )
    class_weights: Annotated[ClassWeights, Only(("cross_entropy", "binary_cross_entropy"))] = Field(
        default="none",
        description="how much an example of each class counts; balanced: rare classes as much as frequent ones",
    )


class Optimizer(Options):
    """How the weights follow the gradient."""

    by_kind: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "lr": {"sgd": 0.01},
        "weight_decay": {"adamw": 0.01},
        "momentum": {"rmsprop": 0.0},
    }

    kind: Annotated[Literal["sgd", "adam", "adamw", "rmsprop"], Expects("one of sgd, adam, adamw, rmsprop")] = Field(
        default="adamw", description="the rule"
    )
    lr: Positive = Field(default=1e-3, description="the learning rate, which the schedule changes")
    weight_decay: NotNegative = Field(default=0.0, description="draws the weights to 0")
    momentum: Annotated[Rate, Only(("sgd", "rmsprop"))] = Field(
        default=0.9, description="how much of the last step is kept"
    )
    nesterov: Annotated[Flag, Only(("sgd",))] = Field(default=False, description="Nesterov's momentum")


class Schedule(Options):
    """How the learning rate changes from epoch to epoch."""

    kind: Annotated[
        Literal["constant", "step", "cosine", "one_cycle", "plateau"],
        Expects("one of constant, step, cosine, one_cycle, plateau"),
    ] = Field(
        default="cosine", description="constant; a factor every few epochs; a cosine to 0; up and down; when it stalls"
    )
    warmup: NotNegative = Field(default=0.0, description="epochs in which the learning rate rises from 0")
    every: Annotated[Count, Only(("step",))] = Field(default=10, description="epochs from one step to the next")
    factor: Annotated[Factor, Only(("step", "plateau"))] = Field(
        default=0.1, description="what a step multiplies it by"
    )
    patience: Annotated[Count, Only(("plateau",))] = Field(
        default=5, description="epochs without a smaller validation loss before a step"
    )


class Stop(Options):
    """When training ends early: the weights of the best epoch are kept."""

    patience: Natural = Field(
        default=0, description="epochs without a smaller validation loss before it ends; 0: it does not"
    )
    min_delta: NotNegative = Field(default=0.0, description="by how much the loss must be smaller to count")


class Training(Table):
    """All settings of a training. What is not said has its default."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True, serialize_by_alias=True)

    data: Path = Field(
        default=None,
        description="a folder with a folder for each class, or a file of examples and labels",
        examples=['data "digits"'],
    )
    validation: Rate = Field(
        default=0.15,
        alias="validate",
        description="the share of the examples that is held out to judge the network by",
        examples=["validate 0.2"],
    )
    augment: Augment = Field(
        default_factory=Augment,
        description="random changes of the training examples",
        examples=["augment shift=2 rotate=10 flip"],
    )
    loss: Loss = Field(
        default_factory=Loss, description="what is made small", examples=["loss cross_entropy label_smoothing=0.1"]
    )
    optimizer: Optimizer = Field(
        default_factory=Optimizer,
        description="how the weights follow the gradient",
        examples=["optimizer sgd lr=0.1 momentum=0.9"],
    )
    schedule: Schedule = Field(
        default_factory=Schedule, description="how the learning rate changes", examples=["schedule cosine warmup=2"]
    )
    batch: Count = Field(
        default=64, description="examples in a step, of all processes together", examples=["batch 128"]
    )
    epochs: Count = Field(default=20, description="how often all examples are seen", examples=["epochs 60"])
    stop: Stop = Field(default_factory=Stop, description="when training ends early", examples=["stop patience=8"])
    clip: NotNegative = Field(default=0.0, description="the largest norm of the gradient; 0: any", examples=["clip 1"])
    seed: Natural = Field(
        default=0, description="of the initial weights, the order of the examples and all chance", examples=["seed 7"]
    )

    @classmethod
    def words(cls) -> dict[str, str]:
        """The fields by the words that stand for them in a text."""
        return {field.alias or name: name for name, field in cls.model_fields.items()}

    @classmethod
    def options(cls, field: str) -> type[Options] | None:
        """The parts of a setting that has several."""
        kind = cls.model_fields[field].annotation
        return kind if isinstance(kind, type) and issubclass(kind, Options) else None

    @classmethod
    def example(cls, field: str) -> str:
        """A line that gives the setting."""
        (line,) = cls.model_fields[field].examples or [""]
        return str(line)

    def lines(self) -> list[str]:
        """The lines of ``train { }``: whatever differs from its default."""
        usual = Training()
        lines = []
        for word, name in self.words().items():
            value = getattr(self, name)
            if value != getattr(usual, name):
                lines.append(f"{word} {value.written() if isinstance(value, Options) else written_value(value)}")
        return lines


def written_value(value: str | float) -> str:
    """A value of one part as it is written: strings in quotes."""
    if not isinstance(value, str):
        return written(value)
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"
