"""``train { }``: what it reads as, where it may stand, and the same settings as options."""

import pytest

from cnndsl import api
from cnndsl.errors import CnnError
from cnndsl.lang.review.fixes import mended
from cnndsl.lang.training.options import with_options
from cnndsl.ops.fields import leaves
from cnndsl.training_settings import Options, Training

NETWORK = "input 1@8x8\nflatten -> dense 10\n"


def training(lines: str) -> Training:
    found = api.loads(f"{NETWORK}train {{\n{lines}\n}}").graph.training
    assert found is not None
    return found


def codes(text: str) -> list[str]:
    return [diagnostic.code for diagnostic in api.check(text).diagnostics]


def test_what_is_not_said_has_its_default() -> None:
    assert training("") == Training()
    assert api.loads(NETWORK).graph.training is None


def test_every_setting_of_the_design_is_read() -> None:
    found = training(
        'data "digits"; validate 0.2; augment shift=1 rotate=10 flip=false\nloss cross_entropy label_smoothing=0.1\n'
        "optimizer adamw lr=2e-3 weight_decay=1e-4\nschedule cosine warmup=2\nbatch 32\nepochs 60\nstop patience=8\n"
        "clip 1.5\nseed 1"
    )
    assert (found.data, found.validation, found.batch, found.epochs, found.clip, found.seed) == (
        *("digits", 0.2, 32, 60, 1.5, 1),
    )
    assert (found.augment.shift, found.augment.rotate, found.augment.flip) == (1, 10, False)
    assert (found.loss.kind, found.loss.label_smoothing) == ("cross_entropy", 0.1)
    assert (found.optimizer.kind, found.optimizer.lr, found.optimizer.weight_decay) == ("adamw", 0.002, 0.0001)
    assert (found.schedule.kind, found.schedule.warmup, found.stop.patience) == ("cosine", 2, 8)


def test_defaults_follow_the_kind() -> None:
    assert training("optimizer sgd").optimizer.lr == 0.01
    assert training("optimizer adam").optimizer.weight_decay == 0
    assert training("optimizer adamw").optimizer.weight_decay == 0.01
    assert training("optimizer lr=0.5").optimizer.kind == "adamw"


def test_values_are_expressions_that_see_params_and_words_alone_are_flags() -> None:
    text = f"param rate = 0.1\n{NETWORK}train {{ optimizer sgd lr=rate/2 nesterov; loss class_weights=range(1, 11) }}"
    found = api.loads(text, params={"rate": 0.4}).graph.training
    assert found is not None
    assert (found.optimizer.lr, found.optimizer.nesterov, found.loss.class_weights) == (0.2, True, tuple(range(1, 11)))


@pytest.mark.parametrize(
    ("line", "code", "place", "message"),
    [
        ("optimiser sgd", "unknown-train-setting", (1, 10), "training has no setting `optimiser`"),
        ("lr 0.1", "unknown-train-setting", (1, 3), "training has no setting `lr`"),
        ("adam", "unknown-train-setting", (1, 5), "training has no setting `adam`"),
        ("epochs 1.5", "bad-argument", (8, 11), "epochs must be a positive whole number, got 1.5"),
        ("validate 1.5", "bad-argument", (10, 13), "validate must be a number from 0 to below 1, got 1.5"),
        ("data digits", "bad-argument", (6, 12), "data must be the name of a file or folder in quotes"),
        ("epochs", "missing-argument", (1, 7), "epochs takes one value: a positive whole number"),
        ("batch 3 4", "too-many-arguments", (9, 10), "batch takes one value: a positive whole number"),
        ("batch size=4", "too-many-arguments", (7, 13), "batch takes one value: a positive whole number"),
        (
            *("optimizer adam lr=-1", "bad-argument", (19, 21)),
            "optimizer: lr must be a number above 0, got -1",
        ),
        (
            *("optimizer adm", "bad-argument", (11, 14)),
            "optimizer must be one of sgd, adam, adamw, rmsprop, got `adm`",
        ),
        ("optimizer adam mometum=3", "unknown-parameter", (16, 23), "optimizer has no parameter `mometum`"),
        ("loss mse label_smoothing=0", "unknown-parameter", (10, 27), "loss mse has no parameter `label_smoothing`"),
        ("augment shift", "missing-argument", (9, 14), "augment: shift takes a whole number, 0 or more"),
        ("augment 3", "too-many-arguments", (9, 10), "augment: this argument is one too many"),
        ("augment flip flip=true", "repeated-argument", (14, 23), "augment: `flip` is given twice"),
        ("seed 1; seed 2", "repeated-argument", (9, 15), "`seed` is given twice"),
        ("clip (1/0)", "division-by-zero", (6, 11), "division by zero"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(line: str, code: str, place: tuple[int, int], message: str) -> None:
    (found,) = api.check(f"{NETWORK}train {{\n{line}\n}}").diagnostics
    assert found.span is not None
    assert (found.code, found.span.line, (found.span.column, found.span.end_column)) == (code, 4, place)
    assert found.message == message


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("optimiser sgd", "did you mean `optimizer`?"),
        ("batch_size 3", "did you mean `batch`?"),
        ("early_stopping 3", "did you mean `stop`?"),
        ("lr 0.1", "`lr` is a part of optimizer, as in `optimizer adamw lr=0.1`"),
        ("momentum 0.5", "`momentum` is a part of optimizer, as in `optimizer sgd momentum=0.5`"),
        ("one_cycle", "write `schedule one_cycle`"),
        ("optimizer adam learning_rate=1", "did you mean `lr`?"),
        ("data digits", 'write `"digits"`'),
    ],
)
def test_what_was_meant_is_told(line: str, advice: str) -> None:
    (found,) = api.check(f"{NETWORK}train {{\n{line}\n}}").diagnostics
    assert found.help == (advice,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{NETWORK}train {{ }}\nrelu", "misplaced"),
        (f"{NETWORK}train {{ }}\ntrain {{ }}", "repeated-argument"),
        (f"{NETWORK}repeat 2 {{ train {{ }} }}", "misplaced"),
        (f"{NETWORK}add {{ identity; train {{ }} }}", "misplaced"),
        ("block B { relu; train { } }\ninput 1@8x8\nB", "misplaced"),
        ("network A { input 1@8x8; relu }\ntrain { }", "misplaced"),
    ],
)
def test_it_stands_once_at_the_end(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_options_are_written_as_in_the_text() -> None:
    options = {"optimizer": "sgd lr=0.1 momentum=0.8", "augment": "flip shift=2", "epochs": "3", "clip": "1/2"}
    lines = "optimizer sgd lr=0.1 momentum=0.8; augment flip shift=2; epochs 3; clip (1/2); seed 5"
    assert with_options(training("seed 5; optimizer adam"), options) == training(lines)
    assert with_options(None, {"data": "a folder/b", "loss": {"kind": "mse"}}) == Training(
        data="a folder/b", loss={"kind": "mse"}
    )


@pytest.mark.parametrize(
    ("word", "value", "code"),
    [
        ("epochs", "3\n}", "bad-setting"),
        ("epochs", "3; batch 4", "bad-setting"),
        ("augment", "flip; batch 4", "bad-setting"),
        ("augment", "flip } \n input 3", "bad-setting"),
        ("epochs", "", "missing-argument"),
        ("seed", "-1", "bad-argument"),
        ("optimizer", "adm", "bad-argument"),
        ("optimizer", {"lr": -1}, "bad-setting"),
        ("batch", 0, "bad-setting"),
        ("epochs", "many", "bad-argument"),
        ("optimiser", "sgd", "unknown-train-setting"),
        ("data", 3, "bad-setting"),
    ],
)
def test_wrong_options_are_one_diagnostic_each(word: str, value: object, code: str) -> None:
    with pytest.raises(CnnError) as caught:
        with_options(None, {word: value})
    (found,) = caught.value.diagnostics
    assert (found.code, found.span) == (code, None)


def test_the_graph_carries_it_as_json_and_as_text() -> None:
    text = f'network A {{ {NETWORK}train {{ data "a\\"b\\\\c\\u0001"; optimizer sgd; stop patience=3 }}\n}}'
    network = api.loads(text)
    assert api.from_json(network.to_json()).graph == network.graph
    for written in (network.to_cnn(), network.decompiled()[0]):
        assert api.loads(written).graph.training == network.graph.training
    without = api.loads(f"network A {{ {NETWORK} }}")
    assert "training" not in without.to_json()
    assert network.graph.model_copy(update={"training": None}) == without.graph


# --- what ties it to the network ---
DENSE = "input 1@8x8\nflatten -> dense"


def judged(text: str) -> list[tuple[str, str, int | None]]:
    found = api.check(text).diagnostics
    return [(one.severity, one.message, one.span.line if one.span else None) for one in found]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f"{DENSE} 10 -> sigmoid\ntrain {{ }}", 3, "cross_entropy is of classes of which one holds"),
        (f"{DENSE} 1\ntrain {{\nepochs 3\n}}", 3, "cross_entropy needs an output for each class, and `dense1` is 1"),
        (
            *(f"{DENSE} 3\ntrain {{\nloss binary_cross_entropy\n}}", 4),
            "binary_cross_entropy is of yes and no, and `text` has 3 outputs",
        ),
        (
            *(f"{DENSE} 3 -> softmax\ntrain {{\nloss binary_cross_entropy\n}}", 4),
            "binary_cross_entropy is of yes and no, and `text` ends in softmax",
        ),
        (f"{DENSE} 3\ntrain {{ loss class_weights=[1, 2] }}", 3, "class_weights has 2 numbers for 3 classes"),
        (
            *(f"{DENSE} 1\ntrain {{ loss binary_cross_entropy class_weights=[1, 2, 3] }}", 3),
            "class_weights has 3 numbers for 2 classes",
        ),
        (f"{DENSE} 3\ntrain {{ augment shift=8 }}", 3, "shift moves by up to 8, and `input` is 1@8x8"),
        ("input 9\ndense 3\ntrain { augment rotate=3 }", 3, "rotate is for pictures, and `input` is 9"),
        ("input 2@9\nflatten -> dense 3\ntrain { augment crop=0.5 }", 3, "crop is for pictures, and `input` is 2@9"),
        ("input 9\ndense 3\ntrain { augment flip }", 3, "flip needs a spatial axis, and `input` is 9"),
        (
            *("input 20 dtype=int64\nembedding 30 4 -> flatten -> dense 3\ntrain { augment noise=1 }", 3),
            "noise changes numbers, and `input` holds words by their numbers",
        ),
        (f"{DENSE} 3\ntrain {{ optimizer sgd nesterov momentum=0 }}", 3, "nesterov changes how momentum is used"),
        ("input 1@8x8\nrelu\ntrain { loss mse }", 3, "`text` has no weights that could be learned"),
        (
            *("input 3 as a\ninput 3 as b\nadd { from a; from b } -> dense 4\ntrain { }", 4),
            "training takes a network with one input; `text` has 2",
        ),
        (
            *("input 3\ndense 4 as a -> relu as b\noutput a b\ntrain { }", 4),
            "training takes a network with one output; `text` has 2",
        ),
    ],
)
def test_what_does_not_fit_the_network_is_an_error(text: str, line: int, message: str) -> None:
    ((severity, told, place),) = judged(text)
    assert (severity, place) == ("error", line)
    assert told.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        f"{DENSE} 3\ntrain {{ loss class_weights=[1, 2, 3] }}",
        f"{DENSE} 1\ntrain {{ loss binary_cross_entropy class_weights=[1, 2] }}",
        f"{DENSE} 1 -> tanh\ntrain {{ loss mse }}",
        f"{DENSE} 5\ntrain {{ loss l1; augment shift=7 flip rotate=180 scale=0.5 crop=0.5 mixup=0.2 }}",
        "input 2@9\nflatten -> dense 3\ntrain { augment shift=2 flip noise=0.1 }",
        "input 3@8x8\nconv 5 1x1\ntrain { loss cross_entropy }",
        f"{DENSE} 3\ntrain {{ optimizer sgd nesterov }}",
    ],
)
def test_what_fits_is_silent(text: str) -> None:
    assert judged(text) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{DENSE} 3 -> softmax\ntrain {{ }}", 3),
        (f"{DENSE} 3 -> log_softmax\ntrain {{\nloss cross_entropy\n}}", 4),
        (f"{DENSE} 3 -> sigmoid\ntrain {{\nloss binary_cross_entropy\n}}", 4),
    ],
)
def test_a_loss_that_takes_logits_says_so(text: str, line: int) -> None:
    ((severity, message, place),) = judged(text)
    assert (severity, place) == ("note", line)
    assert "is computed from the values before" in message
    assert api.check(text, strict=True).ok


# --- the table ---
@pytest.mark.parametrize(("word", "field"), Training.words().items())
def test_every_setting_says_what_it_is_and_how_it_is_written(word: str, field: str) -> None:
    example = Training.example(field)
    assert example.split()[0] == word
    assert getattr(training(example), field) != getattr(Training(), field)
    assert Training.meaning(field)
    for options in groups(field):
        assert all(options.meaning(name) and options.expects(name) != "a value" for name in options.model_fields)
    assert groups(field) or Training.expects(field) != "a value"


def groups(field: str) -> list[type[Options]]:
    options = Training.options(field)
    return [options] if options else []


def parts(options: type[Options]) -> list[str]:
    return [name for name in options.model_fields if name != "kind"]


@pytest.mark.parametrize("field", ["loss", "optimizer", "schedule"])
def test_parts_belong_to_kinds_that_are_there(field: str) -> None:
    (options,) = groups(field)
    kinds = set(leaves(options, "kind"))
    for part in parts(options):
        assert kinds.issuperset(options.kinds_of(part))
    assert all(kinds.issuperset(values) for values in options.by_kind.values())
    assert [getattr(with_options(None, {field: kind}), field).kind for kind in kinds] == list(kinds)


def test_a_param_that_only_training_reads_is_used() -> None:
    text = f"param rate = 0.1\n{NETWORK}train {{ optimizer lr=rate }}"
    assert api.check(text).diagnostics == ()


def test_how_settings_are_written_elsewhere_is_mended() -> None:
    lines = ["epochs = 60", "optimizer: adam", "batchs 3; seed=4", "data digits", "sgd lr=1"]
    right = ["epochs 60", "optimizer adam", "batch 3; seed 4", 'data "digits"', "optimizer sgd lr=1"]
    text, expected = ("\n".join([NETWORK, "train {", *body, "}"]) for body in (lines, right))
    assert mended(text, "<text>", lambda changed: api.check(changed).diagnostics) == expected


def test_what_depends_on_something_unknown_is_silent_and_gives_no_network() -> None:
    text = f'import "missing.cnn"\n{NETWORK}train {{ optimizer lr=rate; epochs 0 }}'
    result = api.check(text, resolver=lambda path: (_ for _ in ()).throw(OSError(path)))
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["import-not-found", "bad-argument"]
    assert result.networks == ()
